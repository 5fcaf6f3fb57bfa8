"""The sources of data by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reproof.data.content import Content


@dataclass(frozen=True)
class Request:
    """Where a source may look: a mirror, or else a folder to download to; for `imagefolder` the images themselves."""

    mirror: str | None = None
    download_to: Path | None = None
    folder: Path | None = None
    image_size: int | None = None
    threads: int = 1


Source = Callable[[Request], Content]
SOURCES: dict[str, Source] = {}


def source(function: Source) -> Source:
    """Register a source under the function's name."""
    SOURCES[function.__name__] = function
    return function
