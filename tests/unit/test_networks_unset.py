"""Parameters of any layer: an initialiser sets them from the seed, or they are refused by name."""

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from training_kit import digits, members, settings

from reproof import registry
from reproof.networks import build, initialise, list_prunable
from reproof.storage.files import ReproofError
from reproof.training.block import train_block


def network(*layers: nn.Module) -> nn.Sequential:
    """Return a network of these layers and an output, which is set."""
    return nn.Sequential(*layers, nn.Linear(4, 2))


def draw(module: nn.Module, scale: str = "one", **options: str) -> dict[str, Tensor]:
    """Return the state of a network after `initialise` with seed 0."""
    generator = torch.Generator().manual_seed(0)
    initialise(module, scheme="glorot_normal", generator=generator, batch_norm_scale=scale, **options)
    return module.state_dict()


class Bare(nn.Module):
    """A layer with a parameter of its own."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.scale = nn.Parameter(values)


class Half(Bare):
    """A layer that sets half of its parameter."""

    def draw_parameters(self, generator: torch.Generator) -> None:
        self.scale[:2] = torch.rand(2, generator=generator)


class Drawn(Bare):
    """A layer that sets its parameter."""

    def draw_parameters(self, generator: torch.Generator) -> None:
        self.scale.copy_(torch.rand(self.scale.shape, generator=generator))


class Replacing(Bare):
    """A layer that sets its parameter in two other ways, which PyTorch does not count as writing in place."""

    def draw_parameters(self, generator: torch.Generator) -> None:
        self.scale.data.fill_(1)
        self.scale = nn.Parameter(torch.rand(self.scale.shape, generator=generator))


UNSET: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "embedding": (lambda: nn.Embedding(3, 4), "0.weight (Embedding)"),
    "embedding bag": (lambda: nn.EmbeddingBag(3, 4), "0.weight (EmbeddingBag)"),
    "transposed convolution": (lambda: nn.ConvTranspose2d(2, 2, 3), "0.weight (ConvTranspose2d)"),
    "convolution of sequences": (lambda: nn.Conv1d(2, 2, 3), "0.weight (Conv1d)"),
    "convolution of volumes": (lambda: nn.Conv3d(2, 2, 3), "0.weight (Conv3d)"),
    "bilinear": (lambda: nn.Bilinear(2, 2, 2), "0.weight (Bilinear)"),
    "prelu": (lambda: nn.PReLU(), "0.weight (PReLU)"),
    "lstm": (lambda: nn.LSTM(2, 2), "0.weight_ih_l0 (LSTM)"),
    "gru": (lambda: nn.GRU(2, 2), "0.weight_ih_l0 (GRU)"),
    "attention": (lambda: nn.MultiheadAttention(4, 2), "0.in_proj_weight (MultiheadAttention)"),
    "encoder": (lambda: nn.TransformerEncoderLayer(4, 2, 8), "0.self_attn.in_proj_weight (MultiheadAttention)"),
    "random numbers": (lambda: Bare(torch.randn(4)), "0.scale (Bare)"),
    "zeros": (lambda: Bare(torch.zeros(4)), "0.scale (Bare)"),
    "no values": (lambda: Bare(torch.empty(4)), "0.scale (Bare)"),
    "a single number": (lambda: Bare(torch.tensor(1.0)), "0.scale (Bare)"),
    "half precision": (lambda: Bare(torch.randn(4, dtype=torch.bfloat16)), "0.scale (Bare)"),
    "half of the values": (lambda: Half(torch.randn(4)), "0.scale (Half)"),
    "a list": (lambda: nn.ParameterList([torch.randn(4)]), "0.0 (ParameterList)"),
    "deep inside": (lambda: nn.Sequential(nn.Sequential(Bare(torch.randn(4)))), "0.0.0.scale (Bare)"),
}


@pytest.mark.parametrize(("make", "parameter"), UNSET.values(), ids=UNSET)
def test_a_parameter_that_nothing_sets_is_refused_by_name(make: Callable[[], nn.Module], parameter: str) -> None:
    with pytest.raises(ReproofError) as caught:
        draw(network(make()), name="mine")
    assert str(caught.value).startswith(f"network mine: parameter {parameter}: no initialiser sets it")
    assert "give its layer a method draw_parameters(generator) that sets all its values" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_name_the_class_is_named() -> None:
    with pytest.raises(ReproofError, match=r"^network Sequential: parameter 0\.scale"):
        draw(network(Bare(torch.ones(3))))


@pytest.mark.parametrize("kind", [Drawn, Replacing])
def test_a_layer_sets_its_own_parameters_from_the_seed(kind: type[Bare]) -> None:
    first, again = (draw(network(kind(torch.randn(4)))) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["0.scale"].unique().numel() == 4


def test_what_a_layer_draws_leaves_the_weights_alone() -> None:
    alone, beside = draw(network()), draw(network(Drawn(torch.randn(4))))
    assert torch.equal(alone["0.weight"], beside["1.weight"])


NORMS: dict[str, Callable[[bool], nn.Module]] = {
    "batch 1d": lambda affine: nn.BatchNorm1d(4, affine=affine),
    "batch 2d": lambda affine: nn.BatchNorm2d(4, affine=affine),
    "batch 3d": lambda affine: nn.BatchNorm3d(4, affine=affine),
    "batch without statistics": lambda affine: nn.BatchNorm2d(4, affine=affine, track_running_stats=False),
    "instance": lambda affine: nn.InstanceNorm2d(4, affine=affine),
    "group": lambda affine: nn.GroupNorm(2, 4, affine=affine),
    "layer": lambda affine: nn.LayerNorm(4, elementwise_affine=affine),
    "root mean square": lambda affine: nn.RMSNorm(4, elementwise_affine=affine),
}


@pytest.mark.parametrize("make", NORMS.values(), ids=NORMS)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("scale", ["one", "uniform"])
def test_normalisations_start_neutral_or_with_drawn_scales(
    make: Callable[[bool], nn.Module], affine: bool, scale: str
) -> None:
    states = []
    for _ in range(2):
        module = network(make(affine))
        with torch.no_grad():
            for tensor in (*module[0].parameters(), *module[0].buffers()):
                tensor.fill_(7)  # as after a training
        states.append(draw(module, scale))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    if not affine:
        return
    drawn = scale == "uniform" and isinstance(make(True), nn.modules.batchnorm._BatchNorm)
    assert states[0]["0.weight"].eq(1).all() != drawn
    assert not states[0].get("0.bias", torch.zeros(1)).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Sequential(nn.LazyLinear(3)), r"parameter 0\.weight \(.*Linear\): has no shape yet"),
        (lambda: network(nn.LazyConv2d(3, 3)), r"parameter 0\.weight \(.*\): has no shape yet"),
        (
            lambda: network(nn.ParameterList([nn.Parameter(torch.ones(3, dtype=torch.int64), requires_grad=False)])),
            r"parameter 0\.0 \(ParameterList\): is no real number but torch\.int64; register a buffer instead",
        ),
        (lambda: network(Bare(torch.ones(3, dtype=torch.complex64))), r"is no real number but torch\.complex64"),
        (
            lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 2))),
            r"the weight of 0 is no parameter but computed, as by weight norm; leave that out",
        ),
        (lambda: nn.Sequential(nn.Flatten()), r"it has no prunable layer; use nn\.Linear or nn\.Conv2d"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ReproofError, match=message) as caught:
        draw(make())
    assert "\n" not in str(caught.value)


def test_a_shared_parameter_is_set_once() -> None:
    tied = nn.Embedding(2, 4)
    module = network(tied)
    module[1].weight = tied.weight
    assert torch.isfinite(draw(module)["0.weight"]).all()


class Fixed(nn.Module):
    """A layer with a buffer."""

    def __init__(self, values: Tensor, persistent: bool = True) -> None:
        super().__init__()
        self.register_buffer("table", values, persistent=persistent)


BUFFERS: dict[str, tuple[Callable[[], Tensor], bool]] = {
    "constant": (lambda: torch.arange(4), True),
    "not a number": (lambda: torch.full((2, 2), torch.nan), True),
    "a single number": (lambda: torch.tensor(3), True),
    "truth values": (lambda: torch.ones(3, dtype=torch.bool), True),
    "random numbers": (lambda: torch.randn(4), False),
    "random order": (lambda: torch.randperm(1000), False),
    "random truth values": (lambda: torch.rand(1000) > 0.5, False),
}


@pytest.mark.parametrize(("make", "allowed"), BUFFERS.values(), ids=BUFFERS)
@pytest.mark.parametrize("persistent", [True, False])
def test_a_buffer_of_random_numbers_is_refused_by_name(
    make: Callable[[], Tensor], allowed: bool, persistent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mine(*, input_shape: tuple[int, int, int], classes: int) -> nn.Module:
        return network(Fixed(make(), persistent))

    found = ModuleType("mine")
    found.mine = mine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mine", found)
    monkeypatch.setattr(registry, "load", lambda *_: mine)
    if allowed:
        assert list_prunable(build("mine", input_shape=(1, 2, 2), classes=2)) == {"1.weight": "output"}
        return
    with pytest.raises(ReproofError, match=r"network mine: buffer 0\.table holds other numbers each time"):
        build("mine", input_shape=(1, 2, 2), classes=2)


@pytest.mark.parametrize("layer", [nn.Dropout, nn.AlphaDropout, nn.Dropout1d, nn.RReLU, nn.FeatureAlphaDropout])
def test_a_network_that_draws_from_the_global_generator_is_refused(layer: type[nn.Module]) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), layer(), nn.Linear(8, 4))
    with pytest.raises(ReproofError, match=r"^network Sequential: it draws random numbers from PyTorch's global"):
        train_block(module, members(module), dataset=digits(), settings=settings(), stacked=False)


PINNED = {  # sum of absolute values, first weight, its value; as of commit c563709
    "lenet_300_100": (9855.53, "fc_1.weight", -0.048359),
    "fc": (13733.41, "fc_1.weight", -0.049371),
    "softmax_regression": (313.97, "output.weight", -0.056504),
    "sigmoid_fc": (3886.19, "fc_1.weight", -0.053551),
    "autoencoder_softmax": (20800.49, "fc_1.weight", -0.046272),
    "conv_2": (36704.62, "conv_1.weight", -0.065828),
    "conv_4": (32577.77, "conv_1.weight", -0.065828),
    "resnet_8": (3505.48, "conv.weight", -0.128720),
    "resnet_20": (10960.18, "conv.weight", -0.128720),
    "vgg_11": (118321.42, "conv_1.weight", -0.065828),
    "resnet_18": (162162.54, "conv.weight", -0.065828),
}


@pytest.mark.parametrize(("name", "pinned"), PINNED.items())
def test_weights_of_known_networks_are_pinned(name: str, pinned: tuple[float, str, float]) -> None:
    """Other initial weights would make published results those of other networks."""
    total, weight, first = pinned
    state = draw(build(name, input_shape=(1, 28, 28), classes=10), "uniform")
    found = sum(value.double().abs().sum().item() for key, value in state.items() if "running" not in key)
    assert found == pytest.approx(total, rel=1e-4)
    assert state[weight].flatten()[0].item() == pytest.approx(first, abs=1e-5)
