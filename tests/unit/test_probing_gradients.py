"""Gradients of layers, their rank correlation, and what freezing saves, on numbers worked by hand."""

from math import sqrt

import pytest
import torch

from reproof.networks import build, initialise
from reproof.probing.freezing import freeze_parameters
from reproof.probing.gradients import compute_gradient_norms, compute_rank_correlation, compute_saved_share
from reproof.probing.layers import collect_names, list_layers


def test_norms_by_hand():
    """One unit each: h = relu(2x + 1) = 7 and y = 3h - 1 = 20 at x = 3; the loss is y."""
    module = build("fc", input_shape=(1, 1, 1), classes=1, depth=1, units=1)
    values = {"fc_1.weight": [[2.0]], "fc_1.bias": [1.0], "output.weight": [[3.0]], "output.bias": [-1.0]}
    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    norms = compute_gradient_norms(module, module(torch.full((1, 1, 1, 1), 3.0)).sum())
    # The slopes are 3 x 3 and 3 for the hidden unit, 7 and 1 for the output.
    assert norms == pytest.approx({"fc_1": sqrt((81 + 9) / 2), "output": sqrt((49 + 1) / 2)})


def test_a_block_is_one_layer_and_all_squares_are_counted_once():
    module = build("resnet_8", input_shape=(1, 8, 8), classes=3, width=1 / 8)
    initialise(module, scheme="kaiming_normal", generator=torch.Generator().manual_seed(0))
    loss = module(torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))).square().sum()
    norms = compute_gradient_norms(module, loss)
    assert list(norms) == list(list_layers(module))
    loss = module(torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))).square().sum()
    loss.backward()
    sizes = {
        layer: sum(module.get_parameter(n).numel() for n in names if n in dict(module.named_parameters()))
        for layer, names in list_layers(module).items()
    }
    total = sum(float(one.grad.double().square().sum()) for one in module.parameters())
    assert sum(norms[layer] ** 2 * sizes[layer] for layer in norms) == pytest.approx(total, rel=1e-4)


def test_the_correlation_by_hand():
    norms = {"a": 3.0, "b": 2.0, "c": 1.0, "d": 0.5}
    assert compute_rank_correlation(norms, {"a": 9, "b": 4, "c": 3, "d": 1}) == pytest.approx(1)
    # Ranks 4 3 2 1 and 1 4 2 3: squared differences 9 + 1 + 0 + 4; 1 - 6 x 14 / (4 x 15).
    assert compute_rank_correlation(norms, {"a": 1, "b": 9, "c": 2, "d": 3}) == pytest.approx(-0.4)
    assert compute_rank_correlation(norms, dict.fromkeys(norms, 1.0)) is None
    assert compute_rank_correlation({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}) is None


@pytest.mark.parametrize(
    ("frozen", "saved"),
    [
        ([], 0),
        (["fc_1"], 1024 + 256),  # its weights, and the inputs of fc_2, which is now the first that is trained
        (["output"], 64),
        (["fc_2", "output"], 256 + 64),
        (["fc_1", "fc_2"], 1024 + 256 + 256 + 64),
        (["fc_1", "fc_2", "output"], 1024 + 2 * 256 + 2 * 64),  # outputs alone are left
    ],
)
def test_what_freezing_saves_by_hand(frozen, saved):
    """64 pixels, 16, 16 and 4 outputs - hence 1,024, 256 and 64 products, with 3 of each but 2 of the first."""
    module = build("fc", input_shape=(1, 8, 8), classes=4, depth=2, units=16)
    names = collect_names(list_layers(module), frozen)
    assert compute_saved_share(module, (1, 8, 8), names) == pytest.approx(saved / (2 * 1024 + 3 * 256 + 3 * 64))


@pytest.mark.parametrize(("frozen", "needed"), [([], [False, True, True]), (["fc_1"], [False, False, True])])
def test_autograd_computes_what_is_counted(frozen, needed):
    """No gradient is asked for below the first layer that is trained."""
    module = build("fc", input_shape=(1, 8, 8), classes=4, depth=2, units=16)
    freeze_parameters(module, collect_names(list_layers(module), frozen) if frozen else set())
    seen = []
    for layer in ("fc_1", "fc_2", "output"):
        module.get_submodule(layer).register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].requires_grad))
    module(torch.rand(2, 1, 8, 8))
    assert seen == needed


def test_convolutions_count_each_pixel():
    """A 3x3 filter on 4x4 pixels of one channel has 9 x 16 products, the output layer one a channel."""
    module = build("vgg_11", input_shape=(1, 16, 16), classes=2, width=1 / 64, batch_norm=False)
    every = collect_names(list_layers(module), list_layers(module))
    first = {name for name in every if name.startswith("conv_1.")}
    # Channels 1, 2, 4, 4, 8, 8, 8, 8 on sides 16, 8, 4, 4, 2, 2, 1, 1.
    products = [9 * 256, 9 * 2 * 64, 9 * 8 * 16, 9 * 16 * 16, 9 * 32 * 4, 9 * 64 * 4, 9 * 64, 9 * 64, 16]
    whole = 3 * sum(products) - products[0]
    assert compute_saved_share(module, (1, 16, 16), first) == pytest.approx((products[0] + products[1]) / whole)
