"""Many sets of weights evaluated together give what each gives alone."""

import pytest
import torch
from training_kit import digits, members, network, settings

from reproof.networks import initialise
from reproof.training.backends import Single
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.variants import Variants, stack, unstack


@pytest.fixture(scope="module")
def dataset():
    return digits(train=2100, rest=1100)


def states(module, count=3):
    """States that differ in weights and, where there are any, in running statistics."""
    found = []
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        initialise(module, scheme="kaiming_normal", generator=generator)
        state = {name: value.clone() for name, value in module.state_dict().items()}
        for name, value in state.items():
            if name.endswith("running_mean"):
                value.normal_(generator=generator)
            if name.endswith("running_var"):
                value.uniform_(0.5, 2, generator=generator)
        found.append(state)
    return found


@pytest.mark.parametrize("name", ["lenet_300_100", "resnet_8"])
def test_each_state_measures_what_it_measures_alone(dataset, name):
    module = network(dataset, name)
    several = states(module)
    together = evaluate(Variants(module, several), dataset.test, dataset=dataset, objective=CLASSIFICATION)
    (member,) = members(network(dataset, name), seeds=[0])
    for number, state in enumerate(several):
        alone = Single(
            network(dataset, name), [member], device=torch.device("cpu"), settings=settings(), objective=CLASSIFICATION
        )
        alone.module.load_state_dict(state)
        expected = evaluate(alone, dataset.test, dataset=dataset, objective=CLASSIFICATION)
        for measure, values in expected.items():
            assert float(together[measure][number]) == float(values[0])
    assert len(set(together["loss"].tolist())) == 3


def test_the_module_itself_is_left_alone(dataset):
    module = network(dataset, "resnet_8")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    evaluate(
        Variants(module, states(network(dataset, "resnet_8"))), dataset.test, dataset=dataset, objective=CLASSIFICATION
    )
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_vectorised_pass_gives_the_same_to_rounding(dataset):
    """What a GPU does, done here: three states in passes of two."""
    module = network(dataset, "resnet_8").eval()
    variants, inputs = Variants(module, states(module)), dataset.normalise(dataset.test.images[:50])
    passes = list(variants._list_passes(together=2))
    assert [len(one) for one in passes] == [2, 1]
    with torch.no_grad():
        several = torch.cat([variants._run_pass(one, inputs) for one in passes])
        torch.testing.assert_close(several, variants.compute_outputs(inputs))


def test_a_state_may_be_made_when_it_is_asked_for(dataset):
    module = network(dataset)
    several = states(module)
    made = []

    class Lazy(list):
        def __getitem__(self, number):
            made.append(number)
            return super().__getitem__(number)

    inputs = dataset.normalise(dataset.test.images[:5])
    lazily = Variants(module, Lazy(several)).compute_outputs(inputs)
    assert torch.equal(lazily, Variants(module, several).compute_outputs(inputs))
    assert made == [0, 1, 2]


def test_states_stack_and_unstack():
    several = [{"w": torch.full((2,), float(number)), "n": torch.tensor(number)} for number in range(3)]
    back = unstack(stack(several))
    assert [{k: v.tolist() for k, v in one.items()} for one in back] == [
        {k: v.tolist() for k, v in one.items()} for one in several
    ]
