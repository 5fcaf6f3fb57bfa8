"""Publishing: which results of a scale are shared, and the DVC stage that binds them to the code that made them."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reproof.configuration import unknown
from reproof.files import ReproofError, write_text
from reproof.inventory import upstream_records
from reproof.layout import RESULTS
from reproof.plan import Plan
from reproof.provenance import canonical
from reproof.yaml_files import Tree, complaint, read_yaml

MEMORY = ".snakemake/metadata"  # without it Snakemake goes by times, which a pull sets in any order
CODE = ["Snakefile", "config/papers", "config/scales", "reproof", "requirements.txt", "rules", "workflow"]
COMMAND = "snakemake --cores all results/figures/all"
STAGE = "published"
LIMIT_MB = 20  # of the remote that lies in the repository
MOST_NAMED = 3
ABOUT = "# Written by `make publish`: what travels, bound to the code that made it. docs/sharing.md explains it.\n"

Same = Mapping[str, Any]  # {"because": why this code makes the same, "code": {tables: code}}


def list_published(plan: Plan) -> list[str]:
    """Return what a scale publishes: tables, verdicts and labels of the papers it names, weights of their runs."""
    weights = _weights(plan)
    tables = [plan.tables(paper) for paper in plan.configuration.publish or {}]
    labels = sorted({record for paper in plan.configuration.publish or {} for record in plan.figure_data(paper)})
    return [*tables, *labels, *weights]


def list_targets(plan: Plan) -> list[str]:
    """Return the files that must be up to date for a scale to be published."""
    named = plan.configuration.publish or {}
    return [f"{plan.tables(paper)}/{file}.parquet" for paper in named for file in ("measurements", "verdicts")]


def list_folders_to_remember(plan: Plan) -> set[str]:
    """Return the folders of all results of the papers whose weights are published, also of those that are not."""
    papers = [paper for paper, keys in (plan.configuration.publish or {}).items() if keys]
    return {job.folder for paper in papers for job in plan.upstream(paper)}


def describe_stage(outputs: Iterable[str], code: Mapping[str, str], same: Sequence[Same] = ()) -> Tree:
    """Return the content of dvc.yaml: one stage, so that its lock binds code, results and Snakemake's memory.

    With `persist` DVC does not remove an output before it is made again. `code` holds what `compute_code` returned for
    each paper's tables when they were made. `same` are codes that somebody vouched for since.
    """
    outs: list[Tree] = [{path: {"persist": True}} for path in sorted({MEMORY, *outputs})]
    meta: Tree = {"code": dict(code), **({"same": list(same)} if same else {})}
    return {"stages": {STAGE: {"cmd": COMMAND, "deps": CODE, "outs": outs, "meta": meta}}}


def write_stage(content: Tree, file: Path = Path("dvc.yaml")) -> None:
    """Write dvc.yaml."""
    write_text(file, ABOUT + yaml.safe_dump(content, sort_keys=False))


def compute_code(plan: Plan, paper: str) -> str:
    """Return 16 hex digits of the code of all jobs that a paper's tables are made of."""
    codes = sorted({one.code for one in upstream_records(plan, paper)})
    return hashlib.sha256(canonical(codes).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class PublishedCode:
    """The code in `dvc.yaml` that made the published tables, and codes that somebody vouched for since."""

    code: Mapping[str, str]
    same: Sequence[Same] = ()

    @classmethod
    def read(cls, file: Path) -> "PublishedCode":
        """Read it; a file that is not there or of an earlier version holds none."""
        if not file.exists():
            return cls({})
        try:
            meta = read_yaml(file)["stages"][STAGE]["meta"]
            return cls(meta["code"], meta.get("same", ()))
        except (KeyError, TypeError):
            return cls({})

    def knows(self, tables: str, code: str) -> bool:
        """Return whether these tables are those that this code makes; tables without an entry are taken as such."""
        codes = {self.code.get(tables, code), *(one["code"].get(tables) for one in self.same)}
        return code in codes

    def update(self, plans: Iterable[Plan]) -> "PublishedCode":
        """Return what to write when tables are published: the present code of those made here, the old of others."""
        code: dict[str, str] = {}
        for plan in plans:
            for paper in plan.configuration.publish or {}:
                tables, now = plan.tables(paper), compute_code(plan, paper)
                code[tables] = self.code.get(tables, now) if _is_alone(plan, paper) else now
        kept = [{**one, "code": self._unchanged(one["code"], code)} for one in self.same]
        return PublishedCode(code, [one for one in kept if one["code"]])

    def _unchanged(self, vouched: Mapping[str, str], code: Mapping[str, str]) -> dict[str, str]:
        """Return what was vouched for of tables that are still those that were made then."""
        return {
            tables: one for tables, one in vouched.items() if tables in code and self.code.get(tables) == code[tables]
        }


def refuse_older(plan: Plan, file: Path = Path("dvc.yaml")) -> None:
    """Raise ReproofError naming tables that came without what they were made of, and were made by other code than this.

    Snakemake compares the code of jobs whose results are there. For tables alone only `dvc.yaml` holds the code.
    """
    if older := [plan.tables(paper) for paper in find_tables_of_other_code(plan, PublishedCode.read(file))]:
        raise ReproofError(
            f"{', '.join(older)}: pulled without what they were made of, and made by other code than this; check out "
            f"that code, or make them again: rm -r {' '.join(older)}"
        )


def find_tables_of_other_code(plan: Plan, known: PublishedCode) -> list[str]:
    """Return the papers whose tables are there alone, and are not known to be what this code makes."""
    alone = [paper for paper in plan.papers if _is_alone(plan, paper)]
    return [paper for paper in alone if not known.knows(plan.tables(paper), compute_code(plan, paper))]


def _is_alone(plan: Plan, paper: str) -> bool:
    """Return whether a paper's tables are there, and nothing that they are made of."""
    there = Path(plan.tables(paper), "record.json").exists()
    return there and not any(Path(one.record).exists() for one in upstream_records(plan, paper))


def refuse_too_much(outputs: Iterable[str], *, limit_mb: float = LIMIT_MB) -> float:
    """Return how many MB are published; raise ReproofError naming the largest outputs if the remote has no room."""
    sizes = {path: _megabytes(Path(path)) for path in {MEMORY, *outputs}}
    total = sum(sizes.values())
    if total > limit_mb:
        largest = sorted(sizes, key=lambda path: -sizes[path])[:MOST_NAMED]
        named = ", ".join(f"{path} ({sizes[path]:.1f} MB)" for path in largest)
        raise ReproofError(
            f"{total:.1f} MB are more than the {limit_mb:g} MB of the embedded remote; the largest are {named}; "
            "name fewer runs under publish in config/scales"
        )
    return total


def _weights(plan: Plan) -> list[str]:
    """Return the folders of the dense networks and tickets of the runs that the scale names under `publish`."""
    folders: list[str] = []
    for paper, keys in (plan.configuration.publish or {}).items():
        if paper not in plan.runs:
            raise _wrong(plan, "publish", unknown(paper, (*plan.runs,)))
        runs = plan.runs[paper]
        for key in keys:
            if key not in runs:
                raise _wrong(plan, f"publish.{paper}", unknown(key, (*runs,)))
            folders += [f"{RESULTS}/dense/{runs[key].dense}", f"{RESULTS}/tickets/{runs[key].tickets}"]
    return list(dict.fromkeys(folders))


def _wrong(plan: Plan, key: str, what: str) -> ReproofError:
    return complaint(Path(f"config/scales/{plan.scale}.yaml"), key, what)


def _megabytes(path: Path) -> float:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files) / 1e6
