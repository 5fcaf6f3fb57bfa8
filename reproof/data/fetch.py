"""Fetching of a data set, by name, from its source into one safetensors file."""

from pathlib import Path

from reproof import registry
from reproof.data.content import write_content
from reproof.data.registry import Request


def fetch_dataset(
    *,
    name: str,
    output: Path,
    mirror: str | None = None,
    download_to: Path | None = None,
    folder: Path | None = None,
    image_size: int | None = None,
    threads: int = 1,
) -> None:
    """Fetch the data set `name` and write it to `output`, in the layout of `load_dataset`.

    Raw files come from `mirror`, a folder or an http(s) address. Without one they come from torchvision's addresses
    through the folder `download_to`, which then serves as a mirror. Those of `imagefolder` come from `folder`, cropped
    to `image_size` pixels, `threads` at a time. Equal content gives equal bytes. Raises ReproofError, one line with the
    file, the expectation and the remedy, and leaves no partial file.
    """
    fetch = registry.load("data", "source", name)
    request = Request(mirror=mirror, download_to=download_to, folder=folder, image_size=image_size, threads=threads)
    write_content(Path(output), name, fetch(request))
