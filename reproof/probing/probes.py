"""All probes of one trained network: states to be evaluated together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan

from torch import Tensor, nn

from reproof.probing.layers import collect_names, find_branch_norms, list_layers
from reproof.probing.readings import REINITIALISED, REMOVED, RERANDOMISED, Reading
from reproof.probing.resets import put_back, silence

Sets = Mapping[str, Sequence[str]]


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network and what its layers are put back to: states by step of its training, and fresh draws."""

    state: Mapping[str, Tensor]
    checkpoints: Mapping[int, Mapping[str, Tensor]]
    fresh: Sequence[Mapping[str, Tensor]] = ()


@dataclass(frozen=True, eq=False)
class Probe:
    """The network with the layers of `part` reset: `way` says how, `at` to which step, `draw` which fresh draw."""

    way: str
    part: str
    state: Mapping[str, Tensor]
    at: float = nan
    draw: int = 0

    def make_reading(self, accuracy: float) -> Reading:
        """Return what the accuracy of this network says."""
        return Reading(self.way, self.part, accuracy, self.at, self.draw)


def make_probes(module: nn.Module, trained: TrainedNetwork, sets: Sets) -> Iterator[Probe]:
    """Yield the probes of sets of layers, {part: layers}; a set of one layer is the paper's probe of that layer.

    Each set is put back to every checkpoint, drawn anew with every fresh draw and, if it is made of residual blocks
    alone, removed.
    """
    layers, blocks = list_layers(module), find_branch_norms(module)
    for part, which in sets.items():
        names = collect_names(layers, which)
        for step, start in trained.checkpoints.items():
            yield Probe(REINITIALISED, part, put_back(trained.state, start, names), at=float(step))
        for draw, fresh in enumerate(trained.fresh):
            yield Probe(RERANDOMISED, part, put_back(trained.state, fresh, names), draw=draw)
        if set(which) <= set(blocks):
            yield Probe(REMOVED, part, silence(trained.state, collect_names(blocks, which)))
