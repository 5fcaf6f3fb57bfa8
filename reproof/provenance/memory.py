"""What is remembered from start to start: what Snakemake knows of results, and our hashes of files."""

from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from reproof.provenance.records import SHA256, read_state, sha256
from reproof.provenance.snakemake_internals import decode_entry, locate_entry
from reproof.storage.files import ReproofError, is_of_system, read_json, write_json
from reproof.storage.reading import show
from reproof.storage.shell import quote_paths

TIMES = ("starttime", "endtime")
FACTS = 4  # of a file: its size, its times of change of content and of anything, its inode


@dataclass(frozen=True)
class Memory:
    """What Snakemake remembers in its folder, and our hashes of files that have not changed since.

    With `trusts_kept` False every file is hashed anew.
    """

    folder: Path = Path(".snakemake")
    fresh: dict[str, list[int | str]] = field(default_factory=dict)
    trusts_kept: bool = True

    def read_entry(self, result: str) -> dict[str, Any] | None:
        """Return what Snakemake remembers of a result, if it does."""
        path = self.locate(result)
        try:
            return dict(read_json(path)) if path.exists() else None
        except (ReproofError, TypeError, ValueError) as error:
            raise _make_damage_error([path], f"cannot be read as what Snakemake remembers of {result}") from error

    def read_job_entry(self, results: Iterable[str]) -> dict[str, Any] | None:
        """Return what Snakemake remembers of the job that made these results: one entry for all, apart from times.

        Raises ReproofError if the entries differ: Snakemake would follow one of them and never notice the others.
        """
        known = {one: remembered for one in results if (remembered := self.read_entry(one)) is not None}
        facts = {one: {k: v for k, v in each.items() if k not in TIMES} for one, each in known.items()}
        for one, each in facts.items():
            same = [other for other in facts if facts[other] == each]
            if 2 * len(same) <= len(facts) > 1:
                odd = [one] if 2 * len(same) < len(facts) else facts
                files = list(map(self.locate, odd))
                raise _make_damage_error(files, f"names another job for {one} than for what was made with it")
        return next(iter(known.values()), None)

    def locate(self, result: str) -> Path:
        """Return the file in which Snakemake remembers a result."""
        return locate_entry(self.folder / "metadata", result)

    def is_incomplete(self, result: str) -> bool:
        """Return whether Snakemake was killed while it made the result: it will make it again."""
        return locate_entry(self.folder / "incomplete", result).exists()

    def compute_sha256(self, path: str) -> str:
        """Return the hash of a file, computed only if its size, one of its times or its inode has changed.

        The time of change (`ctime`) tells an edit in place that restored the time of modification.
        """
        if path not in self.fresh:
            stat = read_state(path)
            facts = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
            known = self._hashes.get(path, [])
            self.fresh[path] = known if known[:FACTS] == facts else [*facts, sha256(path)]
        return str(self.fresh[path][FACTS])

    def forget_absent(self, *, but: Container[str] = ()) -> None:
        """Drop what Snakemake remembers of absent files, except those in some folders: the memory takes room.

        Where the weights of a paper are here, the memory of all its other results is needed: it holds what these were
        made of. Without it Snakemake goes by times.
        """
        metadata = self.folder / "metadata"
        for path in (one for one in metadata.rglob("*") if one.is_file() and not is_of_system(one)):
            with suppress(ValueError):  # a file that Snakemake did not write
                result = Path(decode_entry(metadata, path))
                if not result.exists() and str(result.parent) not in but:
                    path.unlink()

    def keep(self) -> None:
        """Keep the hashes for the next start; a read-only folder keeps none."""
        if self.fresh != self._hashes:
            with suppress(ReproofError):
                write_json(self.folder / "reproof_hashes.json", self.fresh)

    @cached_property
    def _hashes(self) -> dict[str, list[int | str]]:
        """The hashes of the last start; none if anything in the file is not what `keep` writes."""
        try:
            content = read_json(self.folder / "reproof_hashes.json")
        except ReproofError:
            return {}
        sound = isinstance(content, dict) and all(map(_is_hash, content.values()))
        return content if sound and self.trusts_kept else {}


def _is_hash(entry: Any) -> bool:
    """Return whether an entry of the kept hashes is whole numbers about a file, then its hash."""
    if not isinstance(entry, list) or len(entry) != FACTS + 1 or [*map(type, entry)] != [int] * FACTS + [str]:
        return False
    return SHA256.fullmatch(entry[FACTS]) is not None


def _make_damage_error(files: Iterable[Path], what: str) -> ReproofError:
    """Return the error that names a damaged memory; without it, a record has to say what the plan says."""
    first, *more = files
    return ReproofError(f"{show(first)}: is damaged: it {what}; mend it with: rm -f {quote_paths([first, *more])}")
