"""Places that a user names in the configuration: folders, and http(s) addresses without secrets."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from reproof.storage.errors import ReproofError
from reproof.storage.reading import show

NETRC = "remove it; a server that asks for a password finds user and password in ~/.netrc"


def is_address(place: str) -> bool:
    """Return True for an address, False for a folder."""
    return "://" in place


def check_place(place: str, setting: str, *, addresses: bool = True) -> str:
    """Return the place of files, a folder with `~` expanded or an http(s) address; `setting` is the key that names it.

    Raises ReproofError for an address where none is allowed (`addresses`), or with a user, a password, a query or a
    fragment, or of another protocol. The message does not repeat what may be secret: messages end in logs, and logs
    are shared.
    """
    if not is_address(place):
        return str(expand_folder(place, setting))
    if "@" in place:
        raise ReproofError(f"{setting}: the address holds a user or a password, which logs would show; {NETRC}")
    if not addresses:
        raise ReproofError(f"{setting}: it is an address; name a folder of this machine")
    scheme, rest = place.split("://", 1)
    if scheme.lower() not in ("http", "https"):
        raise ReproofError(f"{setting}: {show(scheme)}:// is not supported; name a folder, or an http(s) address")
    try:
        parts = urlsplit(place)
        complete = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        complete = False
    if not complete or show(place) != place or " " in place:
        raise ReproofError(
            f"{setting}: the address is not valid; write it as http://host/folder or https://host/folder"
        )
    if "?" in rest or "#" in rest:
        raise ReproofError(f"{setting}: the address holds a query or a fragment (? or #); name a folder of the server")
    return f"{scheme.lower()}://{rest}"


def expand_folder(place: str | Path, setting: str) -> Path:
    """Return a folder with `~` and `~user` expanded; raise ReproofError for a user without a home on this machine.

    Raises ReproofError, too, for text with a user and a password, which is a misspelt address, and for text that no
    message can show on one line.
    """
    user, at, _ = str(place).partition("@")
    if at and ":" in user and not os.path.exists(place):
        raise ReproofError(f"{setting}: it reads like an address with a user or a password; {NETRC}")
    if (shown := show(place)) != str(place) or not shown.strip():
        raise ReproofError(f"{setting}: {shown!r}: this name is not printable Unicode; name another folder")
    try:
        return Path(place).expanduser()
    except RuntimeError as error:
        raise ReproofError(f"{setting}: {show(place)}: no such user; write the whole path of the folder") from error
