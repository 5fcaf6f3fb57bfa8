"""Random numbers for criteria, and random order of equal scores.

A criterion is a function of two arrays and takes no generator. The initial weights seed its random numbers; they differ
by seed and layer. In iterative pruning every round therefore ranks by the same random numbers. The nested masks have
the same distribution as with new random numbers in each round.
"""

import hashlib

import numpy as np

from reproof.seeding import derive
from reproof.storage.files import Array

BELOW_FLOAT32 = 2.0**-150  # half the smallest positive float32
HALF_A_STEP = 2.0**-25  # relative: neighbouring float32 numbers are at least 2**-24 apart


def make_generator(initial: Array, purpose: str) -> np.random.Generator:
    """Return a generator seeded by the bytes of these weights, any shape and dtype, and the purpose."""
    digest = hashlib.sha256(np.ascontiguousarray(initial).tobytes()).hexdigest()
    # The purpose is part of the seed: scores of `random` and ties of other criteria are independent.
    return np.random.default_rng(derive("criterion", purpose, digest))


def break_ties(scores: Array, initial: Array) -> Array:
    """Return the scores with ties broken at random, float64 of the same shape.

    Scores that differ as float32 keep their order: each moves up by less than half the way to the next float32 number,
    for which float64 has room. The authors' code breaks ties at random, too. An order by place would prune whole units.
    """
    # Rounded to float32 first: differences that float64 scores may show below its precision count as ties.
    exact = np.asarray(scores, np.float32).astype(np.float64)
    # Between 0 and the smallest float32 number there is no relative step, hence a constant.
    room = np.where(exact == 0, BELOW_FLOAT32, np.abs(exact) * HALF_A_STEP)
    return np.asarray(exact + make_generator(initial, "ties").random(exact.shape) * room)
