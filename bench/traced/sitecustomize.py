"""Put on the path of a demo run's processes: tells what each spends in reading and in writing files.

Wraps the library's own functions as their modules are imported. A call inside another counts as part of it. What was
measured is written at once, as a job ends without taking its interpreter down.
"""

import importlib.abc
import importlib.machinery
import os
import sys
import time
from functools import wraps

READING = {
    "reproof.files": ("read_json", "read_parquet", "read_tensors", "read_metadata"),
    "reproof.checkpoints": ("read_checkpoint", "read_kinds"),
    "reproof.data.dataset": ("load_dataset",),
    "reproof.records": ("verified", "sha256"),
}
WRITING = {
    "reproof.files": ("write_text", "write_json", "write_parquet", "write_tensors"),
    "reproof.checkpoints": ("write_checkpoint",),
}
TOLD = os.environ.get("REPROOF_BENCH")
IS_JOB = any(".snakemake/scripts" in word for word in sys.orig_argv)  # not one of Snakemake's own starts
depth = 0


def timed(function, what):
    @wraps(function)
    def wrapper(*args, **kwargs):
        global depth
        began, depth = time.perf_counter(), depth + 1
        try:
            return function(*args, **kwargs)
        finally:
            depth -= 1
            if not depth:
                with open(f"{TOLD}/{os.getpid()}", "a") as file:
                    file.write(f"{what} {time.perf_counter() - began:.6f}\n")

    return wrapper


class Loader(importlib.abc.Loader):
    """Loads as usual, then wraps; what imports the functions afterwards gets them wrapped."""

    def __init__(self, usual):
        self.usual = usual

    def create_module(self, spec):
        return self.usual.create_module(spec)

    def exec_module(self, module):
        self.usual.exec_module(module)
        for what, which in (("reading", READING), ("writing", WRITING)):
            for name in which.get(module.__name__, ()):
                setattr(module, name, timed(getattr(module, name), what))


class Finder(importlib.abc.MetaPathFinder):
    """Finds as usual, for the modules that are wrapped."""

    def find_spec(self, fullname, path, target=None):
        if fullname not in READING and fullname not in WRITING:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            spec.loader = Loader(spec.loader)
        return spec


if TOLD and IS_JOB:
    sys.meta_path.insert(0, Finder())
