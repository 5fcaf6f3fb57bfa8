"""Parts of networks: initial weights, dropout, layouts, and the messages for mistakes."""

from math import sqrt

import pytest
import torch
from scipy import stats

from reproof.networks import (
    Dropout,
    build,
    choose_memory_format,
    compute_initial_deviation,
    find_dropouts,
    initialise,
    list_prunable,
)
from reproof.storage.files import ReproofError

GREY = (1, 28, 28)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def weights(name: str, *, scheme: str = "glorot_normal", seed: int = 0, scale: str = "one", **options):
    """Return the whole state of a network after `initialise`."""
    module = build(name, input_shape=GREY, classes=10, **options)
    initialise(module, scheme=scheme, generator=generator(seed), batch_norm_scale=scale)
    return module.state_dict()


def same(first, second) -> set[str]:
    """Return the names under which two states hold the same bits."""
    return {name for name in first if torch.equal(first[name], second[name])}


def test_deviations_by_hand():
    lenet = build("lenet_300_100", input_shape=GREY, classes=10)
    assert compute_initial_deviation(lenet, scheme="glorot_normal") == pytest.approx(
        {"fc_1.weight": sqrt(2 / 1084), "fc_2.weight": sqrt(2 / 400), "output.weight": sqrt(2 / 110)}
    )
    resnet = compute_initial_deviation(build("resnet_8", input_shape=GREY, classes=10), scheme="kaiming_normal")
    assert resnet["conv.weight"] == pytest.approx(sqrt(2 / 9))
    assert resnet["blocks.stage_2_block_1.conv_1.weight"] == pytest.approx(sqrt(2 / (9 * 16)))
    assert resnet["blocks.stage_2_block_1.shortcut.conv.weight"] == pytest.approx(sqrt(2 / 16))
    glorot = compute_initial_deviation(build("conv_2", input_shape=GREY, classes=10), scheme="glorot_normal")
    assert glorot["conv_2.weight"] == pytest.approx(sqrt(2 / (9 * 64 + 9 * 64)))


# The fourth moment at a deviation of 1: 3 of a normal, 9/5 of a uniform distribution. Cut at 2, a normal distribution
# has the second moment 1 - 4 f / z and the fourth 3 - 28 f / z, of its density f at 2 and its share z inside.
INSIDE = 4 * (stats.norm.pdf(2) / (1 - 2 * stats.norm.sf(2)))
KURTOSES = {"glorot_normal": 3, "kaiming_normal": 3, "glorot_uniform": 9 / 5}
KURTOSES["glorot_truncated"] = (3 - 7 * INSIDE) / (1 - INSIDE) ** 2


@pytest.mark.parametrize("scheme", KURTOSES)
@pytest.mark.parametrize("name", ["lenet_300_100", "resnet_8"])
def test_weights_have_the_moments_of_their_distribution_with_the_stated_deviation(name, scheme):
    module = build(name, input_shape=GREY, classes=10)
    initialise(module, scheme=scheme, generator=generator())
    for weight, deviation in compute_initial_deviation(module, scheme=scheme).items():
        values = module.get_parameter(weight).detach().double() / deviation
        spread = 4 / sqrt(values.numel())  # four standard errors
        assert values.mean().item() == pytest.approx(0, abs=spread)
        assert values.square().mean().item() == pytest.approx(1, abs=spread * sqrt(2))
        assert values.pow(4).mean().item() == pytest.approx(KURTOSES[scheme], abs=spread * sqrt(96))


def test_truncated_weights_have_the_distribution_of_a_normal_cut_at_two_deviations():
    """Drawn as TensorFlow does: what is beyond is drawn again, and the deviation is Glorot's after the cut."""
    module = build("lenet_300_100", input_shape=GREY, classes=10)
    initialise(module, scheme="glorot_truncated", generator=generator())
    values = module.get_parameter("fc_1.weight").detach().double().flatten() / sqrt(2 / 1084)
    assert values.abs().max().item() == pytest.approx(2 / stats.truncnorm.std(-2, 2), abs=1e-3)
    scaled = values.numpy() * stats.truncnorm.std(-2, 2)
    assert stats.kstest(scaled, stats.truncnorm(-2, 2).cdf).pvalue > 0.01
    assert stats.kstest(scaled, stats.norm.cdf).pvalue < 1e-10, "the test would not see an uncut distribution"


def test_uniform_weights_are_pytorchs():
    module = build("lenet_300_100", input_shape=GREY, classes=10)
    initialise(module, scheme="glorot_uniform", generator=generator())
    fresh = generator()
    for weight in list_prunable(module):
        expected = torch.nn.init.xavier_uniform_(torch.empty_like(module.get_parameter(weight)), generator=fresh)
        torch.testing.assert_close(module.get_parameter(weight).detach(), expected, rtol=1e-5, atol=1e-7)


def test_schemes_are_pytorchs():
    module = build("conv_2", input_shape=GREY, classes=10, width=0.125)
    for scheme, theirs in [
        ("glorot_normal", torch.nn.init.xavier_normal_),
        ("kaiming_normal", torch.nn.init.kaiming_normal_),
    ]:
        initialise(module, scheme=scheme, generator=generator())
        fresh, options = generator(), {} if scheme == "glorot_normal" else {"nonlinearity": "relu"}
        for weight in list_prunable(module):
            expected = theirs(torch.empty_like(module.get_parameter(weight)), generator=fresh, **options)
            torch.testing.assert_close(module.get_parameter(weight).detach(), expected)


def test_the_same_generator_gives_the_same_bits_and_another_does_not():
    first, again, other = weights("resnet_8"), weights("resnet_8"), weights("resnet_8", seed=1)
    drawn = {name for name in first if first[name].ndim > 1}
    assert same(first, again) == set(first)
    assert same(first, other) == set(first) - drawn


def test_the_memory_format_does_not_change_the_bits():
    module = build("resnet_8", input_shape=GREY, classes=10).to(memory_format=torch.channels_last)
    initialise(module, scheme="glorot_normal", generator=generator())
    assert same(module.state_dict(), weights("resnet_8")) == set(module.state_dict())


def test_everything_but_the_weights_starts_at_its_neutral_value():
    module = build("resnet_8", input_shape=GREY, classes=10, width=0.5)
    module(torch.randn(4, *GREY, generator=generator()))  # moves the running statistics
    initialise(module, scheme="glorot_normal", generator=generator())
    state = module.state_dict()
    assert not state["output.bias"].any() and not state["norm.bias"].any()
    assert state["norm.weight"].eq(1).all() and state["norm.running_var"].eq(1).all()
    assert not state["norm.running_mean"].any() and state["norm.num_batches_tracked"] == 0


def test_uniform_scales_leave_the_weights_alone():
    one, uniform = weights("resnet_20"), weights("resnet_20", scale="uniform")
    scales = {name for name in one if "norm" in name and name.endswith("weight")}
    assert same(one, uniform) == set(one) - scales
    drawn = torch.cat([uniform[name] for name in sorted(scales)])
    assert drawn.min() >= 0 and drawn.max() <= 1
    assert drawn.mean().item() == pytest.approx(0.5, abs=4 / sqrt(12 * len(drawn)))


def test_dropout_keeps_the_mean_and_scales_what_it_keeps():
    layer = Dropout(rate=0.25, features=400)
    layer.resize(500)
    layer.draw(generator())
    assert layer.keep.shape == (500, 400)
    assert layer.keep.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert layer.keep.mean().item() == pytest.approx(1, abs=4 * sqrt(1 / 3 / layer.keep.numel()))
    x = torch.randn(500, 400, generator=generator(1))
    assert torch.equal(layer(x), x * layer.keep)


def test_a_mask_never_drawn_is_seen():
    layer = Dropout(rate=0.5, features=3)
    assert layer(torch.ones(2, 3)).isnan().all()
    layer.resize(2)
    layer.draw(generator())
    layer.resize(4)
    assert layer(torch.ones(4, 3)).isnan().all()


def test_a_mask_drawn_into_a_stack_is_the_one_drawn_alone():
    layer, stack = Dropout(rate=0.5, features=30), torch.zeros(3, 20, 30)
    layer.resize(20)
    layer.draw(generator(1))
    layer.draw(generator(1), into=stack[1])
    assert torch.equal(stack[1], layer.keep) and not stack[0].any() and not stack[2].any()


def test_dropout_masks_are_neither_saved_nor_parameters():
    module = build("conv_2", input_shape=GREY, classes=10, width=0.125, dropout=0.5)
    plain = build("conv_2", input_shape=GREY, classes=10, width=0.125)
    assert list(module.state_dict()) == list(plain.state_dict())
    assert [(layer.keep.shape[-1], layer.rate) for layer in find_dropouts(module).values()] == [
        (14 * 14 * 8, 0.5),
        (32, 0.5),
        (32, 0.5),
    ]
    assert not find_dropouts(plain)


@pytest.mark.parametrize("name", ["conv_2", "resnet_8", "vgg_16"])
def test_the_fast_layout_gives_the_same_outputs(name):
    module = build(name, input_shape=GREY, classes=10, width=0.25)
    initialise(module, scheme="glorot_normal", generator=generator())
    x = torch.randn(6, *GREY, generator=generator())
    fast = x.to(memory_format=choose_memory_format(module))
    assert fast.stride() == (784, 1, 28, 1) != x.stride()
    plain, quick = module(x), module(fast)
    torch.testing.assert_close(quick, plain, rtol=1e-3, atol=1e-4)
    mine, theirs = (torch.autograd.grad(out.square().sum(), list(module.parameters())) for out in (plain, quick))
    for first, second in zip(mine, theirs, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-3 * first.abs().max().item())


def test_a_network_without_convolutions_asks_for_no_layout():
    module, x = build("lenet_300_100", input_shape=GREY, classes=10), torch.zeros(2, *GREY)
    assert x.to(memory_format=choose_memory_format(module)) is x


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"name": "lenet"},
            "network 'lenet' is unknown; choose one of alexnet, autoencoder_softmax, conv_2, conv_4, .*, vgg_19",
        ),
        (
            {"name": "lenet_300_100", "dropout": 0.5},
            "network lenet_300_100: unknown option 'dropout'; its options are width",
        ),
        ({"name": "conv_2", "dropout": 1.0}, r"dropout: rate 1.0 is outside \[0, 1\)"),
        ({"name": "fc", "depth": 0}, "network fc: depth 0 is no count of 1 or more"),
        ({"name": "sigmoid_fc", "second": 0.5}, "network sigmoid_fc: second 0.5 is no count of 1 or more"),
        (
            {"name": "alexnet", "input_shape": (3, 62, 224)},
            "network alexnet: input 3x62x224; it reads 3 channels, 63 pixels or more; set data.image_size",
        ),
        ({"name": "alexnet", "input_shape": (1, 64, 64)}, "network alexnet: input 1x64x64; it reads 3 channels"),
        ({"name": "tiny_conv", "filters": 0.5}, "network tiny_conv: filters 0.5 is no count of 1 or more"),
        ({"name": "conv_2", "width": 0}, "width: 0 is not above 0"),
        ({"name": "conv_6", "input_shape": (1, 7, 28)}, "network conv_6: input 7x28 is too small; its 3 pools need 8"),
        ({"name": "vgg_16", "input_shape": (1, 28, 8)}, "network vgg_16: input 28x8 is too small; its 4 pools need 16"),
    ],
)
def test_a_network_that_cannot_be_built_says_why(arguments, message):
    with pytest.raises(ReproofError, match=f"^{message}"):
        build(**{"input_shape": GREY, "classes": 10} | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheme": "xavier"}, "initialisation 'xavier' is unknown; choose one of glorot_normal, glorot_truncated, "),
        ({"batch_norm_scale": "half"}, "batch_norm_scale 'half' is unknown; choose one of one, uniform"),
    ],
)
def test_an_unknown_initialisation_changes_nothing(arguments, message):
    module = build("lenet_300_100", input_shape=GREY, classes=10)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ReproofError, match=message):
        initialise(module, **{"scheme": "glorot_normal", "generator": generator()} | arguments)
    assert same(before, module.state_dict()) == set(before)
