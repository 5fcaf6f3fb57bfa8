"""Many states of one network, evaluated together: each batch is normalised once."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from reproof.networks import choose_memory_format
from reproof.training.state import State

TOGETHER = 16  # states of one vectorised pass on a GPU: the activations take as many times the memory


class Variants:
    """One module under P states: the part of `Networks` that `evaluate` needs, without training.

    Each state is whole: parameters and running statistics. `states` may be a lazy sequence, which makes a state on
    access: then only the states of one pass are in memory. A CPU runs the states one after the other, which is faster
    there; a GPU runs them under vmap. In train mode the running statistics of the states of a list change in place,
    like those of a module.
    """

    def __init__(self, module: nn.Module, states: Sequence[State], *, device: str | torch.device = "cpu") -> None:
        self.module, self._format = module.to(device), choose_memory_format(module)
        self._states, self._device = states, torch.device(device)

    @property
    def size(self) -> int:
        """Return the number of states, P."""
        return len(self._states)

    def compute_outputs(self, inputs: Tensor) -> Tensor:
        """Return outputs float32 [P, B, ...] under all states for the same inputs [B, ...], in the module's mode."""
        inputs = inputs.to(memory_format=self._format)
        together = 1 if self._device.type == "cpu" else TOGETHER
        return torch.cat([self._run_pass(states, inputs) for states in self._list_passes(together)])

    def _list_passes(self, together: int) -> Iterator[list[State]]:
        """Yield the states of each pass, at most `together` of them, on the device."""
        for start in range(0, self.size, together):
            # Only the states of this pass are computed and moved: a lazy sequence of hundreds needs the memory of a
            # few.
            numbers = range(start, min(start + together, self.size))
            yield [{k: v.to(self._device) for k, v in self._states[number].items()} for number in numbers]

    def _run_pass(self, states: Sequence[State], inputs: Tensor) -> Tensor:
        """Return outputs [p, B, ...] of inputs [B, ...] under the p states of one pass."""
        if len(states) == 1:
            return self._forward(states[0], inputs)[None]
        outputs: Tensor = torch.vmap(self._forward, in_dims=(0, None))(stack(states), inputs)
        return outputs

    def _forward(self, state: State, inputs: Tensor) -> Tensor:
        """Return outputs [B, ...] of inputs [B, ...] under one state."""
        # The module's own weights are not touched, so that it serves every state.
        outputs: Tensor = functional_call(self.module, dict(state), (inputs,))
        return outputs


def stack(states: Sequence[State]) -> dict[str, Tensor]:
    """Return {name: [P, ...]} of P states with the same names, shapes and dtypes."""
    return {name: torch.stack([state[name] for state in states]) for name in states[0]}


def unstack(states: State) -> list[dict[str, Tensor]]:
    """Return the P states of {name: [P, ...]}; they share its memory and keep its dtypes."""
    return [
        {name: value[number] for name, value in states.items()} for number in range(len(next(iter(states.values()))))
    ]
