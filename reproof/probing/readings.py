"""Accuracies of probed networks as rows of the table of measurements: for layers, for a network, for sets of layers.

The names of the metrics begin with the split of the accuracy. `part` is the layer or set.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from scipy import stats

from reproof.declarations.layer_classes import AMBIENT, CRITICAL, Thresholds
from reproof.probing.criticality import compute_criticality, count_reaching

Row = dict[str, Any]  # columns of the table of measurements: metric and value, and where they apply part, at and draw
REINITIALISED, RERANDOMISED, REMOVED = "reinitialised", "rerandomised", "removed"
LADDER = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # thresholds
FEWEST = 3  # layers of a rank correlation: with two it is always 1 or -1


@dataclass(frozen=True)
class Reading:
    """The accuracy, a share in [0, 1], of a network with the layers of `part` reset.

    The other fields are those of `probes.Probe`.
    """

    way: str
    part: str
    accuracy: float
    at: float = nan
    draw: int = 0

    @property
    def is_initial(self) -> bool:
        """Return True if the layers were reset to their initial values."""
        return self.way == REINITIALISED and self.at == 0


@dataclass(frozen=True)
class Scale:
    """The accuracies, shares in [0, 1], that turn an accuracy on `split` into a criticality.

    trained: that of the trained network. chance: that of random guessing.
    """

    split: str
    trained: float
    chance: float

    def compute_criticality(self, reading: Reading) -> float:
        """Return the criticality of a reading; see `criticality.compute_criticality`."""
        return compute_criticality(trained=self.trained, reset=reading.accuracy, chance=self.chance)


@dataclass(frozen=True)
class Movement:
    """The L2 distance, a root mean square, of a layer from its initial values, and its number of parameters."""

    distance: float
    parameters: int


def compute_initial_costs(readings: Iterable[Reading], scale: Scale) -> dict[str, float]:
    """Return {part: criticality} of the resets to initial values."""
    return {reading.part: scale.compute_criticality(reading) for reading in readings if reading.is_initial}


def list_layer_rows(readings: Sequence[Reading], scale: Scale) -> Iterator[Row]:
    """Yield accuracy and criticality of every reading, and the highest mean accuracy over fresh draws of a layer."""
    for one in readings:
        place = {"part": one.part, "at": one.at, "draw": one.draw}
        name = "criticality" if one.way == REINITIALISED else f"criticality_{one.way}"
        yield place | {"metric": f"{scale.split}_accuracy_{one.way}", "value": one.accuracy}
        yield place | {"metric": f"{scale.split}_{name}", "value": scale.compute_criticality(one)}
    drawn: dict[str, list[float]] = {}
    for one in readings:
        if one.way == RERANDOMISED:
            drawn.setdefault(one.part, []).append(one.accuracy)
    if drawn:
        # The mean over draws first: the maximum of single draws would grow with their number.
        highest = max(float(np.mean(each)) for each in drawn.values())
        yield {"metric": f"{scale.split}_highest_rerandomised_accuracy", "value": highest}


def list_network_rows(
    costs: Mapping[str, float], layers: Mapping[str, Movement], thresholds: Thresholds, split: str
) -> Iterator[Row]:
    """Yield numbers and shares of critical and ambient layers, and the correlation of criticality with distance.

    costs: the criticality by layer. layers: the movement by layer. The numbers of layers above a threshold are given
    for each of LADDER. The correlation is Spearman's, and left out for constant values or fewer than FEWEST layers.
    """
    values = list(costs.values())
    names = [thresholds.classify(value) for value in values]
    for kind in (AMBIENT, CRITICAL):
        yield {"metric": f"{split}_{kind}_layers", "value": float(names.count(kind))}
        yield {"metric": f"{split}_{kind}_layers_share", "value": names.count(kind) / len(names)}
    for threshold, count in zip(LADDER, count_reaching(values, LADDER), strict=True):
        yield {"metric": f"{split}_layers_above", "at": threshold, "value": float(count)}
    # Weighted by parameters: ambient layers may be the largest ones.
    ambient = sum(layers[layer].parameters for layer, name in zip(costs, names, strict=True) if name == AMBIENT)
    every = sum(layer.parameters for layer in layers.values())
    yield {"metric": f"{split}_ambient_parameters_share", "value": ambient / every}
    along = [layers[layer].distance for layer in costs]
    # The rank correlation of constant values is undefined, and scipy warns.
    if len(values) >= FEWEST and np.ptp(values) > 0 and np.ptp(along) > 0:
        yield {"metric": f"{split}_distance_correlation", "value": float(stats.spearmanr(along, values).statistic)}


def list_set_rows(
    readings: Iterable[Reading], sets: Mapping[str, Sequence[str]], costs: Mapping[str, float], scale: Scale
) -> Iterator[Row]:
    """Yield accuracy and criticality of joint resets, and the greatest criticality of a layer of the set alone.

    sets: the layers by name of the set. costs: the criticality by layer. Of resets to checkpoints only those to the
    initial values count.
    """
    for one in readings:
        if one.way == REINITIALISED and not one.is_initial:
            continue
        place = {"part": one.part, "draw": one.draw}
        yield place | {"metric": f"{scale.split}_accuracy_jointly_{one.way}", "value": one.accuracy}
        name = "joint_criticality" if one.is_initial else f"joint_criticality_{one.way}"
        yield place | {"metric": f"{scale.split}_{name}", "value": scale.compute_criticality(one)}
        if one.is_initial:
            # The question is whether layers that are ambient one by one are so together, hence the worst of them.
            alone = [costs[layer] for layer in sets[one.part]]
            yield place | {"metric": f"{scale.split}_worst_single_criticality", "value": max(alone)}
            yield place | {"metric": f"{scale.split}_joint_layers", "value": float(len(alone))}
