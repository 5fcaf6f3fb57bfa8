"""The profiles: each line has its reason, and the cluster's holds what must hold everywhere."""

import re

import pytest
import yaml
from test_shape import RULES
from workspace import ROOT

PROFILES = {path.parent.name: path for path in (ROOT / "profiles").glob("*/config.yaml")}


@pytest.mark.parametrize("name", PROFILES)
def test_every_setting_has_its_reason_above_it(name):
    blocks = re.split(r"\n\n+", PROFILES[name].read_text().strip())
    settings = [block for block in blocks if re.search(r"^[a-z]", block, flags=re.MULTILINE)]
    assert len(settings) >= 5
    assert [block for block in settings if not block.startswith("# ")] == []


def test_the_cluster_runs_by_the_same_rules_of_what_is_stale():
    """A profile takes the place of the default one, nothing of which is then read."""
    default, slurm = (yaml.safe_load(PROFILES[name].read_text()) for name in ("default", "slurm"))
    assert {key: value for key, value in default.items() if key != "resources"}.items() <= slurm.items()
    assert "resources" not in slurm, "it would let one training run at a time in the whole cluster"


def test_what_runs_networks_asks_for_a_gpu():
    asking = {name for name, rule in RULES.items() if "gpu=" in rule["resources"]}
    operations = {"connect", "reset", "freeze", "untrained", "freeze_pruned", "supermask"}
    operations |= {"attack", "minimum_distortion", "adversarial_training", "unit_selectivity", "lipschitz"}
    operations |= {"dead_outputs", "recreate", "gradient_norms"}
    assert asking == {"train_dense", "retrain", "train_control"} | operations
