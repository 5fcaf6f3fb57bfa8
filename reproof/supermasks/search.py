"""A genetic search for the masks of a network, with a budget, a resumable state and a record of its progress."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from reproof.data.dataset import Dataset
from reproof.networks import list_prunable
from reproof.seeding import derive
from reproof.supermasks.genetic import Breeding, Generation, Population, make_first_generation, make_next_generation
from reproof.training.saving import Saving
from reproof.training.state import ResumableState, State
from reproof.training.variants import Variants

Progress = dict[int, float]  # number of a generation: the value that the watcher measured


@dataclass(frozen=True, eq=False)
class Search:
    """A search for masks of `network` that lower the cross-entropy of training batches.

    weights: the whole state of the network, which never changes. examples: the number of training examples in the batch
    of a generation; each generation judges all its masks on one fresh batch. noise: the seed of all random numbers.
    """

    network: nn.Module
    weights: State
    dataset: Dataset
    breeding: Breeding
    examples: int
    noise: int
    device: str = "cpu"

    def run(
        self, generations: int, *, watch: Callable[[Generation], float], every: int = 1, saving: Saving | None = None
    ) -> tuple[Generation, Progress]:
        """Return the last generation, and {number: value of `watch`} of every `every`-th generation and the last.

        With `saving`, a killed call resumes from its last saved state when called again, with the same end. Raises
        ReproofError if the process was asked to stop.

        The masks of the generation are bool [parents, *shape] by weight.
        """
        one, progress = self._resume(saving)
        while True:
            if one.number % every == 0 or one.number == generations:
                progress[one.number] = watch(one)
            # After the watcher, so that the saved progress includes this generation.
            if saving and saving.is_due:
                saving.save(_pack_state(one, progress))
                saving.stop_if_asked()
            if one.number >= generations:
                return one, progress
            one = make_next_generation(one, self.breeding, self.compute_fitness, self._derive_seed(one.number + 1))

    def compute_fitness(self, masks: Population, number: int) -> Tensor:
        """Return minus the cross-entropy in nats of each mask on the batch of generation `number`: float64 [masks]."""
        # -1 keeps the seeds of batches apart from those of breeding.
        chosen = torch.randperm(
            len(self.dataset.train), generator=torch.Generator().manual_seed(self._derive_seed(-1, number))
        )
        chosen = chosen[: self.examples].to(self.dataset.train.labels.device)
        inputs = self.dataset.normalise(self.dataset.train.images[chosen])
        labels = self.dataset.train.labels[chosen]
        # The population shares the weights that have no mask.
        states = [self.apply_masks(masks, place) for place in range(len(next(iter(masks.values()))))]
        networks = Variants(self.network, states, device=self.device)
        networks.module.eval()
        with torch.no_grad():
            return torch.stack([-cross_entropy(one, labels) for one in networks.compute_outputs(inputs)]).double().cpu()

    def apply_masks(self, masks: Population, place: int) -> State:
        """Return the whole state under the masks of the individual at index `place`.

        masks: bool [individuals, *shape] by weight. Returns weights of the shape of each.
        """
        return {**self.weights, **{name: self.weights[name] * each[place] for name, each in masks.items()}}

    def _list_shapes(self) -> dict[str, torch.Size]:
        return {name: self.weights[name].shape for name in list_prunable(self.network)}

    def _derive_seed(self, *which: int) -> int:
        return derive("genetic", self.noise, *which)

    def _resume(self, saving: Saving | None) -> tuple[Generation, Progress]:
        """Return generation and progress of a killed call, or the first generation."""
        state = saving.load() if saving else {}
        if not state:
            return make_first_generation(
                self._list_shapes(), self.breeding, self.compute_fitness, self._derive_seed(0)
            ), {}
        masks = {name.removeprefix("mask:"): one.bool() for name, one in state.items() if name.startswith("mask:")}
        progress = {int(number): float(value) for number, value in state["told"].tolist()}
        return Generation(masks, state["fitness"], int(state["number"])), progress


def _pack_state(one: Generation, progress: Progress) -> ResumableState:
    """Return all that the remaining generations depend on; the key "told" holds the progress as rows [n, 2]."""
    masks = {f"mask:{name}": each.to(torch.uint8) for name, each in one.masks.items()}
    rows = torch.tensor(list(progress.items()), dtype=torch.float64).reshape(-1, 2)
    return masks | {"fitness": one.fitness, "number": torch.tensor(one.number), "told": rows}
