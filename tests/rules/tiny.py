"""A tiny data set and jobs on it: the real library functions on real files, in a second."""

import json

import numpy as np

from reproof.data.content import Content, write_content
from reproof.operations.common.subject import Subject, measure
from reproof.operations.common.training_job import Job
from reproof.storage.files import read_parquet

WIDTH = 0.1  # 30 and 10 hidden units
RUN = {
    "dataset": {"name": "tiny", "validation": 20},
    "network": {"name": "lenet_300_100", "width": WIDTH},
    "initialisation": {"scheme": "glorot_normal"},
    "training": {"optimizer": "adam", "lr": 0.01, "batch": 20, "steps": 12, "validate_every": 4, "test_every": 4},
    "seeds": [0, 1],
}
SHARE = {"fc": 0.2, "output": 0.1}


def write_data(path):
    """120 training and 40 test images of 6x6 pixels in four classes, given by the brightest quarter."""
    chance = np.random.default_rng(0)
    labels = chance.integers(0, 4, 160)
    images = chance.integers(0, 100, (160, 1, 6, 6), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(label, 2)
        image[0, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3] += 120
    parts = {"train_labels": labels[:120], "test_labels": labels[120:]}
    pictures = {"train_images": [images[:120]], "test_images": [images[120:]]}
    write_content(path, "tiny", Content("Tiny", tuple("abcd"), (1, 6, 6), **parts, **pictures))


class Folder:
    """Where a test's jobs read and write."""

    def __init__(self, path):
        self.path = path
        write_data(path / "data.safetensors")

    def __call__(self, name):
        return str(self.path / name)

    def job(self, name="job", **asked):
        """Return a training job; nested settings are changed by mappings."""
        settings = {key: value | asked.get(key, {}) if isinstance(value, dict) else value for key, value in RUN.items()}
        settings |= {key: value for key, value in asked.items() if not isinstance(value, dict) or key not in RUN}
        return Job(self("data.safetensors"), json.dumps(settings, sort_keys=True), "code", self(f"{name}.state"))

    def measured(self, operation, *, name="measured", asked=None, **options):
        """The table of one operation on the dense block, with these options."""
        job = self.job(options=options, **{"levels": [0]} | (asked or {}))
        measure(operation, Subject(job, self("dense.safetensors")), self(f"{name}.parquet"))
        return read_parquet(self(f"{name}.parquet"))
