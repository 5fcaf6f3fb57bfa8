"""Translate names in tables into the words that a reader sees."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from reproof.declarations.arm_words import find_arm_words
from reproof.figures.quantities import find_quantity
from reproof.metrics import NATS, SHARE

T = TypeVar("T")
ABSENT = "not run at this scale"
UNITS = {SHARE: " (%)", NATS: " (nats)"}  # labels of other units include them
# Spellings of the papers; other networks get a capital letter.
NETWORKS = {"lenet": "LeNet", "conv": "Conv", "resnet": "ResNet", "vgg": "VGG"}


def label_arm(arm: str) -> str:
    """Return the legend label of an arm; an undeclared arm keeps its own name."""
    return find_arm_words(arm).legend


def format_run_title(run: str, titles: Mapping[str, str]) -> str:
    """Return the title of a run: that of the paper file, or else a readable form of its name.

    >>> format_run_title("conv_2_dropout", {})
    'Conv-2, dropout'
    """
    if run in titles:
        return titles[run]
    first, *rest = run.split("_")
    sizes = [word for word in rest if word.isdigit()]
    others = [word for word in rest if not word.isdigit()]
    network = "-".join([NETWORKS.get(first, first.capitalize()), *sizes])
    return f"{network}, {' '.join(others)}" if others else network


def describe_difference(title: str, base: str, *, alone: bool) -> str:
    """Return the difference between a run and the one that it overlays, from the parts of their titles.

    `alone` is true if the figure has no other panel; a run that only lacks a part then keeps its own title.

    >>> describe_difference("LeNet, one-shot", "LeNet", alone=True)
    'one-shot'
    >>> describe_difference("Conv-2", "Conv-2, dropout", alone=False)
    'without dropout'
    """
    parts, others = title.split(", "), base.split(", ")
    # Titles of variants list what differs after commas, so that differences of titles are differences of runs.
    more = [part for part in parts if part not in others]
    less = [part for part in others if part not in parts]
    if more:
        return ", ".join(more)
    return title if alone else "without " + ", ".join(less)


def name_quantity(quantity: str) -> str:
    """Return the words for a quantity of a figure's table, without its unit.

    >>> name_quantity("test_accuracy_at_early_stop")
    'Test accuracy at early stop'
    """
    words = find_quantity(quantity).in_legend
    # Not `capitalize`, which lowers the rest: "SGD" would become "Sgd".
    return words[0].upper() + words[1:]


def label_quantity(quantity: str) -> str:
    """Return an axis label for a quantity of a figure's table, with its unit.

    >>> label_quantity("test_accuracy_at_early_stop")
    'Test accuracy at early stop (%)'
    """
    return name_quantity(quantity) + UNITS.get(find_quantity(quantity).unit, "")


def format_per_cent(kept: float) -> str:
    """Return a share kept in per cent, in the papers' format: one decimal from 1 % on, two below, no trailing zeros.

    >>> [format_per_cent(kept) for kept in (1, 0.512, 0.211, 0.0866, 0.0054)]
    ['100', '51.2', '21.1', '8.7', '0.54']
    """
    value = 100 * kept
    # Two decimals below 1 %, where levels of pruning differ by tenths of a per cent.
    text = f"{value:.{1 if value >= 1 else 2}f}"
    return text.rstrip("0").rstrip(".")


def join_words(words: Iterable[str]) -> str:
    """Return words as prose: "a", "a and b", "a, b and c"."""
    # No words give an empty text, as a caption may have nothing to list.
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def extract_publication(source: str) -> str:
    """Return the publication of a source, without its place in it.

    >>> extract_publication("Frankle & Carbin 2019, section 2")
    'Frankle & Carbin 2019'
    """
    return source.partition(",")[0]


def list_unique(values: Iterable[T]) -> list[T]:
    """Return the distinct values in order of appearance."""
    # A set has no order, and order decides panels and legends.
    return list(dict.fromkeys(values))


def list_runs(columns: Sequence[Sequence[str]]) -> list[str]:
    """Return the runs of all columns, each once."""
    return list_unique(run for column in columns for run in column)
