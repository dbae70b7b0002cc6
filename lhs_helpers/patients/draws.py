"""Common random numbers: every person has their own, for every purpose and every time.

A draw is a function of (seed, process, person, time) and of nothing else. It does not depend on the order in
which people are computed, on who else lives, on the number of workers, or on whether another draw was made.
So two runs that differ only in what was ordered for one patient differ in nothing else but what that caused.

The bits come from a counter: the four arguments are hashed with the finaliser of SplitMix64 (Steele, Lea and
Flood, OOPSLA 2014, doi 10.1145/2660193.2660195). NumPy's own counter-based generator, Philox, serves one key
at a time; here each person is a key.
"""

from hashlib import blake2b

import numpy as np
from scipy.special import ndtri

# Arrays without a dimension: most draws are for a handful of people, and a scalar is made into one at every use.
_GOLDEN, _TIMES = np.array(0x9E3779B97F4A7C15, np.uint64), np.array(0xD1B54A32D192ED03, np.uint64)
_FACTORS = np.array(0xBF58476D1CE4E5B9, np.uint64), np.array(0x94D049BB133111EB, np.uint64)
_SHIFTS = tuple(np.array(bits, np.uint64) for bits in (30, 27, 31))
_UNUSED, _HALF, _SCALE = np.array(11, np.uint64), np.array(0.5), np.array(2.0**-53)
LEVELS = 2**16
NORMAL = ndtri((np.arange(LEVELS) + 0.5) / LEVELS).astype(np.float32)


class Draws:
    """Random numbers of one hospital, by purpose (`process`, a word), person (`who`) and time (`when`)."""

    def __init__(self, seed: int):
        self.seed = seed
        self._keys: dict[str, np.ndarray] = {}

    def bits(self, process: str, who: np.ndarray, when: int | np.ndarray = 0) -> np.ndarray:
        """64 random bits for each person (uint64, the shape of `who`)."""
        return _hash(self._key(process), who, when)

    def uniform(self, process: str, who: np.ndarray, when: int | np.ndarray = 0) -> np.ndarray:
        """A float64 in (0, 1) for each person."""
        bits = self.bits(process, who, when)
        bits >>= _UNUSED
        u = bits.astype(np.float64)
        u += _HALF
        u *= _SCALE
        return u

    def normal(self, process: str, who: np.ndarray, when: int | np.ndarray = 0) -> np.ndarray:
        """A standard normal float64 for each person."""
        return ndtri(self.uniform(process, who, when))

    def exponential(self, process: str, who: np.ndarray, when: int | np.ndarray = 0) -> np.ndarray:
        """A standard exponential float64 for each person."""
        return -np.log(self.uniform(process, who, when))

    def _key(self, process: str) -> np.ndarray:
        if process not in self._keys:
            digest = blake2b(f"{self.seed}/{process}".encode(), digest_size=8).digest()
            self._keys[process] = np.array(int.from_bytes(digest, "little"), np.uint64)
        return self._keys[process]


def noise(bits: np.ndarray, part: int, levels: np.ndarray = NORMAL) -> np.ndarray:
    """One of four draws hidden in 64 random bits, from the 65,536 quantiles of a distribution (float32)."""
    return levels[((bits >> np.uint64(16 * part)) & np.uint64(0xFFFF)).astype(np.intp)]


def _hash(key: np.ndarray, who: np.ndarray, when: int | np.ndarray) -> np.ndarray:
    x = np.asarray(who).astype(np.uint64)
    x *= _GOLDEN
    x += key
    _finalise(x)
    if isinstance(when, np.ndarray) and when.ndim:
        x += when.astype(np.uint64) * _TIMES
    else:
        x += np.array(int(when) * int(_TIMES) % 2**64, np.uint64)
    return _finalise(x)


def _finalise(x: np.ndarray) -> np.ndarray:
    shifted = x >> _SHIFTS[0]
    x ^= shifted
    for factor, shift in zip(_FACTORS, _SHIFTS[1:], strict=True):
        x *= factor
        np.right_shift(x, shift, shifted)
        x ^= shifted
    return x
