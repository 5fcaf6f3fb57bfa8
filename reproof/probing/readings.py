"""What the accuracies of probed networks say, as rows of the measurements: of layers, of a network, of sets of layers.

The names of metrics begin with the split that accuracy was measured on; `part` is the layer or set.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from scipy import stats

from reproof.declarations.layer_classes import AMBIENT, CRITICAL, Thresholds
from reproof.probing.criticality import counted, criticality

Row = dict[str, Any]
REINITIALISED, RERANDOMISED, REMOVED = "reinitialised", "rerandomised", "removed"
LADDER = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # thresholds
FEWEST = 3  # layers that a rank correlation needs


@dataclass(frozen=True)
class Reading:
    """The accuracy with the layers of `part` reset: `way` says how, `at` to which step, `draw` which fresh draw."""

    way: str
    part: str
    accuracy: float
    at: float = nan
    draw: int = 0

    @property
    def is_initial(self) -> bool:
        """Whether the layers were put back to their initial values."""
        return self.way == REINITIALISED and self.at == 0


@dataclass(frozen=True)
class Scale:
    """What turns accuracies on a split into criticality: those of the trained network and of random guessing."""

    split: str
    trained: float
    chance: float

    def cost(self, reading: Reading) -> float:
        """Return the criticality that a reading shows."""
        return criticality(trained=self.trained, reset=reading.accuracy, chance=self.chance)


@dataclass(frozen=True)
class Moved:
    """How far a layer moved from its initial values, and how many parameters it has."""

    distance: float
    parameters: int


def initial_costs(readings: Iterable[Reading], scale: Scale) -> dict[str, float]:
    """Return {part: criticality}: the cost of its initial values."""
    return {reading.part: scale.cost(reading) for reading in readings if reading.is_initial}


def of_layers(readings: Sequence[Reading], scale: Scale) -> Iterator[Row]:
    """Yield accuracy and criticality of every reading, and the accuracy of the layer that a fresh draw hurts least."""
    for one in readings:
        place = {"part": one.part, "at": one.at, "draw": one.draw}
        name = "criticality" if one.way == REINITIALISED else f"criticality_{one.way}"
        yield place | {"metric": f"{scale.split}_accuracy_{one.way}", "value": one.accuracy}
        yield place | {"metric": f"{scale.split}_{name}", "value": scale.cost(one)}
    drawn: dict[str, list[float]] = {}
    for one in readings:
        if one.way == RERANDOMISED:
            drawn.setdefault(one.part, []).append(one.accuracy)
    if drawn:
        highest = max(float(np.mean(each)) for each in drawn.values())
        yield {"metric": f"{scale.split}_highest_rerandomised_accuracy", "value": highest}


def of_network(
    costs: Mapping[str, float], layers: Mapping[str, Moved], thresholds: Thresholds, split: str
) -> Iterator[Row]:
    """Yield how many layers are critical and ambient, at each threshold too, and whether distance tells which.

    `costs` is the criticality of each layer; its correlation with the distance that layers moved is Spearman's.
    """
    values = list(costs.values())
    names = [thresholds.classify(value) for value in values]
    for kind in (AMBIENT, CRITICAL):
        yield {"metric": f"{split}_{kind}_layers", "value": float(names.count(kind))}
        yield {"metric": f"{split}_{kind}_layers_share", "value": names.count(kind) / len(names)}
    for threshold, count in zip(LADDER, counted(values, LADDER), strict=True):
        yield {"metric": f"{split}_layers_above", "at": threshold, "value": float(count)}
    ambient = sum(layers[layer].parameters for layer, name in zip(costs, names, strict=True) if name == AMBIENT)
    every = sum(layer.parameters for layer in layers.values())
    yield {"metric": f"{split}_ambient_parameters_share", "value": ambient / every}
    along = [layers[layer].distance for layer in costs]
    if len(values) >= FEWEST and np.ptp(values) > 0 and np.ptp(along) > 0:
        yield {"metric": f"{split}_distance_correlation", "value": float(stats.spearmanr(along, values).statistic)}


def of_sets(
    readings: Iterable[Reading], sets: Mapping[str, Sequence[str]], costs: Mapping[str, float], scale: Scale
) -> Iterator[Row]:
    """Yield what resetting sets of layers together costs, beside the costs of their layers one by one.

    `sets` maps a name to its layers, `costs` a layer to its criticality. Of earlier checkpoints the initial one counts.
    """
    for one in readings:
        if one.way == REINITIALISED and not one.is_initial:
            continue
        place = {"part": one.part, "draw": one.draw}
        yield place | {"metric": f"{scale.split}_accuracy_jointly_{one.way}", "value": one.accuracy}
        name = "joint_criticality" if one.is_initial else f"joint_criticality_{one.way}"
        yield place | {"metric": f"{scale.split}_{name}", "value": scale.cost(one)}
        if one.is_initial:
            alone = [costs[layer] for layer in sets[one.part]]
            yield place | {"metric": f"{scale.split}_worst_single_criticality", "value": max(alone)}
            yield place | {"metric": f"{scale.split}_joint_layers", "value": float(len(alone))}
