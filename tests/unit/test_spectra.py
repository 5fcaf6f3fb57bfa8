"""Operator norms against the singular values of explicit matrices, and bounds of whole networks by hand."""

from math import cos, pi, prod, sqrt

import pytest
import torch
from torch import nn
from torch.linalg import matrix_norm as singular
from training_kit import digits, network

from reproof.networks.layers import Dropout, chain
from reproof.representations.operator_norms import (
    compute_circular_norm,
    compute_matrix_norm,
    compute_padded_bound,
    estimate_padded_norm,
)
from reproof.representations.spectra import compute_bounds
from reproof.storage.files import ReproofError


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def conv(*sizes, weight=None, **options):
    layer = nn.Conv2d(*sizes, bias=False, **options).double().requires_grad_(False)
    drawn = torch.randn(layer.weight.shape, generator=generator(), dtype=torch.float64)
    layer.weight.copy_(drawn if weight is None else torch.tensor(weight).view_as(drawn))
    return layer


def explicit(layer, size):
    """Return the matrix of a linear layer: its outputs for every image of one bright pixel."""
    channels = layer.in_channels
    basis = torch.eye(channels * prod(size), dtype=torch.float64).view(-1, channels, *size)
    return layer(basis).flatten(1).T


def test_a_matrix_lengthens_by_its_greatest_singular_value():
    assert compute_matrix_norm(torch.diag(torch.tensor([3.0, -5.0, 4.0]))) == pytest.approx(5)
    assert compute_matrix_norm(torch.ones(2, 8)) == pytest.approx(4)


def test_circular_norms_worked_by_hand():
    assert compute_circular_norm(torch.ones(1, 1, 3, 3), size=(8, 8)) == pytest.approx(9), "at frequency 0"
    checked = torch.tensor([[1.0, -1.0]]).view(1, 1, 1, 2)
    assert compute_circular_norm(checked, size=(4, 4)) == pytest.approx(2), "at half the sampling rate"
    assert compute_circular_norm(checked, size=(4, 3)) == pytest.approx(sqrt(3)), "an odd width has no such frequency"
    pixel = torch.ones(1, 1, 1, 1)
    assert compute_circular_norm(pixel, size=(4, 4), stride=(2, 2)) == pytest.approx(1), (
        "a pixel of four is kept as it is"
    )


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (1, 3), (3, 2)])
@pytest.mark.parametrize("channels", [(3, 2), (2, 5)])
def test_a_circular_norm_is_that_of_the_explicit_matrix(stride, channels):
    layer = conv(*channels, 3, stride=stride, padding=1, padding_mode="circular")
    expected = singular(explicit(layer, (6, 6)), ord=2).item()
    assert compute_circular_norm(layer.weight, size=(6, 6), stride=stride) == pytest.approx(expected)
    assert compute_padded_bound(layer, size=(6, 6)) == pytest.approx(expected)


def test_a_convolution_in_groups_has_the_norm_of_its_worst_group():
    layer = conv(4, 6, 3, padding=1, padding_mode="circular", groups=2)
    expected = singular(explicit(layer, (5, 5)), ord=2).item()
    assert compute_padded_bound(layer, size=(5, 5)) == pytest.approx(expected)


PADDED = [
    conv(2, 3, 3, padding=1),
    conv(3, 2, 3, padding=0),
    conv(2, 3, 3, padding=2),
    conv(2, 3, (4, 2), padding=(1, 0)),
    conv(2, 2, 3, padding="same", dilation=2),
    conv(3, 4, 3, stride=2, padding=1),
    conv(2, 2, 5, stride=(3, 2), padding=2),
    conv(4, 6, 3, padding=1, groups=2),
]


@pytest.mark.parametrize("layer", PADDED, ids=str)
def test_a_zero_padded_norm_is_found_by_iteration_and_below_the_circular_bound(layer):
    size = (6, 7)
    exact = singular(explicit(layer, size), ord=2).item()
    assert estimate_padded_norm(layer, size=size, generator=generator(), tolerance=1e-12) == pytest.approx(
        exact, rel=1e-5
    )
    bound = compute_padded_bound(layer, size=size)
    assert exact <= bound < 1.6 * exact


def test_the_circle_must_be_larger_than_the_image_to_bound_it():
    layer = conv(1, 1, (1, 2), padding=(0, 1), weight=[1.0, -1.0])
    exact = singular(explicit(layer, (1, 3)), ord=2).item()
    assert exact == pytest.approx(2 * cos(pi / 8)), (
        "the matrix times its transpose is tridiagonal: 2 on the diagonal, -1 next to it"
    )
    assert (
        compute_circular_norm(layer.weight, size=(1, 3))
        < exact
        <= compute_padded_bound(layer, size=(1, 3))
        == pytest.approx(2)
    )


def test_bounds_of_a_network_worked_by_hand():
    module = chain(
        ("conv", conv(1, 1, 1, weight=[3.0]).float()),
        ("norm", nn.BatchNorm2d(1, eps=0.0)),
        ("pool", nn.MaxPool2d(2)),
        ("relu", nn.ReLU()),
        ("average", nn.AvgPool2d(2)),
        ("flat", nn.Flatten()),
        ("hidden", nn.Sequential(nn.Linear(4, 2, bias=False), nn.Sigmoid())),
        ("dropout", Dropout(rate=0.5, features=2)),
    )
    module.eval().requires_grad_(False)
    module.norm.running_var.fill_(4.0)
    module.norm.weight.fill_(-10.0)
    module.hidden[0].weight.copy_(torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, 0]]))
    found = list(compute_bounds(module, input_shape=(1, 8, 8)))
    names = ["conv", "norm", "pool", "relu", "average", "flat", "hidden.0", "hidden.1", "dropout"]
    assert [one.layer for one in found] == names
    assert [one.bound for one in found] == pytest.approx([3, 5, 1, 1, 0.5, 1, 2, 0.25, 1])
    assert found[1].kind == "BatchNorm2d"


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (nn.MaxPool2d(2), 1),
        (nn.MaxPool2d(3, stride=2), 2),
        (nn.MaxPool2d(3, stride=1, padding=1), 3),
        (nn.MaxPool2d((3, 1), stride=(2, 1)), sqrt(2)),
        (nn.MaxPool2d(2, stride=1, dilation=2), 2),
        (nn.AdaptiveAvgPool2d(1), 1 / 7),
        (nn.AdaptiveAvgPool2d(7), 1),
    ],
)
def test_a_pool_lengthens_by_the_windows_that_share_a_pixel_and_no_less(pool, expected):
    (found,) = compute_bounds(pool.eval(), input_shape=(1, 7, 7))
    assert found.bound == pytest.approx(expected)
    peak = torch.zeros(1, 1, 7, 7)
    peak[0, 0, 2, 2] = 1
    peak = peak if isinstance(pool, nn.MaxPool2d) else torch.ones(1, 1, 7, 7)
    assert (pool(2 * peak) - pool(peak)).norm() / peak.norm() == pytest.approx(expected), "an image that reaches it"


@pytest.mark.parametrize("batch_norm", [False, True])
def test_no_difference_is_lengthened_by_more_than_the_product(batch_norm):
    dataset = digits(shape=(1, 8, 8))
    module = network(dataset, "conv_2", batch_norm=batch_norm)
    with torch.no_grad():
        for _ in range(3):
            module(torch.rand(16, 1, 8, 8, generator=generator()))
    module.eval().requires_grad_(False)
    one = torch.rand(32, 1, 8, 8, generator=generator())
    least = one + 0.01 * torch.randn(one.shape, generator=generator(1))
    for step in compute_bounds(module, input_shape=(1, 8, 8)):
        layer, before = module.get_submodule(step.layer), (one - least).flatten(1).norm(dim=1)
        one, least = layer(one), layer(least)
        assert ((one - least).flatten(1).norm(dim=1) <= step.bound * before * (1 + 1e-5)).all(), step


class Residual(nn.Module):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(Residual()), "no bound is known for layer '0' of type Residual"),
        (nn.ReLU(), "the network is in training mode; bounds hold in eval mode, call eval() first"),
        (nn.AvgPool2d(3, stride=2), "average pooling has a bound here only for whole windows that do not overlap"),
        (nn.AdaptiveAvgPool2d(3), "average pooling of (7, 7) to (3, 3) has windows that overlap"),
        (
            nn.BatchNorm2d(1, track_running_stats=False),
            "batch norm without running statistics depends on the batch; it has no bound",
        ),
        (
            nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"),
            "padding with 'reflect' has no known norm; use zeros or circular",
        ),
        (
            nn.Conv2d(1, 1, 3, padding_mode="circular"),
            "circular padding must be half the kernel, so that the layer keeps the size",
        ),
        (
            nn.Conv2d(1, 1, 3, padding=1, stride=2, padding_mode="circular"),
            "stride 2x2 does not divide 7x7; on a circle it must",
        ),
    ],
)
def test_what_has_no_bound_is_refused(module, message):
    module.train("training mode" in message)
    with pytest.raises(ReproofError) as error:
        list(compute_bounds(module, input_shape=(1, 7, 7)))
    assert str(error.value) == f"spectra: {message}"


def test_a_kernel_beyond_the_image_is_refused():
    with pytest.raises(ReproofError, match=r"^spectra: a kernel of 5x5 does not fit an image of 4x4$"):
        compute_circular_norm(torch.ones(1, 1, 5, 5), size=(4, 4))
