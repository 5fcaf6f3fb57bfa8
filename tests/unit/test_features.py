"""Activations of a layer: by hand, in eval mode, independent of later layers."""

import pytest
import torch
from torch import nn

from reproof.networks import build
from reproof.networks.layers import chain
from reproof.representations.features import compute_features, find_output_layer
from reproof.storage.files import ReproofError


def images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_without_a_name_they_are_the_outputs_of_the_last_hidden_activation():
    module, x = build("lenet_300_100", input_shape=(1, 6, 6), classes=4, width=0.1), images(7, 1, 6, 6)
    hidden = (x.flatten(1) @ module.fc_1.weight.T + module.fc_1.bias).relu()
    expected = (hidden @ module.fc_2.weight.T + module.fc_2.bias).relu()
    for batches in ([x], x.split(3)):
        torch.testing.assert_close(compute_features(module, batches), expected)
    assert torch.equal(compute_features(module, [x]), compute_features(module, [x], layer="relu_2"))
    torch.testing.assert_close(compute_features(module, [x], layer="relu_1"), hidden)
    torch.testing.assert_close(compute_features(module, [x], layer="output"), module(x))


def test_convolutional_features_are_flattened_and_dropout_does_nothing():
    module, x = build("conv_2", input_shape=(1, 6, 6), classes=4, width=1 / 16, dropout=0.5), images(5, 1, 6, 6)
    assert compute_features(module, [x], layer="conv_1").shape == (5, 4 * 36)
    torch.testing.assert_close(compute_features(module, [x], layer="conv_1"), module.conv_1(x).flatten(1))
    assert compute_features(module, [x]).isfinite().all(), "in training mode a mask never drawn is NaN"


def test_torchvisions_networks_have_their_own_names():
    module, x = build("resnet_18_imagenet", input_shape=(3, 32, 32), classes=4), images(2, 3, 32, 32)
    assert find_output_layer(module) == "fc"
    torch.testing.assert_close(compute_features(module, [x]), compute_features(module, [x], layer="avgpool"))
    twice = compute_features(module, [x], layer="layer4.1.relu")
    assert torch.equal(twice, compute_features(module, [x], layer="layer4.1")), (
        "of a ReLU that runs twice it is the last"
    )


def test_what_comes_next_in_place_changes_nothing():
    plain, in_place = (
        chain(("fc", nn.Linear(3, 5)), ("relu", nn.ReLU(inplace=inplace)), ("output", nn.Linear(5, 2)))
        for inplace in (False, True)
    )
    in_place.load_state_dict(plain.state_dict())
    found = compute_features(in_place, [images(20, 3)], layer="fc")
    assert found.min() < 0 and torch.equal(found, compute_features(plain, [images(20, 3)], layer="fc"))


def test_the_network_is_left_without_hooks_even_after_an_error():
    module = build("lenet_300_100", input_shape=(1, 6, 6), classes=4, width=0.1)
    with pytest.raises(RuntimeError):
        compute_features(module, [images(2, 1, 5, 5)])
    compute_features(module, [images(2, 1, 6, 6)])
    assert not any(part._forward_hooks for part in module.modules())


def test_a_layer_that_is_none_is_refused():
    module = build("lenet_300_100", input_shape=(1, 6, 6), classes=4, width=0.1)
    with pytest.raises(ReproofError) as error:
        compute_features(module, [images(2, 1, 6, 6)], layer="fc_3")
    known = "flatten, fc_1, relu_1, fc_2, relu_2, output"
    assert str(error.value) == f"features: no layer is called 'fc_3'; they are {known}"
    group = chain(("group", nn.ModuleList([nn.Linear(3, 3)])), ("output", nn.Linear(3, 2)))
    group.forward = group.output.forward
    with pytest.raises(
        ReproofError, match=r"^features: 'group' is a group that is not run as one; name a layer in it$"
    ):
        compute_features(group, [images(2, 3)], layer="group")
