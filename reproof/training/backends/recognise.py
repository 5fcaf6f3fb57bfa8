"""Recognition of fully connected networks with ReLU, whose step is written out. Loads no compiler."""

from torch import nn
from torch.nn.functional import cross_entropy

from reproof.training.objective import Objective


def is_perceptron(module: nn.Module, objective: Objective) -> bool:
    """Return True for Flatten and then linear layers with ReLU between them, all trained, under mean cross-entropy."""
    parts = list(module.children()) if isinstance(module, nn.Sequential) else []
    # Exact types: a subclass of these layers, or another loss, may compute something else.
    if len(parts) < 2 or objective.loss is not cross_entropy or type(parts[0]) is not nn.Flatten:
        return False
    wanted = [nn.Linear if place % 2 else nn.ReLU for place in range(1, len(parts))]
    # An even number, because Flatten comes first and the last layer has no ReLU.
    if len(parts) % 2 or [type(part) for part in parts[1:]] != wanted:
        return False
    parameters = [tensor for part in parts[1::2] for tensor in (part.weight, part.bias) if tensor is not None]
    return all(isinstance(tensor, nn.Parameter) for tensor in parameters)  # a frozen one is a buffer


def list_linear_layers(module: nn.Module) -> dict[str, nn.Linear]:
    """Return the linear layers by name, first to last."""
    return {name: layer for name, layer in module.named_children() if isinstance(layer, nn.Linear)}
