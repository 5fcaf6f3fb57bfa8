"""One plain module under autograd, for any network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reproof.networks import choose_memory_format, find_dropouts
from reproof.settings import TrainingSettings
from reproof.training.backends.alone import Alone
from reproof.training.batches import Batches
from reproof.training.members import Member
from reproof.training.objective import Objective
from reproof.training.optimisers import Descent


class Single(Alone):
    """The backend of one plain module: faster on a CPU than a stack of networks."""

    descent: Descent

    def __init__(
        self, module: nn.Module, members: Sequence[Member], *,
        device: torch.device, settings: TrainingSettings, objective: Objective,
    ) -> None:  # fmt: skip
        (member,) = members
        self.module = module.to(device)
        self.module.load_state_dict(member.make_start(device))
        for layer in find_dropouts(self.module).values():
            # A row for each example of a batch, whose size the network did not know when it was built.
            layer.resize(settings.batch)
        masks = member.masks or {}
        names = [name for name, _ in self.module.named_parameters()]
        self._parameters, self._objective, self._format = (
            list(self.module.parameters()), objective, choose_memory_format(module),
        )  # fmt: skip
        self.descent = Descent(
            self._parameters,
            [masks[name].to(device, torch.float32) if name in masks else None for name in names],
            settings,
        )

    def descend(self, batches: Batches, step: int, rate: float) -> None:
        """Take one step on the batch of `step`; see `Networks.descend`."""
        inputs, targets = batches.gather(step)
        loss = self._objective.loss(self._forward(inputs[0]), targets[0])
        # Gradients are returned, not collected in `.grad`: there is nothing to set to zero before the next step.
        self.descent.apply(torch.autograd.grad(loss, self._parameters), rate)

    def compute_outputs(self, inputs: Tensor) -> Tensor:
        """Return outputs float32 [1, B, ...] of inputs float32 [B, ...]."""
        return self._forward(inputs)[None]

    def _forward(self, inputs: Tensor) -> Tensor:
        """Return outputs [B, ...] of inputs [B, ...], read in the layout that is fastest for the network."""
        outputs: Tensor = self.module(inputs.to(memory_format=self._format))
        return outputs
