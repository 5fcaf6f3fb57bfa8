"""A genetic search over masks, which uses the fitness of each mask on a batch and no gradients (after Holland 1975)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reproof.storage.files import ReproofError

Population = dict[str, Tensor]  # masks by weight, bool [individuals, *shape]
Fitness = Callable[[Population, int], Tensor]  # (masks, generation) -> [individuals], greater is better


@dataclass(frozen=True, kw_only=True)
class Breeding:
    """The parameters of breeding: `children` come from tournaments of two, and the `parents` fittest of all survive.

    A child takes the incoming weights of each unit from one of its parents, and then flips each entry with probability
    `mutation`. `kept` is the probability, in [0, 1], that a mask of the first generation keeps a weight.
    """

    parents: int = 16
    children: int = 32
    mutation: float = 0.002
    kept: float = 0.5


@dataclass(frozen=True, eq=False)
class Generation:
    """The surviving masks, fittest first.

    masks: bool [individuals, *shape] by weight. fitness: floating point [individuals]. number: counts from 0.
    """

    masks: Population
    fitness: Tensor
    number: int = 0


def make_first_generation(
    shapes: Mapping[str, torch.Size], breeding: Breeding, fitness: Fitness, seed: int
) -> Generation:
    """Return `breeding.parents` random masks that keep each weight with probability `breeding.kept`.

    `shapes` are those of the prunable weights. Raises ReproofError for fewer than two parents.
    """
    if breeding.parents < 2:
        raise ReproofError(f"parents: {breeding.parents} cannot breed; give at least 2")
    generator = torch.Generator().manual_seed(seed)
    masks = {
        name: torch.rand(breeding.parents, *shape, generator=generator) < breeding.kept
        for name, shape in shapes.items()
    }
    return _rank(Generation(masks, fitness(masks, 0)))


def make_next_generation(old: Generation, breeding: Breeding, fitness: Fitness, seed: int) -> Generation:
    """Return the fittest of parents and children, all judged by `fitness(masks, number)`.

    The fitness may differ by generation. A search judges each generation on a fresh batch, so that no mask survives by
    the luck of one batch.

    Masks: bool [breeding.parents, *shape] by weight. fitness: [breeding.parents].
    """
    number, generator = old.number + 1, torch.Generator().manual_seed(seed)
    # A mask may win both draws. Its child is then its copy, changed by mutation alone.
    mothers, fathers = (_draw_winners(len(old.fitness), breeding.children, generator) for _ in range(2))
    everyone = {}
    for name, masks in old.masks.items():
        children = _cross(masks[mothers], masks[fathers], generator)
        children ^= torch.rand(children.shape, generator=generator) < breeding.mutation
        # Parents first: with a stable sort, a parent wins a tie against its child.
        everyone[name] = torch.cat([masks, children])
    ranked = _rank(Generation(everyone, fitness(everyone, number), number))
    alive = slice(breeding.parents)
    return replace(ranked, masks={k: v[alive] for k, v in ranked.masks.items()}, fitness=ranked.fitness[alive])


def _draw_winners(alive: int, count: int, generator: torch.Generator) -> Tensor:
    """Return the winners, int64 [count], of as many draws of two: the lower index, as the fittest are first."""
    return torch.randint(alive, (2, count), generator=generator).min(dim=0).values


def _cross(mothers: Tensor, fathers: Tensor, generator: torch.Generator) -> Tensor:
    """Return children, bool [count, units, ...]: the incoming weights of each unit come from one parent."""
    choice = torch.rand(mothers.shape[:2], generator=generator) < 0.5
    return torch.where(choice.view(*choice.shape, *[1] * (mothers.dim() - 2)), mothers, fathers)


def _rank(one: Generation) -> Generation:
    """Return the generation with its individuals sorted by fitness, the greatest first."""
    # Stable, so that equal masks keep their order on every machine.
    order = torch.argsort(one.fitness, descending=True, stable=True)
    return replace(one, masks={name: masks[order] for name, masks in one.masks.items()}, fitness=one.fitness[order])
