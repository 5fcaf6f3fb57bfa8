"""Names of the tables in the words that a reader sees."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from reproof.declarations.arm_words import find_arm_words
from reproof.metrics import NATS, SHARE, find_metric

T = TypeVar("T")
ABSENT = "not run at this scale"
UNITS = {SHARE: " (%)", NATS: " (nats)"}  # of others, the words say enough
NETWORKS = {"lenet": "LeNet", "conv": "Conv", "resnet": "ResNet", "vgg": "VGG"}


def arm_label(arm: str) -> str:
    """Return how a legend calls an arm; an arm nobody named here goes by its own name."""
    return find_arm_words(arm).legend


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
    found = find_metric(metric)
    return found.in_legend[0].upper() + found.in_legend[1:] + UNITS.get(found.unit, "")


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
