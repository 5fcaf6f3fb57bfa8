"""A sound claim as a paper's file states it, to be changed key by key."""

from copy import deepcopy

CLAIM = {
    "id": "A2",
    "says": "Tickets are more accurate than the dense network.",
    "where": "section 2, figure 4",
    "judge": "paired_difference",
    "measure": {
        "metric": "test_accuracy_at_early_stop",
        "of": {"run": "lenet", "at": {"kept": 0.135}},
        "against": "dense",
    },
    "expect": {"at_least": 0.003},
    "why": "the paper says more than 0.3 points",
    "judged_at": ["mnist", "paper"],
}


def changed(path, value):
    """Return the claim with one key changed, `path` as in "measure.of.at"; None removes it."""
    claim = deepcopy(CLAIM)
    *parents, last = path.split(".")
    target = claim
    for parent in parents:
        target = target[parent]
    target[last] = value
    if value is None:
        del target[last]
    return claim
