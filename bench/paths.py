"""Measure the cost of a path: 30 points between two LeNets on the test set, over 30 plain evaluations."""

from collections.abc import Iterator

import torch

from bench.rows import Row, compute_ratio, measure_cpu_seconds, summarise_repeats
from bench.steps import make_digits
from reproof.connectivity.line import Line, compute_positions
from reproof.networks import build, initialise
from reproof.settings import TrainingSettings
from reproof.training.backends import Single
from reproof.training.evaluate import evaluate
from reproof.training.members import Member
from reproof.training.objective import CLASSIFICATION
from reproof.training.variants import Variants

POINTS, REPEATS = 30, 5


def measure() -> Iterator[Row]:
    """Yield the time of plain evaluations and the ratio of a path, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    dataset = make_digits()
    module = build("lenet_300_100", input_shape=(1, 28, 28), classes=10)
    first, second = (_draw_weights(module, seed) for seed in (0, 1))
    settings = TrainingSettings(optimizer="adam", lr=0.01, batch=60, steps=1)
    member = Member(seed=0, weights=first, noise=0)
    how = {"device": torch.device("cpu"), "settings": settings, "objective": CLASSIFICATION}
    # Evaluated like any network in training: its weights lie in the module and are not computed for each point.
    plain = Single(build("lenet_300_100", input_shape=(1, 28, 28), classes=10), [member], **how)
    path = Variants(module, Line(first, second, compute_positions(POINTS)))
    times: dict[str, list[float]] = {"plain": [], "path": []}
    for _ in range(REPEATS + 1):  # the first repeat is discarded below: it pays for the first touch of memory
        for name, networks, count in (("plain", plain, POINTS), ("path", path, 1)):
            each = lambda one=networks: evaluate(one, dataset.test, dataset=dataset, objective=CLASSIFICATION)  # noqa: E731
            times[name].append(measure_cpu_seconds(each, count) * count)
    plainly, along = (values[1:] for values in times.values())
    yield summarise_repeats(f"{POINTS} plain evaluations of 10,000 test images by LeNet", plainly, "s")
    yield compute_ratio(
        f"path of {POINTS} points on 10,000 images, over {POINTS} plain evaluations", along, plainly, "at most 1.2"
    )


def _draw_weights(module: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Return freshly drawn weights of the network, by name."""
    initialise(module, scheme="kaiming_normal", generator=torch.Generator().manual_seed(seed))
    return {name: value.clone() for name, value in module.state_dict().items()}
