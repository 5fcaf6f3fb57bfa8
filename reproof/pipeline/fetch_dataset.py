"""Fetch a data set from its mirror, package or publisher, check its content and store it as uint8 tensors."""

import json
from pathlib import Path

from reproof.data import fetch
from reproof.storage.files import read_metadata


def fetch_dataset(*, settings: str, mirror: str, downloads: str, data: str) -> str:
    """Write the data set of `settings` (JSON) to `data` and return its label; `mirror` is "" for none."""
    asked = json.loads(settings)
    folder = asked.get("imagefolder")
    fetch.fetch_dataset(
        name=asked["name"], output=Path(data), mirror=mirror or None, download_to=Path(downloads),
        folder=Path(folder) if folder else None, image_size=asked.get("image_size"),
    )  # fmt: skip
    return read_metadata(data)["label"]
