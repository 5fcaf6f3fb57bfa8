"""Paths that begin with ~, the home folder of a user."""

from pathlib import Path

from reproof.storage.errors import ReproofError


def expand_home(path: str | Path, setting: str) -> Path:
    """Return a path with ~ or ~user replaced by the home folder; raise ReproofError if there is no such user.

    `setting` is the key of the configuration that names the path.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ReproofError(
            f"{path}: has no home folder on this machine; write the whole path, or ./{path} for a folder here, "
            f"in {setting} in config/config.yaml"
        ) from error
