"""A job of the plan as a value: which rule runs it, what it needs to know, and where its files lie."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reproof.planning.layout import JOB_FILES, RESULTS, Block, JobFiles, find_job_files, name_levels, name_seeds
from reproof.provenance.identity import Registered, format_canonical
from reproof.provenance.integrity import ExpectedRecord

SCRIPTS = "workflow/scripts"
LOGS, BENCHMARKS = "logs", "benchmarks"


def script_of(kind: str) -> str:
    """Return the script that runs the jobs of a kind; one script runs all operations."""
    return f"{SCRIPTS}/{kind if kind in JOB_FILES else 'operation'}.py"


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """One job of a plan. `kind` is the name of its rule, its script and its library function.

    A job on networks has the name of a `run`, `seeds` and, if its rule has such a wildcard, `levels` (or one level).
    A job on data has a `dataset`; a job on tables or figures has `scale`, `paper` and perhaps `figure`. `registered`
    are the functions that it picks by name. `trainings` is how often it trains each of its networks.
    """

    kind: str
    settings: Mapping[str, Any] = field(hash=False)
    run: str = ""
    seeds: Block = ()
    levels: Block = ()
    dataset: str = ""
    scale: str = ""
    paper: str = ""
    figure: str = ""
    registered: tuple[Registered, ...] = ()
    trainings: int = 1

    @cached_property
    def settings_line(self) -> str:
        """The settings as one canonical line, which the rule passes on and the record repeats."""
        return format_canonical(self.settings)

    @cached_property
    def wildcards(self) -> dict[str, str]:
        """The values of the wildcards of its rule."""
        values = {
            "run": self.run, "seeds": name_seeds(self.seeds), "level": name_levels(self.levels),
            "levels": name_levels(self.levels), "dataset": self.dataset, "scale": self.scale, "paper": self.paper,
            "figure": self.figure,
        }  # fmt: skip
        return {name: values[name] for name in self._files.wildcards}

    @cached_property
    def folder(self) -> str:
        """The folder of its results; of a figure or the gallery, their path without a suffix."""
        return f"{RESULTS}/{self._place}"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The paths that its rule declares as outputs, in the same order; the record is the last."""
        return (*(self.folder + name for name in self._files.outputs), self.record)

    @property
    def record(self) -> str:
        """The path of its record."""
        return self.folder + self._files.record

    @property
    def benchmark(self) -> str:
        """The file in which Snakemake notes its costs."""
        return f"{BENCHMARKS}/{self._fill(self._files.benchmark) if self._files.benchmark else self._place}.tsv"

    @property
    def log(self) -> str:
        """The path of its log."""
        return f"{LOGS}/{self._place}/{self.kind}.log"

    @property
    def script(self) -> str:
        """The script that it runs."""
        return script_of(self.kind)

    def output(self, name: str) -> str:
        """Return the path of the output with this file name; raise ValueError if the rule declares none."""
        return self.folder + self._files.outputs[self._files.outputs.index(f"/{name}")]

    def make_expected_record(self, *, code: str) -> ExpectedRecord:
        """Return what its record has to say, given the fingerprint of the code that it runs."""
        return ExpectedRecord(self.record, self.settings_line, code, self.outputs[:-1])

    @cached_property
    def _files(self) -> JobFiles:
        return find_job_files(self.kind)

    @cached_property
    def _place(self) -> str:
        return self._fill(self._files.place)

    def _fill(self, pattern: str) -> str:
        return pattern.format_map(self.wildcards)
