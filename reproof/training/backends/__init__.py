"""The backends of a group of networks: autograd, plain or stacked, and compiled steps of a perceptron."""

from collections.abc import Callable, Sequence

from torch import nn

from reproof.settings import TrainingSettings
from reproof.training.backends.plain import Single
from reproof.training.backends.protocol import Networks
from reproof.training.backends.recognise import is_perceptron, list_linear_layers
from reproof.training.backends.stacked import Stacked
from reproof.training.backends.wiring import compute_kept_share
from reproof.training.members import Member
from reproof.training.objective import Objective

Backend = Callable[..., Networks]  # (module, members, *, device, settings, objective) -> networks
SPARSE_BELOW = 0.2  # share of the weights kept at which both compiled backends cost the same, on LeNet-300-100
WORTH_COMPILING = 1e9  # weights x steps, four seconds of a core; loading the compiler takes one of them or more


def select_cpu_backend(
    module: nn.Module, member: Member, *, settings: TrainingSettings, objective: Objective, steps: int
) -> Backend:
    """Return the fastest backend on a CPU for one network that trains for `steps` steps."""
    if not is_perceptron(module, objective):
        return Single
    sizes = {f"{name}.weight": layer.weight.numel() for name, layer in list_linear_layers(module).items()}
    # `steps`, not `settings.steps`: a copy from a late checkpoint trains only the rest.
    if sum(sizes.values()) * steps < WORTH_COMPILING:
        return Single
    from reproof.training.backends.perceptron import Perceptron  # noqa: PLC0415 (late: these load a compiler)
    from reproof.training.backends.sparse import SparsePerceptron  # noqa: PLC0415

    masks = {name: mask.numpy() for name, mask in (member.masks or {}).items()}
    return SparsePerceptron if compute_kept_share(masks, sizes) < SPARSE_BELOW else Perceptron


def assign_backends(
    module: nn.Module, members: Sequence[Member], *,
    settings: TrainingSettings, objective: Objective, steps: int, together: bool,
) -> list[tuple[list[Member], Backend]]:  # fmt: skip
    """Return the groups of a block, each with its backend: one group of all members, or one group a member."""
    if together:
        return [(list(members), Stacked)]
    # Each member for itself: a block may hold tickets of several levels, and only sparse ones gain by a sparse step.
    return [
        ([one], select_cpu_backend(module, one, settings=settings, objective=objective, steps=steps)) for one in members
    ]


__all__ = ["Backend", "Networks", "Single", "Stacked", "assign_backends", "select_cpu_backend"]
