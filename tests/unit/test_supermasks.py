"""Learned supermasks: masks, gradients and rescaling worked by hand; weights that never move; genetic search."""

from functools import partial

import numpy as np
import pytest
import torch
from training_kit import digits, members, network, settings

from reproof.storage.files import ReproofError
from reproof.supermasks.genetic import Breeding, make_first_generation, make_next_generation
from reproof.supermasks.masked import MaskedNetwork, make_score_key, make_weight_key
from reproof.supermasks.rules import draw_bernoulli_mask, select_popup_mask
from reproof.training.block import train_block
from reproof.training.members import Member
from reproof.training.saving import Saving

FIRST = "fc_1.weight"


@pytest.fixture(scope="module")
def dataset():
    return digits()


def masked(dataset, rule=draw_bernoulli_mask, **options):
    module = network(dataset, width=0.3)
    (start,) = members(module, seeds=(0,))
    module.load_state_dict(start.weights)
    return MaskedNetwork(module, rule, **options)


def member(module, noise=5):
    state = {name: value.clone() for name, value in module.state_dict().items()}
    return Member(seed=0, weights=state | {"noise": torch.tensor(noise)}, noise=noise)


def generator():
    return torch.Generator().manual_seed(0)


def test_a_bernoulli_mask_has_its_chances_and_the_sigmoids_gradient():
    scores = torch.tensor([0.0, 2.0, -2.0]).repeat_interleave(20_000).requires_grad_()
    mask = draw_bernoulli_mask(scores, np.random.default_rng(0))
    assert set(mask.tolist()) == {0.0, 1.0}
    assert mask.detach().view(3, -1).mean(1).tolist() == pytest.approx([0.5, 0.8808, 0.1192], abs=0.01)
    (mask * 3).sum().backward()
    assert scores.grad.view(3, -1)[:, 0].tolist() == pytest.approx([3 * 0.25, 3 * 0.104994, 3 * 0.104994], rel=1e-4)


def test_popup_keeps_the_greatest_magnitudes_and_passes_gradients_straight():
    scores = torch.tensor([[0.1, -0.9], [0.5, -0.2]], requires_grad=True)
    mask = select_popup_mask(scores, np.random.default_rng(0), kept=0.5)
    assert mask.tolist() == [[0, 1], [1, 0]]
    (mask * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert scores.grad.tolist() == [[1, -2], [3, -4]], "the gradient of |score|, for the pruned as well"


def test_a_masked_network_is_the_network_with_masked_weights(dataset):
    module = masked(dataset, partial(select_popup_mask, kept=0.25)).eval()
    for scores in module.scores.values():
        torch.nn.init.uniform_(scores, generator=generator())
    inputs = dataset.normalise(dataset.test.images)
    masks = module.draw_masks(("evaluation", 0))
    plain = network(dataset, width=0.3)
    plain.load_state_dict({k: module.get_buffer(make_weight_key(k)) for k in plain.state_dict()})
    with torch.no_grad():
        for name, mask in masks.items():
            assert mask.sum() == round(0.25 * mask.numel())
            plain.get_parameter(name).mul_(mask)
    assert torch.allclose(module(inputs), plain(inputs), atol=1e-6)


def test_rescaling_multiplies_each_layer_by_size_over_kept(dataset):
    plain, rescaled = (masked(dataset, rescaled=one) for one in (False, True))
    masks = {name: torch.zeros_like(mask) for name, mask in plain.draw_masks(("evaluation", 0)).items()}
    masks[FIRST].view(-1)[:810] = 1  # of 36 x 90
    one, other = plain.apply_masks(masks), rescaled.apply_masks(masks)
    assert torch.allclose(other[FIRST], 4 * one[FIRST])
    assert all(torch.isfinite(value).all() for value in other.values()), "an empty mask"


def test_chance_differs_by_step_layer_and_seed_and_is_one_mask_an_evaluation(dataset):
    module = masked(dataset)
    masks = {purpose: module.draw_masks(purpose)[FIRST] for purpose in (("step", 0), ("step", 1), ("evaluation", 0))}
    assert all((masks[a] != masks[b]).any() for a, b in [(("step", 0), ("step", 1)), (("step", 0), ("evaluation", 0))])
    inputs = dataset.normalise(dataset.test.images)
    module.eval()
    assert (module(inputs) == module(inputs)).all()
    before = module(inputs)
    module.train()(inputs)
    assert (module.eval()(inputs) != before).any(), "a step later the evaluation draws another mask"
    module.load_state_dict(module.state_dict() | {"noise": torch.tensor(9), "drawn": torch.tensor(0)})
    assert (module(inputs) != before).any()


@pytest.mark.parametrize("rule", [draw_bernoulli_mask, partial(select_popup_mask, kept=0.5)])
def test_learning_moves_scores_only_and_gets_better(dataset, rule):
    module = masked(dataset, rule, rescaled=True)
    if rule is not draw_bernoulli_mask:
        for scores in module.scores.values():
            torch.nn.init.uniform_(scores, -0.1, 0.1, generator=generator())
    start = member(module)
    budget = settings(optimizer="sgd", lr=100.0 if rule is draw_bernoulli_mask else 0.1, momentum=0.9, steps=100)
    trained = train_block(module, [start], dataset=dataset, settings=budget)
    end = {name: value[0] for name, value in trained.points["final"].items()}
    for name, before in start.weights.items():
        assert (end[name] == before).all() == name.startswith(("weights", "noise")), name
    test = trained.curves["accuracy"][trained.curves["split"] == "test"]
    assert test.max() > 0.4, "chance is a quarter"
    assert int(end["drawn"]) == 100
    assert make_score_key(FIRST) in end


def test_learning_goes_on_to_the_same_bits(dataset, tmp_path):
    class Stop(Exception):
        pass

    class Stopping(Saving):
        def save(self, state):
            super().save(state)
            raise Stop

    whole = train_block(masked(dataset), [member(masked(dataset))], dataset=dataset, settings=settings(steps=12))
    with pytest.raises(Stop):
        train_block(
            masked(dataset), [member(masked(dataset))], dataset=dataset, settings=settings(steps=12),
            saving=Stopping(tmp_path / "state", "me", every_s=0),
        )  # fmt: skip
    saving = Saving(tmp_path / "state", "me")
    assert saving.load(), "nothing was saved"
    on = train_block(
        masked(dataset), [member(masked(dataset))], dataset=dataset, settings=settings(steps=12), saving=saving
    )
    assert all((on.points["final"][name] == value).all() for name, value in whole.points["final"].items())


SHAPES = {"w": torch.Size([6, 10]), "v": torch.Size([4, 6])}
TARGET = {name: torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.3 for name, shape in SHAPES.items()}


def agreement(masks, number):
    return sum((masks[name] == TARGET[name]).flatten(1).sum(1) for name in SHAPES).double()


def bred(generations, **changes):
    breeding = Breeding(**({"parents": 8, "children": 16, "mutation": 0.02} | changes))
    one = make_first_generation(SHAPES, breeding, agreement, seed=0)
    for number in range(generations):
        one = make_next_generation(one, breeding, agreement, seed=1 + number)
    return one


def test_a_genetic_search_never_loses_its_best_and_finds_the_target():
    best = [bred(generations).fitness[0].item() for generations in (0, 5, 20, 150)]
    assert best == sorted(best)
    assert best[0] < 60 and best[-1] == 84


def test_a_generation_is_ranked_and_as_many_live_on():
    one = bred(3)
    assert one.number == 3 and len(one.fitness) == 8
    assert (one.fitness[:-1] >= one.fitness[1:]).all()
    assert (agreement(one.masks, 0) == one.fitness).all()


def test_without_mutation_children_only_mix_what_their_parents_have():
    breeding = Breeding(parents=2, children=50, mutation=0.0)
    first = make_first_generation(SHAPES, breeding, agreement, seed=0)
    second = make_next_generation(first, Breeding(parents=52, children=50, mutation=0.0), agreement, seed=1)
    mixed = (second.masks["w"][:, :, None] == first.masks["w"].transpose(0, 1)).all(-1).any(-1)
    assert mixed.all(), "each unit's incoming weights come whole from one of the two"
    assert len(torch.unique(second.masks["w"].flatten(1), dim=0)) > 10


def test_one_individual_cannot_breed():
    with pytest.raises(ReproofError, match="parents: 1 cannot breed"):
        make_first_generation(SHAPES, Breeding(parents=1), agreement, seed=0)
