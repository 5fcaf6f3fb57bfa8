"""Networks: sizes as published, layer by layer; forward passes worked by hand; one network or a stack, alike."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state
from torch.nn.functional import conv2d, cross_entropy

from reproof.catalogue import registered
from reproof.networks import build, dropouts, initialise, networks, prunable

GREY, COLOUR = (1, 28, 28), (3, 32, 32)
NARROW = {"conv_2": {"width": 0.125, "dropout": 0.5}, "lenet_300_100": {}} | {
    name: {"width": 0.125} for name in ("conv_4", "conv_6", "resnet_8", "resnet_20", "vgg_16", "vgg_19")
}

STAGES = {  # weights of the 3x3 convolutions, in order
    "vgg_1": [3 * 64 * 9, 64 * 64 * 9],
    "vgg_2": [64 * 128 * 9, 128 * 128 * 9],
    "vgg_3": [128 * 256 * 9, 256 * 256 * 9],
}
SIZES = {
    "lenet_300_100": [784 * 300, 300 * 100, 100 * 10],
    "conv_2": [*STAGES["vgg_1"], 16 * 16 * 64 * 256, 256 * 256, 2560],
    "conv_4": [*STAGES["vgg_1"], *STAGES["vgg_2"], 8 * 8 * 128 * 256, 256 * 256, 2560],
    "conv_6": [*STAGES["vgg_1"], *STAGES["vgg_2"], *STAGES["vgg_3"], 4096 * 256, 256 * 256, 2560],
    "resnet_20": [
        *(3 * 16 * 9, *[16 * 16 * 9] * 6),
        *(16 * 32 * 9, 32 * 32 * 9, 16 * 32, *[32 * 32 * 9] * 4),
        *(32 * 64 * 9, 64 * 64 * 9, 32 * 64, *[64 * 64 * 9] * 4),
        640,
    ],
    "resnet_8": [3 * 16 * 9, 2304, 2304, 4608, 9216, 512, 18432, 36864, 2048, 640],
    "vgg_16": [
        *(*STAGES["vgg_1"], *STAGES["vgg_2"], *STAGES["vgg_3"], 256 * 256 * 9),
        *(256 * 512 * 9, *[512 * 512 * 9] * 5, 5120),
    ],
    "vgg_19": [
        *(*STAGES["vgg_1"], *STAGES["vgg_2"], *STAGES["vgg_3"], *[256 * 256 * 9] * 2),
        *(256 * 512 * 9, *[512 * 512 * 9] * 7, 5120),
    ],
}
TOTALS = {  # kind: weights, as the papers print them (rounded there)
    "lenet_300_100": {"fc": 265_200, "output": 1_000},
    "conv_2": {"conv": 38_592, "fc": 4_259_840, "output": 2_560},
    "conv_4": {"conv": 259_776, "fc": 2_162_688, "output": 2_560},
    "conv_6": {"conv": 1_144_512, "fc": 1_114_112, "output": 2_560},
    "resnet_20": {"conv": 267_696, "shortcut": 2_560, "output": 640},
    "vgg_16": {"conv": 14_710_464, "output": 5_120},
    "vgg_19": {"conv": 20_018_880, "output": 5_120},
}
SHARES = {  # kept of each kind in each round (Frankle & Carbin 2019, figure 2 and section 2)
    "lenet_300_100": {"fc": 0.8, "output": 0.9},
    "conv_2": {"conv": 0.9, "fc": 0.8, "output": 0.9},
    "conv_4": {"conv": 0.9, "fc": 0.8, "output": 0.9},
    "conv_6": {"conv": 0.85, "fc": 0.8, "output": 0.9},
    "resnet_20": {"conv": 0.8, "shortcut": 1.0, "output": 1.0},
    "vgg_19": {"conv": 0.8, "output": 1.0},
}
ROUNDS = (1, 2, 3, 5, 7, 8, 9, 11, 12, 14, 15, 16, 18, 20, 24)
LADDERS = {  # per cent kept after each of ROUNDS
    "lenet_300_100": "80.0 64.1 51.3 32.9 21.1 16.9 13.5 8.7 6.95 4.5 3.6 2.9 1.85 1.2 0.50",
    "conv_2": "80.1 64.2 51.4 33.0 21.2 17.0 13.7 8.8 7.1 4.6 3.7 3.0 1.9 1.3 .54",
    "conv_4": "81.1 65.8 53.6 35.6 23.9 19.6 16.2 11.1 9.2 6.4 5.4 4.5 3.2 2.3 1.3",
    "conv_6": "82.5 68.2 56.4 38.7 26.6 22.1 18.4 12.7 10.6 7.4 6.2 5.2 3.6 2.5 1.3",
    "resnet_20": "80.2 64.4 51.8 33.6 21.9 17.8 14.4 9.7 8.0 5.5 4.6 4.0 3.0 2.3 1.6",
    "vgg_19": "80.0 64.0 51.2 32.8 21.0 16.8 13.4 8.6 6.9 4.4 3.5 2.8 1.8 1.2 .50",
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ready(
    name: str, seed: int = 0, *, batch: int = 6, input_shape: tuple[int, int, int] = GREY, **options
) -> nn.Module:
    """A network as it stands before a training step, its dropout drawn."""
    module = build(name, input_shape=input_shape, classes=10, **options)
    initialise(module, scheme="glorot_normal", generator=generator(seed), batch_norm_scale="uniform")
    for layer in dropouts(module).values():
        layer.resize(batch)
        layer.draw(generator(seed))
    return module


def weights(name: str) -> dict[str, list[int]]:
    """The numbers of weights of a network on its paper's images, layer by layer and by kind."""
    with torch.device("meta"):
        module = build(name, input_shape=GREY if name == "lenet_300_100" else COLOUR, classes=10)
    found = {"all": [module.get_parameter(weight).numel() for weight in prunable(module)]}
    for weight, kind in prunable(module).items():
        found.setdefault(kind, []).append(module.get_parameter(weight).numel())
    return found


def test_the_plan_sees_every_network_without_importing_torch():
    assert tuple(sorted(registered("networks", "network"))) == networks()
    assert set(SIZES) == set(networks())


@pytest.mark.parametrize("name", SIZES)
def test_weights_layer_by_layer(name):
    assert weights(name)["all"] == SIZES[name]


@pytest.mark.parametrize("name", TOTALS)
def test_weights_by_kind(name):
    found = weights(name)
    del found["all"]
    assert {kind: sum(sizes) for kind, sizes in found.items()} == TOTALS[name]


@pytest.mark.parametrize("name", LADDERS)
def test_shares_kept_are_the_papers(name):
    sizes = weights(name)
    slack = 0.01  # two ties: Conv-4's 53.6 is 53.547 here, and ResNet-20's 4.6, of a base 1 % larger, is 4.658
    for rounds, printed in zip(ROUNDS, LADDERS[name].split(), strict=True):
        left = sum(sum(sizes[kind]) * share**rounds for kind, share in SHARES[name].items())
        half_a_digit = 0.5 * 10.0 ** -len(printed.partition(".")[2])
        assert 100 * left / sum(sizes["all"]) == pytest.approx(float(printed), abs=half_a_digit + slack), rounds


@pytest.mark.parametrize("input_shape", [GREY, COLOUR])
@pytest.mark.parametrize("name", NARROW)
def test_every_network_reads_both_image_sizes_and_lists_its_weights_as_its_forward_meets_them(name, input_shape):
    module, met = ready(name, input_shape=input_shape, **NARROW[name]), []
    for weight in prunable(module):
        layer = weight.removesuffix(".weight")
        module.get_submodule(layer).register_forward_hook(lambda *_, layer=layer: met.append(f"{layer}.weight"))
    assert module(torch.randn(6, *input_shape, generator=generator())).shape == (6, 10)
    assert met == list(prunable(module))
    assert [kind for kind in prunable(module).values() if kind == "output"] == ["output"]


def test_width_multiplies_the_hidden_units_only():
    module = build("conv_2", input_shape=GREY, classes=10, width=0.125)
    assert {name: tuple(module.get_parameter(name).shape) for name in prunable(module)} == {
        "conv_1.weight": (8, 1, 3, 3),
        "conv_2.weight": (8, 8, 3, 3),
        "fc_1.weight": (32, 14 * 14 * 8),
        "fc_2.weight": (32, 32),
        "output.weight": (10, 32),
    }


def test_batch_norm_is_an_option_and_takes_the_biases_of_the_convolutions():
    with_norm, without = (
        build("conv_2", input_shape=GREY, classes=10, width=0.125, batch_norm=b) for b in (True, False)
    )
    assert list(prunable(with_norm)) == list(prunable(without))
    assert "conv_1.bias" in without.state_dict() and "norm_1.weight" not in without.state_dict()
    assert "conv_1.bias" not in with_norm.state_dict() and "norm_1.running_mean" in with_norm.state_dict()


def test_lenet_by_hand():
    module = build("lenet_300_100", input_shape=(1, 1, 2), classes=2, width=0.0067)  # 2 and 1 hidden units
    values = {
        "fc_1.weight": [[1.0, 2.0], [3.0, -4.0]], "fc_1.bias": [0.5, 1.0],
        "fc_2.weight": [[2.0, -1.0]], "fc_2.bias": [-1.0],
        "output.weight": [[1.0], [-2.0]], "output.bias": [0.0, 3.0],
    }  # fmt: skip
    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    # (1, 2): relu(5.5, -4) = (5.5, 0); relu(11 - 1) = 10; (10, -17).  (2, 1): (4.5, 3); 9 - 3 - 1 = 5; (5, -7).
    outputs = module(torch.tensor([[[[1.0, 2.0]]], [[[2.0, 1.0]]]]))
    assert outputs.tolist() == [[10.0, -17.0], [5.0, -7.0]]


def test_a_convolutional_network_pools_the_largest_pixel_then_flattens_channel_by_channel():
    module = build("conv_2", input_shape=(1, 3, 5), classes=2, width=2 / 256)  # 1 channel, 2 units
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        for index in (1, 2):
            module.get_parameter(f"conv_{index}.weight")[0, 0, 1, 1] = 1.0  # copies its input
        module.get_parameter("fc_1.weight").copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        module.get_parameter("fc_2.weight").copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        module.get_parameter("output.weight").copy_(torch.tensor([[1.0, 0.0], [1.0, 10.0]]))
    image = torch.tensor([[1.0, 2.0, -3.0, -4.0, 9.0], [0.0, -1.0, -2.0, 5.0, 9.0], [9.0, 9.0, 9.0, 9.0, 9.0]])
    # The odd last row and column (the nines) are left out: pools see (1, 2, 0, 0) and (0, 0, 0, 5).
    assert module(image[None, None]).tolist() == [[2.0, 52.0]]


def test_a_residual_block_adds_a_strided_convolution():
    module = ready("resnet_8", width=0.25)
    block, x = module.blocks.stage_2_block_1, torch.randn(6, 4, 7, 7, generator=generator())
    with torch.no_grad():
        block.norm_2.weight.zero_()  # silences the residual branch: what is left is relu(norm(strided 1x1 convolution))
        strided = conv2d(x, block.shortcut.conv.weight, stride=2)
        torch.testing.assert_close(block(x), torch.relu(block.shortcut.norm(strided)))
        assert module.blocks.stage_1_block_1.shortcut(x) is x


def test_evaluation_repeats_itself_and_needs_no_dropout_mask():
    module = build("conv_2", input_shape=GREY, classes=10, **NARROW["conv_2"]).eval()
    x = torch.randn(4, *GREY, generator=generator())
    assert torch.equal(module(x), module(x))
    assert all(layer(x) is x for layer in dropouts(module).values())


def test_no_number_comes_from_the_global_generator():
    torch.manual_seed(7)
    module, before = build("conv_2", input_shape=GREY, classes=10, **NARROW["conv_2"]), torch.get_rng_state()
    for scheme in ("glorot_normal", "kaiming_normal"):
        initialise(module, scheme=scheme, generator=generator(), batch_norm_scale="uniform")
    for layer in dropouts(module).values():
        layer.resize(4)
        layer.draw(generator())
    module(torch.ones(4, *GREY))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lenet_300_100", {}),
        ("conv_2", NARROW["conv_2"]),
        ("conv_2", {"width": 0.125, "batch_norm": True}),
        ("resnet_8", {"width": 0.5}),
    ],
)
def test_stacked_networks_equal_each_alone(name, options):
    seeds, batch = range(3), 16
    alone = [ready(name, seed, batch=batch, **options) for seed in seeds]
    stacked = [ready(name, seed, batch=batch, **options) for seed in seeds]
    parameters, buffers = stack_module_state(stacked)
    x, y = torch.randn(3, batch, *GREY, generator=generator()), torch.randint(10, (3, batch), generator=generator())

    def forward(parameters, buffers, x):
        return functional_call(stacked[0], (parameters, buffers), (x,))

    together = torch.vmap(forward)(parameters, buffers, x)
    losses = [cross_entropy(together[seed], y[seed]) for seed in seeds]
    gradients = torch.autograd.grad(torch.stack(losses).sum(), list(parameters.values()))
    for seed, module in enumerate(alone):
        outputs = module(x[seed])
        own = torch.autograd.grad(cross_entropy(outputs, y[seed]), list(module.parameters()))
        torch.testing.assert_close(together[seed], outputs, rtol=1e-5, atol=1e-5)
        for theirs, mine in zip(gradients, own, strict=True):
            torch.testing.assert_close(theirs[seed], mine, rtol=1e-5, atol=1e-5)
        for buffer, value in module.named_buffers():
            torch.testing.assert_close(buffers[buffer][seed], value, rtol=1e-5, atol=1e-5)
