"""Sums of which nobody sees a part: each site's numbers are hidden behind noise that cancels in the sum."""

from collections.abc import Callable, Mapping

import numpy as np

from lhs_helpers.errors import LHSError

BITS = 30  # binary digits behind the point of a masked number: a step of 1e-9, and room up to 8e9

Answer = dict[str, np.ndarray]
Ask = Callable[[dict], Answer]


def masked(sites: Mapping[str, Ask], seed: int) -> dict[str, Ask]:
    """The same sites, whose answers are noise to anybody who sees fewer than all of them.

    Each pair of sites shares a secret. With it the first adds random whole numbers to its answer, and the second
    takes the same away; in the sum over all sites they cancel (Bonawitz et al. 2017, doi:10.1145/3133956.3133982).
    Numbers are rounded to 2^-30, so a sum over s sites is off by at most s/2 of that. In this simulation the secrets
    come from `seed`; real sites would agree on them by an exchange of keys, and would have to cope with a site that
    falls silent.
    """
    names, talks = list(sites), dict.fromkeys(sites, 0)

    def ask(name: str, question: dict) -> Answer:
        talks[name] += 1
        me, answer = names.index(name), {}
        for k, (what, value) in enumerate(sites[name](question).items()):
            number = whole(np.asarray(value))
            for other in (i for i in range(len(names)) if i != me):
                pair = [seed, min(me, other), max(me, other), talks[name], k]
                noise = np.random.default_rng(pair).integers(0, 2**64, number.shape, np.uint64)
                number = number + noise if me < other else number - noise
            answer[what] = number
        return answer

    return {name: lambda question, name=name: ask(name, question) for name in names}


def whole(value: np.ndarray) -> np.ndarray:
    """A number as a whole multiple of 2^-30, to be added without a remainder."""
    if np.abs(value).max(initial=0) >= 2.0 ** (62 - BITS):
        raise LHSError(
            f"A sum of {np.abs(value).max():.3g} is too large to be masked; give the column another unit."
        )
    return np.round(value * 2.0**BITS).astype(np.int64).astype(np.uint64)


def read(number: np.ndarray) -> np.ndarray:
    """The number that `whole` (or a sum of what it gave) stands for."""
    return np.asarray(number, dtype=np.uint64).astype(np.int64) / 2.0**BITS
