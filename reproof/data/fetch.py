"""Fetching a data set: from its source, by name, into one safetensors file."""

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
    """Fetch the data set `name` and write it to `output`, in the layout that `load_dataset` reads.

    Raw files come from `mirror` (a folder, or an http or https address), and without one from torchvision's addresses
    by way of the folder `download_to`, which then is such a mirror; those of `imagefolder` from `folder`, cut to
    `image_size` pixels, `threads` at a time. Equal content gives equal bytes. Raises ReproofError, one line that names
    the file, what was expected and the remedy, and leaves nothing half-written.
    """
    fetch = registry.load("data", "source", name)
    request = Request(mirror=mirror, download_to=download_to, folder=folder, image_size=image_size, threads=threads)
    write_content(Path(output), name, fetch(request))
