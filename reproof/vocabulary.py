"""All metrics that rules measure, by name, and what stands on their axes: what a claim may speak of.

`reproof.metrics` has those of training and of the operations on weights; here are those of attacks added. They are not
in one file because `collect` reads the other: a word more there would have every table collected anew.
"""

from reproof import metrics

SPLITS = metrics.SPLITS
OUTCOMES = (
    *("accuracy_under_attack", "attack_success_share", "confidence_of_mistakes"),
    *("attack_distance", "attack_queries"),
)
# What each operation measures: {operation: {metric: what its `at` counts, "" if it is at nothing}}.
ATTACKS: dict[str, dict[str, str]] = {
    "attack": {  # `part` is the attack
        **{f"{split}_{what}": "" for split in SPLITS for what in ("clean_accuracy", "images_attacked")},
        **{f"{split}_{outcome}": "epsilon" for split in SPLITS for outcome in OUTCOMES},
        # by attacks that have no epsilon:
        **{f"{split}_unbounded_{outcome}": "" for split in SPLITS for outcome in OUTCOMES},
        **{f"{split}_success_within_queries": "query" for split in SPLITS},
        **{f"{split}_gradients_masked": "epsilon" for split in SPLITS},
        **{"example_pixel": "pixel", "example_class": ""},  # `part` is "original/{image}", "{attack}/{image}"
    },
    "distort": {  # `part` is the run whose network is shown the examples
        **{f"{split}_images_attacked": "" for split in SPLITS},
        **{f"{split}_clean_error": "" for split in SPLITS},
        **{f"{split}_minimum_distortion": "" for split in SPLITS},
        **{f"{split}_distorted_share": "" for split in SPLITS},
        **{f"{split}_noise_error": "deviation" for split in SPLITS},
        **{f"{split}_transfer{kind}_error": "" for split in SPLITS for kind in ("", "_clean", "_noise", "_amplified")},
        **{f"{split}_transfer_excess_error": "" for split in SPLITS},
    },
    "excite": {  # `part` is "trained" or "untrained"
        **{f"{who}_{what}": "" for who in ("units", "directions") for what in ("purity", "compactness")},
        **{f"{what}_{found}": "" for what in ("purity", "compactness") for found in ("difference", "p_value")},
        "exciting_pixel": "pixel",  # `part` is "{trained or untrained}/{unit or direction}/{which}/{rank}"
    },
    "bound": {"lipschitz_bound": "step", "lipschitz_product": "step"},  # `part` is the layer
    "harden": {  # `part` is the attack; what `attack` measures stands beside it
        f"test_accuracy_on_examples_{whose}": "epsilon" for whose in ("of_natural", "for_natural")
    },
}
AT = metrics.AT | {metric: at for each in ATTACKS.values() for metric, at in each.items()}
AXES = metrics.AXES | AT
OPERATIONS = metrics.OPERATIONS | ATTACKS
METRICS = (*metrics.METRICS, *(metric for each in ATTACKS.values() for metric in each))
SHARES = ("confidence", "purity", "success")


def is_share(metric: str) -> bool:
    """Return whether a metric is a share in [0, 1], shown in per cent."""
    shares = metrics.is_share(metric) or any(word in metric for word in SHARES)
    return shares and not metric.endswith("_p_value")
