"""Transfers from http(s) addresses: of bounded size, and within a deadline for the whole of it.

aiohttp limits connection, redirects, headers and body together; requests, httpx, pooch and urllib limit each read by
itself, so that a byte now and then keeps them waiting without end.
"""

import asyncio
import os
import re

from reproof.registry import changes_no_result
from reproof.storage.reading import describe_reason

PATIENCE_S = 10.0  # without a byte, after which an address counts as unreachable
GRACE_S = 60.0  # for connection, redirects and headers
SLOWEST = 50_000  # bytes per second of the slowest line; a transfer that takes longer is given up
MOST_REDIRECTS = 5


class TransferError(Exception):
    """A transfer that failed; the text is the reason without secrets, `status` that of the answer, if there was one."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(re.sub(r"//[^/\s]*@", "//", reason))  # a redirect or a proxy may hold a password
        self.status = status


@changes_no_result  # whatever is transferred must have a known hash
def transfer(address: str, method: str, *, most: int) -> bytes:
    """Return the body, at most `most` bytes, of the answer of an http(s) address to GET or HEAD.

    Raises TransferError if the answer is an error, longer, shorter than it says, or not complete within `GRACE_S` plus
    the seconds that `most` bytes take at `SLOWEST` bytes per second.
    """
    deadline = GRACE_S + most / SLOWEST
    try:
        return asyncio.run(_transfer(address, method, most, deadline))
    except TransferError:
        raise
    except Exception as error:
        raise TransferError(_describe_failure(error, deadline), getattr(error, "status", 0)) from error


async def _transfer(address: str, method: str, most: int, deadline: float) -> bytes:
    import aiohttp  # noqa: PLC0415 (late: a quarter of a second, and most sources need no network)

    timeout = aiohttp.ClientTimeout(total=deadline, sock_connect=PATIENCE_S, sock_read=PATIENCE_S)
    # Servers may refuse the library's own user agent. Bytes as they are stored: a compressed answer could be a bomb.
    headers = {"User-Agent": "reproof", "Accept-Encoding": "identity"}
    async with (
        # The surroundings name proxies, and ~/.netrc passwords.
        aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=True, auto_decompress=False) as session,
        session.request(method, address, max_redirects=MOST_REDIRECTS, allow_redirects=True) as answer,
    ):
        if answer.status >= 400:
            raise TransferError(f"HTTP Error {answer.status}: {answer.reason}", answer.status)
        if method == "HEAD":
            return b""
        content = bytearray()
        _check_length(answer.content_length or 0, most)
        try:
            async for part in answer.content.iter_any():
                content += part
                _check_length(len(content), most)
        except aiohttp.ClientPayloadError as error:
            missing = (answer.content_length or 0) - len(content)
            more = f"{missing} more" if missing > 0 else "more"
            raise TransferError(f"{len(content)} bytes read, {more} expected") from error
        return bytes(content)


def _check_length(length: int, most: int) -> None:
    """Raise TransferError if an answer is longer than the longest that can be right."""
    if length > most:
        raise TransferError(f"it sends {length:,} bytes or more, expected at most {most:,}")


def _describe_failure(error: Exception, deadline: float) -> str:
    """Return the reason of a failure in one line."""
    import aiohttp  # noqa: PLC0415

    if isinstance(error, aiohttp.ServerTimeoutError):
        return f"timed out: nothing came for {PATIENCE_S:g} s"
    if isinstance(error, TimeoutError):
        return f"timed out: not complete within {deadline:.3g} s"
    if isinstance(error, aiohttp.TooManyRedirects):
        return f"more than {MOST_REDIRECTS} redirects"
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError | aiohttp.RedirectClientError):
        return "the address, or one that it redirects to, is not valid http or https"
    if isinstance(error, aiohttp.ClientResponseError):
        return "its answer is not valid http"
    if isinstance(error, aiohttp.ClientConnectorError):
        # The system's own words, without the library's account of addresses.
        cause = error.os_error
        return os.strerror(cause.errno) if cause.errno and cause.errno > 0 else describe_reason(cause)
    return describe_reason(error)
