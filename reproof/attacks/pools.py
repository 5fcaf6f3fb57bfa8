"""Training on pools of adversarial examples, one pool for each layer (Szegedy et al. 2014, section 4).

Next to the training set, the paper keeps a pool of adversarial examples of the images and of each hidden layer's
outputs, a random part of which is continually replaced. Examples of a layer train the layers above it. The paper states
neither the size of the pools nor the rate of replacement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from reproof.attacks.attack import Aim, draw_targets
from reproof.attacks.hardening import Hardening, SavedTensors
from reproof.attacks.least_distortion import minimum_distortion
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Pools:
    """Size of each pool, number of examples replaced every `every` steps, and share of the loss on clean images.

    `searches` and `iterations` are those of `minimum_distortion`. Raises ReproofError for an impossible value.
    """

    size: int = 2000
    renewed: int = 100
    every: int = 100
    clean_share: float = 0.5
    searches: int = 5
    iterations: int = 50

    def __post_init__(self) -> None:
        if not 1 <= self.renewed <= self.size or self.every < 1:
            raise ReproofError(
                f"adversarial_training: pools of {self.size} cannot have {self.renewed} replaced every {self.every} "
                "steps; replace at least one and at most all, every step or more"
            )
        if not 0 <= self.clean_share < 1:
            raise ReproofError(
                f"adversarial_training: clean_share {self.clean_share:g} leaves pools nothing; it must be in [0, 1)"
            )

    def make_lesson(self, one: Hardening) -> "PoolLesson":
        """Return the lesson of one network, with empty pools."""
        return PoolLesson(one, self)


class PoolLesson:
    """Loss of one network on each batch, and on as many examples of each pool through the layers above it."""

    def __init__(self, one: Hardening, pools: Pools) -> None:
        self._one, self._how, self._stages = one, pools, split_at_sigmoids(one.module)
        train = one.dataset.train
        with one.switch_to_eval_mode():
            sizes = [origin.shape[1:] for origin in self.compute_origins(train.images[:1])]
        self.examples = [torch.zeros(pools.size, *size, device=train.images.device) for size in sizes]
        self.truths = [train.labels.new_zeros(pools.size) for _ in sizes]
        # A tensor, so that it is saved and restored like the pools.
        self.held = torch.zeros((), dtype=torch.int64)

    def compute_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return alpha J(x) + (1 - alpha) times the mean over layers of J on examples drawn from the layer's pool.

        `images` are uint8 [B, C, H, W], `labels` int64 [B]; the result is a scalar.
        """
        if self._one.done % self._how.every == 0:
            self.renew()
        share, chance, learned = self._how.clean_share, self._one.make_generator("pool"), []
        for layer, (examples, truths) in enumerate(zip(self.examples, self.truths, strict=True)):
            # As many as the batch has images: each loss is a mean over equally many examples.
            drawn = torch.randint(int(self.held), (len(labels),), generator=chance)
            learned.append(cross_entropy(self.build_above(layer)(examples[drawn]), truths[drawn]))
        return share * self._one.compute_natural_loss(images, labels) + (1 - share) * torch.stack(learned).mean()

    def renew(self) -> None:
        """Make examples against the current network, from training images drawn at random, and put them in the pools.

        They fill the free places first and then replace random examples. An example that its network already assigns to
        the drawn class, or that cannot be moved there, is kept unchanged.
        """
        chance, train = self._one.make_generator("renew"), self._one.dataset.train
        # Without replacement: no image enters a pool twice in one renewal.
        chosen = torch.randperm(len(train.labels), generator=chance)[: self._how.renewed]
        labels, places = train.labels[chosen], self._draw_places(len(chosen), chance)
        with self._one.switch_to_eval_mode():
            for layer, origin in enumerate(self.compute_origins(train.images[chosen])):
                self.examples[layer][places] = self._find_least_distorted(
                    self.build_above(layer), origin, labels, chance
                )
                self.truths[layer][places] = labels
        # Free places are taken from the front, so the greatest index taken shows how many are full.
        self.held.fill_(max(int(self.held), int(places.max()) + 1))

    @torch.no_grad()
    def compute_origins(self, images: Tensor) -> list[Tensor]:
        """Return the inputs from which each pool's examples are made, float32 [N, ...] each.

        These are the pixels in [0, 1] of `images`, uint8, and the outputs of each hidden layer.
        """
        pixels = images.view(len(images), *self._one.dataset.input_shape).float() / 255
        found, through = [pixels], self._one.dataset.normalise(images)
        for stage in self._stages[:-1]:
            through = stage(through)
            found.append(through)
        return found

    def build_above(self, layer: int) -> Function:
        """Return the logits as a function of pixels (layer 0) or of the outputs of a hidden layer (from 1)."""
        # Only the layers above learn from an example of a hidden layer.
        return nn.Sequential(*self._stages[layer:]) if layer else self._one.forward_pixels

    def collect_saved_tensors(self) -> SavedTensors:
        """Return the pools, float32 [size, ...], their labels int64 [size], and the scalar number of examples held."""
        pools = {f"examples {layer}": one for layer, one in enumerate(self.examples)}
        return pools | {f"truths {layer}": one for layer, one in enumerate(self.truths)} | {"held": self.held}

    def _find_least_distorted(self, above: Function, origin: Tensor, labels: Tensor, chance: Generator) -> Tensor:
        """Return the least distorted of these inputs [N, ...] that are classified as a wrong class drawn at random."""
        aim = Aim(draw_targets(labels, self._one.dataset.classes, generator=chance), targeted=True)
        how = self._how
        made = minimum_distortion(
            Victim(above), origin, aim, generator=chance, searches=how.searches, iterations=how.iterations
        )
        return made.images

    def _draw_places(self, count: int, chance: Generator) -> Tensor:
        """Return the indices int64 [count] of the pool that new examples take: free ones first, then random ones."""
        held, size = int(self.held), self._how.size
        new = torch.arange(held, min(held + count, size))
        return torch.cat([new, torch.randperm(held, generator=chance)[: count - len(new)]])


def split_at_sigmoids(module: nn.Module) -> list[nn.Sequential]:
    """Return the parts of the network, each of which but the last ends with a sigmoid.

    Examples are searched inside the box [0, 1]: sigmoids keep a layer's outputs in it, like pixels. Raises ReproofError
    for a network that is not a chain of flattening, linear layers and sigmoids.
    """
    if not isinstance(module, nn.Sequential) or not _find_cuts(module):
        raise ReproofError(
            "adversarial_training: pools need a chain of layers with sigmoids, whose outputs are in [0, 1]; choose "
            "the network sigmoid_fc, or another adversary"
        )
    parts = list(module)
    ends = [0, *_find_cuts(module), len(parts)]
    return [nn.Sequential(*parts[start:end]) for start, end in pairwise(ends)]


def _find_cuts(module: nn.Sequential) -> list[int]:
    """Return the places behind each sigmoid; none if other functions shape the outputs."""
    kinds = (nn.Flatten, nn.Linear, nn.Sigmoid)
    if not all(isinstance(part, kinds) for part in module):
        return []
    return [place for place, part in enumerate(module, start=1) if isinstance(part, nn.Sigmoid)]
