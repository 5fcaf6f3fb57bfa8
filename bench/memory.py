"""Peak memory of a full-MNIST LeNet job, measured in a process of its own, beside that of importing torch."""

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
    # Enough steps to be compiled, as a whole training is.
    "training": {"optimizer": "adam", "lr": 1.2e-3, "batch": 60, "steps": 4000},
    "seeds": [0, 1, 2],
    "snapshots": [0],
}


def measure() -> Iterator[Row]:
    """Yield rows."""
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/data.safetensors"
        _run("import bench.memory; bench.memory.write_digits(__import__('sys').argv[1])", data)
        peak = _run(JOB, data, json.dumps(SETTINGS), folder)
        yield Row("peak memory of a full-MNIST LeNet job, 3 seeds", peak, "GB, at most 1.5")
    yield Row("of which importing torch", _run("import torch"), "GB")


def write_digits(path: str) -> None:
    """Write 60,000 + 10,000 random images in the shape of MNIST as a data set."""
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


TELL = """
import re, resource, sys
from pathlib import Path
status = Path("/proc/self/status")
if status.exists():  # what getrusage tells counts the process that started this one, up to there
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def _run(code: str, *arguments: str) -> float:
    """Return the peak resident memory, in GB, of a Python process that runs `code`."""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code + TELL, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[-1]) / 1e9
