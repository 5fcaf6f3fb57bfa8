"""Compute plausible tables by formula, to test and to look at figures without training."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from reproof.declarations.layer_classes import Thresholds
from reproof.probing.readings import (
    REINITIALISED,
    RERANDOMISED,
    Movement,
    Reading,
    Scale,
    list_layer_rows,
    list_network_rows,
    list_set_rows,
)

STEPS = {"lenet": 2000, "conv_2": 1000, "conv_4": 1200, "conv_6": 1400, "resnet_18": 3000, "vgg_19": 4500}
DENSE = {"lenet": 0.945, "conv_2": 0.63, "conv_4": 0.72, "conv_6": 0.74, "resnet_18": 0.905, "vgg_19": 0.92}
GAIN = {"lenet": 0.006, "conv_2": 0.034, "conv_4": 0.035, "conv_6": 0.033, "resnet_18": 0.002, "vgg_19": 0.001}
CONTROLS: dict[str, tuple[str, ...]] = {
    "lenet": ("reinitialise", "shuffle_mask", "reshuffle_initial", "prune_at_init", "noise_0.5", "noise_1", "noise_2"),
    "lenet_one_shot": ("reinitialise",),
    "lenet_continue": (),
}
RUNS = (
    *("lenet", "lenet_one_shot", "lenet_continue"),
    *(f"conv_{depth}{suffix}" for depth in (2, 4, 6) for suffix in ("", "_dropout")),
    *(f"{network}_{rate}" for network in ("resnet_18", "vgg_19") for rate in ("high", "low", "warmup")),
)


def measurements(
    runs: tuple[str, ...] = RUNS, *, seeds: int = 3, levels: tuple[int, ...] = tuple(range(0, 25, 2))
) -> pd.DataFrame:
    """Return a measurements table: `run, arm, level, kept, seed, draw, part, at, metric, value`."""
    nowhere = {"part": "", "at": float("nan")}
    return pd.DataFrame([row | nowhere for run in runs for row in _measured(run, seeds, levels)])


def copies(
    run: str = "lenet", *, seeds: int = 3, levels: tuple[int, ...] = (0, 3, 7), steps: tuple[int, ...] = (0, 100, 500)
) -> pd.DataFrame:
    """Return measurements of pairs of copies, in the columns of `measurements`: stable from step 100 on."""
    rows = [
        (run, arm, level, _kept(run, level), seed, 0, part, at, metric, value + seed / 1000)
        for level in levels
        for arm in (("ticket", "shuffle_mask", "reinitialise") if level else ("ticket",))
        for seed in range(seeds)
        for step in steps
        for part, at, metric, value in _connected(level, arm != "ticket", step)
    ]
    return pd.DataFrame(rows, columns=["run", "arm", "level", "kept", "seed", "draw", "part", "at", "metric", "value"])


def curves(
    runs: tuple[str, ...] = RUNS, *, seeds: int = 3, levels: tuple[int, ...] = tuple(range(0, 25, 2))
) -> pd.DataFrame:
    """Return a curves table: `run, arm, level, kept, seed, draw, step, split, loss, accuracy`."""
    return pd.concat([_curve(*trial) for run in runs for trial in _trials(run, seeds, levels)], ignore_index=True)


def movement(runs: tuple[str, ...] = ("lenet",), *, seeds: int = 3) -> pd.DataFrame:
    """Return a movement table: `run, level, kept, seed, layer, group, quantity, bin_left, bin_right, share`."""
    edges = np.linspace(-0.2, 0.3, 41)
    rows = [
        (run, level, 0.8**level, seed, layer, group, quantity, left, right, share)
        for run in runs
        for level in (6, 8)
        for seed in range(seeds)
        for layer in ("fc1.weight", "fc2.weight", "output.weight")
        for group, centre in (("in ticket", 0.06), ("outside", 0.02))
        for quantity, sign in (("distance moved", 1), ("change of magnitude", 0.8))
        for left, right, share in _histogram(edges * (1 + 0.1 * seed), centre * sign, quantity)
    ]
    names = ["run", "level", "kept", "seed", "layer", "group", "quantity", "bin_left", "bin_right", "share"]
    return pd.DataFrame(rows, columns=names)


def layers(runs: tuple[str, ...] = ("lenet",), *, seeds: int = 3, depth: int = 5, split: str = "test") -> pd.DataFrame:
    """Return measurements of the operation reset on fully connected networks, as rows of a measurements table."""
    rows = [row for run in runs for seed in range(seeds) for row in _probed(run, seed, depth, split)]
    return pd.DataFrame(rows).fillna({"draw": 0, "part": ""}).astype({"draw": "int16"})


def masks(run: str = "lenet", *, seeds: int = 3) -> pd.DataFrame:
    """Return measurements of mask criteria and of operations on masks: parts, a supermask and its progress."""
    names = ["run", "metric", "part", "level", "kept", "at", "value"]
    nan = float("nan")
    lines = [
        (f"{run}_large_final", "test_accuracy_at_early_stop", "", 0, 1.0, nan, 0.95),
        (run, "untrained_test_accuracy", "large_final", 0, 1.0, nan, 0.1),
        (run, "untrained_constant_test_accuracy", "large_final", 0, 1.0, nan, 0.2),
        (run, "untrained_best_test_accuracy", "large_final", 0, 1.0, nan, 0.4),
        (run, "supermask_test_accuracy", "Bernoulli, initial", 0, 0.5, nan, 0.9),
        (run, "supermask_progress_accuracy", "Bernoulli, initial", 0, 1.0, 1e6, 0.9),
    ]
    rows = [dict(zip(names, line, strict=True)) | {"seed": seed} for line in lines for seed in range(seeds)]
    return pd.DataFrame(rows).assign(arm="ticket", draw=0).astype({"draw": "int16"})


def attacks(
    runs: tuple[str, ...] = ("lenet",), *, seeds: int = 3, side: int = 4, arms: tuple[str, ...] = ("ticket",)
) -> pd.DataFrame:
    """Return measurements of attacks, distortions, exciting images and bounds on dense networks."""
    rows = [
        {"run": run, "arm": arm, "seed": seed} | row
        for place, run in enumerate(runs)
        for strength, arm in enumerate(arms)
        for seed in range(seeds)
        for row in _attacked(place, runs, seed, 1 + 2 * strength, side)
    ]
    table = pd.DataFrame(rows).fillna({"part": ""})
    return table.assign(level=0, kept=1.0, draw=0).astype({"draw": "int16"})


def verdicts() -> pd.DataFrame:
    """Return a verdicts table with one claim of every verdict, and one without numbers."""
    nan = float("nan")
    rows = [
        ("A1", "Early stopping comes sooner as fewer weights are kept.", "agrees", 1.46, 1.21, 1.71, "above 1"),
        ("A2", "Accuracy rises with pruning, most near 13.5 % kept.", "inconclusive", 0.21, -0.08, 0.5, "at least 0.3"),
        ("A10", "A fresh initialisation keeps its accuracy at first.", "disagrees", -1.9, -2.6, -1.2, "within 0.5"),
        ("A12", "Tickets are no better than fresh draws.", "not judged at this scale", 0.4, nan, nan, "within 0.5"),
        ("A16", "No warmup was found that gives tickets.", "not judged at this scale", nan, nan, nan, ""),
    ]
    names = ["claim", "says", "verdict", "effect", "low", "high", "expected"]
    table = pd.DataFrame(rows, columns=names).assign(
        unit=["times", "points", "points", "points", ""],
        published=["38 % earlier", "more than 0.3 points", "", "", ""],
        where="section 2, figure 4",
        why="the paper's own five trials spread over about 0.2 points",
        judged_at="mnist, paper",
        judged=[True, True, True, False, False],
        judge="paired_difference",
        interval=["95 %, t over seeds", "95 %, t over seeds", "95 %, t over seeds", "", ""],
        n=[3, 3, 3, 3, 0],
        seeds_needed=[nan, 9, nan, nan, nan],
        direction=["as claimed", "as claimed", "against", "as claimed", "not measured"],
    )
    return table.assign(
        sentence=[f"{row.claim}: {row.verdict}, {row.effect} {row.unit}." for row in table.itertuples()]
    )


def _connected(level: int, broken: bool, step: int) -> Iterator[tuple[str, float, str, float]]:
    height = (0.3 + 0.2 * broken) * (0.02 if step else 1) * (1 + 20 * broken * (step > 0))
    for split, end in (("test", 0.06), ("train", 0.01)):
        yield "", step, f"{split}_instability", height
        yield "", step, f"{split}_accuracy_at_end", 1 - end - (0.002 * level if broken else 0)
        for alpha in (0.0, 0.5, 1.0):
            yield f"step {step}", alpha, f"{split}_error_on_path", end + height * (alpha == 0.5)
            yield f"step {step}, recomputed", alpha, f"{split}_error_on_path", end + height * (alpha == 0.5) / 2
    for metric, value in (
        ("distance", 9.0),
        ("distance_share", 0.7),
        ("test_disagreement", 0.05),
        ("disagreement_share", 0.4),
    ):
        yield "", step, metric, value / (1 + step / 500)


def _attacked(place: int, runs: tuple[str, ...], seed: int, strength: float, side: int) -> Iterator[dict[str, object]]:
    """Yield rows: accuracy falls with epsilon, faster for stronger attacks; examples transfer best to near networks."""
    shift = 0.004 * seed + 0.01 * place
    for size, epsilon in enumerate((0.0, 0.1, 0.2, 0.3)):
        for power, part in ((1.0, "fgsm"), (3.0, "pgd"), (0.6, "spsa")):
            value = (0.98 - shift) * np.exp(-((power * 3 * epsilon / strength) ** 2)) if size else 0.98 - shift
            yield {"metric": "test_accuracy_under_attack", "part": part, "at": epsilon, "value": value}
    yield {"metric": "test_unbounded_accuracy_under_attack", "part": "one_pixel", "value": 0.8 - shift}
    for limit in (10.0, 30.0, 100.0, 300.0, 1000.0, 5000.0):
        for speed, part in ((100, "square"), (800, "nes")):
            value = 1 - np.exp(-limit / speed / strength) - shift / 10
            yield {"metric": "test_success_within_queries", "part": part, "at": limit, "value": max(value, 0.0)}
    yield {"metric": "train_clean_error", "value": 0.016 + shift}
    yield {"metric": "train_minimum_distortion", "value": 0.06 + shift}
    for deviation in (0.1, 0.3):
        yield {"metric": "train_noise_error", "at": deviation, "value": 0.5 * deviation**2 + shift}
    for column, shown in enumerate(runs):
        value = 1.0 if column == place else 0.4 / (1 + abs(column - place)) + shift
        for kind, share in (("", 1.0), ("_noise", 0.1), ("_excess", 0.9), ("_amplified", 1.5), ("_clean", 0.05)):
            yield {"metric": f"train_transfer{kind}_error", "part": shown, "value": min(1.0, share * value)}
    for at, factor in ((0.0, 1.0), (900.0, 2.5)):
        bounds = {f"fc_{layer}": factor * (0.9 + 0.4 * layer + shift) for layer in (1, 2, 3)}
        yield from ({"metric": "lipschitz_bound", "part": part, "at": at, "value": one} for part, one in bounds.items())
        yield {"metric": "lipschitz_product", "at": at, "value": float(np.prod(list(bounds.values())))}
    for part, gain in (("untrained", 0.0), ("trained", 0.2)):
        for metric, value in (("purity", 0.4 + gain), ("compactness", 0.95 - gain)):
            yield {"metric": f"units_{metric}", "part": part, "value": value + shift}
            yield {"metric": f"directions_{metric}", "part": part, "value": value + shift / 2 - 0.01}
            yield {"metric": f"{metric}_difference", "part": part, "value": 0.01 + shift / 2}
            yield {"metric": f"{metric}_p_value", "part": part, "value": 0.2 + 5 * shift}
    if seed == 0:
        yield from _drawn(side)


def _drawn(side: int) -> Iterator[dict[str, object]]:
    """Yield rows of two images, two attacks on them, and the most exciting images of two units and directions."""
    down, across = np.mgrid[:side, :side] / (side - 1)
    for number in range(2):
        image = np.exp(-20 * (down - across**2 - 0.2 * number + 0.1) ** 2)
        signs = np.sign(np.sin(13 * down + 7 * across * (number + 1)))
        shown = {"original": image, "fgsm": image + 0.1 * signs, "pgd": image + 0.05 * signs * image}
        for name, pixels in shown.items():
            part = f"{name}/{number}"
            yield {"metric": "example_class", "part": part, "value": float(number + 3 * (name != "original"))}
            for at, value in enumerate(pixels.clip(0, 1).ravel()):
                yield {"metric": "example_pixel", "part": part, "at": float(at), "value": float(value)}
    for state in ("trained", "untrained"):
        for who in ("unit", "direction"):
            for which in range(2):
                for rank in range(3):
                    image = np.exp(-20 * (down - (1 + rank) / 4 * across - 0.2 * which) ** 2)
                    part = f"{state}/{who}/{which}/{rank}"
                    for at, value in enumerate(image.ravel()):
                        yield {"metric": "exciting_pixel", "part": part, "at": float(at), "value": float(value)}


def _kept(run: str, level: int) -> float:
    return float(0.83**level if run.startswith("conv_6") else 0.8**level)


def _network(run: str) -> str:
    return next(name for name in STEPS if run.startswith(name))


def _trials(run: str, seeds: int, levels: tuple[int, ...]) -> Iterator[tuple[str, str, int, int, int]]:
    controls = CONTROLS.get(run, ("reinitialise", "shuffle_mask"))
    for level in levels:
        for arm in ("ticket", *controls) if level else ("ticket",):
            for seed in range(seeds):
                for draw in range(2 if arm == "reinitialise" else 1):
                    yield run, arm, level, seed, draw


def _final(run: str, arm: str, level: int, seed: int, draw: int) -> float:
    """Return the accuracy at the end: tickets gain first and lose late, controls lose from the start."""
    network, kept = _network(run), _kept(run, level)
    lost = -np.log(kept)
    ticket = GAIN[network] * np.sin(min(lost / 3.2, 1) * np.pi) - 0.012 * max(0.0, lost - 3.2) ** 2
    harm = {"ticket": 0.0, "reinitialise": 0.010, "shuffle_mask": 0.013, "prune_at_init": 0.016}.get(arm, 0.007)
    bonus = 0.02 * ("dropout" in run) - 0.004 * lost * (run in ("lenet_one_shot", "lenet_continue"))
    bonus -= 0.012 * ("low" in run) - 0.004 * ("warmup" in run)
    noise = 0.0015 * np.sin(17 * seed + 5 * draw + level + len(arm))
    return float(DENSE[network] + ticket - harm * lost**1.3 + bonus + noise)


def _measured(run: str, seeds: int, levels: tuple[int, ...]) -> Iterator[dict[str, object]]:
    for trial in _trials(run, seeds, levels):
        _, arm, level, seed, draw = trial
        lost, budget = -np.log(_kept(run, level)), STEPS[_network(run)]
        slow = {"ticket": -0.14, "reinitialise": 0.07}.get(arm, 0.03) * min(lost, 2.5)
        step = round(budget * (0.55 + slow + 0.02 * np.sin(3 * seed + draw)) / 20) * 20
        accuracy = _final(*trial)
        values = {
            "early_stop_step": float(step),
            "test_accuracy_at_early_stop": accuracy,
            "validation_accuracy_at_early_stop": accuracy + 0.002,
            "test_accuracy_at_end": accuracy - 0.001,
            "train_accuracy_at_end": float(min(1.0, 1.03 + 4 * (accuracy - DENSE[_network(run)]))),
        }
        for metric, value in values.items():
            yield {"run": run, "arm": arm, "level": level, "kept": _kept(run, level), "seed": seed, "draw": draw,
                   "metric": metric, "value": value}  # fmt: skip


def _probed(run: str, seed: int, depth: int, split: str) -> Iterator[dict[str, object]]:
    """Yield rows: the first layer is critical; costs fall with depth and checkpoint, distances fall with depth."""
    trained = 0.97 - 0.001 * seed
    parts = [*(f"fc_{layer}" for layer in range(1, depth + 1)), "output"]
    costs = {part: (0.95 - 0.02 * seed) / 6**place for place, part in enumerate(parts)}
    moved = {part: 0.02 / (place + 1) for place, part in enumerate(parts)}
    layers = {part: Movement(distance, 100) for part, distance in moved.items()}
    scale = Scale(split, trained, 0.1)
    single = [
        Reading(REINITIALISED, part, trained - cost * (trained - 0.1) / (1 + at / 200), at=float(at))
        for part, cost in costs.items()
        for at in (0, 100, 500)
    ]
    single += [Reading(RERANDOMISED, part, 0.1 + 0.02 * draw, draw=draw) for part in parts for draw in range(2)]
    sets = {"upper": parts[1:], "ambient": parts[2:]}
    joint = [Reading(REINITIALISED, part, 0.4, at=0.0) for part in sets]
    joint += [Reading(RERANDOMISED, part, 0.1 + 0.01 * draw, draw=draw) for part in sets for draw in range(2)]
    rows = [
        *list_layer_rows(single, scale),
        *list_network_rows(costs, layers, Thresholds(ambient=0.01, critical=0.5), split),
        *list_set_rows(joint, sets, costs, scale),
    ]
    for metric, share in (("distance_l2", 1), ("distance_linf", 5), ("relative_distance_l2", 20)):
        rows += [{"metric": metric, "part": part, "at": 0.0, "value": share * way} for part, way in moved.items()]
    yield from ({"run": run, "arm": "ticket", "level": 0, "kept": 1.0, "seed": seed} | row for row in rows)


def _curve(run: str, arm: str, level: int, seed: int, draw: int) -> pd.DataFrame:
    budget = STEPS[_network(run)]
    step = np.arange(0, budget + 1, budget // 20)
    speed = (0.04 if arm == "ticket" else 0.06) * (1 + 0.1 * np.sin(level))
    accuracy = 0.1 + (_final(run, arm, level, seed, draw) - 0.1) * (1 - np.exp(-step / (speed * budget)))
    same = {"run": run, "arm": arm, "level": level, "kept": _kept(run, level), "seed": seed, "draw": draw}
    return pd.DataFrame({**same, "step": step, "split": "test", "loss": 1 - accuracy, "accuracy": accuracy})


def _histogram(edges: np.ndarray, centre: float, quantity: str) -> Iterator[tuple[float, float, float]]:
    middle = (edges[1:] + edges[:-1]) / 2
    height = np.exp(-0.5 * ((middle - centre) / 0.04) ** 2) * ((middle > 0) | (quantity != "distance moved"))
    yield from zip(edges[:-1], edges[1:], height / height.sum(), strict=True)
