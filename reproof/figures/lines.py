"""Assign a label, colour and marker to each of many lines in a panel: mask criteria, mask-0 actions, methods."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reproof.figures.inks import INKS, Ink, yield_free_inks
from reproof.registry import list_registered

# Names in the papers. Blue and green keep weights that are large after training, yellow those large before it, red
# small weights or weights that change sign, grey random ones.
PUBLISHED = {
    "large_final": Ink(*INKS["ticket"]),
    "magnitude_increase": Ink("#56B4E9", "d"),
    "movement": Ink("#332288", "v"),
    "large_final_same_sign": Ink("#009E73", "^"),
    "magnitude_increase_same_sign": Ink("#44AA99", "h"),
    "large_init_large_final": Ink("#999933", "<"),
    "large_init": Ink("#DDAA33", ">"),
    "small_init": Ink("#CC6677", "p"),
    "small_final": Ink("#882255", "P"),
    "small_init_small_final": Ink("#CC79A7", "X"),
    "large_final_diff_sign": Ink("#D55E00", "s"),
    "magnitude_increase_diff_sign": Ink("#661100", "D"),
    "random": Ink("#777777", "*"),
    "zero": Ink(*INKS["ticket"]),
    "frozen": Ink("#D55E00", "s"),
    "frozen_or_zero": Ink("#009E73", "^"),
    "frozen_or_zero_everywhere": Ink("#332288", "v"),
    "frozen_or_zero_shuffled": Ink("#CC79A7", "X"),
    "frozen_or_zero_reversed": Ink("#E69F00", "P"),
}
# Searches for a mask on untrained weights: a colour for each method, and a marker for its weights and scale.
SEARCHES = {
    "Bernoulli, initial": Ink("#0072B2", "o"),
    "Bernoulli, constants": Ink("#56B4E9", "s"),
    "Bernoulli, initial, rescaled": Ink("#009E73", "^"),
    "Bernoulli, constants, rescaled": Ink("#44AA99", "v"),
    "edge-popup, initial": Ink("#D55E00", "P"),
    "edge-popup, constants": Ink("#E69F00", "X"),
    "genetic, initial": Ink("#882255", "D"),
    "genetic, constants": Ink("#CC79A7", "d"),
}


def add_inks(names: Iterable[str], inks: Mapping[str, Ink]) -> dict[str, Ink]:
    """Return the inks, with a free one added for each name that lacks one, in order of name."""
    # By name, not by order of appearance: a criterion has one ink whatever else a figure shows.
    missing = sorted(set(names) - set(inks))
    return {**inks, **dict(zip(missing, yield_free_inks(inks.values(), PUBLISHED), strict=False))}


# Inks of the papers, and of every criterion and action registered since. Searches have figures of their own.
NAMED = {
    **add_inks([*list_registered("pruning", "criterion"), *list_registered("pruning", "mask_zero")], PUBLISHED),
    **SEARCHES,
}
# Legend labels of the mask-0 actions of Zhou et al. 2019. Labels of all other names are made of the name.
LABELS = {
    "zero": "zero (tickets)",
    "frozen": "frozen at initial value",
    "frozen_or_zero": "zero if it shrank, else frozen (variant 1)",
    "frozen_or_zero_everywhere": "kept ones that shrank from zero too (variant 2)",
    "frozen_or_zero_shuffled": "as many zeros at random",
    "frozen_or_zero_reversed": "zero if it grew, else frozen",
}


def find_inks(names: Iterable[str]) -> dict[str, Ink]:
    """Return an ink for each name: a registered one if there is one, else a free one."""
    return add_inks(names, NAMED)


def label_line(name: str) -> str:
    """Return the legend label of a line.

    >>> label_line("large_final_diff_sign"), label_line("large_init_large_final"), label_line("Bernoulli, initial")
    ('large final, different sign', 'large init, large final', 'Bernoulli, initial')
    """
    if name in LABELS:
        return LABELS[name]
    words = name.replace("_", " ").replace("diff sign", "different sign")
    # Criteria are named by two conditions, which a comma separates; the first one of a name stays without.
    for second in ("large final", "small final", "same sign", "different sign"):
        head, _, _ = words.rpartition(f" {second}")
        words = f"{head}, {second}" if head and not head.endswith(",") else words
    return words


def sort_names(names: Iterable[str]) -> list[str]:
    """Return the distinct names: registered ones first, in their order, then the others in order of appearance."""
    found = list(dict.fromkeys(names))
    return [*(name for name in NAMED if name in found), *(name for name in found if name not in NAMED)]


def choose_line_style(name: str, inks: dict[str, Ink]) -> dict[str, Any]:
    """Return the style of a line: solid if it keeps weights that are large after training, dashed otherwise."""
    # The first five of PUBLISHED rank by size after training, growth or movement, some with the sign unchanged.
    whole = name in list(NAMED)[:5] or name in ("zero", "frozen_or_zero", "frozen_or_zero_everywhere")
    return {"color": inks[name].colour, "marker": inks[name].marker, "linestyle": "-" if whole else (0, (4, 1.5))}


def find_runs(run: str, runs: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """Return {run: name} for the runs named "{run}_{name}"; a new criterion thus needs only such a run."""
    found = {one: one.removeprefix(f"{run}_") for one in runs if one.startswith(f"{run}_")}
    return {one: name for one, name in found.items() if name in names}
