"""Training a module of an operation's own, on the data and with the resumable state of its job."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from reproof.jobs.subject import Subject
from reproof.settings import TrainingSettings
from reproof.training.block import Trained, train_block
from reproof.training.members import Member
from reproof.training.processor import flush_subnormals, keep_freed_memory
from reproof.training.saving import Saving


def train(
    subject: Subject, module: nn.Module, members: Sequence[Member], *,
    settings: TrainingSettings, label: str, stacked: bool | None = None,
) -> Trained:  # fmt: skip
    """Train the members as states of `module`, going on from the saved state of this label if there is one."""
    keep_freed_memory()
    flush_subnormals()
    return train_block(
        module, members, dataset=subject.job.dataset, settings=settings, device=subject.job.device, stacked=stacked,
        saving=saving(subject, label), label=label,
    )  # fmt: skip


def saving(subject: Subject, label: str) -> Saving:
    """Return where the resumable state of one part of the job lies; it belongs to settings, code and device."""
    job = subject.job
    identity = f"{job.settings}\n{job.code}\n{label}\n{job.device}"
    return Saving(Path(f"{job.state}.{label.replace(' ', '')}"), hashlib.sha256(identity.encode()).hexdigest())
