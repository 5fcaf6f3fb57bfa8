"""Build the gallery from figures, verdicts, records and benchmarks."""

import json
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from reproof.gallery.folder import build_gallery as built
from reproof.storage.files import read_json

PACKAGES = ("snakemake", "torch", "numpy", "pandas", "scipy", "matplotlib")


def build_gallery(*, settings: str, data: Sequence[str], code: str, gallery: str) -> None:
    """Write the folder `gallery`: the page, and all that it links to."""
    asked = json.loads(settings)
    built(
        output=Path(gallery),
        papers=asked["papers"],
        scale=asked["scale"],
        data=[read_json(record)["label"] for record in dict.fromkeys(data)],
        benchmarks=asked["benchmarks"],
        versions={"python": python_version()} | _read_versions(),
        fingerprint=code,
    )


def _read_versions() -> dict[str, str]:
    """Return the versions of those packages that this environment has: one that only draws has no torch."""
    versions = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
