"""Metrics: declared once, by what measures them, with a unit and words for a reader."""

import pytest

from reproof import metrics
from reproof.declarations.arm_words import ARMS, find_arm_words
from reproof.figures.words import label_quantity
from reproof.metrics import COUNT, SHARE, UNITS, Metric, check_metric, find_metric, read_metrics, read_metrics_of
from reproof.registry import list_registered
from reproof.storage.files import ReproofError


def test_every_operation_declares_what_it_measures():
    for name in list_registered("operations", "operation"):
        assert read_metrics_of(name), name
        assert read_metrics_of(name).items() <= read_metrics().items()
    assert {metric.unit for metric in read_metrics().values()} <= set(UNITS)
    assert {"measure", "measure_movement"} == {
        *list_registered("operations", "measurement"),
        *list_registered("pipeline", "measurement"),
    }


def test_a_metric_of_splits_is_named_and_called_by_each():
    one = Metric("{split}_size", COUNT, words="size", sentence="size of all", splits=("train", "test"))
    assert [(each.name, each.in_legend, each.in_sentence) for each in one.expand_splits()] == [
        ("train_size", "size, training set", "size of all (training set)"),
        ("test_size", "size", "size of all"),
    ]
    (named,) = Metric("of_{split}", words="{split} size", splits=("train",)).expand_splits()
    assert (named.name, named.in_legend, named.in_sentence) == ("of_train", "train size", "train size")
    (plain,) = Metric("{split}_big_one", splits=("train",)).expand_splits()
    assert plain.in_legend == plain.in_sentence == "train big one"


def test_a_unit_is_declared_not_read_from_a_name():
    assert find_metric("test_cost_of_freezing").is_share, "a difference of accuracies, whatever its name"
    assert not find_metric("purity_p_value").is_share
    assert label_quantity("early_stop_step") == "Early-stop iteration"
    assert label_quantity("test_loss_at_end") == "Test loss at end (nats)"


def test_what_nobody_declares_goes_by_its_name_and_no_figure_shows_it():
    assert find_metric("my_accuracy") == Metric("my_accuracy")
    assert "my_accuracy" not in read_metrics()
    with pytest.raises(ReproofError, match="nothing declares the quantity 'my_accuracy'"):
        label_quantity("my_accuracy")


def test_an_axis_may_be_that_of_some_rows_only():
    assert find_metric("test_instability").axis == find_metric("test_accuracy_at_end").axis == "step"
    assert find_metric("test_accuracy_at_end").axis_optional and not find_metric("test_instability").axis_optional


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (Metric("early_stop_step"), "operation new: metric 'early_stop_step' is declared elsewhere as well"),
        (Metric("mine", "metres"), "operation new: metric 'mine': unit 'metres' is unknown"),
    ],
)
def test_a_metric_twice_or_in_no_unit_is_refused(one, says):
    with pytest.raises(ReproofError, match=says):
        check_metric(one, read_metrics(), "operation new")
    check_metric(Metric("mine", SHARE), read_metrics(), "operation new")


def test_reading_all_refuses_one_that_is_declared_twice(monkeypatch):
    monkeypatch.setattr(metrics, "read_metrics_of", lambda *_, **__: {"one": Metric("one")})
    with pytest.raises(ReproofError, match="'one' is declared elsewhere"):
        read_metrics.__wrapped__()


def test_arms_have_words_for_legends_and_sentences():
    assert (find_arm_words("restarted").legend, find_arm_words("restarted").sentence) == (
        "schedule started anew",
        "copies whose schedule starts anew",
    )
    assert find_arm_words("my_control").legend == find_arm_words("my_control").sentence == "my control"
    assert len({words.legend for words in ARMS.values()}) == len(ARMS)
