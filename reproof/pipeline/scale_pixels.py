"""Make of a data set one whose images the trainer leaves at pixels / 255, for papers that do not standardise."""

import json

from reproof.storage.files import read_tensors, write_tensors


def scale_pixels(*, data: str, scaled: str) -> str:
    """Write the data set at `data` with mean 0 and deviation 1 as what normalising subtracts and divides by.

    Images and labels, and the name that seeds the draw of the validation examples, stay as they are: the split is that
    of the data set itself. Return the label.
    """
    tensors, metadata = read_tensors(data)
    channels = tensors["train_images"].shape[1]
    label = f"{metadata['label']}, pixels in [0, 1]"
    about = {"label": label, "mean": json.dumps([0.0] * channels), "std": json.dumps([1.0] * channels)}
    write_tensors(scaled, tensors, metadata | about)
    return label
