"""Networks, built by name; a new one is a factory function decorated `@network` in a module imported here.

The imports are written out, not found at run time, so that a result's fingerprint sees every network's code.
"""

from reproof.networks import conv, lenet, resnet, vgg
from reproof.networks.initialisation import initial_deviation, initialise
from reproof.networks.layers import Dropout, dropouts, memory_format, prunable
from reproof.networks.registry import build, network, networks

__all__ = [
    "Dropout",
    "build",
    "conv",
    "dropouts",
    "initial_deviation",
    "initialise",
    "lenet",
    "memory_format",
    "network",
    "networks",
    "prunable",
    "resnet",
    "vgg",
]
