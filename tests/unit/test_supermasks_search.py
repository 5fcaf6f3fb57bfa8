"""The genetic search on a small network, and the budget that it shares with gradient descent."""

import pytest
import torch
from training_kit import digits, members, network

from reproof.networks import list_prunable
from reproof.supermasks.budget import Budget
from reproof.supermasks.genetic import Breeding
from reproof.supermasks.search import Search
from reproof.training.saving import Saving

BREEDING = Breeding(parents=6, children=10, mutation=0.01)


@pytest.fixture(scope="module")
def dataset():
    return digits()


def search(dataset, **changes):
    module = network(dataset)
    (start,) = members(module, seeds=(0,))
    usual = {"breeding": BREEDING, "examples": 60, "noise": 1}
    return Search(module, dict(start.weights), dataset, **(usual | changes))


def test_a_budget_counts_three_passes_an_example_and_step():
    budget = Budget(steps=100, batch=250)
    assert budget.passes == 75_000 and budget.count_passes(10) == 7_500
    assert budget.count_generations(judged=48, examples=1000) == 1
    assert budget.count_generations(judged=10, examples=100) == 75


def test_fitness_is_minus_the_loss_of_the_masked_network_on_a_fresh_batch(dataset):
    one = search(dataset, examples=len(dataset.train))
    masks = {k: torch.rand(3, *one.weights[k].shape) < 0.5 for k in list_prunable(one.network)}
    found = one.compute_fitness(masks, 0)
    plain = network(dataset)
    plain.load_state_dict(one.apply_masks(masks, 1))
    logits = plain(dataset.normalise(dataset.train.images))
    assert found[1].item() == pytest.approx(
        -torch.nn.functional.cross_entropy(logits, dataset.train.labels).item(), rel=1e-5
    )
    few = search(dataset)
    assert (few.compute_fitness(masks, 0) != few.compute_fitness(masks, 1)).all(), "another generation, another batch"


def test_a_search_gets_better_and_changes_no_weight(dataset):
    one = search(dataset, examples=len(dataset.train))
    before = {name: value.clone() for name, value in one.weights.items()}
    last, progress = one.run(12, watch=lambda generation: float(generation.fitness[0]), every=4)
    assert list(progress) == [0, 4, 8, 12] and last.number == 12
    assert sorted(progress.values()) == list(progress.values()) and progress[12] > progress[0] + 0.02
    assert all((one.weights[name] == value).all() for name, value in before.items())


def test_a_killed_search_goes_on_to_the_same_masks(dataset, tmp_path):
    class Stop(Exception):
        pass

    class Stopping(Saving):
        def save(self, state):
            super().save(state)
            if int(state["number"]) == 3:
                raise Stop

    def watch(generation):
        return float(generation.fitness[0])

    whole, progress = search(dataset).run(6, watch=watch)
    with pytest.raises(Stop):
        search(dataset).run(6, watch=watch, saving=Stopping(tmp_path / "state", "me", every_s=0))
    saving = Saving(tmp_path / "state", "me")
    assert int(saving.load()["number"]) == 3
    on, resumed = search(dataset).run(6, watch=watch, saving=saving)
    assert resumed == progress
    assert all((on.masks[name] == masks).all() for name, masks in whole.masks.items())
