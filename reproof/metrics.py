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
# What each operation measures: {operation: {metric: what its `at` counts, "" if it is at nothing}}.
OPERATIONS: dict[str, dict[str, str]] = {
    "connect": {
        **{f"{split}_instability": "step" for split in ("train", "test")},
        **{f"{split}_error_on_path": "position" for split in ("train", "test")},
        **{metric: "step" for metric in ("distance", "distance_share", "test_disagreement", "disagreement_share")},
    },
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
