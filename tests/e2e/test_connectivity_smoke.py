"""Linear mode connectivity at smoke scale, from nothing to its verdicts and figures; a second run does nothing."""

import pandas as pd
import pytest
from small_paper import changed
from workspace import ROOT

from reproof.experiments.configuration import read_configuration
from reproof.experiments.strict_yaml import read_yaml
from reproof.planning.plan import Plan

PAPER = "linear_mode_connectivity"
TABLES = f"results/tables/smoke/{PAPER}"
FIGURES = [f"results/figures/smoke/{PAPER}/{name}.svg" for name in ("paths", "dense", "sparse", "ranges")]


@pytest.fixture(scope="module")
def ran(repository, tmp_path_factory):
    """A copy of the repository that replicates this paper alone, after a run of its tables and some of its figures."""
    copy = repository.copy(tmp_path_factory.mktemp("connectivity") / "reproof").of_papers(PAPER)
    copy.snakemake(f"{TABLES}/verdicts.parquet", *FIGURES)
    return copy


@pytest.fixture(scope="module")
def plan():
    config = read_yaml(ROOT / "config/config.yaml")
    return Plan(read_configuration(changed(config, {"scale": "smoke", "papers": [PAPER]})))


def test_every_claim_has_a_verdict_and_none_is_judged(ran, plan):
    verdicts = pd.read_parquet(ran / f"{TABLES}/verdicts.parquet")
    assert verdicts["claim"].tolist() == [claim["id"] for claim in plan.papers[PAPER].settings["claims"]]
    assert set(verdicts["verdict"]) == {"not judged at this scale"}
    assert "B1.lenet" in set(verdicts.loc[verdicts["direction"] != "not measured", "claim"])


def test_every_arm_is_measured_where_it_should_be(ran):
    table = pd.read_parquet(ran / f"{TABLES}/measurements.parquet")
    found = table[table["metric"] == "test_instability"]
    assert set(map(tuple, found[["arm", "level", "at"]].to_numpy())) == {
        ("ticket", 0, 0.0), ("ticket", 0, 20.0), ("other_start", 0, 0.0),
        ("ticket", 1, 0.0), ("shuffle_mask", 1, 0.0), ("reinitialise", 1, 0.0),
    }  # fmt: skip
    assert (table.loc[table["metric"] == "distance", "value"] > 0).all()
    same, other = (
        found[found["arm"] == arm].query("level == 0 and at == 0")["value"].mean() for arm in ("ticket", "other_start")
    )
    assert other > 5 * same, "different initialisations are far from connected even after 60 steps"


def test_a_second_run_does_nothing(ran):
    assert ran.planned(f"{TABLES}/verdicts.parquet", *FIGURES) == {}
