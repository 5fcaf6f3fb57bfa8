"""Batch norm at interpolated weights: running statistics interpolated like weights, or recomputed on training data.

The paper does not state its choice. Interpolated statistics belong to neither network, and recomputed ones change the
barriers much (issue 8 of dnn-mode-connectivity). Each choice has a name, and both can be measured.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from reproof.data.dataset import Dataset
from reproof.storage.files import ReproofError
from reproof.training.evaluate import BATCH
from reproof.training.state import State

CHOICES = ("interpolated", "recomputed")


def select_choices(asked: Sequence[str], module: nn.Module) -> list[str]:
    """Return the choices to measure: for a network without batch norm only the first, as all give the same.

    Raises ReproofError for an unknown choice, or none.
    """
    unknown = [one for one in asked if one not in CHOICES]
    if unknown or not asked:
        raise ReproofError(f"statistics: {unknown or 'none'} is no choice; choose of {', '.join(CHOICES)}")
    return list(asked) if _list_norms(module) else list(asked)[:1]


def recompute_statistics(
    states: Sequence[State], module: nn.Module, images: Tensor, *, dataset: Dataset, keep: Collection[int]
) -> Sequence[State]:
    """Return the states with the running statistics of these training images, without augmentation.

    images: uint8 [N, C, H, W]. Mean and variance of each normalisation are averages over batches, while all other
    layers are in eval mode. States whose indices are in `keep` (trained networks) keep their own statistics. The module
    is left in eval mode.
    """
    names = [name for name, _ in _list_norms(module)]
    for layer in (layer for _, layer in _list_norms(module)):
        layer.momentum = None  # a plain average over the batches, not torch's moving average
    module.eval()
    # A batch of one example has no variance.
    batches = [part for part in torch.split(images, BATCH) if len(part) > 1]
    found = [
        {} if place in keep else _compute_statistics(states[place], module, names, batches, dataset)
        for place in range(len(states))
    ]
    return _Overlay(states, found)


class _Overlay(Sequence[State]):
    """States with some of their values replaced on access."""

    def __init__(self, states: Sequence[State], over: Sequence[State]) -> None:
        self._states, self._over = states, over

    def __len__(self) -> int:
        return len(self._states)

    def __getitem__(self, place: int) -> State:  # type: ignore[override]  # no caller slices
        # The later entries win.
        return {**self._states[place], **self._over[place]}


def _list_norms(module: nn.Module) -> list[tuple[str, _BatchNorm]]:
    """Return (name, layer) of each batch normalisation."""
    return [(name, layer) for name, layer in module.named_modules() if isinstance(layer, _BatchNorm)]


def _compute_statistics(
    state: State, module: nn.Module, names: Sequence[str], batches: Sequence[Tensor], dataset: Dataset
) -> State:
    """Return the running statistics of batches of images under a state; only normalisations are in train mode."""
    device = dataset.mean.device
    # `functional_call` lets batch norm update these very tensors in place, so that they are the result.
    fresh = {
        **{f"{name}.running_mean": torch.zeros_like(state[f"{name}.running_mean"], device=device) for name in names},
        **{f"{name}.running_var": torch.ones_like(state[f"{name}.running_var"], device=device) for name in names},
        **{f"{name}.num_batches_tracked": torch.zeros((), dtype=torch.long, device=device) for name in names},
    }
    whole = {name: value.to(device) for name, value in state.items()} | fresh
    for name in names:
        # Only these: dropout in train mode would change the activations that are measured.
        module.get_submodule(name).train()
    with torch.no_grad():
        for images in batches:
            functional_call(module, whole, (dataset.normalise(images),))
    module.eval()
    return fresh
