"""Each person's random numbers are their own, and they are random."""

import numpy as np
from scipy import stats

from lhs_helpers.patients.draws import Draws, noise

PEOPLE = np.arange(1, 200_001)


def test_a_draw_depends_on_the_person_and_not_on_the_company():
    draws = Draws(7)
    everybody = draws.uniform("stroke", PEOPLE, 3)
    some = PEOPLE[::-97]
    np.testing.assert_array_equal(draws.uniform("stroke", some, 3), everybody[some - 1])


def test_draws_are_uniform_and_normal():
    draws = Draws(7)
    assert stats.kstest(draws.uniform("a", PEOPLE), "uniform").pvalue > 1e-4
    assert stats.kstest(draws.normal("b", PEOPLE, 11), "norm").pvalue > 1e-4
    assert stats.kstest(draws.exponential("c", PEOPLE), "expon").pvalue > 1e-4
    for part in range(4):
        assert stats.kstest(noise(draws.bits("d", PEOPLE), part), "norm").pvalue > 1e-4


def test_neighbours_in_person_time_purpose_and_seed_are_independent():
    draws = Draws(7)
    base = draws.uniform("a", PEOPLE, 5)
    others = [
        draws.uniform("a", PEOPLE + 1, 5),
        draws.uniform("a", PEOPLE, 6),
        draws.uniform("b", PEOPLE, 5),
        Draws(8).uniform("a", PEOPLE, 5),
    ]
    for other in others:
        assert abs(np.corrcoef(base, other)[0, 1]) < 5 / np.sqrt(PEOPLE.size)


def test_the_lowest_bits_are_as_random_as_the_highest():
    bits = Draws(1).bits("a", PEOPLE)
    shares = [(bits >> np.uint64(k) & np.uint64(1)).mean() for k in range(64)]
    assert np.abs(np.array(shares) - 0.5).max() < 5 * 0.5 / np.sqrt(PEOPLE.size)
