"""The error for users. It lies in a module without imports, so that the registry and declarations load fast."""


class ReproofError(Exception):
    """A mistake of the user or a damaged file: its message is one line with file, key and remedy."""
