"""Fetch a data set from its mirror, package or publisher, check its content and keep it as bytes."""

import json
from pathlib import Path

from reproof.data import fetch
from reproof.storage.files import read_metadata


def fetch_dataset(*, settings: str, mirror: str, downloads: str, data: str) -> str:
    """Write the data set that `settings` names to `data`; `mirror` is "" where there is none. Return its label."""
    asked = json.loads(settings)
    folder = asked.get("imagefolder")
    fetch.fetch_dataset(
        name=asked["name"], output=Path(data), mirror=mirror or None, download_to=Path(downloads),
        folder=Path(folder) if folder else None, image_size=asked.get("image_size"),
    )  # fmt: skip
    return read_metadata(data)["label"]
