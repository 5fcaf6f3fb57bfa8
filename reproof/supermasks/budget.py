"""What methods that find masks are allowed to cost: passes of one example through the network, one way.

A step of gradient descent counts three passes an example: outputs, gradients of the inputs, gradients of the weights.
"""

from dataclasses import dataclass

PASSES_PER_STEP = 3


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A number of gradient steps on batches, and what else can be had for it."""

    steps: int
    batch: int

    @property
    def passes(self) -> int:
        """Passes in all."""
        return self.count_passes(self.steps)

    def count_passes(self, step: int) -> int:
        """Return the passes that the first steps take."""
        return PASSES_PER_STEP * self.batch * step

    def count_generations(self, *, judged: int, examples: int) -> int:
        """Return how many generations, each judging so many masks on so many examples, the passes are enough for."""
        return self.passes // (judged * examples)
