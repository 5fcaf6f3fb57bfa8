"""How readers are shown arms: in legends and in the sentences of verdicts. An arm without words goes by its name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """How a legend and how a sentence calls the networks of an arm."""

    legend: str
    sentence: str


ARMS = {
    "ticket": Words("ticket", "tickets"),
    "reinitialise": Words("reinitialised", "freshly initialised tickets"),
    "shuffle_mask": Words("mask shuffled", "random masks of the same size"),
    "reshuffle_initial": Words("initial values reshuffled", "tickets with their initial weights reshuffled"),
    "prune_at_init": Words("pruned at initialisation", "networks pruned at initialisation"),
    "restarted": Words("schedule started anew", "copies whose schedule starts anew"),
    "other_start": Words("another initialisation", "networks of other initialisations"),
    "fgsm_trained": Words("trained on FGSM examples", "networks trained on FGSM examples"),
    "pgd_trained": Words("trained on PGD examples", "networks trained on PGD examples"),
    "pgd_trained_nearer": Words("trained on nearer PGD examples", "networks trained on nearer PGD examples"),
    "pools_trained": Words("trained on pools of examples", "networks trained on pools of examples"),
}


def arm_words(arm: str) -> Words:
    """Return the words of an arm.

    >>> arm_words("prune_at_init").legend, arm_words("my_control").sentence
    ('pruned at initialisation', 'my control')
    """
    plain = arm.replace("_", " ")
    return ARMS.get(arm, Words(plain, plain))
