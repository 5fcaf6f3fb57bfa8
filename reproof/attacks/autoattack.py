"""AutoAttack: four attacks one after the other, each on the images that still resist (Croce & Hein 2020, section 5).

The standard version: APGD on the cross-entropy, APGD-T on the targeted DLR loss, FAB-T, and Square. An image counts as
robust only if it resists all of them.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor

from reproof.attacks.apgd import apgd
from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.checks import check_worst_case
from reproof.attacks.fab import fab
from reproof.attacks.queries import query_classes
from reproof.attacks.search import Found
from reproof.attacks.square import square
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

SHRINKING = 10_000  # queries over which the squares shrink; the authors' code keeps it for its budget of 5,000


@attack
def autoattack(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, epsilon: float, norm: str = "linf",
    steps: int = 100, targets: int = 9, queries: int = 5000, p: float = 0.8,
) -> Adversarial:  # fmt: skip
    """Return for each image the first success of APGD, APGD-T, FAB-T and Square, or the unchanged image.

    `epsilon` is a distance of the `norm`, "linf" or "l2", in pixels of [0, 1]. `steps` and `targets` are those of the
    first three attacks, `queries` and `p` those of Square. The queries of an image are the sum over the attacks that it
    met.

    Raises ReproofError for an impossible option, a targeted aim or a network of fewer than four classes.
    """
    if aim.targeted:
        raise ReproofError("autoattack: it leaves a class and reaches no given one; leave targeted out")
    options = {"generator": generator, "epsilon": epsilon, "norm": norm}
    parts: dict[str, Callable[..., Adversarial]] = {
        "apgd": partial(apgd, steps=steps, **options),
        "apgd_targeted": partial(apgd, steps=steps, loss="targeted_dlr", targets=targets, **options),
        "fab": partial(fab, steps=steps, targets=targets, **options),
        "square": partial(square, queries=queries, p=p, schedule=SHRINKING, **options),
    }
    return run_in_turn(victim, images, aim, parts)


def run_in_turn(victim: Victim, images: Tensor, aim: Aim, parts: dict[str, Callable[..., Adversarial]]) -> Adversarial:
    """Return the first success of each image among the attacks `parts`, functions of victim, images and aim.

    Raises ReproofError if the worst case over the parts is lost on the way, for any image.
    """
    found, fooled_by = Found.of(images, aim.is_reached(query_classes(victim, images))), {}
    for name, part in parts.items():
        left = found.list_missed()
        if not len(left):
            break
        made = part(victim, images[left], aim.select(left))
        # Judged in the batch of all, like the result: rounding depends on the size of a batch.
        tried = found.images.index_copy(0, left, made.images)
        reached = aim.is_reached(query_classes(victim, tried))[left]
        found.queries[left] += made.queries
        found.keep_success(left[reached], made.images[reached])
        fooled_by[name] = torch.zeros_like(found.missed).index_fill_(0, left[reached], True)
    right = ~aim.is_reached(query_classes(victim, found.images))
    for name, fooled in fooled_by.items():
        check_worst_case(right=right, fooled=fooled, part=name)
    return Adversarial(found.images, found.queries)
