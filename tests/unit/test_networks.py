"""Networks: forward passes by hand; equal results for a network alone and in a stack."""

from math import log

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state
from torch.nn.functional import conv2d, cross_entropy, max_pool2d
from torchvision import models

from reproof.networks import build, find_dropouts, initialise, list_prunable
from reproof.probing.layers import find_branch_norms
from reproof.storage.files import ReproofError

GREY, COLOUR = (1, 28, 28), (3, 32, 32)
NARROW = {"conv_2": {"width": 0.125, "dropout": 0.5}, "lenet_300_100": {}, "fc": {"depth": 5, "units": 16}} | {
    name: {"width": 0.125}
    for name in ("conv_4", "conv_6", "resnet_8", "resnet_20", "vgg_11", "vgg_13", "vgg_16", "vgg_19", "resnet_18")
} | {"resnet_50": {"width": 1 / 16}, "softmax_regression": {}, "sigmoid_fc": {"first": 16, "second": 8}}  # fmt: skip
NARROW |= {"autoencoder_softmax": {"units": 16}, "tiny_conv": {"filters": 8}, "tanh_fc": {"first": 16, "second": 8}}

ALEXNET = ["conv_1", "conv_2", "conv_3", "conv_4", "conv_5", "fc_1", "fc_2", "output"]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ready(
    name: str, seed: int = 0, *, batch: int = 6, input_shape: tuple[int, int, int] = GREY, **options
) -> nn.Module:
    """Return a network before a training step, with its dropout masks drawn."""
    module = build(name, input_shape=input_shape, classes=10, **options)
    initialise(module, scheme="glorot_normal", generator=generator(seed), batch_norm_scale="uniform")
    for layer in find_dropouts(module).values():
        layer.resize(batch)
        layer.draw(generator(seed))
    return module


@pytest.mark.parametrize("input_shape", [GREY, COLOUR])
@pytest.mark.parametrize("name", NARROW)
def test_every_network_reads_both_image_sizes_and_lists_its_weights_as_its_forward_meets_them(name, input_shape):
    module, met = ready(name, input_shape=input_shape, **NARROW[name]), []
    for weight in list_prunable(module):
        layer = weight.removesuffix(".weight")
        module.get_submodule(layer).register_forward_hook(lambda *_, layer=layer: met.append(f"{layer}.weight"))
    assert module(torch.randn(6, *input_shape, generator=generator())).shape == (6, 10)
    assert met == list(list_prunable(module))
    assert [kind for kind in list_prunable(module).values() if kind == "output"] == ["output"]


def test_width_multiplies_the_hidden_units_only():
    module = build("conv_2", input_shape=GREY, classes=10, width=0.125)
    assert {name: tuple(module.get_parameter(name).shape) for name in list_prunable(module)} == {
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
    assert list(list_prunable(with_norm)) == list(list_prunable(without))
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
    # (0, 0): (0.5, 1); relu(1 - 1 - 1) = 0; (0, 3).
    outputs = module(torch.tensor([[[[1.0, 2.0]]], [[[2.0, 1.0]]], [[[0.0, 0.0]]]]))
    assert outputs.tolist() == [[10.0, -17.0], [5.0, -7.0], [0.0, 3.0]]


def test_softmax_regression_by_hand():
    module = build("softmax_regression", input_shape=(1, 1, 2), classes=3)
    values = {"output.weight": [[1.0, 2.0], [3.0, -4.0], [0.0, 0.5]], "output.bias": [0.5, 1.0, -1.0]}
    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    assert module(torch.tensor([[[[1.0, 2.0]]], [[[-1.0, 0.0]]]])).tolist() == [[5.5, -4.0, 0.0], [-0.5, -2.0, -1.0]]


def test_sigmoids_by_hand():
    module = build("sigmoid_fc", input_shape=(1, 1, 2), classes=2, first=2, second=1)
    values = {
        "fc_1.weight": [[1.0, 1.0], [2.0, 0.0]], "fc_1.bias": [0.0, log(3)],
        "fc_2.weight": [[2.0, -4.0]], "fc_2.bias": [2 + log(4)],
        "output.weight": [[1.0], [-5.0]], "output.bias": [0.0, 3.0],
    }  # fmt: skip
    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    # (0, 0): sigmoids of 0 and log 3 are 1/2 and 3/4; 1 - 3 + 2 + log 4 is log 4, of which it is 4/5; (4/5, 3 - 4).
    torch.testing.assert_close(module(torch.zeros(1, 1, 1, 2)), torch.tensor([[0.8, -1.0]]))


def test_the_tiny_network_by_hand():
    module = build("tiny_conv", input_shape=(1, 1, 2), classes=2, filters=2)
    values = {
        "conv_1.weight": [[[[1.0, -2.0]]], [[[-1.0, 0.0]]]], "conv_1.bias": [0.5, -0.25],
        "output.weight": [[1.0, 1.0], [-1.0, 2.0]], "output.bias": [0.0, 0.25],
    }  # fmt: skip
    plain = build("tiny_conv", input_shape=(1, 1, 2), classes=2, filters=2, output_relu=False)
    for one in (module, plain):
        one.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    # (1, 0): sums 1.5 and -1.25, blank quarters 0.5 and -0.25; pooled 1.5 and -0.25, after the ReLU 1.5 and 0.
    # (0, 1): sums -1.5 and -0.25; the blank quarter is greater: 0.5 and 0.
    images = torch.tensor([[[[1.0, 0.0]]], [[[0.0, 1.0]]]])
    assert plain(images).tolist() == [[1.5, -1.25], [0.5, -0.25]]
    assert module(images).tolist() == [[1.5, 0.0], [0.5, 0.0]]


@pytest.mark.parametrize("corner", [(0, 0), (0, 28), (28, 0), (28, 28)])
def test_the_tiny_network_is_the_one_on_a_canvas_with_the_image_in_any_quarter(corner):
    """Values and gradients of a convolution that moves by 28 pixels over 56x56, a pool and a second convolution."""
    module, images = ready("tiny_conv"), torch.rand(5, *GREY, generator=generator())
    labels, (top, left), canvas = torch.arange(5), corner, torch.zeros(5, 1, 56, 56)
    canvas[:, :, top : top + 28, left : left + 28] = images
    parameters = list(module.parameters())
    with torch.no_grad():
        module.conv_1.bias.copy_(torch.linspace(-0.3, 0.3, 32))
        module.output.bias.copy_(torch.linspace(-0.1, 0.1, 10))
    weight, bias, last, shift = parameters
    pooled = max_pool2d(conv2d(canvas, weight, bias, stride=28).relu(), 2)
    theirs = conv2d(pooled, last[:, :, None, None], shift).relu().flatten(1)
    torch.testing.assert_close(module(images), theirs)
    mine, expected = (torch.autograd.grad(cross_entropy(out, labels), parameters) for out in (module(images), theirs))
    for one, two in zip(mine, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_hyperbolic_tangents_by_hand():
    module = build("tanh_fc", input_shape=(1, 1, 1), classes=1, first=1, second=1)
    values = {"fc_1.weight": [[log(3) / 2]], "fc_1.bias": [0.0], "fc_2.weight": [[log(3)]], "fc_2.bias": [0.0]}
    values |= {"output.weight": [[10.0]], "output.bias": [1.0]}
    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    # tanh(log(3) / 2) is (3 - 1) / (3 + 1) = 1/2, and so is the tangent of half of log(3).
    torch.testing.assert_close(module(torch.ones(1, 1, 1, 1)), torch.tensor([[6.0]]))


@pytest.mark.parametrize(
    ("name", "shape", "options", "pattern", "gone"),
    [
        ("resnet_18", COLOUR, {"width": 1 / 32}, ["stage_2_block_2"], {"stage_2_block_2"}),
        ("resnet_18", COLOUR, {"width": 1 / 32}, ["stage_1_block_1"], {"stage_1_block_1"}),
        (
            *("resnet_50", COLOUR, {"width": 1 / 64}, ["stage_*_block_[2-9]"]),
            {f"stage_{stage}_block_{b}" for stage, last in enumerate((3, 4, 6, 3), 1) for b in range(2, last + 1)},
        ),
        ("resnet_18_imagenet", (3, 64, 64), {}, ["layer2.1", "layer4.*1"], {"layer2.1", "layer4.1"}),
    ],
)
def test_blocks_left_out_are_the_identity(name, shape, options, pattern, gone):
    """The smaller network computes what the whole one does with the residual branches of these blocks at 0."""
    whole, part = (ready(name, input_shape=shape, **options, **more).eval() for more in ({}, {"without": pattern}))
    assert {key.removeprefix("blocks.") for key, _ in whole.named_modules()} >= gone
    left = {key: value for key, value in whole.state_dict().items() if key in part.state_dict()}
    missing = {key.removeprefix("blocks.") for key in whole.state_dict().keys() - left.keys()}
    assert {next(one for one in gone if key.startswith(f"{one}.")) for key in missing} == gone
    part.load_state_dict(left)
    for key, norms in find_branch_norms(whole).items():
        for one in norms if key in gone else ():
            whole.get_parameter(one).data.zero_()
    x = torch.randn(2, *shape, generator=generator())
    torch.testing.assert_close(part(x), whole(x))


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (["stage_1_block_3"], "network: without: 'stage_1_block_3' fits no block; they are stage_1_block_1, stage_1_"),
        (["stage_2_block_1"], "network: without: stage_2_block_1 changes the shape of its input; only others can be"),
        (["stage_*_block_1"], "network: without: stage_2_block_1 changes the shape of its input"),
        (["conv"], "network: without: 'conv' fits no block"),
        (["stage_1_block_2", "stage_1_block_2"], "network: without: 'stage_1_block_2' fits no block"),
    ],
)
def test_blocks_that_cannot_be_left_out_are_named(without, message):
    with pytest.raises(ReproofError) as error:
        build("resnet_18", input_shape=COLOUR, classes=10, width=1 / 32, without=without)
    assert str(error.value).startswith(message)


def test_alexnet_is_torchvisions_layer_by_layer():
    theirs = models.alexnet(num_classes=2).eval()
    module = build("alexnet", input_shape=(3, 63, 63), classes=2).eval()
    module.load_state_dict(dict(zip(module.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(2, 3, 63, 63, generator=generator())
    assert module(x).shape == (2, 2) and torch.equal(module(x), theirs(x))
    assert [(layer.rate, layer.keep.shape[-1]) for layer in find_dropouts(module).values()] == [
        (0.5, 9216),
        (0.5, 4096),
    ]
    assert not any(isinstance(layer, nn.Dropout) for layer in module.modules())
    assert list(list_prunable(module)) == [f"{name}.weight" for name in ALEXNET], "registered as its forward meets them"


def test_a_fully_connected_network_has_as_many_layers_and_units_as_it_is_told():
    module = build("fc", input_shape=GREY, classes=10, depth=3, units=4)
    shapes = [tuple(module.get_parameter(name).shape) for name in list_prunable(module)]
    assert shapes == [(4, 784), (4, 4), (4, 4), (10, 4)]
    with torch.no_grad():
        for name in list_prunable(module):
            module.get_parameter(name).zero_()
            module.get_parameter(name).fill_diagonal_(1.0)
            module.get_parameter(name.replace("weight", "bias")).zero_()
        module.fc_2.bias[0] = -3.0
    image = torch.zeros(1, *GREY)
    image[0, 0, 0, :5] = torch.tensor([2.0, 5.0, -1.0, 7.0, 9.0])  # the fifth pixel reaches no unit
    assert module(image)[0].tolist() == [0.0, 5.0, 0.0, 7.0, *[0.0] * 6]


def test_a_bottleneck_by_hand():
    block = build("resnet_50", input_shape=GREY, classes=10, width=1 / 64).eval().blocks.stage_1_block_2
    with torch.no_grad():
        for layer in (block.conv_1, block.conv_2, block.conv_3):
            layer.weight.zero_()
        block.conv_1.weight[0, 2], block.conv_2.weight[0, 0, 1, 1], block.conv_3.weight[3, 0] = -1.0, 2.0, 1.0
    # Of 4 channels the third is negated, cut at 0, doubled, and added to the fourth.
    x = torch.tensor([1.0, 2.0, -3.0, 4.0]).reshape(1, 4, 1, 1)
    torch.testing.assert_close(block(x).flatten(), torch.tensor([1.0, 2.0, 0.0, 10.0]), rtol=0, atol=1e-3)


def test_the_imagenet_form_is_torchvisions_and_reads_its_images():
    module = ready("resnet_18_imagenet", batch=2, input_shape=(3, 64, 64)).eval()
    assert module(torch.randn(2, 3, 64, 64, generator=generator())).shape == (2, 10)
    assert module.conv1.stride == (2, 2) and module.maxpool.stride == 2
    with pytest.raises(ReproofError, match="reads 3 channels, not 1"):
        build("resnet_18_imagenet", input_shape=GREY, classes=10)


def test_conv_2_by_hand():
    module = build("conv_2", input_shape=(1, 3, 5), classes=2, width=2 / 256)  # 1 channel, 2 units
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module.conv_1.weight[0, 0, 1, 1] = 1.0  # copies its input
        module.conv_2.weight[0, 0, 1, 1], module.conv_2.bias[0] = -1.0, 3.0  # 3 minus its input
        for layer in (module.fc_1, module.fc_2):
            layer.weight.copy_(torch.eye(2))
        module.output.weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 10.0]]))
    image = torch.tensor([[4.0, 5.0, -1.0, 1.0, -9.0], [6.0, 7.0, 2.0, -4.0, -9.0], [-9.0, -9.0, -9.0, -9.0, -9.0]])
    # The first pool sees 3 - (4, 5, 6, 7), all negative, the second 3 - (0, 1, 2, 0), no pool the nines.
    assert module(image[None, None]).tolist() == [[0.0, 30.0]]


def test_a_residual_block_by_hand():
    module, seen = build("resnet_8", input_shape=GREY, classes=10, width=1 / 16).eval(), []
    module.blocks.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    module(torch.randn(1, *GREY, generator=generator()))
    assert seen[0].min() == 0  # what the blocks receive went through a ReLU
    block = module.blocks.stage_1_block_1
    with torch.no_grad():
        for layer, value in ((block.conv_1, -1.0), (block.conv_2, 2.0)):
            layer.weight.zero_()
            layer.weight[0, 0, 1, 1] = value
    # -3: relu(3) twice, plus -3, is 3.  2: relu(-2) is 0, plus 2.  Batch norm divides by sqrt(1 + 1e-5), twice.
    outputs = block(torch.tensor([[[[-3.0, 2.0]]]]))
    torch.testing.assert_close(outputs, torch.tensor([[[[3.0, 2.0]]]]), rtol=0, atol=1e-4)


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
    assert all(layer(x) is x for layer in find_dropouts(module).values())


def test_no_number_comes_from_the_global_generator():
    torch.manual_seed(7)
    module, before = build("conv_2", input_shape=GREY, classes=10, **NARROW["conv_2"]), torch.get_rng_state()
    for scheme in ("glorot_normal", "kaiming_normal"):
        initialise(module, scheme=scheme, generator=generator(), batch_norm_scale="uniform")
    for layer in find_dropouts(module).values():
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
        ("fc", {"depth": 5, "units": 16}),
        ("softmax_regression", {}),
        ("sigmoid_fc", {"first": 16, "second": 8}),
        ("resnet_18", {"width": 1 / 16}),
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
