"""Names of the tables in the words that a reader sees."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from reproof.vocabulary import OUTCOMES, SPLITS, is_share

T = TypeVar("T")
ABSENT = "not run at this scale"
ARMS = {
    "ticket": "ticket",
    "reinitialise": "reinitialised",
    "shuffle_mask": "mask shuffled",
    "reshuffle_initial": "initial values reshuffled",
    "prune_at_init": "pruned at initialisation",
    "restarted": "schedule started anew",
    "other_start": "another initialisation",
    "fgsm_trained": "trained on FGSM examples",
    "pgd_trained": "trained on PGD examples",
    "pgd_trained_nearer": "trained on nearer PGD examples",
    "pools_trained": "trained on pools of examples",
}
QUANTITIES = {  # that do not read well as they are called
    "distance": "L2 distance of copies",
    "distance_share": "distance over travel",
    "test_disagreement": "test disagreement",
    "disagreement_share": "disagreement over most",
    "test_error_on_path": "test error",
    "train_error_on_path": "train error",
}
SETS = {"test": "", "validation": ", validation set", "train": ", training set"}
ATTACKED = {  # what attacks measure, after the name of the split
    "images_attacked": "images attacked",
    "clean_accuracy": "accuracy, not attacked",
    "clean_error": "error, not attacked",
    "accuracy_under_attack": "accuracy under attack",
    "attack_success_share": "examples that fool the network",
    "confidence_of_mistakes": "confidence of mistakes",
    "attack_distance": "L2 distance of examples",
    "attack_queries": "queries until fooled",
    "success_within_queries": "fooled within so many queries",
    "minimum_distortion": "least distortion (RMS of a pixel)",
    "distorted_share": "images for which one was found",
    "noise_error": "error with Gaussian noise",
    "transfer_error": "error of the network shown",
    "transfer_clean_error": "error of the network shown, same images not attacked",
    "transfer_noise_error": "error of the network shown, noise of the same size",
    "transfer_amplified_error": "error of the network shown, distortion amplified",
    "transfer_excess_error": "error of the network shown, beyond noise and untouched images",
}
ATTACKED |= {f"unbounded_{one}": f"{ATTACKED[one]} without a bound" for one in OUTCOMES}
QUANTITIES |= {f"{split}_{metric}": words + SETS[split] for split in SPLITS for metric, words in ATTACKED.items()}
QUANTITIES |= {
    "test_accuracy_on_examples_of_natural": "accuracy on examples made for the natural network",
    "test_accuracy_on_examples_for_natural": "accuracy of the natural network on examples made for this one",
    "units_purity": "purity of classes, units",
    "directions_purity": "purity of classes, directions",
    "units_compactness": "compactness, units",
    "directions_compactness": "compactness, directions",
    "example_pixel": "attacked images",
    "example_class": "predicted classes",
    "exciting_pixel": "images that excite most",
    "lipschitz_bound": "upper Lipschitz bound",
}
NETWORKS = {"lenet": "LeNet", "conv": "Conv", "resnet": "ResNet", "vgg": "VGG"}


def arm_label(arm: str) -> str:
    """Return how a legend calls an arm; an arm nobody named here goes by its own name."""
    return ARMS.get(arm, arm.replace("_", " "))


def run_title(run: str, titles: Mapping[str, str]) -> str:
    """Return how a panel calls a run: the paper file's title, or its name made readable.

    >>> run_title("conv_2_dropout", {})
    'Conv-2, dropout'
    """
    if run in titles:
        return titles[run]
    first, *rest = run.split("_")
    sizes = [word for word in rest if word.isdigit()]
    others = [word for word in rest if not word.isdigit()]
    network = "-".join([NETWORKS.get(first, first.capitalize()), *sizes])
    return f"{network}, {' '.join(others)}" if others else network


def unlike(title: str, base: str, *, alone: bool) -> str:
    """Return what sets a run apart from the one it is laid over, by the parts of their titles.

    `alone` says that the figure has no other panel: then a run that only lacks something goes by its own title.

    >>> unlike("LeNet, one-shot", "LeNet", alone=True), unlike("Conv-2", "Conv-2, dropout", alone=False)
    ('one-shot', 'without dropout')
    """
    parts, others = title.split(", "), base.split(", ")
    more = [part for part in parts if part not in others]
    less = [part for part in others if part not in parts]
    if more:
        return ", ".join(more)
    return title if alone else "without " + ", ".join(less)


def quantity_label(metric: str) -> str:
    """Return an axis label with its unit for a metric of the measurements table.

    >>> quantity_label("test_accuracy_at_early_stop")
    'Test accuracy at early stop (%)'
    """
    if metric == "early_stop_step":
        return "Early-stop iteration"
    words = QUANTITIES.get(metric, metric.replace("_", " "))
    return words[0].upper() + words[1:] + (" (%)" if is_share(metric) else "")


def per_cent(kept: float) -> str:
    """Return a share kept as the papers print it: in per cent, three figures above ten and two below, no padding.

    >>> [per_cent(kept) for kept in (1, 0.512, 0.211, 0.0866, 0.0054)]
    ['100', '51.2', '21.1', '8.7', '0.54']
    """
    value = 100 * kept
    text = f"{value:.{1 if value >= 1 else 2}f}"
    return text.rstrip("0").rstrip(".")


def listed(words: Iterable[str]) -> str:
    """Return words as prose: "a", "a and b", "a, b and c"."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def publication(source: str) -> str:
    """Return the publication of a source, without its place in it.

    >>> publication("Frankle & Carbin 2019, section 2")
    'Frankle & Carbin 2019'
    """
    return source.partition(",")[0]


def unique(values: Iterable[T]) -> list[T]:
    """Return the distinct values in order of appearance."""
    return list(dict.fromkeys(values))


def flat(columns: Sequence[Sequence[str]]) -> list[str]:
    """Return the runs of all columns, each once."""
    return unique(run for column in columns for run in column)
