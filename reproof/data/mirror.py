"""Places of raw files: a folder, an http(s) address, or a download that fills a folder of the same layout."""

import hashlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reproof.data.transfer import TransferError, transfer
from reproof.storage.files import ReproofError, write_atomically
from reproof.storage.places import check_place, is_address
from reproof.storage.reading import guard_reading, open_regular

SETTING = "data.mirror in config/config.yaml"


@dataclass(frozen=True)
class Mirror:
    """A folder or http(s) address that holds raw files; `remedy` is the advice for a damaged one.

    Raises ReproofError for an address with a password.
    """

    place: str
    remedy: str = f"replace it, or name another folder or address in {SETTING}"

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", check_place(self.place, SETTING))

    @property
    def remote(self) -> bool:
        """True if the place is an address, False if it is a folder."""
        return is_address(self.place)

    def locate(self, relative: str) -> str:
        """Return the full path or address of a file."""
        return f"{self.place.rstrip('/')}/{relative}"

    def holds(self, relative: str) -> bool:
        """Return True if the file exists; raise ReproofError if the mirror itself does not."""
        if self.remote:
            return self._request(relative, "HEAD", 0) is not None
        if not os.path.isdir(self.place):
            raise ReproofError(f"{self.place}: no such folder; name a folder or address that exists in {SETTING}")
        return os.path.exists(self.locate(relative))

    @contextmanager
    def open_file(self, relative: str, expected: str, *, most: int) -> Iterator[BinaryIO]:
        """Open a file of at most `most` bytes for decoding.

        Raises ReproofError, one line with the expected content, if the file is missing or larger, or if the body raises
        anything, because the file is truncated or corrupt.
        """

        def make_error(_: object, reason: str) -> ReproofError:
            return self.make_damage_error(relative, f"truncated or corrupt ({reason})", expected)

        with guard_reading(relative, make_error), self._open(relative, most) as file:
            yield file

    def make_damage_error(self, relative: str, found: str, expected: str) -> ReproofError:
        """Return the error of a file with wrong content."""
        return ReproofError(f"{self.locate(relative)}: {found}, expected {expected}; {self.remedy}")

    def _open(self, relative: str, most: int) -> BinaryIO:
        """Open a file of the folder, or the whole answer of the address."""
        where = self.locate(relative)
        # A missing file is the user's to supply; a damaged one has another remedy.
        missing = ReproofError(f"{where}: no such file; put it there, or name another folder or address in {SETTING}")
        if not self.remote:
            if not self.holds(relative):
                raise missing
            file = open_regular(where)
            if (size := os.fstat(file.fileno()).st_size) > most:
                file.close()
                raise ValueError(f"it has {size:,} bytes, more than {most:,}")
            return file
        content = self._request(relative, "GET", most)
        if content is None:
            raise missing
        return io.BytesIO(content)

    def _request(self, relative: str, method: str, most: int) -> bytes | None:
        """Return the body of the answer, or None if the server has no such file."""
        where = self.locate(relative)
        try:
            return transfer(where, method, most=most)
        except TransferError as error:
            if error.status in (404, 410) or (method == "HEAD" and 400 <= error.status < 500):  # 403 may mean absent
                return None
            raise ReproofError(f"{where}: cannot be fetched ({error}); check the network and {SETTING}") from error


def download(folder: Path, relative: str, addresses: Sequence[str], md5: str, *, most: int) -> None:
    """Download folder/relative from the first address whose bytes have this MD5; do nothing if the file exists.

    No other content, and nothing longer than `most` bytes, is ever stored under that name. Raises ReproofError, with
    the reason of every address, if none has it.
    """
    if (folder / relative).is_file():
        return
    reasons = []
    for address in addresses:
        print(f"downloading {address}", file=sys.stderr, flush=True)
        try:
            content = transfer(address, "GET", most=most)
        except TransferError as error:
            reasons.append(f"{address}: {error}")
            continue
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
            with write_atomically(folder / relative) as temporary:
                temporary.write_bytes(content)
            return
        # A wrong answer, such as a login page, is not stored; the next address is tried.
        reasons.append(f"{address}: {len(content)} bytes of other content, expected MD5 {md5}")
    raise ReproofError(
        f"{relative}: cannot be downloaded ({', '.join(reasons)}); "
        f"check the network, or name a folder or address that holds it in {SETTING}"
    )
