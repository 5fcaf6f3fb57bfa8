"""FAB: projections against linear and quadratic programs, the exact distances of linear victims, the final search."""

import pytest
import torch
from attack_kit import known, mnist, mnist_network
from linear_victims import cases, chance, distances, linear, pictures, reachable, solve

from reproof.attacks import checks
from reproof.attacks.attack import Aim
from reproof.attacks.fab import _step, fab, search_finally, search_nearest
from reproof.attacks.hyperplanes import measure_rows, project_onto_hyperplanes
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError


def planes(count=40, pixels=7, *, shift):
    """Return points with black and white pixels, normals with zeros, and offsets at a distance of some size."""
    drawn = torch.rand(count, pixels, generator=chance(5), dtype=torch.float64)
    points = torch.where(drawn < 0.2, 0.0, torch.where(drawn > 0.8, 1.0, drawn))
    normals = torch.randn(count, pixels, generator=chance(6), dtype=torch.float64)
    normals[torch.rand(count, pixels, generator=chance(7)) < 0.2] = 0
    away = shift * torch.randn(count, generator=chance(8), dtype=torch.float64)
    return points, normals, (normals * points).sum(1) + away


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("shift", [0.1, 1.0, 3.0])
def test_a_projection_is_as_short_as_a_program_finds_it_within_the_box(norm, shift):
    points, normals, offsets = planes(shift=shift)
    moves = project_onto_hyperplanes(points, normals, offsets, norm)
    after = points + moves
    assert after.min() >= 0 and after.max() <= 1 + 1e-12
    wanted = torch.tensor([solve(*one, norm) for one in zip(points, normals, offsets, strict=True)])
    hits = wanted.isfinite()
    assert hits.sum() > 10
    assert torch.allclose((normals * after).sum(1)[hits], offsets[hits], atol=1e-9)
    assert torch.allclose(measure_rows(moves, norm)[hits], wanted[hits].double(), atol=2e-5)
    assert (moves[normals == 0] == 0).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_plane_beyond_the_box_is_neared_as_far_as_the_box_goes(norm):
    points, normals, offsets = planes(shift=30.0)
    after = points + project_onto_hyperplanes(points, normals, offsets, norm)
    missing = offsets - (normals * points).sum(1)
    corners = torch.where(normals * missing[:, None] > 0, 1.0, 0.0).double()
    beyond = (normals * corners).sum(1).sub(offsets).mul(missing.sign()) < 0
    assert beyond.sum() > 20
    assert torch.allclose(torch.where(normals == 0, 0, after - corners)[beyond], torch.zeros(1, dtype=torch.float64))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_projection_is_worked_by_hand(norm):
    """3 z1 + 4 z2 = 3.4 is 1.7 away from (0.3, 0.2), and 6.85 is 5.15 away, where one pixel meets 1 on the way."""
    point, normal = torch.tensor([[0.3, 0.2]]), torch.tensor([[3.0, 4.0]])
    moves = project_onto_hyperplanes(point, normal, torch.tensor([3.4]), norm)
    wanted = [1.7 / 7, 1.7 / 7] if norm == "linf" else [1.7 * 3 / 25, 1.7 * 4 / 25]
    assert moves[0].tolist() == pytest.approx(wanted, abs=1e-6)
    cut = project_onto_hyperplanes(point, normal, torch.tensor([6.85]), norm)
    wanted = [0.7, (5.15 - 3 * 0.7) / 4] if norm == "linf" else [(5.15 - 4 * 0.8) / 3, 0.8]
    assert cut[0].tolist() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("count", [0, 1, 400])
def test_a_row_does_not_depend_on_the_others(count, norm):
    """Many rows are projected in parts."""
    points, normals, offsets = planes(count, 784, shift=1.0)
    moves = project_onto_hyperplanes(points, normals, offsets, norm)
    assert moves.shape == points.shape
    for row in range(0, count, 50):
        one = slice(row, row + 1)
        assert torch.equal(moves[one], project_onto_hyperplanes(points[one], normals[one], offsets[one], norm))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_no_plane_and_a_point_on_its_plane_move_nothing(norm):
    point = torch.tensor([[0.3, 0.2], [0.3, 0.2]])
    moves = project_onto_hyperplanes(point, torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([1.0, 0.5]), norm)
    assert moves.abs().max() < 1e-7


@pytest.mark.parametrize(("point", "missing", "bias"), [([0.2, 0.3], 0.7, 0.1), ([0.3, 0.395], 0.02, 0.004 / 0.164)])
def test_a_step_is_worked_by_hand(point, missing, bias):
    """Logits 0 and 3 x + 4 y - 2.5, 0.8 away from (0.3, 0.2): both projections go 1.05 of their way, and are mixed.

    The share of the original's is its own distance over both, 0.14 / 0.3 or 0.004 / 0.164, but at most 0.1.
    """
    slope, original, start = torch.tensor([3.0, 4.0]), torch.tensor([0.3, 0.2]), torch.tensor(point)
    victim = Victim(lambda batch: torch.stack([torch.zeros(len(batch)), batch.flatten(1) @ slope - 2.5], dim=1))
    made = _step(victim, pictures(point), pictures([0.3, 0.2]), torch.tensor([[0, 1]]), "l2")
    own, central = (one * slope / 25 for one in (missing, 0.8))
    wanted = (1 - bias) * (start + 1.05 * own) + bias * (original + 1.05 * central)
    assert made.flatten().tolist() == pytest.approx(wanted.tolist(), abs=1e-6)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_search_ends_at_the_exact_distance_of_a_linear_victim(norm):
    victim, (images, labels) = linear(), cases()
    wanted, target = distances(norm).min(dim=1)
    found = search_nearest(victim, images, torch.stack([labels, target], 1), norm=norm, steps=30, final_steps=3)
    assert victim.predict(found.images).ne(labels).all()
    assert torch.allclose(found.lengths, measure_rows((found.images.double() - images.double()).flatten(1), norm))
    assert ((found.lengths / wanted) < 1.01).all() and ((found.lengths / wanted) > 1 - 1e-4).all()


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.02), ("linf", 0.06), ("l2", 0.1), ("l2", 0.3)])
def test_fab_fools_all_that_can_be_fooled_of_a_linear_victim_and_nothing_else(norm, epsilon):
    victim, (images, labels) = linear(), cases()
    made = fab(victim, images, Aim(labels), generator=chance(), epsilon=epsilon, norm=norm, steps=30)
    checks.check_inside(made.images, images, epsilon=epsilon, norm=norm)
    fooled = victim.predict(made.images).ne(labels)
    assert torch.equal(fooled, reachable(norm, epsilon)) and 5 < fooled.sum() < 35
    assert torch.equal(made.images[~fooled], images[~fooled])


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.08), ("l2", 1.2)])
def test_a_success_holds_in_batches_of_any_size(norm, epsilon):
    """The search ends at the boundary, and logits are rounded otherwise in a batch of another size."""
    victim = Victim(mnist_network())
    images, labels = (part[:60] for part in known(victim, *(part[1000:1100] for part in mnist())))
    made = fab(victim, images, Aim(labels), generator=chance(), epsilon=epsilon, norm=norm, steps=6, targets=2).images
    changed = made.ne(images).flatten(1).any(dim=1)
    assert changed.sum() > 20
    for size in (1, 7, 60):
        classes = torch.cat([victim.predict(batch) for batch in made.split(size)])
        assert torch.equal(classes.ne(labels), changed), f"in batches of {size}"


def test_queries_are_counted_and_adversarial_images_are_left_alone():
    asked, inner = [], linear()
    victim = Victim(lambda batch: asked.append(len(batch)) or inner.logits(batch))
    images, labels = cases()
    labels = torch.cat([(labels[:5] + 1) % 5, labels[5:]])
    made = fab(victim, images, Aim(labels), generator=chance(), epsilon=0.04, steps=4, targets=3)
    assert sum(asked) == made.queries.sum()
    assert (made.queries[:5] == 1).all() and torch.equal(made.images[:5], images[:5])


def test_the_final_search_is_worked_by_hand():
    """Logits 0 and sqrt(x) - 0.5 from 0 to 1: the line through the ends meets 0 at 0.5, the next at 0.25 / 0.707."""
    victim = Victim(lambda batch: torch.stack([torch.zeros(len(batch)), batch.flatten(1).sum(1).sqrt() - 0.5], dim=1))
    inner, outer, label = pictures([0.0]), pictures([1.0]), torch.tensor([0])
    ends = [search_finally(victim, inner, outer, label, steps=steps).item() for steps in (0, 1, 2, 3)]
    second = 0.5 * 0.5 / 0.5**0.5
    # A little beyond: each step aims at a difference that rounding cannot undo.
    assert ends == pytest.approx([1.0, 0.5, second, second * 0.5 / second**0.5], rel=1e-4)


def test_the_final_search_never_leaves_the_wrong_side_nor_goes_back():
    victim = Victim(lambda batch: torch.stack([torch.zeros(len(batch)), batch.flatten(1).sum(1) ** 2 - 0.3], dim=1))
    inner, outer, label = pictures([0.0], [0.1]), pictures([1.0], [0.6]), torch.tensor([0, 0])
    ends = [search_finally(victim, inner, outer, label, steps=steps) for steps in (0, 3, 30)]
    assert torch.equal(ends[0], outer) and all(victim.predict(one).eq(1).all() for one in ends)
    assert (ends[1] <= ends[0]).all() and (ends[2] <= ends[1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "fab: steps 0 and targets 9 must be above 0, final_steps 3 at least 0; correct them"),
        ({"targets": 0}, "fab: steps 100 and targets 0 must be above 0, final_steps 3 at least 0; correct them"),
        ({"final_steps": -1}, "fab: steps 100 and targets 9 must be above 0, final_steps -1 at least 0; correct them"),
        ({"epsilon": 2.0}, "attack: epsilon 2 is outside the data's range; it must be above 0, at most 1"),
        ({"norm": "l0"}, "attack: norm 'l0' is unknown; choose one of linf, l2"),
    ],
)
def test_an_impossible_option_is_refused(options, message):
    with pytest.raises(ReproofError, match=f"^{message}$"):
        fab(
            linear(), pictures([0.5] * 20), Aim(torch.zeros(1).long()), generator=chance(), **{"epsilon": 0.1} | options
        )


def test_a_target_is_refused():
    aim = Aim(torch.zeros(1).long(), targeted=True)
    with pytest.raises(ReproofError, match=r"^fab: it leaves a class and reaches no given one; leave targeted out$"):
        fab(linear(), pictures([0.5] * 20), aim, generator=chance(), epsilon=0.1)
