"""Publishing: which results of a scale are shared, and the DVC stage that binds them to the code that made them."""

import hashlib
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from reproof.experiments.configuration import describe_unknown
from reproof.experiments.strict_yaml import Tree, make_complaint, read_yaml
from reproof.planning.inventory import list_upstream_records
from reproof.planning.layout import RESULTS
from reproof.planning.plan import Plan
from reproof.provenance.identity import format_canonical
from reproof.storage.files import ReproofError, write_text
from reproof.storage.reading import show
from reproof.storage.shell import quote_paths

MEMORY = ".snakemake/metadata"  # without it Snakemake goes by times, which a pull sets in any order
CODE = ["Snakefile", "config/papers", "config/scales", "reproof", "requirements.txt", "rules", "workflow"]
COMMAND = "snakemake --cores all results/figures/all"
STAGE = "published"
LIMIT_MB = 20  # of the remote that lies in the repository
MOST_NAMED = 3
ABOUT = "# Written by `make publish`: what travels, bound to the code that made it. docs/sharing.md explains it.\n"


def list_published(plan: Plan) -> list[str]:
    """Return what a scale publishes: tables, verdicts and labels of the papers it names, weights of their runs."""
    # First, because it raises for names that do not exist.
    weights = _weights(plan)
    tables = [plan.locate_tables(paper) for paper in plan.configuration.publish or {}]
    labels = sorted({record for paper in plan.configuration.publish or {} for record in plan.list_figure_data(paper)})
    return [*tables, *labels, *weights]


def list_targets(plan: Plan) -> list[str]:
    """Return the files that must be up to date for a scale to be published."""
    named = plan.configuration.publish or {}
    return [f"{plan.locate_tables(paper)}/{file}.parquet" for paper in named for file in ("measurements", "verdicts")]


def list_folders_to_remember(plan: Plan) -> set[str]:
    """Return the folders of all results of the papers whose weights are published, also of those that are not."""
    # With weights, Snakemake's memory of everything upstream travels as well: without it, it would go by file times.
    papers = [paper for paper, keys in (plan.configuration.publish or {}).items() if keys]
    return {job.folder for paper in papers for job in plan.list_upstream(paper)}


def describe_stage(outputs: Iterable[str], code: Mapping[str, str]) -> Tree:
    """Return the content of dvc.yaml: one stage, so that its lock binds code, results and Snakemake's memory.

    With `persist` DVC does not remove an output before it is made again. `code` is {folder of a paper's tables: what
    `compute_code` returned when they were made}.
    """
    outs: list[Tree] = [{path: {"persist": True}} for path in sorted({MEMORY, *outputs})]
    # One stage: DVC locks its code and its outputs together, so a lock with new code and old results cannot arise.
    return {"stages": {STAGE: {"cmd": COMMAND, "deps": CODE, "outs": outs, "meta": {"code": dict(code)}}}}


def write_stage(content: Tree, file: Path = Path("dvc.yaml")) -> None:
    """Write dvc.yaml."""
    write_text(file, ABOUT + yaml.safe_dump(content, sort_keys=False))


def compute_code(plan: Plan, paper: str) -> str:
    """Return 16 hex digits of the code of all jobs that a paper's tables are made of."""
    # A sorted set: the order of jobs and the number of seeds have nothing to do with code.
    codes = sorted({one.code for one in list_upstream_records(plan, paper)})
    return hashlib.sha256(format_canonical(codes).encode()).hexdigest()[:16]


def read_code(file: Path = Path("dvc.yaml")) -> dict[str, str]:
    """Return {folder of published tables: code that made them}; a file that is absent or of an old form has none."""
    if not file.exists():
        return {}
    try:
        return dict(read_yaml(file)["stages"][STAGE]["meta"]["code"])
    # An old file states no code, so nothing can be compared; it is no error of the user.
    except (KeyError, TypeError, ValueError):
        return {}


def choose_code_to_publish(plans: Iterable[Plan], published: Mapping[str, str]) -> dict[str, str]:
    """Return the code of the tables to publish; tables that were pulled alone keep the code that dvc.yaml states."""
    code: dict[str, str] = {}
    for plan in plans:
        for paper in plan.configuration.publish or {}:
            tables, now = plan.locate_tables(paper), compute_code(plan, paper)
            # Tables without their sources were not made here. Today's code next to them would be a false record.
            code[tables] = published.get(tables, now) if _is_alone(plan, paper) else now
    return code


def refuse_older(plan: Plan, file: Path = Path("dvc.yaml")) -> None:
    """Raise ReproofError naming tables that were pulled alone and made by other code than this.

    Snakemake compares the code of jobs whose results are there; of tables alone only `dvc.yaml` records it.
    """
    published = read_code(file)
    alone = [paper for paper in plan.papers if _is_alone(plan, paper)]
    codes = {plan.locate_tables(paper): compute_code(plan, paper) for paper in alone}
    if older := [tables for tables, code in codes.items() if published.get(tables, code) != code]:
        raise ReproofError(
            f"{', '.join(map(show, older))}: pulled without what they were made of, and made by other code than "
            f"this; check out that code, or make them again: rm -r {quote_paths(older)}"
        )


def refuse_uncommitted() -> None:
    """Raise ReproofError naming code that is not committed, or the folder if it is no repository."""
    # Only what results depend on: uncommitted notes may stay.
    command = ["git", "status", "--porcelain", "-z", "--", *CODE]
    try:
        changed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ReproofError(
            f"{Path.cwd()}: is no repository that git can read; results are published with the code that made them: "
            "work in a clone (git clone ...), not in a download"
        ) from error
    if changed:
        first = show(changed.split("\0")[0][3:])  # after two letters of state and a space
        raise ReproofError(f"{first}: is not committed; results are published with the code that made them: commit it")


def _is_alone(plan: Plan, paper: str) -> bool:
    """Return whether a paper's tables are present, and none of the results that they are made of."""
    there = Path(plan.locate_tables(paper), "record.json").exists()
    # One upstream result is enough: then Snakemake itself compares the code.
    return there and not any(Path(one.record).exists() for one in list_upstream_records(plan, paper))


def refuse_too_much(outputs: Iterable[str], *, limit_mb: float = LIMIT_MB) -> float:
    """Return how many MB are published; raise ReproofError naming the largest outputs if the remote has no room."""
    sizes = {path: _megabytes(Path(path)) for path in {MEMORY, *outputs}}
    total = sum(sizes.values())
    if total > limit_mb:
        # The remedy is to name fewer runs, so the message names those that matter.
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
            raise _wrong(plan, "publish", describe_unknown(paper, (*plan.runs,)))
        runs = plan.runs[paper]
        for key in keys:
            if key not in runs:
                raise _wrong(plan, f"publish.{paper}", describe_unknown(key, (*runs,)))
            folders += [f"{RESULTS}/dense/{runs[key].dense}", f"{RESULTS}/tickets/{runs[key].tickets}"]
    # Two runs may share one dense network.
    return list(dict.fromkeys(folders))


def _wrong(plan: Plan, key: str, what: str) -> ReproofError:
    return make_complaint(Path(f"config/scales/{plan.scale}.yaml"), key, what)


def _megabytes(path: Path) -> float:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files) / 1e6
