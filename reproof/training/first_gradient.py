"""The gradient of the loss at the initial weights of a network, for mask criteria that read it."""

import torch
from torch import Tensor, nn

from reproof.data.dataset import Dataset
from reproof.seeding import derive
from reproof.training.objective import CLASSIFICATION, Objective
from reproof.training.state import State


def compute_first_gradient(
    module: nn.Module, state: State, dataset: Dataset, *,
    names: list[str], examples: int, seed: int, objective: Objective = CLASSIFICATION,
) -> dict[str, Tensor]:  # fmt: skip
    """Return the gradients of the mean loss of one batch by the weights `names`, float32, of their shapes, on the CPU.

    `module` takes on `state`, a whole state, and is in eval mode. The batch is `examples` training examples, at most
    all, drawn without replacement by `seed` (Lee et al. 2019, algorithm 1; Zhou et al. 2019, their code).
    """
    module.load_state_dict(dict(state))
    module.to(dataset.train.images.device).eval()
    generator = torch.Generator().manual_seed(derive("gradient", seed))
    chosen = torch.randperm(len(dataset.train), generator=generator)[:examples].to(dataset.train.images.device)
    outputs = module(dataset.normalise(dataset.train.images[chosen]))
    loss = objective.loss(outputs, dataset.train.labels[chosen])
    found = torch.autograd.grad(loss, [module.get_parameter(name) for name in names])
    return {name: gradient.cpu() for name, gradient in zip(names, found, strict=True)}
