"""Whether a configuration was found valid at an earlier start."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from reproof.files import ReproofError, read_json, write_json
from reproof.fingerprint import SOURCES, file_states
from reproof.provenance import ROOT, canonical


@dataclass(frozen=True)
class Checked:
    """Whether a configuration was found valid, and no file that decides it has changed since: it is checked once."""

    config: Mapping[str, Any]
    folder: Path
    file: Path = Path(".snakemake/reproof_checked.json")

    @property
    def known(self) -> bool:
        """Whether it is known to be valid."""
        try:
            return bool(read_json(self.file) == self._state)
        except ReproofError:
            return False

    def keep(self) -> None:
        """Keep that it is valid, for later starts; where nothing can be written it is checked again."""
        if not self.known:
            with suppress(ReproofError, OSError):
                write_json(self.file, self._state)

    @cached_property
    def _state(self) -> list[Any]:
        files = file_states(self.folder, ROOT / "workflow/schemas", *(ROOT / place for place in SOURCES))
        return [canonical(dict(self.config)), files]
