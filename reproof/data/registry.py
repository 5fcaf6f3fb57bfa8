"""Sources of data by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reproof.data.content import Content


@dataclass(frozen=True)
class Request:
    """Places in which a source may look: a mirror, or a download folder; for `imagefolder` the images themselves."""

    mirror: str | None = None
    download_to: Path | None = None
    folder: Path | None = None
    image_size: int | None = None
    threads: int = 1


Source = Callable[[Request], Content]


def source(*, shape: tuple[int, int, int] | None = None, classes: int = 0) -> Callable[[Source], Source]:
    """Mark a function as the source of the data set of its name; it is found by that name and imported when needed.

    `shape` (channels, height, width) of the images and the number of `classes` are declared where they are known before
    the data set is fetched. Planning reads them by `reproof.declarations.evaluate`.
    """
    return lambda function: function
