"""Zhang, Bengio & Singer 2022 at smoke scale, from nothing to its page, in the graph that Snakemake makes of it."""

import json

from reproof.storage.files import read_parquet

PAPER = "layers_equal"


def test_from_nothing_to_a_page_and_then_nothing_more(repository, tmp_path):
    workspace = repository.copy(tmp_path / "reproof").of_papers(PAPER)
    workspace.snakemake("results/figures/all").check()
    records = workspace.find("record.json")
    assert {path.parts[1] for path in records} == {"data", "dense", "reset", "freeze", "gradient_norms", "tables"}

    table = read_parquet(workspace / f"results/tables/smoke/{PAPER}/measurements.parquet")
    ends = table[table["metric"] == "test_accuracy_at_end"].set_index("seed")["value"]
    costs = table[table["metric"] == "test_cost_of_freezing"].set_index("seed")["value"]
    kept = table[table["metric"] == "test_accuracy_with_frozen_layers"].set_index("seed")["value"]
    assert costs.to_dict() == (ends - kept).to_dict(), "training and operations measure the same network"
    probed = table[table["metric"] == "test_criticality"]
    assert set(probed["part"]) == {"fc_1", "fc_2", "fc_3", "output"} and set(probed["at"]) == {0.0, 20.0}

    verdicts = read_parquet(workspace / f"results/tables/smoke/{PAPER}/verdicts.parquet")
    assert {f"C{number}" for number in range(1, 10)} <= {claim.partition(".")[0] for claim in verdicts["claim"]}
    assert set(verdicts["verdict"]) == {"not judged at this scale"}
    (record,) = workspace.find("reset/**/record.json")
    assert json.loads((workspace / record).read_text())["settings"]["operation"] == "reset"
    page = (workspace / "results/figures/all/index.html").read_text()
    assert "Are All Layers Created Equal?" in page and "joint_resets" not in page
    assert workspace.planned("results/figures/all") == {}
