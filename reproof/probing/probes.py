"""The probes of one trained network: states to be evaluated together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan

from torch import Tensor, nn

from reproof.probing.layers import collect_names, find_branch_norms, list_layers
from reproof.probing.readings import REINITIALISED, REMOVED, RERANDOMISED, Reading
from reproof.probing.resets import put_back, silence

Sets = Mapping[str, Sequence[str]]  # name of a set: its layers


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network and the sources of resets.

    state: the whole state. checkpoints: whole states by step of the training. fresh: whole states drawn from the
    initialiser.
    """

    state: Mapping[str, Tensor]
    checkpoints: Mapping[int, Mapping[str, Tensor]]
    fresh: Sequence[Mapping[str, Tensor]] = ()


@dataclass(frozen=True, eq=False)
class Probe:
    """A network with the layers of `part` reset.

    way: REINITIALISED, RERANDOMISED or REMOVED. state: the whole state after the reset. at: the step of the checkpoint,
    NaN without one. draw: the index of the fresh draw.
    """

    way: str
    part: str
    state: Mapping[str, Tensor]
    at: float = nan
    draw: int = 0

    def make_reading(self, accuracy: float) -> Reading:
        """Return the reading of this probe, given the accuracy of its network, a share in [0, 1]."""
        return Reading(self.way, self.part, accuracy, self.at, self.draw)


def make_probes(module: nn.Module, trained: TrainedNetwork, sets: Sets) -> Iterator[Probe]:
    """Yield the probes of all sets of layers (section 2); a set of one layer is the paper's probe of that layer.

    Each set is reset to every checkpoint and to every fresh draw. A set of residual blocks only is also removed.
    """
    layers, blocks = list_layers(module), find_branch_norms(module)
    for part, which in sets.items():
        names = collect_names(layers, which)
        for step, start in trained.checkpoints.items():
            yield Probe(REINITIALISED, part, put_back(trained.state, start, names), at=float(step))
        for draw, fresh in enumerate(trained.fresh):
            yield Probe(RERANDOMISED, part, put_back(trained.state, fresh, names), draw=draw)
        # Only a residual block has a shortcut that replaces it.
        if set(which) <= set(blocks):
            yield Probe(REMOVED, part, silence(trained.state, collect_names(blocks, which)))
