"""Zhou et al. 2019 at smoke scale, from nothing: every operation on masks ran, and its measurements fit together."""

import pytest
import yaml

from reproof.experiments.configuration import read_configuration
from reproof.planning.plan import Plan
from reproof.storage.files import read_json, read_parquet

PAPER = "deconstructing"


@pytest.fixture(scope="module")
def ran(repository, tmp_path_factory):
    """A copy of the repository in which this paper alone has run, with its measurements."""
    workspace = repository.copy(tmp_path_factory.mktemp("deconstructing") / "reproof").of_papers(PAPER)
    workspace.snakemake("results/figures/all")
    return workspace


def test_all_of_it_runs_once(ran):
    table = read_parquet(ran / f"results/tables/smoke/{PAPER}/measurements.parquet")
    untrained = table[table["metric"] == "untrained_test_accuracy"]
    assert untrained.groupby("part").size().to_dict() == dict.fromkeys(
        ("large_final", "large_final_same_sign", "random", "snip"), 2 * 4
    )
    ticket = table[(table["run"] == "fc_large_final") & (table["metric"] == "test_accuracy_at_early_stop")]
    assert {"ticket", "constant_signed"} == set(ticket["arm"])
    frozen = table[table["metric"] == "frozen_test_accuracy_at_early_stop"]
    assert set(frozen["part"]) == {"frozen", "frozen_or_zero"}
    assert frozen["kept"].nunique() == 1 and frozen["kept"].iloc[0] == ticket[ticket["level"] == 2]["kept"].iloc[0]
    found = table[table["metric"] == "supermask_test_accuracy"].groupby("part").size()
    assert found.to_dict() == {"Bernoulli, constants, rescaled": 4, "edge-popup, initial": 2, "genetic, initial": 2}
    costs = table[table["metric"] == "supermask_passes"]["value"]
    assert costs.nunique() == 1, "the methods stand side by side at equal cost"

    config = yaml.safe_load((ran / "config/config.yaml").read_text()) | {"scale": "smoke"}
    plan = Plan(read_configuration(config, folder=ran / "config"))
    for one in plan.list_evaluations(PAPER):
        record = read_json(ran / one.job.record)
        assert record["outputs"] and record["inputs"]["results/data/mnist5k_unit/data.safetensors"]
    verdicts = read_parquet(ran / f"results/tables/smoke/{PAPER}/verdicts.parquet")
    assert set(verdicts["verdict"]) == {"not judged at this scale"}
    directions = verdicts.set_index("claim")["direction"]
    assert directions["D4.random"] != "not measured" and directions["D5.cifar"] == "not measured"

    again = ran.snakemake("results/figures/all")
    assert "Nothing to be done" in again.text
