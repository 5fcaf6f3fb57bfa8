"""Distortions, noise of equal size, and the transfer of examples between networks (Szegedy et al. 2014, section 4).

Distortion is the root mean square change of a pixel. The L2 norm is sqrt(M) times it: 28 times on MNIST.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError


def compute_distortion(images: Tensor, originals: Tensor) -> Tensor:
    """Return sqrt(sum over pixels (x' - x)^2 / M) of each image [N, ...]: float32 [N]; channels count as pixels."""
    return (images - originals).flatten(1).square().mean(dim=-1).sqrt()


def amplify(images: Tensor, originals: Tensor, *, to: float) -> Tensor:
    """Return images whose perturbations have the distortion `to`, then clipped to [0, 1] (table 4: to 0.1).

    `images` and `originals` are float32 [N, C, H, W]. The paper states a standard deviation of 0.1 as its aim, but
    prints x + 0.1 (x' - x) / |x' - x|_2, which is sqrt(M) times smaller. This function does what the text states.
    Clipping leaves a distortion below `to`. Images without perturbation stay unchanged.

    Raises ReproofError unless 0 < to <= 1.
    """
    _check_size("amplify", to)
    # An image without perturbation gives to / 0: no direction exists to amplify.
    factor = (to / compute_distortion(images, originals)).nan_to_num(posinf=0.0).view(-1, *[1] * (images.dim() - 1))
    return (originals + factor * (images - originals)).clamp_(0, 1)


def add_gaussian_noise(
    images: Tensor, *, deviation: float | Tensor, generator: torch.Generator, clipped: bool = False
) -> Tensor:
    """Return the images with Gaussian noise of a standard deviation, one for all or one per image [N].

    `images` are float32 [N, C, H, W] in [0, 1]. With `clipped`, the result is cut to [0, 1] and the distortion is
    smaller: on MNIST, where most pixels are 0, about 0.7 of the deviation. Table 2 puts the distortion of its noise at
    the full deviation, so the paper does not clip.

    Raises ReproofError for a negative deviation.
    """
    sizes = torch.as_tensor(deviation, device=images.device)
    if not bool((sizes >= 0).all()):
        raise ReproofError(f"gaussian: a deviation of {float(sizes.min()):g} is below 0")
    # Drawn on the generator's device: the same numbers on every device.
    noise = torch.randn(images.shape, generator=generator, device=generator.device).to(images.device)
    noisy = images + sizes.view(-1, *[1] * (images.dim() - 1)) * noise
    return noisy.clamp_(0, 1) if clipped else noisy


@dataclass(frozen=True, eq=False)
class Transfer:
    """Error rates of the victims (columns) on sets of examples (rows): float64 [rows, columns], shares in [0, 1].

    `error` is measured on the examples, `clean` on their originals, `noise` on the originals with noise of each
    example's own distortion. An example transfers if its error exceeds both. `counts`, int64 [rows], is the number of
    examples.
    """

    rows: tuple[str, ...]
    victims: tuple[str, ...]
    error: Tensor
    clean: Tensor
    noise: Tensor
    counts: Tensor


def measure_transfer(
    victims: Mapping[str, Victim],
    made: Mapping[str, Tensor],
    *,
    originals: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    clipped: bool = False,
) -> Transfer:
    """Return the error rates of tables 2 and 4.

    `made` maps the name of the network under attack to its examples, float32 [N, C, H, W] of the same originals; noise
    alone is one more entry. Only images that differ from their original count, because attacks return unchanged what
    they did not fool. `labels`, int64 [N], are the true classes. A row without such images is NaN.

    Raises ReproofError if examples and originals differ in shape.
    """
    parts = {name: _select_changed(examples, originals, labels, name) for name, examples in made.items()}
    noisy = {
        name: add_gaussian_noise(
            before, deviation=compute_distortion(after, before), generator=generator, clipped=clipped
        )
        for name, (after, before, _) in parts.items()
    }
    return Transfer(
        rows=tuple(made),
        victims=tuple(victims),
        error=_compute_errors(victims, ((after, truth) for after, _, truth in parts.values())),
        clean=_compute_errors(victims, ((before, truth) for _, before, truth in parts.values())),
        noise=_compute_errors(victims, ((noisy[name], truth) for name, (_, _, truth) in parts.items())),
        counts=torch.tensor([len(truth) for _, _, truth in parts.values()]),
    )


def _select_changed(examples: Tensor, originals: Tensor, labels: Tensor, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return the examples that differ from their originals, these originals, and their true classes."""
    if examples.shape != originals.shape:
        raise ReproofError(f"transfer: {name} is {list(examples.shape)}, its originals {list(originals.shape)}")
    # An unchanged image is no example: it would lower the error rate of all victims.
    changed = (examples != originals).flatten(1).any(dim=-1)
    return examples[changed], originals[changed], labels[changed]


def _compute_errors(victims: Mapping[str, Victim], sets: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the error rate of each victim on each set of images and true classes: float64 [sets, victims]."""
    # One victim at a time: their passes need not fit in memory together.
    rates = [[_compute_error(victim, images, truth) for victim in victims.values()] for images, truth in sets]
    return torch.tensor(rates, dtype=torch.float64)


def _compute_error(victim: Victim, images: Tensor, truth: Tensor) -> float:
    """Return the error rate of one victim on images with true classes `truth`; NaN without images."""
    return float(victim.predict(images).ne(truth).double().mean()) if len(truth) else float("nan")


def _check_size(name: str, to: float) -> None:
    """Raise ReproofError unless 0 < to <= 1."""
    if not 0 < to <= 1:
        raise ReproofError(f"{name}: a distortion of {to:g} is outside the data's range; it must be above 0, at most 1")
