"""A genetic search over masks: no gradients, only how well each mask does on a batch (after Holland 1975)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reproof.storage.files import ReproofError

Population = dict[str, Tensor]  # masks by weight, bool [individuals, *shape]
Fitness = Callable[[Population, int], Tensor]


@dataclass(frozen=True, kw_only=True)
class Breeding:
    """How a generation makes the next: `children` from tournaments of two, the `parents` fittest of all live on.

    A child takes each unit's incoming weights from one parent or the other, then flips each entry by chance `mutation`.
    """

    parents: int = 16
    children: int = 32
    mutation: float = 0.002
    kept: float = 0.5


@dataclass(frozen=True, eq=False)
class Generation:
    """Masks that live, fittest first, their fitness [individuals], and how many generations came before."""

    masks: Population
    fitness: Tensor
    number: int = 0


def make_first_generation(
    shapes: Mapping[str, torch.Size], breeding: Breeding, fitness: Fitness, seed: int
) -> Generation:
    """Return random masks that keep each weight by chance `kept`."""
    if breeding.parents < 2:
        raise ReproofError(f"parents: {breeding.parents} cannot breed; give at least 2")
    generator = torch.Generator().manual_seed(seed)
    masks = {
        name: torch.rand(breeding.parents, *shape, generator=generator) < breeding.kept
        for name, shape in shapes.items()
    }
    return _rank(Generation(masks, fitness(masks, 0)))


def make_next_generation(old: Generation, breeding: Breeding, fitness: Fitness, seed: int) -> Generation:
    """Return the fittest of parents and children, all judged anew: `fitness(masks, number)` may differ by generation.

    What judges them is a fresh batch, so that no mask lives on by one batch's luck.
    """
    number, generator = old.number + 1, torch.Generator().manual_seed(seed)
    mothers, fathers = (_draw_winners(len(old.fitness), breeding.children, generator) for _ in range(2))
    everyone = {}
    for name, masks in old.masks.items():
        children = _cross(masks[mothers], masks[fathers], generator)
        children ^= torch.rand(children.shape, generator=generator) < breeding.mutation
        everyone[name] = torch.cat([masks, children])
    ranked = _rank(Generation(everyone, fitness(everyone, number), number))
    alive = slice(breeding.parents)
    return replace(ranked, masks={k: v[alive] for k, v in ranked.masks.items()}, fitness=ranked.fitness[alive])


def _draw_winners(alive: int, count: int, generator: torch.Generator) -> Tensor:
    """Return the winners [count] of as many draws of two: the better, that is the one that stands first."""
    return torch.randint(alive, (2, count), generator=generator).min(dim=0).values


def _cross(mothers: Tensor, fathers: Tensor, generator: torch.Generator) -> Tensor:
    """Return children [count, units, ...]: each unit's incoming weights come from one parent."""
    choice = torch.rand(mothers.shape[:2], generator=generator) < 0.5
    return torch.where(choice.view(*choice.shape, *[1] * (mothers.dim() - 2)), mothers, fathers)


def _rank(one: Generation) -> Generation:
    order = torch.argsort(one.fitness, descending=True, stable=True)
    return replace(one, masks={name: masks[order] for name, masks in one.masks.items()}, fitness=one.fitness[order])
