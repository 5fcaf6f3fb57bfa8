"""The autoencoder with a softmax on its code: which loss trains which weights."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from reproof.networks import build, initialise
from reproof.networks.autoencoder import AutoencoderSoftmax
from reproof.storage.files import ReproofError


@pytest.fixture
def module():
    network = build("autoencoder_softmax", input_shape=(1, 4, 4), classes=3, units=5)
    initialise(network, generator=torch.Generator().manual_seed(1), scheme="glorot_normal")
    return network


@pytest.fixture
def examples():
    generator = torch.Generator().manual_seed(2)
    return torch.rand(7, 1, 4, 4, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2, 0])


def gradients(loss, module):
    return dict(zip(dict(module.named_parameters()), torch.autograd.grad(loss, list(module.parameters())), strict=True))


def test_the_code_learns_to_reconstruct_and_the_softmax_from_labels(module, examples):
    images, labels = examples
    both = gradients(cross_entropy(module.train()(images), labels), module)
    pixels = images.flatten(1)
    code = module.fc_1(pixels).sigmoid()
    names = ("fc_1.weight", "fc_1.bias", "decoder.weight", "decoder.bias")
    parameters = [module.get_parameter(name) for name in names]
    alone = torch.autograd.grad(module.compute_loss(pixels, code), parameters)
    for name, expected in zip(names, alone, strict=True):
        assert torch.allclose(both[name], expected, atol=1e-7) and expected.abs().max() > 0
    standardised = (code.detach() - 0.1) / 0.3  # the deviation of what is on for a tenth of the time
    softmax = torch.autograd.grad(cross_entropy(module.output(standardised), labels), module.output.weight)[0]
    assert torch.allclose(both["output.weight"], softmax, atol=1e-7)


def test_once_trained_it_is_the_softmax_on_the_code_and_attacks_reach_the_pixels(module, examples):
    images, labels = examples
    images.requires_grad_()
    logits = module.eval()(images)
    code = module.fc_1(images.flatten(1)).sigmoid()
    assert torch.allclose(logits, module.output((code - 0.1) / 0.3), atol=1e-6)
    (slope,) = torch.autograd.grad(cross_entropy(logits, labels), images)
    assert slope.abs().max() > 0


def test_activity_as_wanted_adds_nothing_and_the_loss_is_the_error_of_reconstruction():
    network = AutoencoderSoftmax(2, 1, 2, active=0.5, sparsity=10.0, decay=0.0)
    for parameter in network.parameters():
        parameter.data.zero_()
    pixels = torch.tensor([[0.0, 1.0], [0.5, 0.5]])  # reconstructed as 0.5: halves of 0.25 + 0.25 and of 0
    assert network.compute_loss(pixels, torch.tensor([[0.2], [0.8]])).item() == pytest.approx(0.125)
    apart = 0.5 * torch.tensor(0.5 / 0.2).log() + 0.5 * torch.tensor(0.5 / 0.8).log()
    assert network.compute_loss(pixels, torch.tensor([[0.1], [0.3]])).item() == pytest.approx(0.125 + 10 * float(apart))


def test_decay_adds_half_the_squared_weights_of_code_and_decoder(module, examples):
    pixels = examples[0].flatten(1)
    code = module.fc_1(pixels).sigmoid()
    free = AutoencoderSoftmax(16, 5, 3, active=0.1, sparsity=3.0, decay=0.0)
    free.load_state_dict(module.state_dict())
    squares = sum(module.get_parameter(f"{name}.weight").detach().square().sum() for name in ("fc_1", "decoder"))
    added = module.compute_loss(pixels, code) - free.compute_loss(pixels, code)
    assert added.item() == pytest.approx(0.0015 * float(squares), rel=1e-3)


def test_seeds_stacked_learn_what_they_learn_alone(module, examples):
    images, labels = examples
    state = {name: value.detach() for name, value in module.train().named_parameters()}

    def loss(weights):
        return cross_entropy(torch.func.functional_call(module, weights, (images,)), labels)

    alone = torch.func.grad(loss)(state)
    stacked = {name: torch.stack([value, 2 * value]) for name, value in state.items()}
    together = torch.vmap(torch.func.grad(loss))(stacked)
    for name, value in alone.items():
        assert torch.allclose(together[name][0], value, atol=1e-6)


@pytest.mark.parametrize("impossible", [{"active": 0.0}, {"decay": -1.0}, {"sparsity": -1.0}, {"units": 0}])
def test_impossible_options_are_told(impossible):
    with pytest.raises(ReproofError, match="a share between 0 and 1, and weights of at least 0"):
        build("autoencoder_softmax", input_shape=(1, 4, 4), classes=3, **impossible)
