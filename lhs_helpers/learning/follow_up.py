"""How likely was the outcome, when not everybody was watched to the end?"""

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError


def cumulative_incidence(people: pd.DataFrame) -> pd.DataFrame:
    """The share who have had the outcome by each day, from everybody for as long as they were seen.

    The Aalen-Johansen estimate. Each day the outcome is counted among those still watched that day. A death
    is a competing risk: who has died can not have the outcome any more. Whoever stops being watched for another
    reason (left, data ended, window ended) is counted until that day, and from then on represented by those who
    stay. That is right only if the two do not differ in their risk.

    Parameters
    ----------
    people : DataFrame
        A `cohort`, or part of one: ``index_time``, ``follow_up_end`` and ``end_reason`` of each person.

    Returns
    -------
    DataFrame
        One row per day (whole days after the index date) on which somebody's follow-up ended; the last row
        holds the risk at the end of the window. Columns ``estimate``, ``low``, ``high`` (95 % interval on the scale
        of the log of minus the log, missing until the first outcome) and ``watched`` (those still seen on
        that day).

    Raises
    ------
    LHSError
        When nobody is in the cohort.
    """
    if people.empty:
        raise LHSError("Nobody is in this cohort, so there is no follow-up to count; choose a wider group.")
    days = (people["follow_up_end"] - people["index_time"]).dt.days
    ends = pd.crosstab(days.rename("day"), people["end_reason"])
    ends = ends.reindex(columns=ends.columns.union(["outcome", "died"]), fill_value=0)
    watched = ends.sum(axis=1)[::-1].cumsum()[::-1]
    outcome, stops = ends["outcome"], ends["outcome"] + ends["died"]
    # Free of the outcome and alive until the day before.
    free = (1 - stops / watched).cumprod().shift(fill_value=1.0)
    risk = (free * outcome / watched).cumsum()
    low, high = _interval(risk, _variance(risk, free, outcome, stops, watched))
    return pd.DataFrame({"estimate": risk, "low": low, "high": high, "watched": watched})


def _variance(risk, free, outcome, stops, watched) -> pd.Series:
    """Variance of the risk by each day (delta method); without deaths it is Greenwood's.

    The sum over days i up to t of (F_t - F_i)^2 a_i + b_i - 2 (F_t - F_i) c_i, multiplied out so that it takes
    running sums only.
    """
    # When the last person has an end that counts, a_i is infinite, but nothing can follow: F_t - F_i is 0.
    a = (stops / (watched * (watched - stops))).where(stops < watched, 0.0)
    b = free**2 * outcome * (watched - outcome) / watched**3
    c = free * outcome / watched**2
    total = (
        risk**2 * a.cumsum() - 2 * risk * (a * risk + c).cumsum() + (a * risk**2 + b + 2 * c * risk).cumsum()
    )
    return total.clip(lower=0)


def _interval(risk: pd.Series, variance: pd.Series) -> tuple[pd.Series, pd.Series]:
    """95 % limits that stay between 0 and 1, also for a rare outcome."""
    inside = risk.where((risk > 0) & (risk < 1))
    spread = 1.959964 * np.sqrt(variance) / (inside * np.log(inside).abs())
    return inside ** np.exp(spread), inside ** np.exp(-spread)
