"""Networks, built by name; a new one is a factory function decorated `@network` in a module of this folder.

Their modules are imported by name when one is built: the fingerprint of a run counts the network it picks, and so
adding another retrains nothing.
"""

from reproof.networks.initialisation import initial_deviation, initialise
from reproof.networks.layers import Dropout, dropouts, memory_format, prunable
from reproof.networks.registry import build, network, networks

__all__ = [
    "Dropout",
    "build",
    "dropouts",
    "initial_deviation",
    "initialise",
    "memory_format",
    "network",
    "networks",
    "prunable",
]
