"""From curves to measurements, by hand."""

import numpy as np
import pandas as pd
import pytest

from reproof.pipeline.collect import measure

NETWORK = {"run": "lenet", "arm": "ticket", "level": 1, "kept": 0.8, "seed": 0, "draw": 0}


def curves(*rows, **network):
    """One network's curves from rows (step, split, loss, accuracy)."""
    table = pd.DataFrame(rows, columns=["step", "split", "loss", "accuracy"])
    return table.assign(**(NETWORK | network))


def value(measurements, metric):
    (found,) = measurements.loc[measurements["metric"] == metric, "value"]
    return found


USUAL = (
    (10, "validation", 0.5, 0.80),
    (20, "validation", 0.3, 0.90),
    (30, "validation", 0.3, 0.95),
    (40, "validation", 0.4, 0.91),
    (20, "test", 0.35, 0.89),
    (20, "train", 0.25, 0.92),
    (40, "test", 0.45, 0.90),
    (40, "train", 0.05, 1.00),
)


def test_of_equal_validation_losses_the_first_is_the_early_stopping_point():
    assert value(measure(curves(*USUAL)), "early_stop_step") == 20
    assert value(measure(curves(*USUAL[::-1])), "early_stop_step") == 20, "whatever the order of the rows"


def test_each_split_is_read_at_the_early_stopping_point_and_at_the_end():
    found = measure(curves(*USUAL))
    expected = {
        "validation_loss_at_early_stop": 0.3,
        "validation_accuracy_at_early_stop": 0.90,
        "test_accuracy_at_early_stop": 0.89,
        "test_loss_at_early_stop": 0.35,
        "train_accuracy_at_early_stop": 0.92,
        "train_loss_at_early_stop": 0.25,
        "validation_accuracy_at_end": 0.91,
        "validation_loss_at_end": 0.4,
        "test_accuracy_at_end": 0.90,
        "test_loss_at_end": 0.45,
        "train_accuracy_at_end": 1.0,
        "train_loss_at_end": 0.05,
        "early_stop_step": 20,
    }
    assert dict(zip(found["metric"], found["value"], strict=True)) == expected
    assert set(found.columns) == {*NETWORK, "metric", "value"}
    assert found["value"].dtype == np.float64


def test_test_points_between_do_not_count():
    between = (30, "test", 0.1, 0.99)
    assert value(measure(curves(*USUAL, between)), "test_accuracy_at_early_stop") == 0.89


@pytest.mark.parametrize("key", ["run", "arm", "level", "seed", "draw"])
def test_networks_are_kept_apart(key):
    other = {"run": "other", "arm": "reinitialise"}.get(key, 2)
    later = [(step + 100, split, loss, accuracy) for step, split, loss, accuracy in USUAL]
    found = measure(pd.concat([curves(*USUAL), curves(*later, **{key: other})], ignore_index=True))
    stops = found[found["metric"] == "early_stop_step"].set_index(key)["value"].to_dict()
    assert stops == {NETWORK[key]: 20, other: 120}
    assert len(found) == 2 * len(measure(curves(*USUAL)))


def test_without_validation_there_is_no_early_stopping_point():
    found = measure(curves(*USUAL[-2:]))
    assert set(found["metric"]) == {
        f"{split}_{what}_at_end" for split in ("test", "train") for what in ("loss", "accuracy")
    }
