"""Seeds by purpose: a change to one source of chance leaves the others unchanged."""

import hashlib


def derive(*words: str | int) -> int:
    """Return a 63-bit seed for the purpose named by `words`, e.g. derive("order", seed, epoch).

    Equal words give equal seeds on every machine and Python version; seeds of different words are independent.
    """
    # Not `hash`, which Python salts in each process. Not seed plus a number: seed 1 of one purpose would be seed 0 of
    # another.
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # 63 bits: torch.Generator takes a signed 64-bit seed
