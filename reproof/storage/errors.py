"""The error that a user is to read. Needs no other module: the registry and declarations load in no time."""


class ReproofError(Exception):
    """A mistake of the user or a damaged file: one line that names file, key and remedy."""
