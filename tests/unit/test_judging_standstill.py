"""Both sides at a floor or at the ceiling: the verdict is inconclusive and says so; anything less is judged."""

from math import inf

import claim_kit
import pandas as pd
import pytest

from reproof.judging import verdict
from reproof.judging.claims import Claim

CHANCE = [0.113, 0.098, 0.126]
AT_0, AT_1 = [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]
CLEAN = [0.98, 0.97, 0.98]
NOTHING = "so that nothing is compared"


def judged(of, against, *, metric="test_accuracy_at_end", judge="paired_difference", expect=None, **options):
    """Return the verdict on two arms; `of` and `against` are {at: values by seed}, or values without a place."""
    places = of.keys() if isinstance(of, dict) else [None]
    sides = {"one": of, "other": against}
    rows = [
        {"run": "lenet", "arm": arm, "level": 0, "kept": 1.0, "seed": seed, "draw": 0, "at": at, "part": ""}
        | {"metric": metric, "value": value}
        for arm, side in sides.items()
        for at, values in (side.items() if isinstance(side, dict) else [(None, side)])
        for seed, value in enumerate(values)
    ]
    at = {"level": 0} | ({"at": max(places)} if None not in places else {})
    measure = {"metric": metric, "of": {"run": "lenet", "arm": "one", "at": at}, "against": {"arm": "other"}}
    claim = claim_kit.CLAIM | {"judge": judge, "measure": measure, "expect": expect or {"between": [-0.02, 0.02]}}
    return verdict.judge_claim(Claim.parse(claim), pd.DataFrame(rows).astype({"at": float}), scale="mnist", **options)


@pytest.mark.parametrize(
    ("of", "against", "why"),
    [
        (AT_0, AT_0, "both sides are at 0 % in all seeds"),
        (AT_1, AT_1, "both sides are at 100 % in all seeds"),
        ([1 - 1e-12, 1.0, 1.0], AT_1, "both sides are at 100 % in all seeds"),
        (CHANCE, [0.1, 0.1, 0.1], "both sides are at chance"),
        ([0.126] * 3, [0.1135] * 3, "both sides are at chance"),
        (CHANCE, AT_0, "one side is at 0 % and the other at chance"),
        (AT_0, CHANCE, "one side is at 0 % and the other at chance"),
    ],
)
@pytest.mark.parametrize("expect", [{"at_least": 0.0}, {"at_least": 0.4}, {"at_most": 0.5}, {"equal_within": 0.2}])
def test_two_sides_at_the_end_of_the_scale_settle_nothing(of, against, why, expect):
    found = judged(of, against, expect=expect)
    assert (found.verdict, found.judged, found.seeds_needed) == ("inconclusive", True, inf)
    assert found.reason == f"{why}, {NOTHING}"
    assert found.sentence.endswith(f"inconclusive ({why}, {NOTHING}).")


@pytest.mark.parametrize(
    ("of", "against"),
    [
        (AT_0, [0.0, 0.0, 0.001]),  # one image in one seed is something
        (AT_1, [1.0, 1.0, 0.999]),
        ([0.0, 0.001, 0.0], AT_1),
        (CHANCE, CLEAN),
        (AT_0, CLEAN),
        (CHANCE, [0.1, 0.1, 0.16]),  # one network that learned something
        (CHANCE, [0.04, 0.1, 0.1]),
        ([0.3, 0.05, 0.02], CHANCE),  # a mean at chance is not chance in all seeds
    ],
)
def test_anything_less_is_judged(of, against):
    found = judged(of, against, expect={"between": [-2.0, 2.0]})
    assert (found.verdict, found.reason) == ("agrees", "")


@pytest.mark.parametrize(("judge", "bound"), [("paired_ratio", [0.5, 2.0]), ("share_of_seeds", [0.0, 1.0])])
def test_so_it_is_with_every_judge_of_pairs(judge, bound):
    expect = {"between": bound}
    assert judged(CHANCE, [0.1, 0.09, 0.11], judge=judge, expect=expect).verdict == "inconclusive"
    assert judged(CLEAN, [0.9, 0.91, 0.95], judge=judge, expect=expect).verdict in {"agrees", "inconclusive"}
    assert NOTHING not in judged(CLEAN, [0.9, 0.91, 0.95], judge=judge, expect=expect).reason


def test_an_identity_may_be_one_of_zeros():
    assert judged(AT_0, AT_0, judge="identical", expect={"at_most": 0.0}).verdict == "agrees"


ATTACKED = {"metric": "test_accuracy_under_attack"}


@pytest.mark.parametrize(
    ("clean", "why"), [(CHANCE, "one side is at 0 % and the other at chance"), (CLEAN, ""), (None, "")]
)
def test_an_attacked_network_is_at_chance_if_it_is_so_without_the_attack(clean, why):
    of = {0.3: CHANCE} | ({} if clean is None else {0.0: clean})
    found = judged(of, {0.3: AT_0, 0.0: CLEAN}, **ATTACKED, expect={"at_least": 0.4})
    assert found.verdict == ("inconclusive" if why else "disagrees")
    assert found.reason == (f"{why}, {NOTHING}" if why else "")


@pytest.mark.parametrize("metric", ["test_loss_at_end", "early_stop_step"])
def test_what_is_no_share_has_no_floor(metric):
    assert NOTHING not in judged(AT_0, AT_0, metric=metric).reason


def test_other_shares_than_accuracies_are_never_at_chance():
    assert judged(CHANCE, CHANCE, metric="test_attack_success_share").verdict == "agrees"
    assert judged(AT_1, AT_1, metric="test_attack_success_share").verdict == "inconclusive"


@pytest.mark.parametrize(
    ("classes", "accuracy", "still"),
    [(2, 0.5, True), (100, 0.01, True), (100, 0.1, False), (0, 0.1, False), (0, 0.0, True), (10, 0.1, True)],
)
def test_chance_follows_the_number_of_classes(classes, accuracy, still):
    found = judged([accuracy] * 3, [accuracy] * 3, classes={"lenet": classes})
    assert (NOTHING in found.reason) == still


def test_a_scale_that_does_not_judge_says_it_too():
    claim = claim_kit.CLAIM | {"judged_at": [], "measure": {
        "metric": "test_accuracy_at_end", "of": {"run": "lenet", "at": {"level": 0}}, "against": {"arm": "other"},
    }}  # fmt: skip
    rows = [
        ("lenet", arm, 0, 1.0, seed, 0, "test_accuracy_at_end", 0.0) for arm in ("ticket", "other") for seed in "01"
    ]
    columns = ["run", "arm", "level", "kept", "seed", "draw", "metric", "value"]
    found = verdict.judge_claim(Claim.parse(claim), pd.DataFrame(rows, columns=columns), scale="mnist")
    assert found.verdict == "not judged at this scale"
    assert found.reason.endswith(NOTHING)


def test_of_several_levels_those_at_the_floor_do_not_agree():
    values = {1.0: [[0.9, 0.91, 0.92], [0.9, 0.91, 0.92]], 0.5: [[0.6, 0.61, 0.62]] * 2, 0.1: [CHANCE, CHANCE]}
    rows = [
        ("lenet", arm, level, kept, seed, 0, "test_accuracy_at_end", value)
        for level, (kept, sides) in enumerate(values.items())
        for arm, side in zip(("ticket", "other"), sides, strict=True)
        for seed, value in enumerate(side)
    ]
    table = pd.DataFrame(rows, columns=["run", "arm", "level", "kept", "seed", "draw", "metric", "value"])

    def judge(lowest):
        of = {"run": "lenet", "at": {"kept": [lowest, 1.0]}}
        measure = {"metric": "test_accuracy_at_end", "of": of, "against": {"arm": "other"}, "each": True}
        claim = claim_kit.CLAIM | {"measure": measure, "expect": {"equal_within": 0.2}}
        return verdict.judge_claim(Claim.parse(claim), table, scale="mnist")

    assert (judge(0.5).verdict, judge(0.5).reason) == ("agrees", "")
    assert (judge(0.1).verdict, judge(0.1).reason) == ("inconclusive", f"both sides are at chance, {NOTHING}")
