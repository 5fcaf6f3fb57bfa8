"""The rule `scale_pixels` on a tiny data set."""

import torch

from reproof.data.dataset import load_dataset
from reproof.pipeline.scale_pixels import scale_pixels


def test_pixels_are_divided_by_255_and_nothing_else_changes(folder):
    assert scale_pixels(data=folder("data.safetensors"), scaled=folder("unit.safetensors")) == "Tiny, pixels in [0, 1]"
    before, after = (load_dataset(folder(f"{name}.safetensors"), validation=20) for name in ("data", "unit"))
    for split in ("train", "validation", "test"):
        one, other = getattr(before, split), getattr(after, split)
        assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
    images = after.test.images
    assert torch.equal(after.normalise(images), images.float() * (1 / 255))
    assert after.label == "Tiny, pixels in [0, 1]" and after.name == before.name
    assert not torch.equal(before.normalise(images), after.normalise(images))
