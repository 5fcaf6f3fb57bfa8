"""Assign styles to lines of attacks: an ink to each attack, or a stroke where colours denote networks."""

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from reproof.figures.inks import SPARE, Ink, find_place, pick_ink, tint, yield_free_inks
from reproof.figures.style import MUTED, Look
from reproof.figures.words import format_run_title, label_arm, list_unique

Line = tuple[str, str, str]  # run, arm, attack
NATURAL = "trained on natural images"
WORDS = {
    "fgsm": "FGSM",
    "pgd": "PGD",
    "apgd": "APGD",
    "ce": "CE",
    "t": "T",
    "fab": "FAB",
    "autoattack": "AutoAttack",
    "nes": "NES",
    "spsa": "SPSA",
    "lbfgs": "L-BFGS",
    "square": "Square",
    "l2": "L2",
}
# Colours of Okabe and Ito, and #117733 and #882255 of Paul Tol's muted scheme: both are made for colour-blind readers.
ATTACK_INKS = {
    "fgsm": Ink("#E69F00", "s"),
    "pgd": Ink("#D55E00", "o"),
    "carlini_wagner": Ink("#117733", "^"),
    "one_pixel": Ink("#CC79A7", "v"),
    "nes": Ink("#009E73", "P"),
    "spsa": Ink("#882255", "X"),
    "square": Ink("#0072B2", "d"),
    "apgd": Ink("#56B4E9", "h"),
    "fab": Ink("#999933", "<"),
    "autoattack": Ink("#000000", "*"),
}
MARKERS = ("", "D", "^", "v", "p", "*")  # "" is the marker of the family; the others are for its further attacks
# (offset, (on, off, ...)) in line widths.
STROKES: tuple[Any, ...] = (
    "-",
    (0, (4, 1.5)),
    (0, (1, 1.2)),
    (0, (5, 1.2, 1, 1.2)),
    (0, (8, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)


def label_attack(part: str) -> str:
    """Return the label of an attack.

    >>> label_attack("pgd_40"), label_attack("pgd_restarts"), label_attack("carlini_wagner"), label_attack("one_pixel")
    ('PGD-40', 'PGD restarts', 'Carlini & Wagner', 'one pixel')
    >>> label_attack("apgd_t"), label_attack("autoattack_l2"), label_attack("hop_skip_jump")
    ('APGD T', 'AutoAttack L2', 'HopSkipJump')
    """
    named = part.replace("carlini_wagner", "Carlini & Wagner").replace("hop_skip_jump", "HopSkipJump")
    words = named.replace("_", " ").split(" ")
    # Only an acronym is joined to its number: "PGD-40", but "one pixel".
    return re.sub(r"([A-Z]) (?=\d)", r"\1-", " ".join(WORDS.get(word, word) for word in words))


def label_trained_arm(arm: str) -> str:
    """Return the label of an arm in figures of attacks, where an arm is a way to train the dense network."""
    return NATURAL if arm == "ticket" else label_arm(arm)


def assign_attack_inks(parts: Iterable[str], declared: Sequence[str] = ()) -> dict[str, Ink]:
    """Return an ink for each attack: that of its family ("pgd_1", "pgd_40"), ever paler, or a free one.

    `declared` are the attacks of the paper, in its order: they keep their inks whatever a scale runs of them.
    """
    families: dict[str, list[str]] = {}
    for part in list_unique([*declared, *sorted(set(parts))]):
        # The underscore excludes attacks whose name only begins with the same letters.
        family = next((name for name in ATTACK_INKS if part == name or part.startswith(f"{name}_")), part)
        families.setdefault(family, []).append(part)
    free = [Ink(*one) for one in SPARE]
    others = chain(free, yield_free_inks([*ATTACK_INKS.values(), *free], ATTACK_INKS))
    return {
        part: Ink(tint(ink.colour, 0.7 * place / len(members)), MARKERS[place % len(MARKERS)] or ink.marker)
        for name, members in families.items()
        for ink in [ATTACK_INKS.get(name) or next(others)]
        for place, part in enumerate(members)
    }


def assign_line_styles(table: pd.DataFrame, look: Look) -> tuple[dict[Line, dict[str, Any]], list[Line2D]]:
    """Return the style of each line, and the legend.

    If every panel shows a single network, colours denote attacks. Otherwise colours denote networks (run and arm), and
    strokes and markers denote attacks.
    """
    drawn = table[table["trials"] > 0]
    shown = list(drawn[["run", "arm", "part"]].drop_duplicates().itertuples(index=False, name=None))
    networks, attacks = list_unique(line[:2] for line in shown), list_unique(line[2] for line in shown)
    inks = assign_attack_inks(attacks, look.names.attacks)
    # Colour is the strongest cue, so it goes to what differs within a panel: attacks, if panels separate the networks.
    if (drawn[["panel", "run", "arm"]].drop_duplicates().groupby("panel").size() <= 1).all():
        styles: dict[str, dict[str, Any]] = {
            part: {"color": inks[part].colour, "marker": inks[part].marker} for part in attacks
        }
        entries = [Line2D([], [], label=label_attack(part), **styles[part]) for part in attacks]
        return {line: styles[line[2]] for line in shown}, entries
    colours, labels = assign_network_colours(networks, look), label_networks(networks, look)
    strokes: dict[str, dict[str, Any]] = {
        part: {
            "linestyle": STROKES[find_place(part, look.names.attacks, attacks) % len(STROKES)],
            "marker": inks[part].marker,
        }
        for part in attacks
    }
    # Colour and stroke are independent, so the legend explains each alone: n + m entries in place of n x m.
    entries = [Line2D([], [], label=labels[network], color=colours[network]) for network in networks]
    entries += [Line2D([], [], label=label_attack(part), color=MUTED, **strokes[part]) for part in attacks]
    return {line: {"color": colours[line[:2]], **strokes[line[2]]} for line in shown}, entries


def assign_network_colours(networks: Iterable[tuple[str, str]], look: Look) -> dict[tuple[str, str], str]:
    """Return a colour for each network (run, arm): that of its arm if there is a single run, else one of a palette."""
    found = list_unique(networks)
    # Within one run an arm keeps the colour that it has in all figures. With several runs, arms repeat.
    if len({run for run, _ in found}) == 1:
        return {(run, arm): look.inks[arm].colour for run, arm in found}
    runs, arms = ([network[which] for network in found] for which in (0, 1))
    # Runs come first: most figures have one arm. A network keeps its colour whatever else a scale runs.
    many = len(list_unique([*look.names.runs, *runs]))
    declared = ["ticket", *look.names.arms]
    return {
        (run, arm): pick_ink(find_place(run, look.names.runs, runs) + many * find_place(arm, declared, arms)).colour
        for run, arm in found
    }


def label_networks(networks: Iterable[tuple[str, str]], look: Look) -> dict[tuple[str, str], str]:
    """Return a label for each network (run, arm), with only those parts that distinguish it from the others."""
    found = list_unique(networks)
    runs, arms = ({network[which] for network in found} for which in (0, 1))
    parts = {
        (run, arm): [
            *([format_run_title(run, look.titles)] if len(runs) > 1 else []),
            *([label_trained_arm(arm)] if len(arms) > 1 or len(runs) == 1 else []),
        ]
        for run, arm in found
    }
    return {network: ", ".join(words) for network, words in parts.items()}
