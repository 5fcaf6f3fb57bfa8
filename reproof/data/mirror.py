"""Where raw files come from: a folder, an http(s) address, or a download that fills a folder of the same layout."""

import hashlib
import http.client
import io
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reproof.storage.files import ReproofError, write_atomically

TIMEOUT = 10.0  # seconds without an answer, after which an address counts as unreachable
SETTING = "data.mirror in config/config.yaml"
DAMAGE = (OSError, EOFError, zlib.error, tarfile.TarError)  # what truncated or altered bytes raise while they are read
NETWORK = (OSError, http.client.HTTPException, ValueError)  # ValueError: an address that is none


@dataclass(frozen=True)
class Mirror:
    """A folder or http(s) address that holds raw files; `remedy` is what to do about one that is damaged."""

    place: str
    remedy: str = f"replace it, or name another folder or address in {SETTING}"

    @property
    def remote(self) -> bool:
        """Whether the place is an address rather than a folder."""
        return self.place.startswith(("http://", "https://"))

    def where(self, relative: str) -> str:
        """Return the full path or address of a file."""
        return f"{self.place.rstrip('/')}/{relative}"

    def holds(self, relative: str) -> bool:
        """Return whether the file is there; raise ReproofError if the mirror itself is not."""
        if self.remote:
            return self._answer(relative, "HEAD") is not None
        if not Path(self.place).is_dir():
            raise ReproofError(f"{self.place}: no such folder; name a folder or address that exists in {SETTING}")
        return Path(self.where(relative)).is_file()

    @contextmanager
    def opened(self, relative: str, expected: str) -> Iterator[BinaryIO]:
        """Open a file to be decoded; its absence and any sign of damage become one line that says what is expected."""
        try:
            with self._open(relative) as file:
                yield file
        except DAMAGE as error:
            raise self.damaged(relative, f"truncated or corrupt ({_reason(error)})", expected) from error

    def damaged(self, relative: str, found: str, expected: str) -> ReproofError:
        """Return the error for a file whose content is wrong."""
        return ReproofError(f"{self.where(relative)}: {found}, expected {expected}; {self.remedy}")

    def _open(self, relative: str) -> BinaryIO:
        where = self.where(relative)
        missing = ReproofError(f"{where}: no such file; put it there, or name another folder or address in {SETTING}")
        if not self.remote:
            if not self.holds(relative):
                raise missing
            return open(where, "rb")
        content = self._answer(relative, "GET")
        if content is None:
            raise missing
        return io.BytesIO(content)

    def _answer(self, relative: str, method: str) -> bytes | None:
        """Return the body of the answer, or None if the server has no such file."""
        try:
            return request(self.where(relative), method)
        except urllib.error.HTTPError as error:
            if error.code in (404, 410) or (method == "HEAD" and error.code < 500):  # 403 may mean absent
                return None
            raise self._unreachable(relative, error) from error
        except NETWORK as error:
            raise self._unreachable(relative, error) from error

    def _unreachable(self, relative: str, error: Exception) -> ReproofError:
        where = self.where(relative)
        return ReproofError(f"{where}: cannot be fetched ({_reason(error)}); check the network and {SETTING}")


def download(folder: Path, relative: str, addresses: Sequence[str], md5: str) -> None:
    """Bring folder/relative from the first address that serves the bytes of that MD5; do nothing if it is there.

    Nothing else is ever stored under that name. Raises ReproofError, with every address's reason, if none serves it.
    """
    if (folder / relative).is_file():
        return
    reasons = []
    for address in addresses:
        print(f"downloading {address}", file=sys.stderr, flush=True)
        try:
            content = request(address, "GET")
        except NETWORK as error:
            reasons.append(f"{address}: {_reason(error)}")
            continue
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
            with write_atomically(folder / relative) as temporary:
                temporary.write_bytes(content)
            return
        reasons.append(f"{address}: {len(content)} bytes of other content, expected MD5 {md5}")
    raise ReproofError(
        f"{relative}: cannot be downloaded ({', '.join(reasons)}); "
        f"check the network, or name a folder or address that holds it in {SETTING}"
    )


def request(address: str, method: str) -> bytes:
    """Return the body that an http(s) address answers; one that ends early raises."""
    question = urllib.request.Request(address, method=method, headers={"User-Agent": "reproof"})
    try:
        with urllib.request.urlopen(question, timeout=TIMEOUT) as answer:
            body: bytes = answer.read()
    except urllib.error.HTTPError as error:
        error.close()
        raise
    return body


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):
        error = error.reason
    reason = (isinstance(error, OSError) and error.strerror) or error
    return " ".join(str(reason).split()) or type(error).__name__
