"""Settings of memory and processor for a training, made once before its first step."""

import ctypes

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEEP_BYTES = 1 << 30  # more than any step frees


def keep_freed_memory() -> bool:
    """Make glibc keep freed blocks for reuse; return False, and do nothing, with another C library.

    Every step allocates gradients of megabytes, and returning them to the system costs page faults: a Conv-2 step on a
    CPU takes a quarter less without. No result changes. The order of the calls matters: with the trim threshold alone,
    steps take twice as long.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, KEEP_BYTES) and mallopt(M_TRIM_THRESHOLD, KEEP_BYTES))


def flush_subnormals() -> bool:
    """Make the processor treat numbers below 1e-38 as 0, in this thread and those that it starts.

    The optimiser state of a weight whose gradient stays 0 decays to such numbers after some hundred steps. Each costs a
    hundred cycles, and a LeNet step then takes three times as long. Returns False if the processor cannot.
    """
    return bool(torch.set_flush_denormal(True))
