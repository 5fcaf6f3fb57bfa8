"""Many sets of weights of one network, evaluated together: each batch is normalised once and goes through all."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from reproof.networks import choose_memory_format

State = Mapping[str, Tensor]
TOGETHER = 16  # states that one vectorised pass holds on a GPU; all at once would multiply the activations


class Variants:
    """One module under P states: what `evaluate` needs of a group of networks, without training.

    A state is whole: parameters and running statistics (buffers). `states` may be any sequence, also one that makes a
    state when it is asked for: then only the states of one pass are in memory. On a CPU the states go one after the
    other, which is faster there; on a GPU under vmap. In train mode the running statistics of states that are kept
    (a list) change in place, as those of a module do.
    """

    def __init__(self, module: nn.Module, states: Sequence[State], *, device: str | torch.device = "cpu") -> None:
        self.module, self._format = module.to(device), choose_memory_format(module)
        self._states, self._device = states, torch.device(device)

    @property
    def size(self) -> int:
        """The number of states, P."""
        return len(self._states)

    def outputs(self, inputs: Tensor) -> Tensor:
        """Return the outputs [P, B, ...] under all states for the same inputs [B, ...], in the module's mode."""
        inputs = inputs.to(memory_format=self._format)
        together = 1 if self._device.type == "cpu" else TOGETHER
        return torch.cat([self._pass(states, inputs) for states in self._passes(together)])

    def _passes(self, together: int) -> Iterator[list[State]]:
        for start in range(0, self.size, together):
            numbers = range(start, min(start + together, self.size))
            yield [{k: v.to(self._device) for k, v in self._states[number].items()} for number in numbers]

    def _pass(self, states: Sequence[State], inputs: Tensor) -> Tensor:
        if len(states) == 1:
            return self._forward(states[0], inputs)[None]
        outputs: Tensor = torch.vmap(self._forward, in_dims=(0, None))(stack(states), inputs)
        return outputs

    def _forward(self, state: State, inputs: Tensor) -> Tensor:
        outputs: Tensor = functional_call(self.module, dict(state), (inputs,))
        return outputs


def stack(states: Sequence[State]) -> dict[str, Tensor]:
    """Return {name: [P, ...]} of P states that have the same names and shapes."""
    return {name: torch.stack([state[name] for state in states]) for name in states[0]}


def unstack(states: State) -> list[dict[str, Tensor]]:
    """Return the P states of {name: [P, ...]}, sharing memory."""
    return [
        {name: value[number] for name, value in states.items()} for number in range(len(next(iter(states.values()))))
    ]
