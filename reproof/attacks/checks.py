"""Checks of an attack's victim, gradients and results; a result counts only if they pass."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm

from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

DISTANCES: dict[str, Callable[[Tensor], Tensor]] = {  # offsets float64 [N, pixels] to [N]
    "linf": lambda offsets: vector_norm(offsets, ord=torch.inf, dim=1),
    "l2": lambda offsets: vector_norm(offsets, dim=1),
    "l0": lambda offsets: vector_norm(offsets, ord=0, dim=1),
}


def check_inside(images: Tensor, originals: Tensor, *, epsilon: float, norm: str) -> None:
    """Raise ReproofError unless all images are in [0, 1] and within epsilon of the originals, exactly, in float64.

    `images` and `originals` are float32 [N, C, H, W]. `norm` is "linf", "l2" or "l0", which counts values of single
    channels. An image that contains NaN is outside.
    """
    # float64 keeps differences that float32 would round.
    distances = DISTANCES[norm]((images.double() - originals.double()).flatten(1))
    in_box = ((images >= 0) & (images <= 1)).flatten(1).all(dim=1)
    if not bool(in_box.all()):
        raise ReproofError(f"attack: {int((~in_box).sum())} images left [0, 1]; clip them before they are judged")
    # Negated, so that NaN counts as outside.
    out = ~(distances <= epsilon)
    if bool(out.any()):
        raise ReproofError(
            f"attack: {int(out.sum())} images left the {norm} ball, up to {distances.max():.9g} from the original"
            f" where {epsilon:.9g} is allowed; project them before they are judged"
        )


def check_eval_mode(module: nn.Module) -> None:
    """Raise ReproofError if a part is in train mode, in which dropout draws masks and batch norm reads the batch."""
    training = [
        f"{name or 'network'} ({type(part).__name__})" for name, part in module.named_modules() if part.training
    ]
    if training:
        raise ReproofError(f"attack: {training[0]} is in train mode; call eval() on the whole network first")


@torch.no_grad()
def check_deterministic(victim: Victim, images: Tensor) -> None:
    """Raise ReproofError unless the same images [N, C, H, W] get bit-identical logits twice."""
    differ = (victim.logits(images) != victim.logits(images)).any(dim=-1)
    if bool(differ.any()):
        raise ReproofError(
            f"attack: asked twice, the network gave other logits for {int(differ.sum())} of {len(images)} images;"
            " make it deterministic, or average over it in the victim"
        )


def check_gradients(gradients: Tensor) -> float:
    """Return the share of images, in [0, 1], whose gradient, float32 [N, ...], is zero in every pixel.

    Raises ReproofError if that is all of them.
    """
    vanished = gradients.flatten(1).eq(0).all(dim=1)
    if bool(vanished.all()):
        raise ReproofError(
            f"attack: the gradients of all {len(vanished)} images are zero; use another loss, or an attack without them"
        )
    return float(vanished.double().mean())


def detect_masking(*, accuracy_under_square: float, accuracy_under_pgd: float, tolerance: float) -> bool:
    """Return True if gradients mislead: Square, without gradients, leaves less accuracy by more than `tolerance`.

    Accuracies and `tolerance` are shares in [0, 1] (Athalye, Carlini & Wagner 2018, section 3.1: gradient-free attacks
    that do better reveal masked gradients).
    """
    # PGD reads the gradients and should be the stronger attack; small differences are chance.
    return accuracy_under_square < accuracy_under_pgd - tolerance


def check_no_gain(*, under_attack: float, clean: float) -> None:
    """Raise ReproofError if accuracy under attack exceeds accuracy on the same clean images; shares in [0, 1]."""
    if not under_attack <= clean:
        raise ReproofError(
            f"attack: accuracy {under_attack:g} under attack is above {clean:g} without; judge both on the same images"
        )


def check_worst_case(*, right: Tensor, fooled: Tensor, part: str) -> None:
    """Raise ReproofError if an image is right under an ensemble although its `part` fooled it; both are bool [N]."""
    both = int((right & fooled).sum())
    if both:
        raise ReproofError(
            f"attack: {both} images that {part} fooled are right under the ensemble; keep the first success of each"
        )
