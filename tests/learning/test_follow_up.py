import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import cumulative_incidence


def watched(days, reasons):
    """A cohort as `cohort` returns it, from how many days each person was seen and why that ended."""
    start = pd.Timestamp("2020-01-01")
    end = start + pd.to_timedelta(days, unit="D")
    return pd.DataFrame({"index_time": start, "follow_up_end": end, "end_reason": reasons})


def drawn(n=3_000, deaths=True, seed=0):
    """People with an exponential time to the outcome, to death and to leaving, seen for 1,000 days at most."""
    rng = np.random.default_rng(seed)
    means = {"outcome": 2_000, "died": 3_000 if deaths else np.inf, "left": 1_500, "window ended": np.inf}
    times = pd.DataFrame({k: np.minimum(rng.exponential(1, n) * m, 1_001) for k, m in means.items()})
    times["window ended"] = 1_000
    return watched(times.min(axis=1).astype(int), times.idxmin(axis=1))


def test_it_agrees_with_an_example_worked_by_hand():
    # day 1: 1 of 6 has the outcome            F = 1/6                       free of both = 5/6
    # day 2: 1 of 5 dies                                                     free of both = 4/6
    # day 3: one leaves
    # day 4: 1 of 3 has the outcome            F = 1/6 + 4/6 * 1/3 = 7/18    free of both = 4/9
    # day 5: 2 of 2 still free at the end
    people = watched(
        [1, 2, 3, 4, 5, 5], ["outcome", "died", "left", "outcome", "window ended", "window ended"]
    )
    risk = cumulative_incidence(people)
    assert risk["estimate"].tolist() == pytest.approx([1 / 6, 1 / 6, 1 / 6, 7 / 18, 7 / 18])
    assert risk["watched"].tolist() == [6, 5, 4, 3, 2]
    assert risk.index.tolist() == [1, 2, 3, 4, 5]


def test_without_deaths_it_is_one_minus_kaplan_and_meier_with_greenwoods_interval():
    people = drawn(deaths=False)
    days = (people["follow_up_end"] - people["index_time"]).dt.days
    known = SurvfuncRight(days, people["end_reason"] == "outcome")
    risk = cumulative_incidence(people).loc[known.surv_times]
    assert risk["estimate"].to_numpy() == pytest.approx(1 - known.surv_prob)
    error = 1.959964 * known.surv_prob_se / ((1 - known.surv_prob) * np.log(1 - known.surv_prob))
    assert risk["low"].to_numpy() == pytest.approx((1 - known.surv_prob) ** np.exp(-error))
    assert risk["high"].to_numpy() == pytest.approx((1 - known.surv_prob) ** np.exp(error))


def test_when_everybody_is_watched_to_the_end_it_is_the_plain_share():
    people = drawn()
    people.loc[people["end_reason"] == "left", "end_reason"] = "died"
    assert cumulative_incidence(people)["estimate"].iloc[-1] == pytest.approx(
        (people["end_reason"] == "outcome").mean()
    )


def test_its_interval_is_as_wide_as_that_of_people_drawn_again():
    people, rng = drawn(n=800), np.random.default_rng(1)
    again = [
        cumulative_incidence(people.iloc[rng.integers(0, 800, 800)])["estimate"].iloc[-1] for _ in range(300)
    ]
    estimate, low, high = cumulative_incidence(people)[["estimate", "low", "high"]].iloc[-1]
    assert low < estimate < high
    assert (high - low) / (2 * 1.96 * np.std(again)) == pytest.approx(1, abs=0.15)


def test_counting_deaths_as_leaving_would_give_too_high_a_risk():
    people = drawn()
    as_if_left = people.assign(end_reason=people["end_reason"].replace("died", "left"))
    right, wrong = (cumulative_incidence(p)["estimate"].iloc[-1] for p in (people, as_if_left))
    assert wrong > 1.1 * right


def test_without_an_outcome_the_risk_is_zero_and_has_no_interval():
    risk = cumulative_incidence(watched([3, 5], ["died", "window ended"]))
    assert (risk["estimate"] == 0).all() and risk[["low", "high"]].isna().all(axis=None)


def test_the_last_person_watched_may_have_the_outcome():
    risk = cumulative_incidence(watched([2, 4], ["died", "outcome"]))
    assert risk["estimate"].tolist() == [0, 0.5] and risk.iloc[-1][["low", "high"]].between(0, 1).all()


def test_nobody_is_a_sentence():
    with pytest.raises(LHSError, match="Nobody is in this cohort"):
        cumulative_incidence(watched([], []))
