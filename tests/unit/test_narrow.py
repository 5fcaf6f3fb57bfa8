"""Convolutional networks without what their masks cut off: the same function, slopes and training as the whole ones."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from training_kit import digits, members, settings

from reproof.data.dataset import Dataset
from reproof.networks import build, dropouts, initialise, prunable
from reproof.training.backends import Narrow, Single, Stacked, backends, on_cpu
from reproof.training.backends.channels import working_places
from reproof.training.backends.narrow import narrowed
from reproof.training.held import Held, held_member
from reproof.training.objective import CLASSIFICATION
from reproof.training.trainer import Trainer

CPU = torch.device("cpu")
COLOURS = (3, 16, 16)
BATCH = 8


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def masks_of(module, kept):
    """This share of the weights at random, but nothing into a quarter of the channels, nor out of another quarter."""
    chance = torch.Generator().manual_seed(7)
    masks = {name: torch.rand(module.get_parameter(name).shape, generator=chance) < kept for name in prunable(module)}
    *inner, _ = masks.values()
    for mask in inner:
        mask[: len(mask) // 4] = False
    for mask in list(masks.values())[1:]:
        mask[:, mask.shape[1] // 4 : mask.shape[1] // 2] = False
    return masks


def masked(name, shape=COLOURS, kept=0.5, **options):
    """A network and the one member that trains it from its initial weights under such masks."""
    module = build(name, input_shape=shape, classes=4, **options)
    initialise(module, scheme="glorot_normal", generator=torch.Generator().manual_seed(3))
    weights = {key: value.clone() for key, value in module.state_dict().items()}
    (member,) = members(build("lenet_300_100", input_shape=shape, classes=4, width=0.1), seeds=[3])
    return module, replace(member, weights=weights, masks=masks_of(module, kept))


def places_of(module, member, *, decays=False):
    return working_places(module, member.masks, start=member.start(CPU), decays=decays)


NETWORKS = {
    "plain": ("conv_6", {"width": 0.5}),
    "with dropout": ("conv_4", {"width": 0.5, "dropout": 0.5}),
    "batch norm": ("vgg_11", {"width": 0.5}),
    "residual": ("resnet_20", {}),
    "bottlenecks": ("resnet_50", {"width": 0.25}),
}


@pytest.mark.parametrize(("name", "options"), NETWORKS.values(), ids=NETWORKS)
def test_outputs_and_slopes_are_those_of_the_whole_network(name, options):
    """In double precision, so that nothing but the arithmetic can differ; outside the places every slope is 0."""
    module, member = masked(name, (3, 32, 32), **options)
    module.load_state_dict(member.start(CPU))
    places = places_of(module, member)
    part = narrowed(module, places).double()
    whole = module.double()
    fewer, all_of_them = (sum(one.numel() for one in each.parameters()) for each in (part, whole))
    assert 0 < fewer < 0.9 * all_of_them
    for one in (whole, part):
        for layer in dropouts(one).values():
            layer.resize(BATCH)
            layer.draw(torch.Generator().manual_seed(5))
            layer.keep = layer.keep.double()
    chance = torch.Generator().manual_seed(9)
    images = torch.randn(BATCH, 3, 32, 32, dtype=torch.double, generator=chance)
    labels = torch.randint(0, 4, (BATCH,), generator=chance)
    outputs, slopes = zip(*(_descended(one, images, labels) for one in (whole, part)), strict=True)
    assert torch.allclose(outputs[1], outputs[0], atol=1e-12)
    for key, expected in slopes[0].items():
        kept_slopes = expected * member.masks.get(key, 1)
        found = torch.zeros_like(expected)
        found[places[key]] = slopes[1][key]
        assert torch.allclose(found * member.masks.get(key, 1), kept_slopes, atol=1e-10), key
    assert any(bool(one.abs().max() > 1e-6) for one in slopes[0].values())
    whole.eval()
    part.eval()
    assert torch.allclose(part(images), whole(images), atol=1e-12)


def _descended(module, images, labels):
    parameters = dict(module.named_parameters())
    outputs = module(images)
    slopes = torch.autograd.grad(cross_entropy(outputs, labels), parameters.values())
    return outputs.detach(), dict(zip(parameters, slopes, strict=True))


class InDouble(Dataset):
    """Images of twice the precision: in single one, Adam makes steps of what was rounding."""

    def normalise(self, images):
        return super().normalise(images).double()


def trained(backend, module, member, asked, steps=None):
    dataset = InDouble(**vars(digits(shape=COLOURS)))
    weights = {name: value.double() if value.is_floating_point() else value for name, value in member.weights.items()}
    module, member = module.double(), replace(member, weights=weights)
    networks = backend(module, [member], device=CPU, settings=asked, objective=CLASSIFICATION)
    trainer = Trainer(networks, [member], dataset=dataset, settings=asked, objective=CLASSIFICATION)
    while steps and trainer.done < steps:
        trainer.step()
    if not steps:
        trainer.run()
    return trainer


TRAININGS = {
    "adam": {"optimizer": "adam", "lr": 1e-3},
    "adam with decay": {"optimizer": "adam", "lr": 1e-3, "weight_decay": 1e-2},
    "momentum and decay": {"optimizer": "sgd", "lr": 0.02, "momentum": 0.9, "weight_decay": 1e-2},
}


@pytest.mark.parametrize("changes", TRAININGS.values(), ids=TRAININGS)
def test_a_whole_training_is_that_of_the_plain_backend_to_rounding(changes):
    asked = settings(**({"steps": 16} | changes))
    start = masked("conv_4", width=0.5, dropout=0.5)[1].start(CPU)
    ends = []
    for narrow in (False, True):
        module, member = masked("conv_4", width=0.5, dropout=0.5)
        backend = on_cpu(module, member, settings=asked, objective=CLASSIFICATION, steps=16) if narrow else Single
        ends.append(trained(backend, module, member, asked))
    assert isinstance(ends[1].networks, Narrow)
    plain, other = (one.networks.state() for one in ends)
    assert plain.keys() == other.keys()
    for key, value in plain.items():
        assert torch.allclose(other[key], value, atol=1e-10), key
        assert other[key].shape == value.shape
    moved = [key for key, value in other.items() if bool((value[0] != start[key]).any())]
    assert "fc_1.weight" in moved
    for one, two in zip(*(end.rows for end in ends), strict=True):
        assert (one.step, one.split) == (two.step, two.split)
        assert one.values == pytest.approx(two.values, abs=1e-9)


def test_running_statistics_of_what_works_are_those_of_the_whole_network():
    asked = settings(steps=5, optimizer="sgd", lr=1e-3)
    module, member = masked("resnet_20")
    places = places_of(module, member)
    backend = on_cpu(module, member, settings=asked, objective=CLASSIFICATION, steps=5)
    one, two = (trained(each, *masked("resnet_20"), asked, steps=5).networks.state() for each in (Single, backend))
    statistics = [key for key in one if key.endswith("running_var")]
    assert statistics
    for key in statistics:
        assert torch.allclose(one[key][0][places[key]], two[key][0][places[key]], rtol=1e-9), key
    counts = [key for key in one if key.endswith("num_batches_tracked")]
    assert all(int(two[key]) == 5 for key in counts)


def test_a_training_goes_on_from_its_saved_state_to_the_bit():
    asked = settings(steps=12, optimizer="sgd", lr=0.02, momentum=0.9, weight_decay=1e-2)

    def fresh():
        module, member = masked("conv_4", width=0.5)
        backend = on_cpu(module, member, settings=asked, objective=CLASSIFICATION, steps=12)
        return trained(backend, module, member, asked, steps=1)

    through, halved, again = fresh(), fresh(), fresh()
    while through.done < 12:
        through.step()
    while halved.done < 6:
        halved.step()
    again.restore({name: value.clone() for name, value in halved.state().items()})
    assert again.done == 6
    while again.done < 12:
        again.step()
    for key, value in through.networks.state().items():
        assert torch.equal(again.networks.state()[key], value), key
    for key, value in through.networks.optimiser().items():
        assert torch.equal(again.networks.optimiser()[key], value), key


class Three(nn.Module):
    """1 -> 16 -> 16 channels, batch norm on the second, their means to 2 classes."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.norm = nn.Conv2d(1, 16, 1), nn.Conv2d(16, 16, 1, bias=False), nn.BatchNorm2d(16)
        self.mean, self.output = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 2)

    def forward(self, x):
        x = torch.relu(self.one(x))
        return self.output(self.mean(torch.relu(self.norm(self.two(x)))).flatten(1))


def cut(*, ones=(), twos=(), reads=(), module=None, decays=False, **start):
    """Where 8 of 16 channels remain: masks without these rows of `one`, of `two`, and these columns of the output."""
    module = module or Three()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    state["one.bias"].zero_()
    for name, (place, value) in start.items():
        state[name.replace("__", ".")][place] = value
    masks = {f"{name}.weight": torch.ones_like(state[f"{name}.weight"]).bool() for name in ("one", "two", "output")}
    masks["one.weight"][list(ones)] = False
    masks["two.weight"][list(twos)] = False
    masks["output.weight"][:, list(reads)] = False
    return working_places(module, masks, start=state, decays=decays)


HIGH, LOW = list(range(8, 16)), list(range(8))


def test_channels_that_nothing_reads_are_cut_off_and_so_is_what_only_they_read():
    places = cut(reads=HIGH)
    assert places["two.weight"][0].flatten().tolist() == LOW
    assert places["norm.running_var"][0].tolist() == LOW
    assert places["output.weight"][1].tolist() == LOW
    assert places["one.weight"][0].flatten().tolist() == list(range(16))


def test_channels_that_read_nothing_and_are_not_above_zero_are_cut_off():
    assert cut(ones=HIGH)["two.weight"][1].tolist() == LOW
    assert cut(ones=HIGH)["two.weight"][0].flatten().tolist() == list(range(16))
    assert cut(twos=HIGH)["output.weight"][1].tolist() == LOW


@pytest.mark.parametrize(
    ("place", "value", "decays"),
    [
        ("one__bias", 1e-3, False), ("one__bias", -1e-3, True),
        ("norm__bias", 1e-3, False), ("norm__running_mean", 0.5, False),
    ],
)  # fmt: skip
def test_a_channel_that_may_come_above_zero_is_computed(place, value, decays):
    """All of the eight, as convolutions are computed eight channels at a time: nothing is left to cut."""
    which = {"ones": HIGH} if place.startswith("one") else {"twos": HIGH}
    assert cut(**which, decays=decays, **{place: (HIGH, value)}) is None


def test_a_bias_below_zero_stays_there_without_weight_decay():
    assert cut(ones=HIGH, one__bias=(HIGH, -1e-3))["two.weight"][1].tolist() == LOW


def test_channels_are_cut_off_in_eights():
    assert cut(ones=HIGH[:-1]) is None
    assert cut(reads=range(3, 16))["two.weight"][0].flatten().tolist() == LOW


class TwiceRead(Three):
    """As above, but a second reader could move the offset of a channel that the ReLU lets nothing through of."""

    def forward(self, x):
        x = self.one(x)
        return self.output(self.mean(torch.relu(self.norm(self.two(torch.relu(x))) + x)).flatten(1))


def test_a_channel_with_a_second_reader_is_computed():
    assert cut(ones=HIGH, module=TwiceRead()) is None


class Odd(Three):
    """Does something that is not followed."""

    def forward(self, x):
        return super().forward(x.sin())


class Repeated(Three):
    """Calls a layer twice."""

    def forward(self, x):
        x = torch.relu(self.two(torch.relu(self.one(x))))
        return self.output(self.mean(torch.relu(self.norm(self.two(x)))).flatten(1))


class Looks(Three):
    """Looks at its numbers, which no graph can."""

    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else super().forward(-x)


@pytest.mark.parametrize("module", [Odd, Repeated, Looks])
def test_a_network_that_cannot_be_followed_is_computed_whole(module):
    assert cut(reads=HIGH, module=module()) is None


def test_a_network_whose_pruned_weights_keep_values_is_computed_whole():
    """Nothing is cut off: what its masks leave out still works (Zhou et al. 2019, section 4)."""
    module, member = masked("conv_4", width=0.5)
    held = Held(module, {name: mask.shape for name, mask in member.masks.items()})
    one = held_member(member.weights, member.masks, seed=3, noise=member.noise)
    asked = settings(steps=3)
    assert on_cpu(held, one, settings=asked, objective=CLASSIFICATION, steps=3) is Single


def test_a_network_without_masks_or_with_all_its_channels_is_trained_by_the_plain_backend():
    asked = settings()
    module, member = masked("conv_4", width=0.5)
    every = {name: torch.ones_like(mask) for name, mask in member.masks.items()}
    for one in (replace(member, masks=every), replace(member, masks=None)):
        assert on_cpu(module, one, settings=asked, objective=CLASSIFICATION, steps=100) is Single
    ((_, together),) = backends(
        module, [member], settings=asked, objective=CLASSIFICATION, steps=100, together=True
    )  # fmt: skip
    assert together is Stacked
