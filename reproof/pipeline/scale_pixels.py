"""Derive a data set whose pixels the trainer does not standardise, for papers that do not."""

import json

from reproof.storage.files import read_tensors, write_tensors
from reproof.storage.reading import guard_reading

LABELS = {"unit": "pixels in [0, 1]", "unit_norm": "each image of norm 1"}


def scale_pixels(*, settings: str, data: str, scaled: str) -> str:
    """Write the data set at `data` to `scaled` with another normalisation; return its label.

    `settings` is a line of JSON; its `pixels` is "unit" (the default: the byte over 255) or "unit_norm" (each image
    over its Euclidean norm, as the released code of the lottery ticket has it). Images (uint8), labels and name are
    unchanged. The name seeds the draw of the validation examples, so the split is that of the original data set.
    """
    pixels = json.loads(settings).get("pixels", "unit")
    tensors, metadata = read_tensors(data)
    with guard_reading(data):
        channels = tensors["train_images"].shape[1]
        about = {"label": f"{metadata['label']}, {LABELS[pixels]}"}
    about |= {"mean": json.dumps([0.0] * channels), "std": json.dumps([1.0] * channels)}
    about |= {"pixels": pixels} if pixels != "unit" else {}
    write_tensors(scaled, tensors, metadata | about)
    return about["label"]
