"""Measure the peak memory of a full-MNIST LeNet job in its own process, and that of importing torch."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.rows import Row

JOB = """
import sys
from reproof.pipeline.train_dense import train_dense
from reproof.operations.common.training_job import Job
data, settings, folder = sys.argv[1:]
job = Job(data, settings, "", f"{folder}/state")
train_dense(job, checkpoint=f"{folder}/c.safetensors", curves=f"{folder}/c.parquet")
"""
SETTINGS = {
    "dataset": {"name": "noise", "validation": 5000},
    "network": {"name": "lenet_300_100"},
    "initialisation": {"scheme": "glorot_normal"},
    # Enough steps for the compiled backend, which a whole training uses.
    "training": {"optimizer": "adam", "lr": 1.2e-3, "batch": 60, "steps": 4000},
    "seeds": [0, 1, 2],
    # As in a run of the paper: the initial weights are kept for the tickets.
    "snapshots": [0],
}


def measure() -> Iterator[Row]:
    """Yield peak memories in GB."""
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/data.safetensors"
        measure_peak("import bench.memory; bench.memory.write_digits(__import__('sys').argv[1])", data)
        # Each measurement has a process of its own: a peak never falls within one.
        peak = measure_peak(JOB, data, json.dumps(SETTINGS), folder)
        yield Row("peak memory of a full-MNIST LeNet job, 3 seeds", peak, "GB, at most 1.5")
    yield Row("peak memory of a process that imports torch", measure_peak("import torch"), "GB")


def write_digits(path: str) -> None:
    """Write a data set of 60,000 + 10,000 random images, uint8 [N, 1, 28, 28], to the file `path`."""
    import numpy as np  # noqa: PLC0415

    from reproof.storage.files import write_tensors  # noqa: PLC0415

    chance = np.random.default_rng(0)
    tensors = {}
    for split, count in (("train", 60_000), ("test", 10_000)):
        tensors[f"{split}_images"] = chance.integers(0, 256, (count, 1, 28, 28), dtype=np.uint8)
        tensors[f"{split}_labels"] = chance.integers(0, 10, count)
    about = {
        "name": "noise",
        "label": "noise",
        "classes": json.dumps(list("0123456789")),
        "mean": "[0.5]",
        "std": "[0.3]",
    }
    write_tensors(path, tensors, about)


PRINT_PEAK = """
import re, resource, sys
from pathlib import Path
status = Path("/proc/self/status")
if status.exists():  # getrusage would include the parent process up to the fork
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def measure_peak(code: str, *arguments: str) -> float:
    """Return the peak resident memory, in GB, of a Python process that runs `code`."""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code + PRINT_PEAK, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[-1]) / 1e9
