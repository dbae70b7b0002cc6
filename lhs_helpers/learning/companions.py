"""Codes that go with the outcome in time: the same event under another name, or the work-up that finds it."""

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from lhs_helpers.learning.task import Task

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

NEAR_DAYS = 14  # so close to the outcome that it is the same event
WORK_UP_DAYS = 60  # the last days that features can see before an outcome
BASELINE_DAYS = 730
LEAST_CASES = 5  # with fewer there is nothing to say about a code
SAME_SHARE, SAME_PRECISION = 0.5, 0.5
TYPE_PRECISION = 0.8  # few of those with the outcome have it, but hardly anybody else
WORK_UP_SHARE, WORK_UP_RATIO = 0.2, 5.0


def companions(emr: "EMR", task: Task, cohort: pd.DataFrame) -> pd.DataFrame:
    """Codes that go with the outcome in time, of those with the outcome in `cohort`.

    Returns
    -------
    DataFrame
        By ``kind`` and ``code``: ``cases`` (people with the outcome), ``with_outcome`` (share who have the code for
        the first time within 14 days of it, or have it only after it), ``precision`` (of those in the cohort who
        ever have the code, the share with the outcome), ``shortly_before`` (share who have it in the last 60
        days that the features could see, which end two gaps before the outcome), ``ratio`` (how much
        more often than in the two years before, a day), ``before_index`` (people who have it on record before
        the index date), and ``role``: "same event" (most of those with the outcome have it then), "type" (some do,
        and hardly anybody else ever: a kind of the outcome, or what follows from it), "work-up" or missing.
    """
    people = cohort[["patient_id", "index_time", "event_time", "label"]]
    events = emr.events
    events = events.filter(events.kind.notin(["death", "left"]), events.code.notin(task.target))
    joined = events.join(ibis.memtable(people), "patient_id")
    seen = joined.event_time - ibis.interval(days=2 * task.gap_days)
    starts = seen - ibis.interval(days=WORK_UP_DAYS)
    known = (joined.time < joined.index_time) & (joined.recorded_at < joined.index_time)
    person = joined.group_by("patient_id", "kind", "code").aggregate(
        label=joined.label.any(),
        first=joined.time.min(),
        outcome=joined.event_time.min(),
        late=((joined.time >= starts) & (joined.time < seen)).sum(),
        early=((joined.time >= starts - ibis.interval(days=BASELINE_DAYS)) & (joined.time < starts)).sum(),
        known=known.any(),
    )
    nearest = person.first >= person.outcome - ibis.interval(days=NEAR_DAYS)
    codes = person.group_by("kind", "code").aggregate(
        ever=person.count(),
        cases_ever=person.label.sum(),
        first_with=(person.label & nearest).sum(),
        with_late=(person.label & (person.late > 0)).sum(),
        late=person.late.sum(),
        early=person.early.sum(),
        before_index=person.known.sum(),
    )
    found = codes.execute().set_index(["kind", "code"]).sort_index().astype(float).fillna(0)
    cases = int(cohort["label"].sum())
    # Half an event more in the baseline, so that a code never seen in it has a ratio too.
    baseline = (found["early"] + 0.5) / BASELINE_DAYS
    result = pd.DataFrame(
        {
            "cases": cases,
            "with_outcome": found["first_with"] / cases,
            "precision": found["cases_ever"] / found["ever"],
            "shortly_before": found["with_late"] / cases,
            "ratio": found["late"] / WORK_UP_DAYS / baseline,
            "before_index": found["before_index"].astype(int),
        }
    )
    same = (result["with_outcome"] >= SAME_SHARE) & (result["precision"] >= SAME_PRECISION)
    a_type = result["precision"] >= TYPE_PRECISION
    # Half of them at least: others had it long before, and it is a risk, not a name.
    a_type &= found["first_with"] >= found["cases_ever"] / 2
    same, a_type = (role & (found["first_with"] >= LEAST_CASES) for role in (same, a_type))
    before = (result["shortly_before"] >= WORK_UP_SHARE) & (result["ratio"] >= WORK_UP_RATIO)
    before &= found["with_late"] >= LEAST_CASES
    roles = {"same event": same, "type": a_type, "work-up": before}
    result["role"] = np.select(list(roles.values()), list(roles), default=None)
    return result
