"""Szegedy et al. 2014 and the attacks of a course at smoke scale, from nothing to their page, as Snakemake makes it."""

import json

import pytest

from reproof.settings import get_stored_name
from reproof.storage.files import read_parquet

PAPERS = ("intriguing_properties", "attacks")
OPERATIONS = {"attack", "minimum_distortion", "unit_selectivity", "lipschitz", "adversarial_training"}
OPERATIONS |= {"dead_outputs", "recreate"}


def test_from_nothing_to_a_page_and_then_nothing_more(repository, tmp_path):
    workspace = repository.copy(tmp_path / "reproof").of_papers(*PAPERS)
    workspace.snakemake("results/figures/all").check()
    records = workspace.find("record.json")
    assert {path.parts[1] for path in records} == {"data", "dense", "tables", *map(get_stored_name, OPERATIONS)}
    tables = [read_parquet(workspace / f"results/tables/smoke/{paper}/measurements.parquet") for paper in PAPERS]
    _the_same_network_is_trained_and_attacked(tables[1])
    _each_networks_own_images_fool_it(tables[0])
    for paper in PAPERS:
        verdicts = read_parquet(workspace / f"results/tables/smoke/{paper}/verdicts.parquet")
        assert set(verdicts["verdict"]) == {"not judged at this scale"}
    (record, *_) = workspace.find("distort/**/record.json")
    settings = json.loads((workspace / record).read_text())["settings"]
    assert settings["operation"] == "distort" and set(settings["victims"]) == {"softmax_weak", "fc_100"}
    page = (workspace / "results/figures/all/index.html").read_text()
    assert "Intriguing Properties of Neural Networks" in page and "carlini_wagner" not in page
    assert workspace.planned("results/figures/all") == {}


def _the_same_network_is_trained_and_attacked(table):
    """Accuracy under attack is at most that of the same 20 images untouched, and FGSM lowers it."""
    own = table[(table["arm"] == "ticket") & (table["metric"] == "test_accuracy_under_attack")]
    left = own.pivot_table(index="seed", columns=["part", "at"], values="value")
    within = {"fgsm": 0.1, "pgd_40": 0.1, "square": 0.1, "apgd_ce": 0.05, "autoattack": 0.05, "square_l2": 0.5}
    assert set(left.columns) == {(part, at) for part, most in within.items() for at in (0.0, most)}
    for part, most in within.items():
        assert (left[part, most] <= left[part, 0.0]).all()
    assert left["fgsm", 0.1].mean() < left["fgsm", 0.0].mean()
    hardened = table[(table["arm"] == "fgsm_trained") & (table["metric"] == "test_accuracy_under_attack")]
    assert set(hardened["at"]) == {0.0, 0.2}


def _each_networks_own_images_fool_it(table):
    shown = table[table["metric"] == "train_transfer_error"].groupby(["run", "part"])["value"].mean()
    assert shown["softmax_weak", "softmax_weak"] == shown["fc_100", "fc_100"] == pytest.approx(1)
    assert shown["softmax_weak", "fc_100"] < 1
