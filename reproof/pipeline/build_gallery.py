"""Build the gallery from figures, verdicts, records and benchmarks."""

import json
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from reproof.gallery import folder
from reproof.storage.files import read_json

PACKAGES = ("snakemake", "torch", "numpy", "pandas", "scipy", "matplotlib")


def build_gallery(*, settings: str, data: Sequence[str], code: str, gallery: str) -> None:
    """Write the folder `gallery`: the page and every file that it links to.

    `settings` is JSON with papers, scale and benchmarks, `data` the records of the data sets, `code` the fingerprint.
    """
    asked = json.loads(settings)
    folder.build_gallery(
        output=Path(gallery),
        papers=asked["papers"],
        scale=asked["scale"],
        data=[read_json(record)["label"] for record in dict.fromkeys(data)],
        benchmarks=asked["benchmarks"],
        versions={"python": python_version()} | _read_versions(),
        fingerprint=code,
    )


def _read_versions() -> dict[str, str]:
    """Return {package: version} of the packages installed here: the environment for drawing has no torch."""
    versions = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
