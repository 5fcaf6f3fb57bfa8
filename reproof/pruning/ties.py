"""Chance for criteria: equal scores are told apart at random, and the same weights give the same chance.

A criterion is a function of two arrays and takes no generator. Its chance is seeded by the initial weights, which every
seed and layer has of its own. In iterative pruning every round therefore ranks by the same chance, which gives nested
masks the same distribution as chance drawn anew in each round.
"""

import hashlib

import numpy as np

from reproof.seeding import derive
from reproof.storage.files import Array

BELOW_FLOAT32 = 2.0**-150  # half the smallest positive float32
HALF_A_STEP = 2.0**-25  # of a float32, relative: neighbours are at least 2**-24 apart


def make_generator(initial: Array, purpose: str) -> np.random.Generator:
    """Return a generator that the bytes of these weights and the purpose seed."""
    digest = hashlib.sha256(np.ascontiguousarray(initial).tobytes()).hexdigest()
    return np.random.default_rng(derive("criterion", purpose, digest))


def break_ties(scores: Array, initial: Array) -> Array:
    """Return float64 scores in which equal float32 scores differ by chance, and no others change places.

    Float64 has room between neighbouring float32 numbers: each score moves up by less than half the way to the next.
    So ties are broken at random (as in the authors' code), not by place, which would clear whole units.
    """
    exact = np.asarray(scores, np.float32).astype(np.float64)
    room = np.where(exact == 0, BELOW_FLOAT32, np.abs(exact) * HALF_A_STEP)
    return np.asarray(exact + make_generator(initial, "ties").random(exact.shape) * room)
