"""Show that the code as it is computes what an earlier commit computed: python -m workflow.vouch COMMIT [SCALE ...].

Results of the commit then stay valid: `workflow/equal_code.json` says which code is equal to which, and how that was
shown. There are two ways. Code with the same fingerprint is equal. Where fingerprints differ, both versions run every
scale short (`workflow.shorten`), and each job whose tables and weights are equal to the bit shows that its code is. Of
verdicts the published tables are judged by both versions as well. Nothing is written unless all code is shown equal,
with one exception: where both versions give other verdicts, judging is left out and the verdicts are named. They are
judged again after a pull, in seconds, because what they are judged on is published.

Without a scale, those with published results are taken. The two versions run in .snakemake/vouch, where a broken-off
run goes on.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from reproof import registry
from reproof.experiments.configuration import list_names, read_configuration
from reproof.experiments.strict_yaml import read_yaml
from reproof.planning.plan import Plan
from reproof.provenance.equal_code import EqualCode
from reproof.provenance.fingerprint import Fingerprints
from reproof.provenance.records import format_settings_of, sha256
from reproof.publishing.publication import refuse_uncommitted
from reproof.storage.files import ReproofError, read_json, write_text
from workflow.command import run_command
from workflow.shorten import shorten_scale

FOLDER = Path(".snakemake/vouch")
COMPARED = (".parquet", ".safetensors")
TABLES = "results/tables/"
JUDGED_RECORD = "verdicts.json"
DRAWN = "results/figures/"  # figures are drawn again after a pull; nothing is said about their code
SHOWN = 3
PLACES = {  # where earlier versions keep what is looked up by name
    "operation": (("operations", "operation"), ("jobs", "operation")),
    "attack": (("attacks", "attack"),),
}
JUDGED = """
import json, runpy, sys
from types import SimpleNamespace as Box
sys.path.insert(0, ".")
class Named(list):
    def __init__(self, **named):
        super().__init__(named.values())
        self.__dict__.update(named)
settings, measurements, verdicts, log = json.loads(sys.argv[1])
rule = Box(input=Named(measurements=measurements), output=Named(verdicts=verdicts, record=verdicts + ".json"))
rule.params, rule.log = Box(settings=settings, code="vouch"), [log]
runpy.run_path("workflow/scripts/judge_claims.py", {"snakemake": rule})
"""


@dataclass(frozen=True)
class Version:
    """A commit of the project in a folder of its own."""

    folder: Path
    commit: str

    @classmethod
    def checked_out(cls, folder: Path, commit: str) -> "Version":
        """Return the commit in a folder: a fresh clone, or what an earlier call left there."""
        version = cls(folder, _run("git", "rev-parse", "--verify", f"{commit}^{{commit}}").strip())
        if not (folder / ".git").exists():
            _run("git", "clone", "--quiet", "--no-checkout", ".", str(folder))
        _run("git", "fetch", "--quiet", at=folder)
        _run("git", "checkout", "--quiet", "--force", version.commit, at=folder)
        return version

    def codes(self, scale: str) -> dict[str, dict[str, Any]]:
        """Return what code each result of a scale is made by, figures left out, by the path of its record."""
        found = json.loads(_run(sys.executable, "-m", "workflow.codes", scale, at=self.folder))
        return {record: about for record, about in found.items() if not record.startswith(DRAWN)}

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """Fingerprints of its code, computed as this version of the project computes them."""
        return Fingerprints(self.folder.with_name(f"{self.folder.name}.json"), root=self.folder)

    def compute_fingerprint(self, about: Mapping[str, Any]) -> str:
        """Return the fingerprint of the code of a result."""
        return self.fingerprints.compute(about["script"], [tuple(pick) for pick in about["picks"]])

    def shorten(self, scale: str, mirror: str | None) -> dict[str, dict[str, Any]]:
        """Let a scale be its short run from now on, and return what code each result of it is made by."""
        _run("git", "checkout", "--quiet", "--force", self.commit, at=self.folder)
        config = read_yaml(self.folder / "config/config.yaml")
        config["data"]["mirror"] = mirror
        write_text(self.folder / "config/config.yaml", yaml.safe_dump(config, sort_keys=False))
        short = shorten_scale(self.folder, scale, self._options)
        write_text(self.folder / "config/scales" / f"{scale}.yaml", yaml.safe_dump(short, sort_keys=False))
        return self.codes(scale)

    def run(self, scale: str, papers: Iterable[str], records: Iterable[str]) -> None:
        """Make results of a scale, given by their records."""
        named = ["--config", f"scale={scale}", f"papers=[{','.join(papers)}]"]
        _run(sys.executable, "-m", "snakemake", "--cores", "all", *named, "--", *records, at=self.folder)

    def judge(self, plan: Plan, paper: str) -> str:
        """Return the SHA-256 of the verdicts that this version gives on the published measurements of a paper.

        The claims are those of the published verdicts: claims that came later have none that could differ.
        """
        tables, judged = Path(plan.locate_tables(paper)), Path(f".snakemake/judged/{plan.scale}/{paper}")
        (self.folder / judged).mkdir(parents=True, exist_ok=True)
        # Copied without its record, which speaks of files in another folder.
        shutil.copy(tables / "measurements.parquet", self.folder / judged)
        verdicts = self.folder / judged / "verdicts.parquet"
        settings = format_settings_of(read_json(tables / "verdicts.json"))
        given = [settings, *(str(judged / name) for name in ("measurements.parquet", "verdicts.parquet", "judge.log"))]
        _run(sys.executable, "-c", JUDGED, json.dumps(given), at=self.folder)
        return sha256(verdicts)

    def _options(self, kind: str, name: str) -> tuple[str, ...]:
        library = self.folder / "reproof"
        for place, mark in PLACES[kind]:
            if (library / place).exists() and name in registry.list_registered(place, mark, library=library):
                return registry.list_options(place, mark, name, library=library)
        return ()


def main(commit: str, *scales: str) -> None:
    """Write what was shown; raise ReproofError naming what was not."""
    refuse_uncommitted()
    plans = [_plan(scale) for scale in scales or list_names(Path("config/scales"))]
    plans = [plan for plan in plans if scales or plan.configuration.publish is not None]
    old, new = (Version.checked_out(FOLDER / name, one) for name, one in (("old", commit), ("new", "HEAD")))
    equal = vouch(old, new, plans, EqualCode.read())
    equal.write()
    print("written: workflow/equal_code.json; commit it")


def vouch(old: Version, new: Version, plans: Sequence[Plan], known: EqualCode) -> EqualCode:
    """Return `known` with statements of all code of these scales; raise ReproofError naming what is not shown equal."""
    by_fingerprint: dict[str, str] = {}
    others: dict[str, dict[str, tuple[str, str]]] = {}  # {scale: {fingerprint: (code of the old, a record)}}
    every: set[str] = set()
    for plan in plans:
        before, after = old.codes(plan.scale), new.codes(plan.scale)
        for record in before.keys() & after.keys():
            fingerprint, code = after[record]["fingerprint"], before[record]["code"]
            every.add(fingerprint)
            if old.compute_fingerprint(before[record]) == fingerprint:
                by_fingerprint[fingerprint] = code
            elif known.find_code(fingerprint) != code:
                others.setdefault(plan.scale, {})[fingerprint] = code, record
    about = "The fingerprints of both versions are the same."
    equal = known.add_statement(commit=old.commit, shown_by="fingerprints", about=about, code=by_fingerprint)
    if others:
        code = _shown_by_runs(old, new, [plan for plan in plans if plan.scale in others], others)
        about = "Both versions ran these scales short: all tables and weights are equal to the bit."
        equal = equal.add_statement(commit=old.commit, shown_by="runs", about=about, code=code)
    return equal.select(every)


def _shown_by_runs(
    old: Version, new: Version, plans: Sequence[Plan], wanted: Mapping[str, Mapping[str, tuple[str, str]]]
) -> dict[str, str]:
    """Return {fingerprint: code of the old version}, each shown by jobs that gave the same bits.

    These are all of `wanted`, without the code that judges otherwise.
    """
    shown: set[tuple[str, str]] = set()
    differ: list[str] = []
    otherwise: dict[str, str] = {}  # {record of verdicts: fingerprint of the code that judges otherwise}
    for plan in plans:
        before, after = (one.shorten(plan.scale, plan.configuration.data.get("mirror")) for one in (old, new))
        pairs = {one: (before[one]["code"], after[one]["fingerprint"]) for one in before.keys() & after.keys()}
        records = _choose_records(plan, pairs, shown, {pair[0] for pair in wanted[plan.scale].values()})
        for version in (old, new):
            version.run(plan.scale, plan.papers, records)
        # Tables lie by paper, so those of an earlier run may lie there; all other results have names of their own.
        made = [one for one in pairs if one in records or not one.startswith(TABLES)]
        for record in made:
            if _is_same_job(old.folder, new.folder, record):
                different = [*_different(old.folder, new.folder, record)]
                if not different:
                    shown.add(pairs[record])
                elif record.endswith(JUDGED_RECORD):
                    otherwise[record] = pairs[record][1]
                else:
                    differ += different
        otherwise |= {record: pairs[record][1] for record in _judged_otherwise(old, new, plan) if record in pairs}
    if differ:
        raise ReproofError(
            f"{', '.join(differ[:SHOWN])}: differ ({len(differ)} files in all), so the code is not equal"
        )
    if otherwise:
        print(f"judged otherwise, and so judged again after a pull: {', '.join(sorted(otherwise))}")
    codes = {one: code for each in wanted.values() for one, code in each.items() if one not in otherwise.values()}
    missing = [record for one, (code, record) in codes.items() if (code, one) not in shown]
    if missing:
        raise ReproofError(f"{', '.join(missing[:SHOWN])}: no short run does what made it; extend workflow/shorten.py")
    return {one: code for one, (code, _) in codes.items()}


def _choose_records(
    plan: Plan, pairs: Mapping[str, tuple[str, str]], shown: Container[tuple[str, str]], wanted: Container[str]
) -> list[str]:
    """Return the records of a short run whose results are to be compared.

    `pairs` holds the code of both versions for each record. A record counts if its code is `wanted` and not `shown`
    equal yet. The first paper counts as a whole, because its trainings are long enough for every backend.
    """
    open_records = [one for one, pair in pairs.items() if pair not in shown and pair[0] in wanted]
    return sorted({*open_records, f"{plan.locate_tables(next(iter(plan.papers)))}/record.json"})


def _is_same_job(old: Path, new: Path, record: str) -> bool:
    """Return True if both folders hold results of the job, made with the same settings: not of other runs or claims."""
    both = [folder / record for folder in (old, new)]
    return all(one.exists() for one in both) and len({format_settings_of(read_json(one)) for one in both}) == 1


def _different(old: Path, new: Path, record: str) -> Iterator[str]:
    """Yield the tables and weights of a job that are not equal in two folders, or of which one is missing."""
    for name in read_json(old / record)["outputs"]:
        if name.endswith(COMPARED) and not ((new / name).exists() and sha256(old / name) == sha256(new / name)):
            yield name


def _judged_otherwise(old: Version, new: Version, plan: Plan) -> Iterator[str]:
    """Yield the records of verdicts where the two versions judge published measurements otherwise."""
    for paper in plan.configuration.publish or {}:
        verdicts = f"{plan.locate_tables(paper)}/{JUDGED_RECORD}"
        if not Path(verdicts).exists():
            raise ReproofError(f"{verdicts}: is not here to be judged by both versions; run: make pull")
        if old.judge(plan, paper) != new.judge(plan, paper):
            yield verdicts


def _plan(scale: str) -> Plan:
    return Plan(read_configuration(read_yaml(Path("config/config.yaml")) | {"scale": scale}))


def _run(*command: str, at: Path | None = None) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=at)
    if done.returncode:
        said: Iterable[str] = (done.stderr or done.stdout).strip().splitlines()
        first = next((line for line in said if "rror" in line), " ".join(said)[:500])
        raise ReproofError(f"{' '.join(command[:4])} in {at or '.'}: {first}")
    return done.stdout


if __name__ == "__main__":
    run_command(main, "python -m workflow.vouch COMMIT [SCALE ...]")
