"""Movement of kept and pruned weights in training, and evenness of masks over units. Needs no torch."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from reproof.metrics import Metric, measurement
from reproof.pruning.masks import Masks, compute_kept_share, read_masks
from reproof.storage.checkpoints import Weights, read_checkpoint
from reproof.storage.files import Array, write_parquet

BINS = 40
METRICS = (
    Metric("movement_in_ticket"),
    Metric("movement_outside_ticket"),
    Metric("away_from_zero_in_ticket"),
    Metric("away_from_zero_outside_ticket"),
    Metric("incoming_unevenness"),
    Metric("outgoing_unevenness"),
)


@measurement(metrics=METRICS)
def measure_movement(*, settings: str, dense: str, masks: Sequence[str], metrics: str, histograms: str) -> None:
    """Write metrics and histograms of the movement of dense weights, in the ticket and outside.

    Frankle & Carbin 2019, appendix F.5 (figures 19 and 20) and F.6. `metrics` has one row per level, seed and metric.
    `histograms` has the share of weights per layer, group and bin, for all levels of the first seed.
    """
    seeds = json.loads(settings)["seeds"]
    starts, ends = read_checkpoint(dense, "step0", "final")
    levels = [read_masks(Path(path)) for path in masks]
    rows, bars = [], []
    for level, members in enumerate(levels, start=1):
        for seed, start, end, mask in zip(seeds, starts, ends, members, strict=True):
            facts = {"level": level, "kept": compute_kept_share(mask), "seed": seed}
            rows += [
                facts | {"metric": name, "value": value} for name, value in _compute_metrics(start, end, mask).items()
            ]
            # Histograms are pictures of one seed; the metrics are measured for all.
            bars += [facts | bar for bar in _compute_histograms(start, end, mask)] if seed == seeds[0] else []
    types = {"level": np.int16, "seed": np.int16}
    write_parquet(metrics, pd.DataFrame(rows).astype(types))
    write_parquet(histograms, pd.DataFrame(bars).astype(types))


def _compute_metrics(start: Weights, end: Weights, mask: Masks) -> dict[str, float]:
    """Return the metrics of one ticket; movements are means over weights, in the units of weights."""
    # Joined over layers, so that each weight counts once.
    distance, outward = (np.concatenate(each) for each in zip(*_compute_movement(start, end, mask), strict=True))
    # In the order of `_compute_movement`, which goes through the same mask.
    inside = np.concatenate([one.ravel() for one in mask.values()])
    return {
        "movement_in_ticket": float(distance[inside].mean()),
        "movement_outside_ticket": float(distance[~inside].mean()),
        "away_from_zero_in_ticket": float(outward[inside].mean()),
        "away_from_zero_outside_ticket": float(outward[~inside].mean()),
        "incoming_unevenness": float(np.mean([compute_unevenness(one, axis=0) for one in mask.values()])),
        "outgoing_unevenness": float(np.mean([compute_unevenness(one, axis=1) for one in mask.values()])),
    }


def _compute_movement(start: Weights, end: Weights, mask: Masks) -> list[tuple[Array, Array]]:
    """Return (|end - start|, |end| - |start|) of each layer, flat float32 arrays [weights]."""
    return [(np.abs(end[k] - start[k]).ravel(), (np.abs(end[k]) - np.abs(start[k])).ravel()) for k in mask]


def compute_unevenness(mask: Array, *, axis: int) -> float:
    """Return the variance of kept weights per unit over its expectation by chance; 1 is as even as chance.

    `mask` is bool [out, in, *kernel], and units are its slices along `axis`: 0 counts incoming connections, 1 outgoing
    ones. Chance draws the kept weights of the layer without replacement, so the expected variance is hypergeometric.
    The result is NaN if the expectation is 0.
    """
    # [units]: kept weights of each unit; a position of a kernel is a weight of its own.
    counts = np.moveaxis(mask, axis, 0).reshape(mask.shape[axis], -1).sum(axis=1)
    size, per_unit, share = mask.size, mask.size // len(counts), mask.mean()
    # Variance of draws without replacement: n p (1 - p) (N - n) / (N - 1).
    expected = per_unit * share * (1 - share) * (size - per_unit) / max(size - 1, 1)
    return float(counts.var() / expected) if expected else float("nan")


def _compute_histograms(start: Weights, end: Weights, mask: Masks) -> list[dict[str, object]]:
    """Return one row per layer, quantity, group of weights and bin."""
    quantities = ("distance moved", "change of magnitude")
    return [
        {"layer": layer, "group": group, "quantity": quantity} | bar
        for layer, moved in zip(mask, _compute_movement(start, end, mask), strict=True)
        for quantity, values in zip(quantities, moved, strict=True)
        for group, chosen in (("in ticket", mask[layer].ravel()), ("outside", ~mask[layer].ravel()))
        for bar in _compute_bars(values, chosen)
    ]


def _compute_bars(values: Array, chosen: Array) -> list[dict[str, object]]:
    """Return the share of the values [weights] with `chosen`, bool [weights], in each bin of the range of all."""
    # Edges of all weights, so that the bars of both groups lie on each other.
    edges = np.histogram_bin_edges(values, bins=BINS)
    share = np.histogram(values[chosen], bins=edges)[0] / max(int(chosen.sum()), 1)
    bars = zip(edges[:-1], edges[1:], share, strict=True)
    return [{"bin_left": float(a), "bin_right": float(b), "share": float(c)} for a, b, c in bars]
