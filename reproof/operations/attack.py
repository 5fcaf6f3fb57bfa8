"""Attack trained networks: accuracy against epsilon, the cost of an attack, and checks of its validity."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from reproof import registry
from reproof.attacks import checks
from reproof.attacks.attack import Adversarial, Aim, check_aim, draw_targets
from reproof.attacks.losses import make_signed_cross_entropy
from reproof.attacks.outcome import Fooled, Outcome
from reproof.attacks.victim import Victim
from reproof.metrics import COUNT, PIXELS, SHARE, Metric
from reproof.operations.common.attack_work import compute_attack_work
from reproof.operations.common.subject import Row, Rows, Subject, convert_to_tensors, list_pixels, operation
from reproof.seeding import derive
from reproof.storage.files import ReproofError
from reproof.training.state import State

Options = Mapping[str, Any]
HARNESS = ("attack", "targeted", "epsilons")  # keys of an entry that are no options of the attack
TOLERANCE = 0.02  # Square may leave this much less accuracy than PGD before gradients count as masked
SPLITS = ("train", "validation", "test")
OUTCOMES = (  # at each epsilon
    Metric("{split}_accuracy_under_attack", SHARE, "epsilon", "accuracy under attack", splits=SPLITS),
    Metric("{split}_attack_success_share", SHARE, "epsilon", "success of the attack", splits=SPLITS),
    Metric("{split}_confidence_of_mistakes", SHARE, "epsilon", "confidence of mistakes", splits=SPLITS),
    Metric(
        "{split}_attack_distance", PIXELS, "epsilon", "L2 distance of examples", "L2 distance of the examples", SPLITS
    ),
    Metric("{split}_attack_queries", COUNT, "epsilon", "queries until fooled", "number of queries", SPLITS),
)


def make_unbounded(metric: Metric) -> Metric:
    """Return the metric for attacks without epsilon."""
    name = metric.name.replace("{split}_", "{split}_unbounded_")
    words, sentence = (f"{one} without a bound" for one in (metric.words, metric.sentence or metric.words))
    return replace(metric, name=name, axis="", words=words, sentence=sentence)


METRICS = (  # `part` is the attack; of examples "original/{image}" or "{attack}/{image}"
    Metric("{split}_clean_accuracy", SHARE, words="accuracy without attack", splits=SPLITS),
    Metric("{split}_images_attacked", COUNT, words="number of images attacked", splits=SPLITS),
    *OUTCOMES,
    *(make_unbounded(one) for one in OUTCOMES),
    Metric("{split}_success_within_queries", SHARE, "query", "success of the attack", splits=SPLITS),
    Metric("{split}_gradients_masked", axis="epsilon", splits=SPLITS),
    Metric("{split}_missed_by_autoattack", SHARE, "epsilon", "images that AutoAttack alone missed", splits=SPLITS),
    Metric("example_pixel", PIXELS, axis="pixel", words="attacked images"),
    Metric("example_class", words="predicted classes"),
)


@operation(metrics=METRICS, cost=compute_attack_work)
def attack(
    subject: Subject,
    *,
    attacks: Mapping[str, Options],
    epsilons: Sequence[float] = (),
    examples: int = 1000,
    split: str = "test",
    queries: Sequence[int] = (),
    pictures: int = 0,
) -> Rows:
    """Attack dense networks on the first `examples` of `split`, at each of `epsilons`.

    An entry of `attacks` names the `attack` and may hold `targeted` (at a wrong class drawn at random), its own
    `epsilons`, and options of the attack. `part` is the entry, `at` is epsilon; epsilon 0 means no attack. Distances
    (L2) and queries are medians over the fooled images, those which the attack turned from correct to wrong.
    `success_within_queries` is their share among the correct ones. `missed_by_autoattack` is the share of all images
    that an attack fooled and AutoAttack, at the same distance, did not. `pictures` images are stored, a row per pixel.
    """
    if subject.levels != [0]:
        raise ReproofError("evaluations: attack measures dense networks alone; leave `levels` out")
    images, labels = select_examples(subject, split, examples)
    for seed, state in zip(subject.seeds, subject.read_tickets(0), strict=True):
        facts, victim = subject.make_columns(0, seed), make_victim(subject, convert_to_tensors(state))
        rows = measure_attacks(
            victim, images, labels, attacks=attacks, epsilons=epsilons, split=split, seed=seed, queries=queries
        )
        yield from (facts | row for row in rows)
        if seed == 0 and pictures:  # one seed is enough: a picture is hundreds of rows
            yield from (facts | row for row in _list_pictures(victim, images, labels, attacks, epsilons, pictures))


def measure_attacks(
    victim: Victim, images: Tensor, labels: Tensor, *,
    attacks: Mapping[str, Options], epsilons: Sequence[float], split: str, seed: int, queries: Sequence[int] = (),
) -> Iterator[Row]:  # fmt: skip
    """Yield the rows of each attack on one victim at each epsilon; raise ReproofError if a check fails.

    `images` are float32 [N, C, H, W] in [0, 1], `labels` int64 [N]. Without the checks, a broken attack would look like
    a robust network.
    """
    clean = victim.predict(images).eq(labels)  # bool [N]; attacks count only against correct answers
    _check_victim(victim, images, labels)
    accuracy = float(clean.double().mean())
    yield {"metric": f"{split}_clean_accuracy", "value": accuracy}
    left: dict[tuple[str, float], float] = {}
    fooled = Fooled()
    for label, options in attacks.items():
        sizes = _list_epsilons(options, epsilons)
        yield {"metric": f"{split}_images_attacked", "part": label, "value": float(len(images))}
        if sizes != [None]:  # the curve over epsilon begins without attack
            yield _make_row(split, "accuracy_under_attack", label, 0.0, accuracy)
        for epsilon in sizes:
            adversarial = make_examples(label, options, victim, images, labels, epsilon=epsilon, seed=seed)
            outcome = Outcome.measure(victim, images, labels, adversarial, clean)
            # An attack that raises accuracy is broken: refuse it before it reaches the table.
            checks.check_no_gain(under_attack=outcome.accuracy, clean=accuracy)
            fooled.add(label, options, epsilon, outcome.fooled)
            way = options["attack"], epsilon or 0.0
            left[way] = min(outcome.accuracy, left.get(way, 1.0))  # an attack may be listed twice: keep the stronger
            yield from (
                _make_row(split, metric, label, epsilon, value) for metric, value in outcome.list_metrics().items()
            )
            if epsilon == _find_greatest_epsilon(options, epsilons):
                within = ((float(limit), outcome.compute_success_within(limit)) for limit in queries)
                yield from (_make_row(split, "success_within_queries", label, limit, value) for limit, value in within)
    yield from _check_gradients(left, split)
    for label, epsilon, share in fooled.compare_with_autoattack():
        yield _make_row(split, "missed_by_autoattack", label, epsilon, share)


def select_examples(subject: Subject, split: str, examples: int) -> tuple[Tensor, Tensor]:
    """Return the first examples of a split: images float32 [N, C, H, W] in [0, 1], labels int64 [N].

    Raises ReproofError if the split is empty.
    """
    whole = subject.get_examples(split)
    return whole.images[:examples].to(torch.float32) / 255, whole.labels[:examples]


def make_victim(subject: Subject, state: State) -> Victim:
    """Return the network with this state {name: [*shape]} as a victim: in eval mode, frozen, on the job's device."""
    module = subject.job.build_network().to(subject.job.device)
    module.load_state_dict(dict(state))
    victim = Victim.of(module, subject.job.dataset)
    checks.check_eval_mode(module)
    return victim


def make_examples(
    label: str, options: Options, victim: Victim, images: Tensor, labels: Tensor, *, epsilon: float | None, seed: int
) -> Adversarial:
    """Return the adversarial examples of one attack, checked to lie in the ball and, if it clips, in the box.

    `images` are float32 [N, C, H, W] in [0, 1], `labels` int64 [N]; `epsilon` is None for an attack without bound.
    """
    its = {key: value for key, value in options.items() if key not in HARNESS}
    its |= {} if epsilon is None else {"epsilon": epsilon}
    generator = torch.Generator().manual_seed(derive("attack", label, seed, str(epsilon)))
    aim = _make_aim(options, victim, images, labels, generator)
    adversarial: Adversarial = registry.load("attacks", "attack", options["attack"])(
        victim, images, aim, generator=generator, **its
    )
    if epsilon is not None and its.get("clip", True):
        checks.check_inside(adversarial.images, images, epsilon=epsilon, norm=its.get("norm", "linf"))
    return adversarial


def _list_pictures(
    victim: Victim, images: Tensor, labels: Tensor, attacks: Mapping[str, Options], epsilons: Sequence[float], few: int
) -> Iterator[Row]:
    """Yield pixels and class of the first correctly classified images, untouched and under each attack."""
    right = victim.predict(images).eq(labels).nonzero().squeeze(1)[:few]
    images, labels = images[right], labels[right]  # a wrong answer needs no attack
    shown = {"original": images} | {
        label: make_examples(
            label, one, victim, images, labels, epsilon=_find_greatest_epsilon(one, epsilons), seed=0
        ).images
        for label, one in attacks.items()
    }
    for name, each in shown.items():
        for number, (image, seen) in enumerate(zip(each, victim.predict(each).tolist(), strict=True)):
            part = f"{name}/{number}"
            yield {"metric": "example_class", "part": part, "value": float(seen)}
            for place, value in list_pixels(image):
                yield {"metric": "example_pixel", "part": part, "at": place, "value": value}


def _check_victim(victim: Victim, images: Tensor, labels: Tensor) -> None:
    """Raise ReproofError for a victim with random answers or with gradients that are all zero."""
    few = images[:100]  # enough to detect either fault at a fraction of the cost
    checks.check_deterministic(victim, few)
    if victim.gradients:
        checks.check_gradients(victim.compute_gradient(few, labels[:100], make_signed_cross_entropy(Aim(labels[:100]))))


def _check_gradients(left: Mapping[tuple[str, float], float], split: str) -> Iterator[Row]:
    """Yield 1.0 if gradients are masked, else 0.0, at each epsilon with both PGD and Square; print a warning."""
    for (name, epsilon), accuracy in left.items():
        if name == "square" and ("pgd", epsilon) in left:
            by_pgd = left["pgd", epsilon]
            found = checks.detect_masking(
                accuracy_under_square=accuracy, accuracy_under_pgd=by_pgd, tolerance=TOLERANCE
            )
            if found:
                print(f"gradients masked: at {epsilon:g} Square leaves {accuracy:.1%}, PGD {by_pgd:.1%}")
            yield _make_row(split, "gradients_masked", "square", epsilon, float(found))


def _list_epsilons(options: Options, common: Sequence[float]) -> Sequence[float | None]:
    """Return the epsilons of an attack, [None] for an attack without epsilon."""
    if "epsilon" not in registry.list_options("attacks", "attack", options["attack"]):
        return [None]
    return list(options.get("epsilons", common))


def _find_greatest_epsilon(options: Options, common: Sequence[float]) -> float | None:
    """Return the greatest epsilon of an attack, None for an attack without epsilon."""
    return max((one for one in _list_epsilons(options, common) if one is not None), default=None)


def _make_aim(options: Options, victim: Victim, images: Tensor, labels: Tensor, generator: torch.Generator) -> Aim:
    """Return the aim of an attack: the true classes, or if `targeted` wrong ones drawn at random, int64 [N]."""
    if not options.get("targeted", False):
        return Aim(labels)
    classes = victim.logits(images[:1]).shape[-1]
    aim = Aim(draw_targets(labels, classes, generator=generator), targeted=True)
    check_aim(aim, labels)
    return aim


def _make_row(split: str, metric: str, label: str, at: float | None, value: float) -> Row:
    if at is None:
        return {"metric": f"{split}_unbounded_{metric}", "part": label, "value": value}
    return {"metric": f"{split}_{metric}", "part": label, "at": at, "value": value}
