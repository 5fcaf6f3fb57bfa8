"""The rule `scale_pixels` on a tiny data set."""

import torch

from reproof.data.dataset import load_dataset
from reproof.pipeline.scale_pixels import scale_pixels


def test_pixels_are_divided_by_255_and_nothing_else_changes(folder):
    paths = {"data": folder("data.safetensors"), "scaled": folder("unit.safetensors")}
    assert scale_pixels(settings='{"name":"tiny"}', **paths) == "Tiny, pixels in [0, 1]"
    before, after = (load_dataset(path, validation=20) for path in paths.values())
    check_bytes_are_equal(before, after)
    images = after.test.images
    assert torch.equal(after.normalise(images), images.float() * (1 / 255))
    assert after.label == "Tiny, pixels in [0, 1]" and after.name == before.name
    assert not torch.equal(before.normalise(images), after.normalise(images))


def test_each_image_is_divided_by_its_norm(folder):
    paths = {"data": folder("data.safetensors"), "scaled": folder("norm.safetensors")}
    assert scale_pixels(settings='{"name":"tiny","pixels":"unit_norm"}', **paths) == "Tiny, each image of norm 1"
    before, after = (load_dataset(path, validation=20) for path in paths.values())
    check_bytes_are_equal(before, after)
    images = after.test.images
    inputs = after.normalise(images)
    expected = torch.nn.functional.normalize(images.double().flatten(1)).reshape(inputs.shape)
    torch.testing.assert_close(inputs.double(), expected, rtol=1e-6, atol=1e-8)
    assert torch.equal(inputs == 0, images == 0), "blank pixels stay 0"


def check_bytes_are_equal(before, after):
    for split in ("train", "validation", "test"):
        one, other = getattr(before, split), getattr(after, split)
        assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
