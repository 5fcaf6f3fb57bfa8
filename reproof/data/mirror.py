"""Places of raw files: a folder, an http(s) address, or a download that fills a folder of the same layout."""

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
DAMAGE = (OSError, EOFError, zlib.error, tarfile.TarError)  # raised by truncated or altered bytes
NETWORK = (OSError, http.client.HTTPException, ValueError)  # ValueError: an invalid address


@dataclass(frozen=True)
class Mirror:
    """A folder or http(s) address that holds raw files; `remedy` is the advice for a damaged one."""

    place: str
    remedy: str = f"replace it, or name another folder or address in {SETTING}"

    @property
    def remote(self) -> bool:
        """True if the place is an address, False if it is a folder."""
        return self.place.startswith(("http://", "https://"))

    def locate(self, relative: str) -> str:
        """Return the full path or address of a file."""
        return f"{self.place.rstrip('/')}/{relative}"

    def holds(self, relative: str) -> bool:
        """Return True if the file exists; raise ReproofError if the mirror itself does not."""
        if self.remote:
            return self._request(relative, "HEAD") is not None
        if not Path(self.place).is_dir():
            raise ReproofError(f"{self.place}: no such folder; name a folder or address that exists in {SETTING}")
        return Path(self.locate(relative)).is_file()

    @contextmanager
    def open_file(self, relative: str, expected: str) -> Iterator[BinaryIO]:
        """Open a file for decoding.

        Raises ReproofError, one line with the expected content, if the file is missing, or truncated or corrupt in the
        context.
        """
        try:
            with self._open(relative) as file:
                yield file
        except DAMAGE as error:
            raise self.make_damage_error(
                relative, f"truncated or corrupt ({_describe_reason(error)})", expected
            ) from error

    def make_damage_error(self, relative: str, found: str, expected: str) -> ReproofError:
        """Return the error of a file with wrong content."""
        return ReproofError(f"{self.locate(relative)}: {found}, expected {expected}; {self.remedy}")

    def _open(self, relative: str) -> BinaryIO:
        """Open a file of the folder, or the whole answer of the address."""
        where = self.locate(relative)
        # A missing file is the user's to supply; a damaged one has another remedy.
        missing = ReproofError(f"{where}: no such file; put it there, or name another folder or address in {SETTING}")
        if not self.remote:
            if not self.holds(relative):
                raise missing
            return open(where, "rb")
        content = self._request(relative, "GET")
        if content is None:
            raise missing
        return io.BytesIO(content)

    def _request(self, relative: str, method: str) -> bytes | None:
        """Return the body of the answer, or None if the server has no such file."""
        try:
            return request(self.locate(relative), method)
        except urllib.error.HTTPError as error:
            if error.code in (404, 410) or (method == "HEAD" and error.code < 500):  # 403 may mean absent
                return None
            raise self._make_unreachable_error(relative, error) from error
        except NETWORK as error:
            raise self._make_unreachable_error(relative, error) from error

    def _make_unreachable_error(self, relative: str, error: Exception) -> ReproofError:
        """Return the error of a file that the network did not deliver."""
        where = self.locate(relative)
        return ReproofError(f"{where}: cannot be fetched ({_describe_reason(error)}); check the network and {SETTING}")


def download(folder: Path, relative: str, addresses: Sequence[str], md5: str) -> None:
    """Download folder/relative from the first address whose bytes have this MD5; do nothing if the file exists.

    No other content is ever stored under that name. Raises ReproofError, with the reason of every address, if none has
    it.
    """
    if (folder / relative).is_file():
        return
    reasons = []
    for address in addresses:
        print(f"downloading {address}", file=sys.stderr, flush=True)
        try:
            content = request(address, "GET")
        except NETWORK as error:
            reasons.append(f"{address}: {_describe_reason(error)}")
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


def request(address: str, method: str) -> bytes:
    """Return the body of the answer of an http(s) address; raise if it ends early."""
    # Servers may refuse urllib's own user agent.
    question = urllib.request.Request(address, method=method, headers={"User-Agent": "reproof"})
    try:
        with urllib.request.urlopen(question, timeout=TIMEOUT) as answer:
            body: bytes = answer.read()
    except urllib.error.HTTPError as error:
        # An unread error response holds its connection open.
        error.close()
        raise
    return body


def _describe_reason(error: BaseException) -> str:
    """Return the reason of a failure in one line."""
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):
        error = error.reason
    reason = (isinstance(error, OSError) and error.strerror) or error
    return " ".join(str(reason).split()) or type(error).__name__
