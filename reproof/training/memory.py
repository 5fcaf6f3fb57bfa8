"""How freed memory is kept: gradients of a megabyte come and go every step, and giving them back costs page faults."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEEP_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed blocks for reuse (a Conv-2 step on a CPU takes a quarter less); elsewhere do nothing.

    Changes no number. The order matters: with the trim threshold alone, steps take twice as long.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, KEEP_BYTES) and mallopt(M_TRIM_THRESHOLD, KEEP_BYTES))
