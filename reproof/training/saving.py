"""The file of a resumable state: written at intervals and on a request to stop, checked when read."""

import hashlib
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor

from reproof.storage.files import Array, ReproofError, read_tensors, remove_temporaries, write_tensors
from reproof.training.state import ResumableState

SIGNALS = (signal.SIGTERM, signal.SIGINT)  # the notice of a cluster before it kills, and Ctrl-C


@dataclass
class Saving:
    """The file of a job's resumable state.

    path: the file. identity: the job; a state of another identity is ignored. every_s: seconds between two writes.
    """

    path: Path
    identity: str
    every_s: float = 60.0
    _saved: float = field(default_factory=time.monotonic)
    _asked: str = ""

    def load(self) -> ResumableState:
        """Return the saved state of this job, or {} if there is none. A damaged file is reported, not used."""
        remove_temporaries(self.path)
        if not self.path.exists():
            return {}
        try:
            arrays, metadata = read_tensors(self.path)
        except ReproofError:
            return self._report_damage()
        # A state of other settings or other code is sound, but of another training: it is passed over without a
        # message.
        if metadata.get("identity") != self.identity:
            return {}
        if metadata.get("digest") != _compute_digest(arrays):
            return self._report_damage()
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Write the state, tensors of any shape by name, atomically, with the identity and a digest of its content."""
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}
        write_tensors(self.path, arrays, {"identity": self.identity, "digest": _compute_digest(arrays)})
        self._saved = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Return True if the interval has passed or the process was asked to stop."""
        return bool(self._asked) or time.monotonic() - self._saved >= self.every_s

    @contextmanager
    def defer_signals(self) -> Iterator[None]:
        """Make SIGTERM and SIGINT a request to save and stop instead of ending the process at once.

        The previous handlers are restored at the end.
        """
        before = {one: signal.signal(one, self._record_signal) for one in SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def stop_if_asked(self) -> None:
        """Raise ReproofError if the process was asked to stop. Call it after `save`."""
        if self._asked:
            raise ReproofError(f"{self.path}: stopped by {self._asked}, state saved; run Snakemake again to go on")

    def _record_signal(self, number: int, _frame: FrameType | None) -> None:
        # A handler may run between any two instructions, so it takes a note and does nothing else.
        self._asked = signal.Signals(number).name

    def _report_damage(self) -> ResumableState:
        # A state is a convenience: without it the training only takes longer, so damage is no error.
        print(f"{self.path}: is damaged and is not used; the training starts over")
        return {}


def _compute_digest(arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of names, dtypes, shapes and bytes."""
    digest = hashlib.sha256()
    # Sorted, because a file may list its tensors in another order.
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
