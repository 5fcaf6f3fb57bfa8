"""What a result depends on: canonical settings, names from their hashes."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

Registered = tuple[str, str, str]  # (place in the library, decorator, name)


@dataclass(frozen=True)
class Untracked:
    """A parameter that changes no result, such as where checked data comes from: it must not cause a rerun.

    Snakemake compares parameters of plain types only; a subclass of str would reach it as a plain str.
    """

    value: str


def format_canonical(settings: Any) -> str:
    """Return settings as one line of JSON with sorted keys: equal settings, and only they, give equal text."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def make_run_name(label: str, settings: Any) -> str:
    """Return `label` plus 8 hex digits of the hash of everything the run depends on."""
    return f"{label}-{hashlib.sha256(format_canonical(settings).encode()).hexdigest()[:8]}"
