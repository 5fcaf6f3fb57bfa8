"""Learning rates and the order of the data. Both are functions of the step, so a training can resume anywhere."""

import torch

from reproof.seeding import derive
from reproof.settings import TrainingSettings
from reproof.storage.files import ReproofError


def compute_learning_rate(step: int, settings: TrainingSettings) -> float:
    """Return the learning rate of a step, counted from 0.

    Linear warmup reaches the peak at the end of step `warmup - 1`; each passed entry of `decay_at` multiplies by
    `decay_factor` (Frankle & Carbin 2019, section 4 and appendix I.5).
    """
    # Both factors apply. With a warmup of 20,000 steps and a first drop at 20,000 (ResNet-18, appendix I.5) the rate is
    # at its peak for a single step.
    passed = sum(step >= drop for drop in settings.decay_at)
    warm = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    return settings.lr * warm * settings.decay_factor**passed


class Order:
    """The order in which one network sees its examples: a new permutation every epoch, whole batches only.

    Epoch e depends on (noise, e) alone. An epoch skips the examples after its last whole batch, which gives the 703
    steps an epoch of VGG-19 (45,000 examples in batches of 64; Frankle & Carbin 2019). Raises ReproofError if a batch
    is larger than the data set.
    """

    def __init__(self, *, examples: int, batch: int, noise: int) -> None:
        if batch > examples:
            raise ReproofError(f"training.batch: {batch} is more than the {examples} training examples; lower it")
        self._examples, self._batch, self._noise = examples, batch, noise
        self._steps = examples // batch
        self._epoch, self._permutation = -1, torch.empty(0, dtype=torch.long)

    def list_indices(self, step: int) -> torch.Tensor:
        """Return the indices of the examples of this step: int64 [batch]."""
        epoch, position = divmod(step, self._steps)
        if epoch != self._epoch:
            # On the CPU, so that a GPU sees the same order.
            generator = torch.Generator().manual_seed(derive("order", self._noise, epoch))
            self._epoch, self._permutation = epoch, torch.randperm(self._examples, generator=generator)
        return self._permutation[position * self._batch : (position + 1) * self._batch]
