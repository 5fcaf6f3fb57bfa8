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
METRICS = (
    "early_stop_step",
    *(f"{split}_{what}_at_early_stop" for split in SPLITS for what in ("accuracy", "loss")),
    *(f"{split}_{what}_at_end" for split in SPLITS for what in ("accuracy", "loss")),
    *MOVEMENT,
)
