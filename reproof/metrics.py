"""The metrics that the rules measure, by name: what a claim may speak of. Accuracies are shares, losses are in nats."""

SPLITS = ("train", "validation", "test")
MOVEMENT = (
    "movement_in_ticket",
    "movement_outside_ticket",
    "away_from_zero_in_ticket",
    "away_from_zero_outside_ticket",
    "incoming_unevenness",
    "outgoing_unevenness",
)
RESETS = {  # after the name of the split
    **{"accuracy_reinitialised": "step", "accuracy_rerandomised": "", "accuracy_removed": ""},
    **{"criticality": "step", "criticality_rerandomised": "", "criticality_removed": ""},
    **{f"accuracy_jointly_{way}": "" for way in ("reinitialised", "rerandomised", "removed")},
    **{f"joint_criticality{way}": "" for way in ("", "_rerandomised", "_removed")},
    **{
        "joint_layers": "",
        "worst_single_criticality": "",
        "highest_rerandomised_accuracy": "",
        "distance_correlation": "",
    },
    **{f"{kind}_layers{share}": "" for kind in ("ambient", "critical") for share in ("", "_share")},
    "ambient_parameters_share": "",
    "layers_above": "threshold of criticality",
}
FREEZING = ("accuracy_with_frozen_layers", "cost_of_freezing")
# What each operation measures: {operation: {metric: what its `at` counts, "" if it is at nothing}}.
OPERATIONS: dict[str, dict[str, str]] = {
    "connect": {
        **{f"{split}_instability": "step" for split in ("train", "test")},
        **{f"{split}_error_on_path": "position" for split in ("train", "test")},
        **{metric: "step" for metric in ("distance", "distance_share", "test_disagreement", "disagreement_share")},
    },
    "reset": {
        **{f"{split}_{metric}": at for split in ("train", "test") for metric, at in RESETS.items()},
        **{f"{kind}distance_{norm}": "step" for kind in ("", "relative_") for norm in ("l2", "linf")},
    },
    "freeze": {f"{split}_{metric}": "" for split in ("train", "test") for metric in FREEZING},
    "untrained": {
        f"untrained_{weights}{what}": ""
        for weights in ("", "constant_")
        for what in ("test_accuracy", "validation_accuracy", "best_test_accuracy", "best_kept_share")
    },
    "freeze_pruned": dict.fromkeys(
        ("frozen_test_accuracy_at_early_stop", "frozen_test_accuracy_at_end", "frozen_early_stop_step"), ""
    ),
    "supermask": {
        **{f"supermask_{split}_accuracy": "" for split in ("test", "validation")},
        **{"supermask_share_of_ones": "", "supermask_passes": "", "supermask_progress_accuracy": "pass"},
    },
}
AT = {metric: at for each in OPERATIONS.values() for metric, at in each.items()}
AXES = AT | {f"{split}_accuracy_at_end": "step" for split in SPLITS}  # of copies: that of their start
METRICS = (
    "early_stop_step",
    *(f"{split}_{what}_at_early_stop" for split in SPLITS for what in ("accuracy", "loss")),
    *(f"{split}_{what}_at_end" for split in SPLITS for what in ("accuracy", "loss")),
    *MOVEMENT,
    *AT,
)

SHARES = ("accuracy", "error", "instability", "disagreement", "_share", "share_of_ones")


def is_share(metric: str) -> bool:
    """Return whether a metric is a share in [0, 1], shown in per cent."""
    return any(word in metric for word in SHARES)
