"""Build the gallery from figures, verdicts, records and benchmarks."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from reproof.files import read_metadata
from reproof.gallery.folder import build_gallery as built

PACKAGES = ("snakemake", "torch", "numpy", "pandas", "scipy", "matplotlib")


def build_gallery(*, settings: str, data: Sequence[str], code: str, gallery: str) -> None:
    """Write the folder `gallery`: the page, and all that it links to."""
    asked = json.loads(settings)
    built(
        output=Path(gallery),
        papers=asked["papers"],
        scale=asked["scale"],
        data=[read_metadata(file)["label"] for file in dict.fromkeys(data)],
        benchmarks=asked["benchmarks"],
        versions={"python": python_version()} | {name: version(name) for name in PACKAGES},
        fingerprint=code,
    )
