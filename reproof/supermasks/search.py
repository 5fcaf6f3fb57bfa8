"""A genetic search for the masks of a network, with a budget, a resumable state and its progress."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from reproof.data.dataset import Dataset
from reproof.networks import list_prunable
from reproof.seeding import derive
from reproof.supermasks.genetic import Breeding, Generation, Population, first_generation, next_generation
from reproof.training.saving import Saving
from reproof.training.variants import Variants

State = dict[str, Tensor]
Progress = dict[int, float]


@dataclass(frozen=True, eq=False)
class Search:
    """Masks for `network` under `weights` (its whole state) that lower the cross-entropy of training batches.

    Every generation judges all its masks on one fresh batch of `examples`. Chance comes from `noise`.
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
        """Return the last generation, and what `watch` told of every so many of them and of the last, by number.

        With `saving`, a killed call goes on from its last saved state when called again, and ends the same.
        """
        one, told = self._begun(saving)
        while True:
            if one.number % every == 0 or one.number == generations:
                told[one.number] = watch(one)
            if saving and saving.is_due:
                saving.save(_saved(one, told))
                saving.stop_if_asked()
            if one.number >= generations:
                return one, told
            one = next_generation(one, self.breeding, self.fitness, self._seed(one.number + 1))

    def fitness(self, masks: Population, number: int) -> Tensor:
        """Return minus the cross-entropy, in nats, of each mask on the batch of generation `number`."""
        chosen = torch.randperm(
            len(self.dataset.train), generator=torch.Generator().manual_seed(self._seed(-1, number))
        )
        chosen = chosen[: self.examples].to(self.dataset.train.labels.device)
        inputs = self.dataset.normalise(self.dataset.train.images[chosen])
        labels = self.dataset.train.labels[chosen]
        states = [self.masked(masks, place) for place in range(len(next(iter(masks.values()))))]
        networks = Variants(self.network, states, device=self.device)
        networks.module.eval()
        with torch.no_grad():
            return torch.stack([-cross_entropy(one, labels) for one in networks.outputs(inputs)]).double().cpu()

    def masked(self, masks: Population, place: int) -> State:
        """Return the whole state under one individual's masks."""
        return self.weights | {name: self.weights[name] * each[place] for name, each in masks.items()}

    def _shapes(self) -> dict[str, torch.Size]:
        return {name: self.weights[name].shape for name in list_prunable(self.network)}

    def _seed(self, *which: int) -> int:
        return derive("genetic", self.noise, *which)

    def _begun(self, saving: Saving | None) -> tuple[Generation, Progress]:
        """Return where a killed call left off, or the first generation."""
        state = saving.load() if saving else {}
        if not state:
            return first_generation(self._shapes(), self.breeding, self.fitness, self._seed(0)), {}
        masks = {name.removeprefix("mask:"): one.bool() for name, one in state.items() if name.startswith("mask:")}
        told = {int(number): float(value) for number, value in state["told"].tolist()}
        return Generation(masks, state["fitness"], int(state["number"])), told


def _saved(one: Generation, told: Progress) -> State:
    masks = {f"mask:{name}": each.to(torch.uint8) for name, each in one.masks.items()}
    rows = torch.tensor(list(told.items()), dtype=torch.float64).reshape(-1, 2)
    return masks | {"fitness": one.fitness, "number": torch.tensor(one.number), "told": rows}
