"""Fully connected networks with ReLU under cross-entropy: the step written out.

Every paper's LeNet is one. Autograd finds the same gradient with three times as many calls, which for a network of a
quarter of a million weights is a third of the step.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from reproof.settings import TrainingSettings
from reproof.training.backends.plain import Single
from reproof.training.batches import Batches
from reproof.training.members import Member
from reproof.training.objective import Objective


def is_perceptron(module: nn.Module, objective: Objective) -> bool:
    """Whether the network is Flatten, then linear layers with ReLU between them, all trained on mean cross-entropy."""
    parts = list(module.children()) if isinstance(module, nn.Sequential) else []
    if len(parts) < 2 or objective.loss is not cross_entropy or type(parts[0]) is not nn.Flatten:
        return False
    wanted = [nn.Linear if place % 2 else nn.ReLU for place in range(1, len(parts))]
    if len(parts) % 2 or [type(part) for part in parts[1:]] != wanted:
        return False
    held = [tensor for part in parts[1::2] for tensor in (part.weight, part.bias) if tensor is not None]
    return all(isinstance(tensor, nn.Parameter) for tensor in held)  # a frozen one is a buffer


def linears(module: nn.Module) -> dict[str, nn.Linear]:
    """Return the linear layers by name, first to last."""
    return {name: layer for name, layer in module.named_children() if isinstance(layer, nn.Linear)}


class Perceptron(Single):
    """All weights: the same products as autograd's, without its graph, into memory that is allocated once."""

    def __init__(
        self, module: nn.Module, members: Sequence[Member], *,
        device: torch.device, settings: TrainingSettings, objective: Objective,
    ) -> None:  # fmt: skip
        super().__init__(module, members, device=device, settings=settings, objective=objective)
        self._layers = list(linears(module).values())
        self._gradients = [torch.empty_like(one) for one in self._descent.parameters]
        of = dict(zip((id(one) for one in self.module.parameters()), self._gradients, strict=True))
        self._into = [(of[id(one.weight)], None if one.bias is None else of[id(one.bias)]) for one in self._layers]
        self._weights = [one.weight.detach() for one in self._layers]
        self._biases = [None if one.bias is None else one.bias.detach() for one in self._layers]
        sizes = [len(one) for one in self._weights]
        self._values = [torch.empty(settings.batch, size, device=device) for size in sizes]
        self._slopes = [torch.empty(settings.batch, size, device=device) for size in sizes]
        self._targets = torch.eye(sizes[-1], device=device)

    @torch.no_grad()
    def descend(self, batches: Batches, step: int, rate: float) -> None:
        inputs, labels = batches.at(step)
        below = [inputs[0].flatten(1), *self._values]
        for place in range(len(self._layers)):
            self._forward_through(place, below[place])
        self._slopes_of_outputs(labels[0])
        for place in reversed(range(len(self._layers))):
            self._backward_through(place, below[place])
        self._descent.apply(self._gradients, rate)

    def _forward_through(self, place: int, below: Tensor) -> None:
        out, weight, bias = self._values[place], self._weights[place], self._biases[place]
        if bias is None:
            torch.mm(below, weight.t(), out=out)
        else:
            torch.addmm(bias, below, weight.t(), out=out)
        if place + 1 < len(self._layers):
            out.clamp_min_(0)

    def _slopes_of_outputs(self, labels: Tensor) -> None:
        """The slope of mean cross-entropy in the outputs is (softmax - target) / batch."""
        slopes = self._slopes[-1]
        torch.softmax(self._values[-1], 1, out=slopes)
        slopes.sub_(self._targets.index_select(0, labels)).mul_(1 / len(labels))

    def _backward_through(self, place: int, below: Tensor) -> None:
        slopes, (weight, bias) = self._slopes[place], self._into[place]
        torch.mm(slopes.t(), below, out=weight)
        if bias is not None:
            torch.sum(slopes, 0, out=bias)
        if place:
            lower = self._slopes[place - 1]
            torch.mm(slopes, self._weights[place], out=lower)
            torch.ops.aten.threshold_backward.grad_input(lower, below, 0, grad_input=lower)
