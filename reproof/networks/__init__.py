"""Networks, built by name; a new one is a factory function decorated `@network` in a module of this package.

The modules are imported only when a network of theirs is built. The fingerprint of a run covers its own network alone,
so a new network retrains nothing.
"""

from reproof.networks.initialisation import compute_initial_deviation, initialise
from reproof.networks.layers import Dropout, choose_memory_format, find_dropouts, list_prunable
from reproof.networks.registry import build, list_networks, network

__all__ = [
    "Dropout",
    "build",
    "choose_memory_format",
    "compute_initial_deviation",
    "find_dropouts",
    "initialise",
    "list_networks",
    "list_prunable",
    "network",
]
