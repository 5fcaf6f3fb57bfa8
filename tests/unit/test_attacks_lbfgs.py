"""The methods of Szegedy et al. 2014: minimisation in a box against scipy's, least distortions of linear victims worked
by hand, noise, amplification and transfer."""

from math import sqrt

import pytest
import torch
from attack_kit import seeded, toy
from scipy.optimize import minimize as scipy_minimize
from threadpoolctl import threadpool_limits

from reproof.attacks.attack import Aim, draw_targets
from reproof.attacks.distortion import add_gaussian_noise, amplify, compute_distortion, measure_transfer
from reproof.attacks.lbfgs import minimise
from reproof.attacks.least_distortion import PENALTIES, _make_objective, minimum_distortion
from reproof.attacks.two_loop import compute_direction, make_pair
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError


@pytest.fixture(scope="module")
def attacked():
    """Return a trained network, 16 correctly classified images, and a wrong class for each."""
    victim, images, labels = toy()
    aim = Aim(draw_targets(labels[:16], 4, generator=seeded()), targeted=True)
    return victim, images[:16], aim, labels[:16]


class Counted:
    """Return a function that records the problems of each call."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, points, rows):
        self.calls.append(rows.tolist())
        return self.function(points, rows)


def quadratics(count=5, size=12):
    """Return convex quadratics whose minima partly lie outside [0, 1], condition number about 1,000."""
    chance = seeded()
    scales = torch.logspace(0, 3, size, dtype=torch.float64)
    turned = torch.linalg.qr(torch.randn(count, size, size, dtype=torch.float64, generator=chance)).Q
    matrices = turned * scales @ turned.mT
    centres = 3 * torch.rand(count, size, dtype=torch.float64, generator=chance) - 1

    def function(points, rows):
        away = points - centres[rows]
        gradients = torch.einsum("nij,nj->ni", matrices[rows], away)
        return (away * gradients).sum(-1) / 2, gradients

    return function


def by_scipy(function, start, row):
    def one(point):
        value, gradient = function(torch.tensor(point, dtype=start.dtype)[None], torch.tensor([row]))
        return value.item(), gradient[0].double().numpy()

    options = {"ftol": 1e-13, "gtol": 1e-9} if start.dtype == torch.float64 else {}
    bounds = [(0, 1)] * start.shape[1]
    with threadpool_limits(1):
        return scipy_minimize(one, start[row].double(), jac=True, method="L-BFGS-B", bounds=bounds, options=options)


def test_convex_functions_have_the_minima_that_scipy_finds():
    function, start = quadratics(), torch.full((5, 12), 0.5, dtype=torch.float64)
    found = minimise(function, start, iterations=1000, flat=1e-9, gain=1e-13)
    assert found.converged.all()
    for row in range(5):
        expected = by_scipy(function, start, row)
        assert found.values[row].item() == pytest.approx(expected.fun, rel=1e-9)
        assert found.points[row].tolist() == pytest.approx(expected.x.tolist(), abs=1e-5)
    on_a_bound = (found.points == 0) | (found.points == 1)
    assert on_a_bound.any(1).all() and not on_a_bound.all(1).all(), "bounds hold some variables, not all"


def test_a_minimum_beyond_the_box_is_on_its_side():
    centre = torch.tensor([[-1.0, 0.25, 2.0], [0.5, 3.0, 0.0]])
    start = torch.tensor([[0.1, 0.9, 0.3], [0.7, 0.2, 0.6]])
    found = minimise(lambda x, rows: ((x - centre[rows]).square().sum(-1), 2 * (x - centre[rows])), start, gain=0)
    assert found.points.tolist() == [[0, pytest.approx(0.25), 1], [pytest.approx(0.5), 1, pytest.approx(0, abs=1e-5)]]
    assert found.values.tolist() == pytest.approx([2, 4])


def test_bound_variables_at_rest_do_not_bend_the_direction_of_the_free_ones():
    chance = seeded()
    root = torch.randn(6, 6, dtype=torch.float64, generator=chance)
    matrix, free = root @ root.T + torch.eye(6), torch.tensor([True, True, False, True, False, True])
    steps = torch.randn(3, 1, 6, dtype=torch.float64, generator=chance) * free
    gradients, scale = torch.randn(1, 6, dtype=torch.float64, generator=chance), torch.ones(1)
    whole = tuple(make_pair(step, step @ matrix)[0] for step in steps)
    parts = tuple(make_pair(step, (step @ matrix) * free)[0] for step in steps)
    direction = compute_direction(whole, scale, gradients, free[None])
    assert direction.tolist() == [pytest.approx(compute_direction(parts, scale, gradients, free[None])[0].tolist())]
    assert not direction[0, ~free].any()


def rosenbrock(points, rows):
    x, y = points.unbind(-1)
    gradient = torch.stack([400 * x * (x**2 - y) - 2 * (1 - x), 200 * (y - x**2)], dim=-1)
    return (1 - x).square() + 100 * (y - x**2).square(), gradient


def test_the_bent_valley_of_rosenbrock_takes_few_evaluations():
    start = torch.tensor([[-1.2, 1.0], [0.0, 0.0], [1.9, -1.9]], dtype=torch.float64)
    found = minimise(rosenbrock, start, lower=-2, upper=2, iterations=200, flat=1e-8, gain=0)
    assert found.points.flatten().tolist() == pytest.approx([1] * 6, abs=1e-6)
    assert found.evaluations.max() < 80, "steepest descent takes thousands"
    bound = minimise(rosenbrock, start, lower=-2, upper=0.5, iterations=200, flat=1e-8, gain=0)
    assert bound.points.flatten().tolist() == pytest.approx([0.5, 0.25] * 3, abs=1e-6)


def test_a_problem_is_the_same_alone_and_in_a_batch():
    function, start = quadratics(), torch.full((5, 12), 0.3, dtype=torch.float64)
    together = minimise(function, start, iterations=40)
    for row in range(5):
        alone = minimise(lambda x, rows, row=row: function(x, rows + row), start[row : row + 1], iterations=40)
        assert together.points[row].tolist() == pytest.approx(alone.points[0].tolist(), abs=1e-10)
        assert together.evaluations[row] == alone.evaluations[0]
        assert together.converged[row] == alone.converged[0]


@pytest.mark.parametrize("problems", [2, 16], ids=["dropped at once", "one of many, left where it is"])
def test_what_is_done_is_not_asked_again(problems):
    goals = torch.linspace(0.5, 0.9, problems)[:, None] * torch.tensor([1.0, 1.0])
    goals[1:, 0] = 0.1
    stretch = torch.tensor([1.0, 30.0])
    counted = Counted(lambda x, rows: ((stretch * (x - goals[rows]) ** 2).sum(-1), 2 * stretch * (x - goals[rows])))
    found = minimise(counted, torch.full((problems, 2), 0.5))
    assert counted.calls[0] == list(range(problems)) and len(counted.calls) > 2
    assert not any(0 in call for call in counted.calls[1:]), "it stood at its minimum"
    assert found.evaluations.tolist() == [sum(row in call for call in counted.calls) for row in range(problems)]
    assert torch.allclose(found.points, goals, atol=1e-4)


def test_a_step_into_nowhere_is_shortened():
    def function(points, rows):
        x = points[:, 0]
        return torch.where(x < 0.6, -x, torch.nan), torch.full_like(points, -1.0)

    found = minimise(function, torch.zeros(1, 1), iterations=50)
    assert 0.59 < found.points.item() < 0.6


def test_too_few_iterations_are_not_called_an_end():
    function, start = quadratics(), torch.full((5, 12), 0.5, dtype=torch.float64)
    assert not minimise(function, start, iterations=2).converged.any()


def test_the_attacks_objective_is_minimised_as_far_as_scipy_does(attacked):
    victim, images, aim, _ = attacked
    weight = torch.full((len(images),), 0.3)
    counted = Counted(_make_objective(victim, images, aim, weight, PENALTIES["squared"]))
    start = images.flatten(1)
    found = minimise(counted, start)
    scipys = [by_scipy(counted.function, start, row) for row in range(len(start))]
    scipys_mean = sum(one.fun for one in scipys) / len(scipys)
    assert found.values.mean() <= 1.005 * scipys_mean, "not convex: single images end in other minima"
    assert len(counted.calls) < sum(one.nfev for one in scipys) / 3, "one call asks about all images"
    assert found.points.min() >= 0 and found.points.max() <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lower": 1.0}, "lbfgs: the box from 1 to 1 is empty; lower must be below upper"),
        ({"history": 0}, "lbfgs: history 0 is below 1"),
        ({"iterations": 0}, "lbfgs: iterations 0 is below 1"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ReproofError) as error:
        minimise(rosenbrock, torch.zeros(1, 2), **options)
    assert str(error.value) == message


def linear(bias):
    """Return a victim of two classes; the second wins where 3 x + 4 y > bias."""
    weights = torch.tensor([3.0, 4.0])

    def logits(images):
        gap = images.flatten(1) @ weights - bias
        return torch.stack([torch.zeros_like(gap), gap], dim=-1)

    return Victim(logits)


def attack_one(victim, image, **options):
    aim = Aim(torch.tensor([1]), targeted=True)
    return minimum_distortion(victim, torch.tensor(image).view(1, 1, 1, 2), aim, generator=seeded(), **options)


@pytest.mark.parametrize("penalty", ["squared", "l2"])
def test_a_linear_victim_is_left_at_the_nearest_point_of_its_boundary(penalty):
    made = attack_one(linear(4.5), [0.5, 0.5], penalty=penalty, searches=20, gain=1e-7)
    assert made.images.flatten().tolist() == pytest.approx([0.62, 0.66], abs=2e-3), "0.2 along (0.6, 0.8)"
    assert linear(4.5).predict(made.images).tolist() == [1]


@pytest.mark.parametrize("penalty", ["squared", "l2"])
def test_a_side_of_the_box_moves_the_nearest_point(penalty):
    made = attack_one(linear(5.2), [0.2, 0.9], penalty=penalty, searches=20, gain=1e-7)
    x, y = made.images.flatten().tolist()
    assert y == 1 and x == pytest.approx(0.4, abs=2e-3), "0.1 of y closes 0.4 of the gap of 1; 0.2 of x the rest"


def test_who_cannot_be_fooled_and_who_need_not_be_stay_as_they_are():
    image = [0.25, 0.5]
    assert attack_one(linear(7.5), image).images.flatten().tolist() == image
    there = attack_one(linear(2.0), image)
    assert there.images.flatten().tolist() == image and there.queries.tolist() == [1]


@pytest.mark.parametrize("penalty", ["squared", "l2"])
def test_every_image_of_a_network_is_fooled_the_nearer_the_more_searches(attacked, penalty):
    victim, images, aim, _ = attacked
    sizes = []
    for searches in (3, 10):
        made = minimum_distortion(victim, images, aim, generator=seeded(), penalty=penalty, searches=searches)
        assert made.images.min() >= 0 and made.images.max() <= 1
        sizes.append(compute_distortion(made.images, images))
        assert (victim.predict(made.images) == aim.labels).logical_or(sizes[-1] == 0).all()
    assert aim.is_reached(victim.predict(made.images)).all()
    assert (made.queries > 10).all()
    assert (sizes[1] <= sizes[0]).logical_or(sizes[0] == 0).all()
    logits = victim.logits(made.images)
    first, second = logits.topk(2).values.unbind(-1)
    assert (first - second).median() < 0.02, "both end where the target begins"


@pytest.mark.parametrize(
    ("aim", "options", "message"),
    [
        (Aim(torch.tensor([1])), {}, "needs a class to reach for each image; draw one with `draw_targets`"),
        (Aim(torch.tensor([1]), True), {"penalty": "l1"}, "penalty 'l1' is unknown; choose one of squared, l2"),
        (Aim(torch.tensor([1]), True), {"searches": 0}, "searches 0 is below 1"),
    ],
)
def test_what_the_attack_cannot_do_is_refused(aim, options, message):
    with pytest.raises(ReproofError) as error:
        minimum_distortion(linear(4.5), torch.zeros(1, 1, 1, 2), aim, generator=seeded(), **options)
    assert str(error.value) == f"minimum_distortion: {message}"


def test_a_victim_without_gradients_is_refused():
    victim = Victim(linear(4.5).logits, gradients=False)
    with pytest.raises(ReproofError, match="gives no gradients"):
        attack_one(victim, [0.5, 0.5])


def test_distortion_is_the_root_mean_square_change_of_a_pixel():
    originals = torch.zeros(2, 1, 28, 28)
    images = originals.clone()
    images[0, 0, 0, :3], images[1] = 0.5, 0.062
    assert compute_distortion(images, originals).tolist() == pytest.approx([sqrt(0.75 / 784), 0.062])
    assert (images - originals)[1].norm().item() == pytest.approx(28 * 0.062)


def test_amplified_perturbations_have_the_distortion_asked_for_and_stay_in_the_box():
    originals = torch.full((3, 1, 2, 2), 0.5)
    originals[1, 0, 0] = 1.0
    images = originals + 0.03 * torch.tensor([[[1.0, -1.0], [1.0, -1.0]]])
    images[1:, 0, 0] = originals[1:, 0, 0]
    images[2] = originals[2]
    made = amplify(images, originals, to=0.1)
    assert made[0].flatten().tolist() == pytest.approx([0.6, 0.4, 0.6, 0.4])
    assert compute_distortion(made, originals).tolist() == pytest.approx([0.1, 0.1, 0])
    bright = amplify(torch.tensor([[[[0.95, 0.05]]]]), torch.tensor([[[[0.94, 0.06]]]]), to=0.1)
    assert bright.flatten().tolist() == [1, 0]
    with pytest.raises(ReproofError) as error:
        amplify(images, originals, to=0)
    message = "amplify: a distortion of 0 is outside the data's range; it must be above 0, at most 1"
    assert str(error.value) == message


def test_noise_has_its_deviation_and_clipping_halves_its_square_on_black():
    black = torch.zeros(2, 1, 100, 100)
    noisy = add_gaussian_noise(black, deviation=torch.tensor([0.1, 0.3]), generator=seeded())
    assert compute_distortion(noisy, black).tolist() == pytest.approx([0.1, 0.3], rel=0.03)
    clipped = add_gaussian_noise(black, deviation=0.1, generator=seeded(), clipped=True)
    assert compute_distortion(clipped, black).tolist() == pytest.approx([0.1 / sqrt(2)] * 2, rel=0.03)
    assert clipped.min() == 0
    with pytest.raises(ReproofError, match=r"^gaussian: a deviation of -0.1 is below 0$"):
        add_gaussian_noise(black, deviation=-0.1, generator=seeded())


def threshold(at):
    return Victim(lambda images: torch.stack([at - images[:, 0, 0, 0], images[:, 0, 0, 0] - at], dim=-1))


def test_transfer_counts_changed_images_and_has_clean_and_noisy_error_beside_it():
    victims = {"low": threshold(0.3), "high": threshold(0.7)}
    originals = torch.tensor([0.0, 0.1, 0.2, 0.5]).view(4, 1, 1, 1)
    labels = torch.zeros(4, dtype=torch.int64)
    far = torch.tensor([0.4, 0.1, 0.8, 0.5]).view(4, 1, 1, 1)  # the second and the last were not fooled
    made = {"low": far, "none": originals, "all": torch.ones(4, 1, 1, 1)}
    table = measure_transfer(victims, made, originals=originals, labels=labels, generator=seeded())
    assert table.rows == ("low", "none", "all") and table.victims == ("low", "high")
    assert table.counts.tolist() == [2, 0, 4]
    assert table.error[[0, 2]].tolist() == [[1, 0.5], [1, 1]]
    assert table.clean[[0, 2]].tolist() == [[0, 0], [0.25, 0]]
    assert table.error[1].isnan().all() and table.clean[1].isnan().all() and table.noise[1].isnan().all()


def test_the_noise_beside_a_transfer_is_as_large_as_its_examples():
    originals, labels = torch.full((4000, 1, 1, 1), 0.5), torch.zeros(4000, dtype=torch.int64)
    made = {"0.2": originals - 0.2, "0.4": originals + 0.4}
    victims = {"high": threshold(0.7)}
    table = measure_transfer(victims, made, originals=originals, labels=labels, generator=seeded())
    assert table.error.tolist() == [[0], [1]]
    assert table.noise.flatten().tolist() == pytest.approx([0.1587, 0.3085], abs=0.02), "normal tails past 1 and 1/2"


def test_examples_of_other_images_are_refused():
    made = {"other": torch.zeros(3, 1, 1, 1)}
    with pytest.raises(ReproofError) as error:
        measure_transfer(
            {}, made, originals=torch.zeros(4, 1, 1, 1), labels=torch.zeros(4, dtype=torch.int64), generator=seeded()
        )
    assert str(error.value) == "transfer: other is [3, 1, 1, 1], its originals [4, 1, 1, 1]"
