"""Single keys and values of YAML: those that YAML 1.1 reads otherwise than a person, each with its remedy."""

import re
from math import isfinite, isinf
from typing import Any

import yaml

LONGEST = 30  # characters of a value that an error repeats
MOST_DIGITS = 15  # of an integer; as many are exact in floating point, too
MOST_CHARACTERS = 40  # of a number
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
DECIMAL = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?")
BOOLEANS = ("true", "True", "TRUE", "false", "False", "FALSE")
RUN = ("?", "__use_yte__", "__definitions__", "__variables__")  # how Snakemake's templates mark what they run
PREFIX = "tag:yaml.org,2002:"


def describe_key(key: yaml.Node) -> str:
    """Return what is wrong with a key of a mapping, with the remedy; "" if nothing is."""
    if not isinstance(key, yaml.ScalarNode):
        return "a list or mapping is no key; write a name"
    if not key.tag.endswith((":str", ":merge")):
        return f"YAML does not read {shorten(key.value)!r} as text; quote it"
    if key.value.startswith(RUN):
        return f"{shorten(key.value)!r} marks a template; nothing is run here, so write out what it stands for"
    return "" if key.value.isprintable() else f"the key {shorten(key.value)!r} holds what does not print; write a name"


def describe_scalar(text: str, tag: str, *, plain: bool) -> str:
    """Return what is wrong with a value, with the remedy; "" if nothing is.

    `tag` is what YAML resolves the value to. `plain` is true of a value without quotes: quoted ones are text to all.
    """
    kind = tag.removeprefix(PREFIX)
    if not plain:
        return ""
    if text.startswith(RUN):
        return f"{shorten(text)!r} marks a template; nothing is run here, so write the value, or quote it"
    if kind in ("int", "float") and len(text) > MOST_CHARACTERS:
        return f"{shorten(text)} has {len(text):,} characters; no number here needs more than {MOST_CHARACTERS}"
    describe = {"int": _describe_integer, "float": _describe_decimal, "str": _describe_text, "null": _describe_null}
    if kind in describe:
        return describe[kind](text)
    if kind == "bool":
        value = str(yaml.safe_load(text)).lower()
        return "" if text in BOOLEANS else f"YAML reads {text} as {value}; write {value}, or quote it if it is text"
    what = "a date" if kind == "timestamp" else f"a {kind}"
    return f"YAML reads {shorten(text)} as {what}; quote it"


def describe_no_number(value: Any) -> str:
    """Return the complaint about a value that should be a number, with the form that YAML reads as one."""
    number = read_number(value) if isinstance(value, str) else ""
    return f"{value!r} is text, not a number; write {number}" if number else f"{shorten(str(value))!r} is not a number"


def describe_no_integer(value: float) -> str:
    """Return the complaint about a decimal number that should be an integer."""
    return (
        f"{value!r} is no integer; write {int(value)}" if value.is_integer() else f"{value!r} is not of type 'integer'"
    )


def format_number(value: float, *, exponent: bool = False) -> str:
    """Return a finite number in the form that YAML reads as one; `exponent` prefers powers of ten for fractions.

    >>> format_number(20.0), format_number(0.25), format_number(0.25, exponent=True), format_number(1e300)
    ('20', '0.25', '2.5e-1', '1.0e+300')
    """
    if value.is_integer() and abs(value) < 10**MOST_DIGITS:
        return str(int(value))
    if not exponent and "e" not in repr(value):
        return repr(value)
    mantissa, _, power = f"{value:.16e}".partition("e")
    # The shortest mantissa that gives the same number.
    digits = next(
        text for text in (f"{float(mantissa):.{n}g}" for n in range(1, 18)) if float(f"{text}e{power}") == value
    )
    return f"{digits if '.' in digits else digits + '.0'}e{int(power):+d}"


def read_number(text: str) -> str:
    """Return the form that YAML reads as the number that a person reads in a text; "" if a person reads none."""
    if len(text) > MOST_CHARACTERS or not (text.lstrip("+-.")[:1].isdecimal()):
        return ""
    if re.fullmatch(r"[-+]?0[oO][0-7_]+", text):
        return str(int(text.replace("_", ""), 8))
    if re.fullmatch(r"[-+]?[0-9]{1,3}(,[0-9]{3})+", text):
        return text.replace(",", "")
    try:
        value = float(text)
    except ValueError:
        return ""
    return format_number(value, exponent="e" in text.lower()) if isfinite(value) else ""


def is_integer(text: str) -> bool:
    """Return True if a text is an integer as a person writes it."""
    return INTEGER.fullmatch(text) is not None and len(text) <= MOST_DIGITS


def shorten(text: str) -> str:
    """Return the beginning of a text, at most LONGEST characters."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _describe_integer(text: str) -> str:
    if INTEGER.fullmatch(text):
        digits = len(text.lstrip("+-"))
        few = digits <= MOST_DIGITS
        return "" if few else f"{shorten(text)} has {digits} digits; no number here needs more than {MOST_DIGITS}"
    try:
        value: int = yaml.safe_load(text)
    except ValueError:  # such as 0x_
        return f"{text} is no number; write one, or quote it if it is text"
    plain = text.replace("_", "")
    if plain.lstrip("+-").isdigit() and int(plain) != value:
        return f"YAML reads {text} as {value}; write {int(plain)}, or {value} if the number is octal"
    return f"YAML reads {text} as {value}; write {value}, or quote it if it is text"


def _describe_decimal(text: str) -> str:
    if not DECIMAL.fullmatch(text):
        value: float = yaml.safe_load(text)
        if not isfinite(value):
            return f"{text} is not a finite number"
        return f"YAML reads {text} as {value}; write {format_number(value)}, or quote it if it is text"
    number = float(text)
    if isinf(number):
        return f"{text} is not a finite number: it is beyond the largest one, 1.8e+308"
    vanished = number == 0 and any(digit in "123456789" for digit in text.lower().partition("e")[0])
    return f"{text} is 0 to a computer: it is below the smallest number; write 0.0" if vanished else ""


def _describe_text(text: str) -> str:
    number = read_number(text)
    if number:
        return f"{text!r} is text, not a number: YAML reads it so; write {number}, or quote it"
    infinite = re.fullmatch(r"[-+]?[0-9]+[eE][-+]?[0-9]+", text) is not None
    return f"{shorten(text)!r} is text to YAML, and beyond the largest number; write a smaller one" if infinite else ""


def _describe_null(text: str) -> str:
    if text == "null":
        return ""
    shown = text or "nothing"
    also = ", or quote it if it is a path" if text == "~" else ""
    return f"YAML reads {shown} as null; write null{also}" if text else "has no value; write one, or null for none"
