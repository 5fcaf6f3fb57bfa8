"""The resumable state of a training: saved at intervals and when the process is asked to stop, checked when read."""

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

SIGNALS = (signal.SIGTERM, signal.SIGINT)  # a cluster's notice before it kills, and Ctrl-C


@dataclass
class Saving:
    """Where a block keeps its resumable state, whose it is (another's is ignored), and how often it is written."""

    path: Path
    identity: str
    every_s: float = 60.0
    _saved: float = field(default_factory=time.monotonic)
    _asked: str = ""

    def load(self) -> dict[str, Tensor]:
        """Return the saved state of this very job, or nothing; a damaged file is named, and not used."""
        remove_temporaries(self.path)
        if not self.path.exists():
            return {}
        try:
            arrays, metadata = read_tensors(self.path)
        except ReproofError:
            return self._damaged()
        if metadata.get("identity") != self.identity:
            return {}
        if metadata.get("digest") != _digest(arrays):
            return self._damaged()
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Write the state, atomically, with a digest of its content."""
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}
        write_tensors(self.path, arrays, {"identity": self.identity, "digest": _digest(arrays)})
        self._saved = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether the state should be written now: its time has come, or the process was asked to stop."""
        return bool(self._asked) or time.monotonic() - self._saved >= self.every_s

    @contextmanager
    def until_asked_to_stop(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT make the state due instead of ending the process at once."""
        before = {one: signal.signal(one, self._ask) for one in SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def stop_if_asked(self) -> None:
        """Raise ReproofError if the process was asked to stop; the state is saved."""
        if self._asked:
            raise ReproofError(f"{self.path}: stopped by {self._asked}, state saved; run Snakemake again to go on")

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self._asked = signal.Signals(number).name

    def _damaged(self) -> dict[str, Tensor]:
        print(f"{self.path}: is damaged and is not used; the training starts anew")
        return {}


def _digest(arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of names, shapes, types and bytes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
