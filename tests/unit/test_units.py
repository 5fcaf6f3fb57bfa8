"""Units against random directions: the images that excite them, and measures of their similarity, by hand."""

from itertools import combinations
from math import log

import pytest
import torch

from reproof.representations.purity import (
    compute_class_purity,
    compute_compactness,
    compute_label_entropy,
    compute_mean_distance,
    run_permutation_test,
)
from reproof.representations.units import (
    draw_random_directions,
    draw_unit_vectors,
    find_active,
    find_most_excited,
    standardise_features,
)
from reproof.storage.files import ReproofError

FEATURES = torch.tensor([[0.0, 7.0, 1.0], [3.0, 7.0, 0.0], [1.0, 7.0, 2.0], [3.0, 7.0, 5.0]])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_constant_unit_is_not_active_and_is_0_once_standardised():
    assert find_active(FEATURES).tolist() == [0, 2]
    made = standardise_features(FEATURES)
    assert made[:, 1].tolist() == [0] * 4
    assert made.mean(0).tolist() == pytest.approx([0, 0, 0], abs=1e-12)
    assert made[:, [0, 2]].square().mean(0).tolist() == pytest.approx([1, 1])


def test_the_images_that_excite_a_direction_most_come_greatest_first():
    directions = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0.6, 0, 0.8]])
    top = find_most_excited(FEATURES, directions, k=3)
    assert top.tolist() == [[1, 3, 2], [1, 0, 2], [3, 2, 1]], "of equals the first comes first"
    with pytest.raises(ReproofError, match=r"^units: the top 5 of 4 images were asked for$"):
        find_most_excited(FEATURES, directions, k=5)


def test_unit_vectors_are_different_units_among_those_asked_for():
    made = draw_unit_vectors(3, torch.tensor([1, 4, 6]), dimension=8, generator=generator())
    assert made.sum(0).tolist() == [0, 1, 0, 0, 1, 0, 1, 0] and made.sum(1).tolist() == [1, 1, 1]
    with pytest.raises(ReproofError, match=r"^units: 4 of 3 units were asked for; ask for fewer$"):
        draw_unit_vectors(4, torch.tensor([1, 4, 6]), dimension=8, generator=generator())


def test_random_directions_are_uniform_on_the_sphere_of_their_units():
    made = draw_random_directions(4000, torch.tensor([0, 2, 3]), dimension=5, generator=generator())
    assert made.norm(dim=1).tolist() == pytest.approx([1] * 4000)
    assert not made[:, [1, 4]].any()
    covariance = made.T @ made / 4000
    assert torch.allclose(covariance[[0, 2, 3]][:, [0, 2, 3]], torch.eye(3, dtype=torch.float64) / 3, atol=0.02)
    assert (made == draw_random_directions(4000, torch.tensor([0, 2, 3]), dimension=5, generator=generator())).all()


def test_purity_and_entropy_of_labels():
    labels = torch.tensor([[3, 3, 3, 3], [0, 1, 2, 3], [2, 2, 2, 0], [1, 1, 0, 0]])
    assert compute_class_purity(labels).tolist() == [1, 0.25, 0.75, 0.5]
    three_to_one = -0.75 * log(0.75) - 0.25 * log(0.25)
    assert compute_label_entropy(labels).tolist() == pytest.approx([0, log(4), three_to_one, log(2)])


def test_the_mean_distance_is_over_pairs():
    corners = torch.tensor([[0.0, 0], [3, 0], [0, 4], [0, 0]])
    assert compute_mean_distance(corners, torch.tensor([[0, 1, 2], [0, 3, 0]])).tolist() == pytest.approx([4, 0])
    with pytest.raises(ReproofError, match=r"^purity: 1 image has no pairs; choose at least 2$"):
        compute_mean_distance(corners, torch.tensor([[0]]))


def test_compactness_is_1_for_images_at_random_and_less_for_a_cluster():
    vectors = torch.randn(300, 6, generator=generator())
    vectors[:10] *= 0.1
    chosen = torch.stack([torch.arange(10), torch.arange(100, 110)])
    cluster, anywhere = compute_compactness(vectors, chosen, random_sets=200, generator=generator()).tolist()
    assert cluster == pytest.approx(0.1, abs=0.05) and anywhere == pytest.approx(1, abs=0.2)


def test_a_random_set_holds_no_image_twice():
    two = torch.tensor([[0.0], [5.0]])
    assert compute_compactness(two, torch.tensor([[0, 1]]), random_sets=50, generator=generator()).item() == 1


def test_a_permutation_test_agrees_with_the_share_of_all_divisions():
    one, other = torch.tensor([1.2, 0.9, 3.0, 1.7, 0.4]), torch.tensor([0.1, 0.8, -0.7, 1.0])
    total = float(torch.cat([one, other]).sum())
    means = [sum(part) / 5 - (total - sum(part)) / 4 for part in combinations(torch.cat([one, other]).tolist(), 5)]
    measured = float(one.mean() - other.mean())
    exact = sum(abs(mean) >= abs(measured) - 1e-6 for mean in means) / len(means)
    found = run_permutation_test(one, other, permutations=40_000, generator=generator())
    assert found.mean == pytest.approx(measured)
    assert found.p == pytest.approx(exact, abs=0.005) and 0.01 < exact < 0.2
    assert run_permutation_test(one, other, permutations=40_000, generator=generator()) == found


def test_groups_apart_have_the_least_p_and_equal_groups_the_greatest():
    apart = run_permutation_test(torch.zeros(20), torch.ones(20), permutations=999, generator=generator())
    assert apart.mean == -1 and apart.p == pytest.approx(1 / 1000)
    tenths = torch.tensor([0.1, 0.2, 0.3, 0.3, 0.2, 0.1], dtype=torch.float64)
    same = run_permutation_test(tenths[:3], tenths[3:], permutations=99, generator=generator())
    assert same.p == 1, "rounding makes no difference"


def test_random_directions_over_raw_relu_features_follow_the_active_few():
    features = torch.randn(500, 20, generator=generator()).relu()
    features[:, 0] *= 30
    directions = draw_random_directions(200, find_active(features), dimension=20, generator=generator())
    along = directions[directions[:, 0] > 0.2]
    raw, equal = (
        torch.isin(find_most_excited(one, along, k=8), find_most_excited(one, torch.eye(20)[:1], k=8)).double().mean()
        for one in (features, standardise_features(features))
    )
    assert raw > 0.8 and equal < 0.5, "they show the images of that one unit"
