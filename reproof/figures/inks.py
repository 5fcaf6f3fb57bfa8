"""Assign inks: a colour and a marker for each arm, attack and run, the same at every scale of a paper."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.colors import to_hex, to_rgb

# Okabe and Ito (2008), "Color universal design"; arms keep their colour and marker in every figure of every paper.
INKS = {
    "ticket": ("#0072B2", "o"),
    "reinitialise": ("#D55E00", "s"),
    "shuffle_mask": ("#009E73", "^"),
    "reshuffle_initial": ("#CC79A7", "v"),
    "prune_at_init": ("#E69F00", "P"),
    "noise": ("#882255", "X"),
    "fgsm_trained": ("#CC6677", "D"),
    "pgd_trained": ("#117733", "8"),
    "pgd_trained_nearer": ("#AA4499", "H"),
    "pools_trained": ("#B8A643", "p"),
}
# For arms without an ink: more colours of Okabe and Ito and of Paul Tol, and a grey.
SPARE = (("#56B4E9", "d"), ("#999933", "<"), ("#332288", ">"), ("#661100", "p"), ("#44AA99", "h"), ("#777777", "*"))


@dataclass(frozen=True)
class Ink:
    """Colour and marker of one arm."""

    colour: str
    marker: str


@dataclass(frozen=True)
class Names:
    """The arms and attacks that the file of a paper declares, and the runs that it has for a figure.

    Inks are given out by these, not by what the tables of a scale hold: so they are the same at every scale.
    """

    arms: Sequence[str] = ()
    attacks: Sequence[str] = ()
    runs: Sequence[str] = ()


PALETTE = tuple(Ink(*one) for one in (*INKS.values(), *SPARE))


def assign_inks(arms: Iterable[str], declared: Sequence[str] = ()) -> dict[str, Ink]:
    """Return an ink for each arm, no two alike: one of INKS if it has one, else a free one.

    Free inks go to the `declared` arms of a paper in their order, then to other arms in order of name. Arms of a family
    ("noise_0.5", "noise_1", ...) share hue and marker; larger numbers are paler.
    """
    families: dict[str, list[str]] = {}
    # Arms are sorted, so that an ink depends on the set of arms and not on the order of rows.
    for arm in [*declared, *sorted(set(arms) - set(declared))]:
        families.setdefault(_find_family(arm), []).append(arm)
    known = {name: Ink(*ink) for name, ink in INKS.items()}
    # A colour that no arm of the paper has goes first: arms then differ in more than their markers.
    used = [known[name] for name in families if name in known]
    spare = [Ink(*one) for one in SPARE]
    free = iter([*spare, *_yield_shifted([ink for ink in PALETTE if ink not in [*used, *spare]], known.values())])
    again = _yield_shifted([*used, *spare], known.values())
    inks = {name: known.get(name) or next(free, None) or next(again) for name in families}
    return {
        # At most 70 % white: a paler member could not be seen.
        arm: Ink(tint(inks[name].colour, 0.7 * i / len(members)), inks[name].marker)
        for name, members in families.items()
        for i, arm in enumerate(sorted(members, key=_split_number))
    }


def pick_ink(place: int) -> Ink:
    """Return the ink of the run at this place: all colours once, then again with other markers."""
    cycle, within = divmod(place, len(PALETTE))
    return Ink(PALETTE[within].colour, PALETTE[(within + cycle) % len(PALETTE)].marker)


def find_place(name: str, names: Sequence[str], drawn: Sequence[str]) -> int:
    """Return the place of a name among those of the paper, or after them among those that are drawn."""
    every = list(dict.fromkeys([*names, *drawn]))
    return every.index(name)


def yield_free_inks(taken: Iterable[Ink], known: Mapping[str, Ink]) -> Iterator[Ink]:
    """Yield each pair of a colour and a marker of the `known` inks that is not taken; neighbours differ in both."""
    yield from _yield_shifted(list(known.values()), {*taken, *(Ink(*spare) for spare in SPARE)})


def _yield_shifted(inks: Sequence[Ink], taken: Iterable[Ink]) -> Iterator[Ink]:
    """Yield the colours of the inks with the markers of others, without the pairs that are taken."""
    colours, taken = list(dict.fromkeys(ink.colour for ink in inks)), set(taken)
    markers = list(dict.fromkeys(ink.marker for ink in (*inks, *PALETTE)))
    for shift in range(1, len(markers)):
        for place, colour in enumerate(colours):
            ink = Ink(colour, markers[(place + shift) % len(markers)])
            if ink not in taken:
                yield ink


def tint(colour: str, share: float) -> str:
    """Return a colour mixed with white; `share` in [0, 1] is the share of white."""
    red, green, blue = (channel + (1 - channel) * share for channel in to_rgb(colour))
    return to_hex((red, green, blue))


def _find_family(arm: str) -> str:
    """Return the name of an arm without its number."""
    name, _, number = arm.rpartition("_")
    return name if name and _parse_number(number) is not None else arm


def _split_number(arm: str) -> tuple[str, float]:
    """Return family and number of an arm, to sort "noise_10" after "noise_2"."""
    return _find_family(arm), _parse_number(arm.rpartition("_")[2]) or 0.0


def _parse_number(text: str) -> float | None:
    """Return a plain decimal number, or None if the text is not one."""
    return float(text) if text.replace(".", "", 1).isdigit() else None
