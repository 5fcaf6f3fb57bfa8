"""Derive a data set with pixels in [0, 1], which the trainer does not standardise, for papers that do not."""

import json

from reproof.storage.files import read_tensors, write_tensors
from reproof.storage.reading import guard_reading


def scale_pixels(*, data: str, scaled: str) -> str:
    """Write the data set at `data` to `scaled` with mean 0 and deviation 1 for the normalisation; return its label.

    Images (uint8), labels and name are unchanged. The name seeds the draw of the validation examples, so the split is
    that of the original data set.
    """
    tensors, metadata = read_tensors(data)
    with guard_reading(data):
        channels = tensors["train_images"].shape[1]
        label = f"{metadata['label']}, pixels in [0, 1]"
    about = {"label": label, "mean": json.dumps([0.0] * channels), "std": json.dumps([1.0] * channels)}
    write_tensors(scaled, tensors, metadata | about)
    return label
