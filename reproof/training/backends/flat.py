"""All parameters of a network in one row of memory, and the compiled descent on such a row."""

import torch
from torch import Tensor, nn

from reproof.settings import TrainingSettings
from reproof.training.backends import kernels


class FlatDescent:
    """Adam, SGD with momentum or RMSprop on one row of weights, float32 [weights], changed in place.

    Fill `gradient`, float32 [weights], then call `apply`.
    """

    def __init__(self, weights: Tensor, settings: TrainingSettings) -> None:
        self.gradient = torch.zeros_like(weights)
        # The compiled loops take arrays. These share the memory of the tensors.
        self._settings, self._weights, self._slopes = settings, weights.numpy(), self.gradient.numpy()
        slots = {"sgd": ("momentum",), "rmsprop": ("square",)}
        names = slots.get(settings.optimizer, ("mean", "square"))
        self._state = {name: torch.zeros_like(weights) for name in names}
        self._moments = [one.numpy() for one in self._state.values()]
        self._count = torch.zeros((), dtype=torch.int64)
        self._counted = self._count.numpy()  # a view: the saved count is always current

    def apply(self, rate: float) -> None:
        """Take one step of learning rate `rate` against the gradient."""
        # In place: a new number would leave the saved count behind.
        self._counted += 1
        settings = self._settings
        if settings.optimizer == "sgd":
            (velocity,) = self._moments
            kernels.apply_sgd(self._weights, self._slopes, velocity, settings.momentum, rate, settings.weight_decay)
        elif settings.optimizer == "rmsprop":
            (square,) = self._moments
            kernels.apply_rmsprop(self._weights, self._slopes, square, rate, settings.weight_decay)
        else:
            (mean, square), count = self._moments, int(self._counted)
            kernels.apply_adam(self._weights, self._slopes, mean, square, count, rate, settings.weight_decay)

    def read_state(self) -> dict[str, Tensor]:
        """Return named tensors that share memory: moments float32 [weights], and `count`, the int64 number of steps."""
        return {**self._state, "count": self._count}


def flatten_parameters(module: nn.Module) -> Tensor:
    """Return all parameters in one row, float32 [parameters]; the module's own become views of it."""
    parameters = list(module.parameters())
    # One row, so that one compiled loop updates all layers.
    flat = torch.cat([one.detach().reshape(-1) for one in parameters])
    for one, part in zip(parameters, make_views(flat, parameters), strict=True):
        # Assigning `data` exchanges the memory of a parameter and keeps the parameter itself, and its place in the
        # module.
        one.data = part
    return flat


def make_views(flat: Tensor, parameters: list[nn.Parameter]) -> list[Tensor]:
    """Return views of a row, float32 [parameters], one for each parameter, in its shape."""
    parts = torch.split(flat, [one.numel() for one in parameters])
    return [part.view(one.shape) for one, part in zip(parameters, parts, strict=True)]
