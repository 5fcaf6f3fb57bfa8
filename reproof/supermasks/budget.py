"""The budget of methods that find masks, in passes of one example through the network in one direction.

A step of gradient descent counts three passes an example: outputs, gradients of the inputs, gradients of the weights.
"""

from dataclasses import dataclass

PASSES_PER_STEP = 3


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A number of gradient steps on batches of `batch` examples, and its equivalents."""

    steps: int
    batch: int

    @property
    def passes(self) -> int:
        """Return the number of passes of the whole budget."""
        return self.count_passes(self.steps)

    def count_passes(self, step: int) -> int:
        """Return the number of passes of the first `step` steps."""
        return PASSES_PER_STEP * self.batch * step

    def count_generations(self, *, judged: int, examples: int) -> int:
        """Return the number of generations within the budget, each judging `judged` masks on `examples` examples."""
        return self.passes // (judged * examples)
