"""Learning rates and the order of the data: functions of the step, so that a training can stop and go on anywhere."""

import torch

from reproof.seeding import derive
from reproof.settings import TrainingSettings
from reproof.storage.files import ReproofError


def compute_learning_rate(step: int, settings: TrainingSettings) -> float:
    """Return the rate of the step with this number, counted from 0.

    Linear warmup reaches the peak at the end of step `warmup - 1`; each passed entry of `decay_at` multiplies by
    `decay_factor` (Frankle & Carbin 2019, section 4 and appendix I.5).
    """
    passed = sum(step >= drop for drop in settings.decay_at)
    warm = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    return settings.lr * warm * settings.decay_factor**passed


class Order:
    """The order in which one network sees its examples: a fresh permutation every epoch, whole batches only.

    Epoch e is a function of (noise seed, e) alone. Examples left over by an epoch's last whole batch are skipped
    in that epoch, which gives the paper's 703 steps an epoch for VGG-19 (45,000 examples in batches of 64).
    """

    def __init__(self, *, examples: int, batch: int, noise: int) -> None:
        if batch > examples:
            raise ReproofError(f"training.batch: {batch} is more than the {examples} training examples; lower it")
        self._examples, self._batch, self._noise = examples, batch, noise
        self._steps = examples // batch
        self._epoch, self._permutation = -1, torch.empty(0, dtype=torch.long)

    def list_indices(self, step: int) -> torch.Tensor:
        """Return the indices, int64 [batch], of the examples of this step."""
        epoch, position = divmod(step, self._steps)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive("order", self._noise, epoch))
            self._epoch, self._permutation = epoch, torch.randperm(self._examples, generator=generator)
        return self._permutation[position * self._batch : (position + 1) * self._batch]
