"""Killing a run: its processes are known by a mark in their environment, which orphans keep as well."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "REPROOF_KILLED"
VICTIMS = ("snakemake", "a job", "everything")
RESUME = ["make", "--no-print-directory", "resume", "ARGS=--config scale=smoke"]


@dataclass
class Run:
    """A command in a workspace, of which some or all processes are to be killed."""

    workspace: object
    process: subprocess.Popen
    token: str

    @classmethod
    def start(cls, workspace, *, target="results/figures/all"):
        """Type what a user would after a kill; the first time, it starts from nothing."""
        token = os.urandom(8).hex()
        paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        settings = os.environ | {MARK: token, "PATH": paths, "OMP_NUM_THREADS": "1"}
        with (workspace / "out").open("a") as out:
            process = subprocess.Popen(
                [*RESUME, f"TARGET={target}"], cwd=workspace.folder, env=settings, stdout=out, stderr=out
            )
        return cls(workspace, process, token)

    def processes(self):
        """Return what is alive of this run, orphans as well."""
        return [one for one in psutil.process_iter() if _is_alive(one) and _mark(one) == self.token]

    def snakemake(self):
        """Return the Snakemake that runs jobs, once it is there (the one before only unlocks)."""
        return [one for one in self.processes() if {"snakemake", "--cores"} <= _words(one) and not _rule(one)]

    def jobs(self):
        return [one for one in self.processes() if _rule(one)]

    def running(self):
        """Return the rules of the jobs that are at work."""
        return sorted(map(_rule, self.jobs()))

    def kill(self, victim):
        """Send SIGKILL; return whether anything was there to be killed."""
        found = {"snakemake": self.snakemake, "a job": self.jobs, "everything": self.processes}[victim]()
        # SIGKILL: no handler runs, as when the kernel runs out of memory or the power fails.
        for one in found[-1:] if victim == "a job" else found:
            one.send_signal(signal.SIGKILL)
        return bool(found)

    def has_ended(self):
        return self.process.poll() is not None

    def ended(self, limit_s=1200):
        """Wait for the command to end; return its exit code."""
        return self.process.wait(timeout=limit_s)

    def leaves_nobody_writing(self):
        """No process of a killed run is alive, and no result changes any more."""
        until(lambda: not self.processes(), limit_s=5)
        # Twice, half a second apart: a process that is not known by its mark would show by what it writes.
        before = stamps(self.workspace)
        time.sleep(0.5)
        return stamps(self.workspace) == before


def until(condition, limit_s=600):
    """Wait for a condition, and return its value."""
    began = time.monotonic()
    while not (value := condition()):
        assert time.monotonic() - began < limit_s
        time.sleep(0.02)
    return value


def stamps(workspace):
    """Return time and size of every file under results/, half-written ones as well."""
    files = [path for path in (workspace / "results").rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def _is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _mark(process):
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None


def _words(process):
    try:
        return {Path(word).name for word in process.cmdline()}
    except psutil.Error:
        return set()


def _rule(process):
    """Return the rule whose script the process runs, or nothing."""
    found = [re.fullmatch(r"tmp\w+\.(\w+)\.py", word) for word in _words(process)]
    return next((match[1] for match in found if match), None)
