"""`make plan`: the jobs it counts are those of Snakemake's dry run, and it says what its times rest on."""

import json
import re
from pathlib import Path

SNAPSHOT = Path(__file__).parent / "snapshots/jobs_paper.json"


def test_the_plan_of_the_paper_scale(repository):
    ran = repository.python("-m", "workflow.forecast", "paper")
    assert ran.code == 0, ran.text
    rows = re.findall(r"^(\w+) +([\d,]+) +([\d.,]+) +([\d.,]+) +([\d.,]+)  (\w+)$", ran.text, flags=re.MULTILINE)
    counts = {row[0]: int(row[1].replace(",", "")) for row in rows}
    expected = json.loads(SNAPSHOT.read_text())
    assert counts == expected | {"all": sum(expected.values())}
    gpu_hours = {row[0] for row in rows if row[2] != "0.00"}
    operations = {"connect", "reset", "freeze", "untrained", "freeze_pruned", "supermask"}
    operations |= {"attack", "minimum_distortion", "adversarial_training", "unit_selectivity", "lipschitz"}
    operations |= {"dead_outputs", "recreate", "gradient_norms"}
    assert gpu_hours == {"train_dense", "retrain", "train_control", "all"} | operations
    assert {row[5] for row in rows} == {"estimated"}
    chain = ran.line("longest chain:")
    assert "1 retrain, 1 connect, 1 collect" in chain, "copies of a ticket on ImageNet take longest"


def test_a_mistake_in_the_configuration_is_told(repository, tmp_path):
    ran = repository.python("-m", "workflow.forecast", "papr")
    assert ran.code != 0
    assert "papr" in ran.text
    assert "longest chain" not in ran.text
