"""Numbers and settings as a reader sees them."""

import json
import math
from typing import Any

MINUS = "\N{MINUS SIGN}"


def number(value: Any) -> str:
    """Return a number with three figures and a true minus sign, "" for one that is missing.

    >>> number(-0.08), number(12345.6), number(float("nan"))
    ('−0.08', '12,346', '')
    """
    if value is None or math.isnan(value):
        return ""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", MINUS)


def prose(text: str) -> str:
    """Return the text with its per-cent signs tied to their numbers, so that no line begins with one."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def measured(row: dict[str, Any]) -> str:
    """Return effect, interval and unit of a verdict, "0.21 [−0.08, 0.5] points"; "" if nothing was measured."""
    effect, low, high = (number(row[key]) for key in ("effect", "low", "high"))
    interval = f"[{low or MINUS + '∞'}, {high or '∞'}]" if low or high else ""
    return " ".join(part for part in (effect, interval, row["unit"]) if part) if effect else ""


def duration(seconds: float) -> str:
    """Return a time span in its two largest units.

    >>> [duration(span) for span in (0.41, 75, 7000, 200000)]
    ['0.4 s', '1 min 15 s', '1 h 57 min', '2 d 8 h']
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    spans = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next(place for place, (count, _) in enumerate(spans) if count)
    return " ".join(f"{count} {unit}" for count, unit in spans[first : first + 2] if count)


def setting(value: Any) -> str:
    """Return a setting's value as one would write it in the paper file: bare words, numbers, compact lists.

    >>> setting("adam"), setting([0, 2]), setting(None)
    ('adam', '[0, 2]', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
