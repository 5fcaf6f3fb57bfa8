"""Words for arms in legends and in the sentences of verdicts. An arm without words is called by its name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ArmWords:
    """The words for the networks of an arm in a legend and in a sentence."""

    legend: str
    sentence: str


# {name in the tables: words}. A legend has room for a few words; a sentence needs a plural noun.
ARMS = {
    "ticket": ArmWords("ticket", "tickets"),
    "reinitialise": ArmWords("reinitialised", "freshly initialised tickets"),
    "shuffle_mask": ArmWords("mask shuffled", "random masks of the same size"),
    "reshuffle_initial": ArmWords("initial values reshuffled", "tickets with their initial weights reshuffled"),
    "prune_at_init": ArmWords("pruned at initialisation", "networks pruned at initialisation"),
    "restarted": ArmWords("schedule started anew", "copies whose schedule starts anew"),
    "other_start": ArmWords("another initialisation", "networks of other initialisations"),
    "fgsm_trained": ArmWords("trained on FGSM examples", "networks trained on FGSM examples"),
    "pgd_trained": ArmWords("trained on PGD examples", "networks trained on PGD examples"),
    "pgd_trained_nearer": ArmWords("trained on nearer PGD examples", "networks trained on nearer PGD examples"),
    "pools_trained": ArmWords("trained on pools of examples", "networks trained on pools of examples"),
}


def find_arm_words(arm: str) -> ArmWords:
    """Return the words for an arm.

    >>> find_arm_words("prune_at_init").legend, find_arm_words("my_control").sentence
    ('pruned at initialisation', 'my control')
    """
    plain = arm.replace("_", " ")
    return ARMS.get(arm, ArmWords(plain, plain))
