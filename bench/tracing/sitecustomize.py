"""Write the seconds that each process of a demo run spends on importing, reading and writing, for `bench.demo`.

Python imports this module at startup because `bench.demo` puts its folder on PYTHONPATH. In a job it wraps `__import__`
and the library's functions for files, and measures wall time; a nested call counts as part of the outer one. Each span
is written at once, because a job ends without shutting its interpreter down. For Snakemake it writes the processor time
at exit.
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
    "reproof.provenance.records": ("verify_inputs", "sha256"),
}
WRITING = {
    "reproof.storage.files": ("write_text", "write_json", "write_parquet", "write_tensors"),
    "reproof.storage.checkpoints": ("write_checkpoint",),
}
FOLDER = os.environ.get("REPROOF_BENCH")
IS_JOB = any(".snakemake/scripts" in word for word in sys.orig_argv)
IS_SNAKEMAKE = any(os.path.basename(word) == "snakemake" for word in sys.orig_argv)
LEAST = 1e-4  # seconds; an import of a loaded module is shorter and not worth a line
depth = 0


def write_span(what, seconds):
    """Append one line, activity and seconds, to the file of this process."""
    with open(f"{FOLDER}/{os.getpid()}", "a") as file:
        file.write(f"{what} {seconds:.6f}\n")


def wrap(function, what, least=0.0):
    """Return the function wrapped so that it writes the seconds of each outermost call that takes more than `least`."""

    @wraps(function)
    def wrapper(*args, **kwargs):
        global depth
        began, depth = time.perf_counter(), depth + 1
        try:
            return function(*args, **kwargs)
        finally:
            # Only the outermost call is written: nested ones are a part of it.
            depth -= 1
            if not depth and (seconds := time.perf_counter() - began) > least:
                write_span(what, seconds)

    return wrapper


class Loader(importlib.abc.Loader):
    """Load a module as usual, then wrap its functions before any other module can import them."""

    def __init__(self, usual):
        self.usual = usual

    def create_module(self, spec):
        return self.usual.create_module(spec)

    def exec_module(self, module):
        self.usual.exec_module(module)
        for what, which in (("reading", READING), ("writing", WRITING)):
            for name in which.get(module.__name__, ()):
                setattr(module, name, wrap(getattr(module, name), what))


class Finder(importlib.abc.MetaPathFinder):
    """Find the modules to wrap as usual, and give them a `Loader`."""

    def find_spec(self, fullname, path, target=None):
        if fullname not in READING and fullname not in WRITING:
            return None
        # The usual finder, asked directly: asking `importlib` would come back here.
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            spec.loader = Loader(spec.loader)
        return spec


# Other processes inherit the environment as well and must stay untouched.
if FOLDER and IS_JOB:
    sys.meta_path.insert(0, Finder())
    builtins.__import__ = wrap(builtins.__import__, "importing", LEAST)
elif FOLDER and IS_SNAKEMAKE:
    # Snakemake ends in order, unlike a job, so that its time can be written at exit.
    atexit.register(lambda: write_span("snakemake", time.process_time()))
