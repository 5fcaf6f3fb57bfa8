"""All members as one vectorised network, because one small network cannot fill a GPU."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from reproof.networks import find_dropouts
from reproof.settings import TrainingSettings
from reproof.training.batches import Batches
from reproof.training.members import Member
from reproof.training.objective import Objective
from reproof.training.optimisers import Descent
from reproof.training.state import State


class Stacked:
    """The backend of S stacked networks: parameters [S, ...], and a forward pass under vmap."""

    def __init__(
        self, module: nn.Module, members: Sequence[Member], *,
        device: torch.device, settings: TrainingSettings, objective: Objective,
    ) -> None:  # fmt: skip
        self.module, self.size, self._objective = module.to(device), len(members), objective
        starts = [member.make_start(device) for member in members]
        stacked = {name: torch.stack([start[name] for start in starts]) for name in starts[0]}
        self._parameters = {name: stacked[name].requires_grad_() for name, _ in module.named_parameters()}
        # Masks of dropout are buffers, too, but are not saved and hence in no start.
        self._buffers = {name: stacked[name] for name, _ in module.named_buffers() if name in stacked}
        # NaN until the trainer draws: a mask that was not drawn shows in the loss.
        self._keeps = {
            f"{name}.keep": layer.keep.new_full((self.size, settings.batch, layer.keep.shape[-1]), torch.nan)
            for name, layer in find_dropouts(self.module).items()
        }
        # All members of a group have masks for the same parameters.
        every = [member.masks or {} for member in members]
        masks = [
            torch.stack([masks[name] for masks in every]).to(device, torch.float32) if name in every[0] else None
            for name in self._parameters
        ]
        self._descent = Descent(list(self._parameters.values()), masks, settings)

    def descend(self, batches: Batches, step: int, rate: float) -> None:
        """Take one step on the batch of `step`; see `Networks.descend`."""
        inputs, targets = batches.gather(step)
        outputs = torch.vmap(self._forward)(self._parameters, self._buffers | self._keeps, inputs)
        # The sum has each network's own gradient: no parameter is shared.
        loss = torch.vmap(self._objective.loss)(outputs, targets).sum()
        self._descent.apply(torch.autograd.grad(loss, list(self._parameters.values())), rate)

    def compute_outputs(self, inputs: Tensor) -> Tensor:
        """Return outputs float32 [S, B, ...] of all networks for the same inputs float32 [B, ...]."""
        # No dropout masks: in eval mode the layer does not use them.
        outputs: Tensor = torch.vmap(self._forward, in_dims=(0, 0, None))(self._parameters, self._buffers, inputs)
        return outputs

    def list_dropout_masks(self) -> Iterator[tuple[int, str, Tensor]]:
        """Yield (index of the network, name of the layer, its buffer float32 [B, features])."""
        return (
            (index, name.removesuffix(".keep"), keep[index])
            for name, keep in self._keeps.items()
            for index in range(self.size)
        )

    def read_state(self) -> dict[str, Tensor]:
        """Return the states {name: [S, ...]}; they share the networks' memory."""
        # `detach` shares memory, so `load_state` can write through these tensors.
        return {name: value.detach() for name, value in (self._parameters | self._buffers).items()}

    def load_state(self, state: State) -> None:
        """Copy states {name: [S, ...]} into the networks."""
        for name, value in self.read_state().items():
            value.copy_(state[name])

    def read_optimiser_state(self) -> dict[str, Tensor]:
        """Return the optimiser's tensors [S, ...], or scalar counts; they share memory."""
        return self._descent.read_state()

    def _forward(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor) -> Tensor:
        """Return outputs [B, ...] of one network of the stack."""
        outputs: Tensor = functional_call(self.module, {**parameters, **buffers}, (inputs,))
        return outputs
