"""A copy of the repository in a folder of its own: tests never run Snakemake in the repository itself."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SMOKE_FIGURES = 6  # of the first paper at smoke scale
LIMIT_S = 1200  # of one command: a smoke run takes half a minute on an idle machine
# Left out of copies, which would otherwise start from published results.
PUBLISHED = ("dvcstore/", "dvc.yaml", "dvc.lock")


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote to both its streams."""

    code: int
    text: str

    def line(self, start):
        """Return the one line that starts so."""
        (line,) = [line for line in self.text.splitlines() if line.startswith(start)]
        return line

    def check(self):
        """Raise AssertionError with the text unless the command succeeded."""
        assert self.code == 0, self.text


@dataclass(frozen=True)
class Workspace:
    """A folder with everything that git tracks or would track, but what was published."""

    folder: Path

    @classmethod
    def of_repository(cls, folder):
        """Copy the repository as it is now, uncommitted changes included, with its modification times."""
        command = ["git", "ls-files", "-coz", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, listed):
            if (ROOT / name).is_file() and not name.startswith(PUBLISHED):  # a deleted file may still be tracked
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                # `copy2` keeps modification times: without its memory, Snakemake goes by them.
                shutil.copy2(ROOT / name, folder / name)
        return cls(folder)

    def copy(self, folder):
        """Return a copy with results and Snakemake's memory of them, modification times kept."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workspace(folder)

    def of_papers(self, *papers):
        """Let the folder ask for these papers only, and its scales know of no other; return it."""
        config = self / "config/config.yaml"
        text, count = re.subn(r"^papers: \[.*\]", f"papers: [{', '.join(papers)}]", config.read_text(), flags=re.M)
        assert count == 1, "config/config.yaml names its papers on one line"
        config.write_text(text)
        others = {path.stem for path in (self / "config/papers").glob("*.yaml")} - set(papers)
        for scale in (self / "config/scales").glob("*.yaml"):
            scale.write_text(_without(scale.read_text(), others))
        return self

    @staticmethod
    def at(folder):
        """Return the workspace that lies in a folder."""
        return Workspace(folder)

    def __truediv__(self, name):
        return self.folder / name

    def edit(self, name, old, new):
        """Replace the one place in a file that says `old`."""
        text = (self / name).read_text()
        assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
        (self / name).write_text(text.replace(old, new))

    def python(self, *arguments):
        """Run this Python in the folder."""
        return self._run([sys.executable, *arguments])

    def commit(self, message):
        """Commit everything that git does not ignore, in a repository of the folder's own."""
        who = "-c user.name=test -c user.email=test@localhost"
        self.shell(f"git init -q && git add -A && git {who} commit -q --allow-empty -m '{message}'").check()

    def clone(self, folder):
        """Return a clone of what was committed, with what was published pulled."""
        self.shell(f"git clone -q . {folder} && cd {folder} && dvc pull -q").check()
        return Workspace(folder)

    def shell(self, command):
        """Run a command as a user would type it."""
        return self._run(["bash", "-c", command])

    def typed(self, command):
        """Run a command as a user would type it, the configuration as it is."""
        return self._run(["bash", "-c", command])

    def snakemake(self, *arguments, scale="smoke", code=0):
        """Run Snakemake in the folder; it must end with this exit code."""
        ran = self._run([sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--config", f"scale={scale}"])
        assert ran.code == code, f"exit code {ran.code}, not {code}:\n{ran.text}"
        return ran

    def planned(self, *targets, scale="smoke"):
        """Return {rule: number of jobs} that Snakemake would run for these targets, or for the default one."""
        text = self.snakemake("-n", *targets, scale=scale).text
        # Snakemake prints no table then.
        if "Nothing to be done" in text:
            return {}
        table = text.rpartition("Job stats:")[2].partition("\ntotal ")[0]
        return {rule: int(count) for rule, count in re.findall(r"^(\w+)\s+(\d+)$", table, flags=re.MULTILINE)}

    def find(self, pattern):
        """Return the relative paths of the files under results/ that match, sorted."""
        return sorted(path.relative_to(self.folder) for path in (self / "results").rglob(pattern))

    def _run(self, command):
        paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        # The commands of this environment first. One thread, because the default would let jobs slow each other down.
        settings = os.environ | {"PATH": paths, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, cwd=self.folder, env=settings, text=True, timeout=LIMIT_S, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout)


def show_table(request, heading, columns, rows):
    """Print {name: cells} on the terminal, whether or not the tests pass: for people to read."""
    if not rows:
        return
    width = max(map(len, [heading, *rows])) + 2
    wide = [max(len(str(cell)) for cell in column) for column in zip(columns, *rows.values(), strict=True)]
    report, capture = map(request.config.pluginmanager.getplugin, ("terminalreporter", "capturemanager"))
    # pytest shows captured output only for tests that fail.
    with capture.global_and_fixture_disabled():
        for name, cells in {heading: columns, **rows}.items():
            told = "  ".join(f"{cell!s:{size}s}" for cell, size in zip(cells, wide, strict=True))
            report.write_line(f"\n{name:{width}s}{told}" if name == heading else f"{name:{width}s}{told}")


def _without(text, papers):
    """Return the text of a scale without its patches of these papers, and without publishing them."""
    for paper in papers:
        # By text and not by YAML, which would drop comments and change the order of keys.
        text = re.sub(rf"^  {paper}:.*\n(?:(?:    .*)?\n)*", "", text, flags=re.M)
        text = re.sub(rf"(, )?\b{paper}: \[[^]]*\](?(1)|(, )?)", "", text)
    return text
