"""Effects against known answers: by hand, against statsmodels, and as often right as an interval says."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from lhs_helpers.errors import LHSError
from lhs_helpers.system.effects import over_hospitals, poisson, rate_ratio, stepped_wedge


def group(deaths, people, years):
    return pd.DataFrame({"died_with": np.arange(people) < deaths, "years": years})


def test_a_rate_ratio_by_hand():
    found = rate_ratio(group(10, 100, 5.0), group(20, 200, 2.5))
    assert found["estimate"] == pytest.approx((10 / 500) / (20 / 500))
    assert np.log(found["high"] / found["estimate"]) == pytest.approx(1.959964 * np.sqrt(1 / 10 + 1 / 20))
    assert found["low"] * found["high"] == pytest.approx(found["estimate"] ** 2)
    with pytest.raises(LHSError, match="0 and 20 outcomes"):
        rate_ratio(group(0, 100, 5.0), group(20, 200, 2.5))


def cells(rng, effect=0.7, clinics=8, periods=8, rate=0.02, years=600.0):
    rows = pd.MultiIndex.from_product([range(clinics), range(periods)], names=["clinic", "period"])
    table = rows.to_frame(index=False)
    table["screened"] = table["period"] >= 1 + table["clinic"] // 2
    size = years * (1 + 0.3 * (table["clinic"] % 3))
    mean = size * rate * 1.1 ** table["period"] * 0.9 ** (table["clinic"] % 4)
    mean = mean * np.where(table["screened"], effect, 1.0)
    return table.assign(years=size, outcomes=rng.poisson(mean))


def test_the_stepped_wedge_is_the_poisson_regression_of_statsmodels():
    table = cells(np.random.default_rng(3))
    mine = stepped_wedge(table)
    X = np.column_stack(
        [
            table["screened"],
            pd.get_dummies(table["clinic"]),
            pd.get_dummies(table["period"], drop_first=True),
        ]
    ).astype(float)
    other = sm.GLM(table["outcomes"], X, family=sm.families.Poisson(), exposure=table["years"]).fit()
    limits = np.exp(np.r_[other.params.iloc[0], other.conf_int().iloc[0]])
    assert mine.to_numpy() == pytest.approx(limits, rel=1e-6)


def test_the_stepped_wedge_finds_an_effect_that_is_there_at_once():
    rng = np.random.default_rng(4)
    found = pd.DataFrame([stepped_wedge(cells(rng)) for _ in range(300)])
    assert np.exp(np.log(found["estimate"]).mean()) == pytest.approx(0.7, abs=0.02)
    covered = ((found["low"] < 0.7) & (found["high"] > 0.7)).mean()
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 300)


def test_where_all_clinics_are_alike_in_all_periods_there_is_nothing_to_compare():
    table = cells(np.random.default_rng(5)).assign(screened=True)
    with pytest.raises(LHSError, match="nothing to compare"):
        stepped_wedge(table)


def test_poisson_with_one_column_is_a_rate():
    b, variance = poisson(np.ones((3, 1)), np.array([2.0, 3.0, 5.0]), np.array([10.0, 20.0, 20.0]))
    assert np.exp(b[0]) == pytest.approx(10 / 50)
    assert variance[0, 0] == pytest.approx(1 / 10)


def test_over_hospitals_is_the_usual_interval_of_a_mean():
    values = pd.Series([3.0, 5.0, 4.0, 9.0, 2.0])
    found = over_hospitals(values)
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert found.tolist() == pytest.approx([values.mean(), low, high, 5])


def test_over_hospitals_covers_a_ratio_of_sums():
    rng, hits = np.random.default_rng(6), 0
    for _ in range(400):
        people = rng.integers(200, 900, 10)
        found = over_hospitals(rng.poisson(0.05 * people), people)
        hits += found["low"] < 0.05 < found["high"]
    assert abs(hits / 400 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 400)
    with pytest.raises(LHSError, match="One hospital"):
        over_hospitals(pd.Series([1.0]))
