"""Put on the path of a demo run's processes: tells what each spends, in seconds, for `bench.demo` to add up.

Of a job: importing, reading and writing, by the clock. Imports are seen as they are asked for, files as the library's
own functions are called, wrapped when their modules are imported; a call inside another counts as part of it. It is
written at once, as a job ends without taking its interpreter down. Of Snakemake: its processor time, at its end.
"""

import atexit
import builtins
import importlib.abc
import importlib.machinery
import os
import sys
import time
from functools import wraps

READING = {
    "reproof.storage.files": ("read_json", "read_parquet", "read_tensors", "read_metadata"),
    "reproof.storage.checkpoints": ("read_checkpoint", "read_kinds"),
    "reproof.data.dataset": ("load_dataset",),
    "reproof.provenance.records": ("verified", "sha256"),
}
WRITING = {
    "reproof.storage.files": ("write_text", "write_json", "write_parquet", "write_tensors"),
    "reproof.storage.checkpoints": ("write_checkpoint",),
}
TOLD = os.environ.get("REPROOF_BENCH")
IS_JOB = any(".snakemake/scripts" in word for word in sys.orig_argv)
IS_SNAKEMAKE = any(os.path.basename(word) == "snakemake" for word in sys.orig_argv)
LEAST = 1e-4  # of a module that is there already there is nothing to tell
depth = 0


def tell(what, seconds):
    with open(f"{TOLD}/{os.getpid()}", "a") as file:
        file.write(f"{what} {seconds:.6f}\n")


def timed(function, what, least=0.0):
    @wraps(function)
    def wrapper(*args, **kwargs):
        global depth
        began, depth = time.perf_counter(), depth + 1
        try:
            return function(*args, **kwargs)
        finally:
            depth -= 1
            if not depth and (seconds := time.perf_counter() - began) > least:
                tell(what, seconds)

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
    builtins.__import__ = timed(builtins.__import__, "importing", LEAST)
elif TOLD and IS_SNAKEMAKE:
    atexit.register(lambda: tell("snakemake", time.process_time()))
