"""What a result depends on: canonical settings, names from their hashes, and marks that fingerprints of code obey."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parent.parent
Registered = tuple[str, str, str]  # (place in the library, decorator, name)
Function = TypeVar("Function", bound=Callable[..., Any])


def changes_no_result(function: Function) -> Function:
    """Mark code that surrounds a job's work and computes nothing of its result: fingerprints of code end there.

    Its log, its record and the lookup of functions by name are such code. What a job picks by name counts all the same.
    """
    return function


@dataclass(frozen=True)
class Untracked:
    """A parameter that changes no result, such as where checked data comes from: it must not cause a rerun.

    Snakemake compares parameters of plain types only; a subclass of str would reach it as a plain str.
    """

    value: str


def canonical(settings: Any) -> str:
    """Return settings as one line of JSON with sorted keys: equal settings, and only they, give equal text."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def run_name(label: str, settings: Any) -> str:
    """Return `label` plus 8 hex digits of the hash of everything the run depends on."""
    return f"{label}-{hashlib.sha256(canonical(settings).encode()).hexdigest()[:8]}"
