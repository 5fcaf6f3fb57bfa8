"""Mirrors for tests: where the real data lie, a loopback server, and ways to damage a file."""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reproof.data.fetch import fetch_dataset
from reproof.storage.files import ReproofError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
LABELS = "mnist/train-labels-idx1-ubyte.gz"
IMAGES = "mnist/train-images-idx3-ubyte.gz"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real data at {SHARED}")

os.environ["no_proxy"] = "127.0.0.1"  # loopback is reached directly


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without logging."""

    def log_message(self, format: str, *args: object) -> None:
        pass


class Short(Quiet):
    """Promises more bytes than it sends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"12345")


class Forbidding(Quiet):
    """Lets nobody in."""

    def do_GET(self) -> None:
        self.send_error(403)


class Headless(Quiet):
    """Answers no question about what is there, as some stores do; hands out what there is."""

    def do_HEAD(self) -> None:
        self.send_error(403)


class Long(Quiet):
    """Says that it sends more than any file has."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(10**12))
        self.end_headers()


class Endless(Quiet):
    """Says no length and never stops."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.send(bytes(1 << 16))

    def send(self, block: bytes, pause_s: float = 0) -> None:
        """Send the block again and again, until nobody listens."""
        try:
            while not self.wfile.closed:
                self.wfile.write(block)
                time.sleep(pause_s)
        except OSError:
            self.close_connection = True


class Chunked(Endless):
    """Never ends a chunk of unknown size."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.send(b"0" * 16, 0.02)


class Dripping(Endless):
    """Sends a byte now and then, so that no single read has to wait long."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.send(b"x", 0.05)


class DrippingHeader(Endless):
    """Sends its headers as `Dripping` sends the body."""

    def do_GET(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self.send(b"x", 0.05)

    do_HEAD = do_GET


class Resetting(Quiet):
    """Breaks the connection off in the middle of the body."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"12345")
        self.wfile.flush()
        # With this option, closing sends a reset instead of an orderly end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.shutdown_request = self.server.close_request  # type: ignore[attr-defined]


class Looping(Quiet):
    """Sends everybody in a circle, under a name and a password."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://someone:secret@127.0.0.1:{self.server.server_address[1]}{self.path}")
        self.end_headers()


class Elsewhere(Quiet):
    """Sends everybody to a file of their own machine."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "file:///etc/passwd")
        self.end_headers()


class Garbage(Quiet):
    """Does not speak http."""

    def do_GET(self) -> None:
        self.wfile.write(b"\x00\xff\xfe not http\r\n\r\n")


class Locked(Quiet):
    """Lets in who says user and password."""

    def do_GET(self) -> None:
        if self.headers["Authorization"] == "Basic c29tZW9uZTpzZWNyZXQ=":  # someone:secret
            super().do_GET()
        else:
            self.send_error(401)


@contextmanager
def served(folder: Path, handler: type[Quiet] = Quiet) -> Iterator[str]:
    """The address of a folder, served for a while."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.02))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def closed_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def message(tmp_path: Path, name: str, place: str | Path) -> str:
    """The one line that a failing fetch says, having left nothing."""
    with pytest.raises(ReproofError) as caught:
        fetch_dataset(name=name, output=tmp_path / "out" / "data.safetensors", mirror=str(place))
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def replace(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Put changed bytes in the place of a file (or of a link to it)."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(change(content))


def flip(content: bytes) -> bytes:
    """Change one byte in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
