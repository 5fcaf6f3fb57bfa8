"""Numbers, times and settings in the form for readers."""

from collections.abc import Mapping
from math import isnan
from typing import Any

from reproof.judging.phrasing import format_number, format_quantity


def tie_percent_signs(text: str) -> str:
    """Return the text with a no-break space before each per-cent sign, so that no line begins with one."""
    # Browsers break lines at plain spaces only.
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def format_effect(row: Mapping[str, Any]) -> str:
    """Return effect and interval of a verdict, "0.21 points [−0.08 to 0.50]"; "" if nothing was measured."""
    effect, low, high, unit = row["effect"], row["low"], row["high"], row["unit"]
    if isnan(effect):
        return ""
    # One infinite end is an interval; two missing ends are none.
    interval = "" if isnan(low) and isnan(high) else f" [{format_number(low, unit)} to {format_number(high, unit)}]"
    return f"{format_quantity(effect, unit)}{interval}"


def format_duration(seconds: float) -> str:
    """Return a time span in its two largest units.

    >>> [format_duration(span) for span in (0.41, 75, 7000, 200000)]
    ['0.4 s', '1 min 15 s', '1 h 56 min', '2 d 7 h']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    spans = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next(place for place, (count, _) in enumerate(spans) if count)
    return " ".join(f"{count} {unit}" for count, unit in spans[first : first + 2] if count)


def format_setting(value: Any) -> str:
    """Return the value of a setting as in the file of a paper: bare words, numbers, compact lists.

    >>> format_setting("adam"), format_setting([0, 2]), format_setting({"fc": 0.2, "draws": {"n": 3}})
    ('adam', '[0, 2]', 'fc: 0.2, draws: {n: 3}')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_format_inner(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_format_inner, value))}]"
    # Words of a reader: `str` would give Python's "True".
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _format_inner(value: Any) -> str:
    return f"{{{format_setting(value)}}}" if isinstance(value, Mapping) else format_setting(value)
