"""Who the question concerns at an index date, what then happened to them, and until when they were seen."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.task import Task

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR


def cohort(emr: "EMR", task: Task, at: str | pd.Timestamp) -> pd.DataFrame:
    """The people whom `task` concerns at the index date `at`, and their outcome.

    Who is eligible is decided by what the record knew at `at`: alive, registered, of the age, with enough
    history, the target not on record. One group is taken out with hindsight and counted: those who turn out
    to have had the target before the prediction window opened, in the gap or recorded late; no first event is
    left for them to have.

    Parameters
    ----------
    emr : EMR
        The record; outcomes are looked up in all of it, so pass ``emr.as_of(now)`` to see what was known by
        then.
    task : Task
    at : str or Timestamp
        The index date, inside the period of the record.

    Returns
    -------
    DataFrame
        One row per person, by `patient_id`: ``patient_id``, ``index_time``, ``age`` (years), ``sex``,
        ``label`` (a first target event in the prediction window), ``event_time`` (of that event, else
        missing), ``follow_up_end`` and ``end_reason``: outcome, died, left, data ended or window ended.
        People whose follow-up was cut short stay, with label False and the reason. ``.attrs["flow"]`` lists
        (sentence, number of people), from everybody to the eligible.

    Raises
    ------
    LHSError
        When `at` lies outside the record, nobody in the record ever has the target, or nobody is eligible.
    """
    index, data_end = pd.Timestamp(at), _data_end(emr)
    if index is pd.NaT or index.tz is not None:
        raise LHSError(f"The index date is {at!r}; give a time without a zone, such as '2019-01-01'.")
    if not emr.period[0] <= index <= data_end:
        raise LHSError(
            f"The index date {index:%Y-%m-%d} lies outside the record, which runs from "
            f"{emr.period[0]:%Y-%m-%d} to {data_end:%Y-%m-%d}; choose a date inside it."
        )
    people = _known_people(emr, index).merge(_first_targets(emr, task), on="patient_id", how="left")
    people, flow = _eligible(people, task, index)
    for kind in ("death", "left"):
        people = people.merge(_first_end(emr, kind, index), on="patient_id", how="left")
    result = _follow(people, task, index, data_end)
    result.attrs = {"flow": flow}
    return result


def split_people(cohort: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a cohort by person: about `share` of the people, and the others.

    A person's side depends on `patient_id` and `seed` only, so a person who is in several cohorts is always
    on the same side, and no one is both learned from and judged on.
    """
    if not 0 < share < 1:
        raise LHSError(
            f"share is {share}; give the part of the people for the first cohort, between 0 and 1."
        )
    first = _hashed(cohort["patient_id"].to_numpy(), seed) < share
    return cohort[first].reset_index(drop=True), cohort[~first].reset_index(drop=True)


def _hashed(identifiers: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) per identifier, as good as random and always the same (SplitMix64)."""
    z = identifiers.astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 2.0**53


def _data_end(emr: "EMR") -> pd.Timestamp:
    end = emr.period[1]
    return end if emr.known_at is None else min(end, emr.known_at)


def _known_people(emr: "EMR", index: pd.Timestamp) -> pd.DataFrame:
    people = emr.as_of(index).people
    columns = ["patient_id", "birth_date", "sex", "status", "entered"]
    return people.select(columns).order_by("patient_id").execute()


def _first_targets(emr: "EMR", task: Task) -> pd.DataFrame:
    """Per person who ever has the target: when it first happened, and when the record first knew one."""
    events = emr.events
    targets = events.filter(events.kind == task.target_kind, events.code.isin(task.target))
    per_person = targets.group_by("patient_id")
    firsts = per_person.aggregate(
        first_time=targets.time.min(), first_recorded=targets.recorded_at.min()
    ).execute()
    if firsts.empty:
        others = events.filter(events.code.isin(task.target)).select("kind").distinct().kind.execute()
        hint = "see emr.concepts for its codes"
        if len(others):
            hint = f"it occurs as {', '.join(others)}: set target_kind"
        raise LHSError(
            f"Task {task.name!r}: nobody in this record ever has {' or '.join(task.target)} "
            f"as {task.target_kind}; {hint}."
        )
    return firsts


def _first_end(emr: "EMR", kind: str, index: pd.Timestamp) -> pd.DataFrame:
    """Per person whose death, or leaving, was not known at the index date: when it was."""
    events = emr.events
    ends = events.filter(events.kind == kind, events.recorded_at > index)
    return ends.group_by("patient_id").aggregate(**{kind: ends.time.min()}).execute()


def _eligible(people: pd.DataFrame, task: Task, index: pd.Timestamp) -> tuple[pd.DataFrame, list]:
    """Those whom the task concerns, and how many people were taken out at each step."""
    born, known = pd.to_datetime(people["birth_date"]), people["entered"]
    opens = index + pd.Timedelta(days=task.gap_days)
    on_record = people["first_recorded"] <= index
    in_age = (born <= index - pd.DateOffset(years=task.min_age)) & (
        born > index - pd.DateOffset(years=task.max_age + 1)
    )
    reasons = {
        "had died": people["status"] == "died",
        "had left": people["status"] == "left",
        f"not aged {task.min_age} to {task.max_age}": ~in_age,
        f"known for less than {task.min_history_days:,} days": ~(
            known <= index - pd.Timedelta(days=task.min_history_days)
        ),
        "the target was on record": on_record,
        "had the target before the window opened, known only later": people["first_time"] <= opens,
    }
    flow = [(f"known to the record on {index:%Y-%m-%d}", len(people))]
    staying = np.ones(len(people), dtype=bool)
    for reason, excluded in reasons.items():
        flow.append((f"excluded: {reason}", int((staying & excluded).sum())))
        staying &= ~excluded.to_numpy()
    flow.append(("eligible", int(staying.sum())))
    if not staying.any():
        steps = "; ".join(f"{sentence}: {n:,}" for sentence, n in flow)
        raise LHSError(
            f"Task {task.name!r} concerns nobody on {index:%Y-%m-%d} ({steps}); loosen it or move the date."
        )
    return people[staying].reset_index(drop=True), flow


def _follow(people: pd.DataFrame, task: Task, index: pd.Timestamp, data_end: pd.Timestamp) -> pd.DataFrame:
    closes = index + pd.Timedelta(days=task.gap_days + task.window_days)
    event = people["first_time"]
    label = event <= closes  # never before the window opens: those people are not eligible
    # A death before the index date that was not known yet ends the follow-up when it begins. At equal times
    # the earlier column names the reason.
    ends = pd.DataFrame(
        {
            "outcome": event.where(label),
            "died": people["death"].clip(lower=index),
            "left": people["left"].clip(lower=index),
            "window ended": closes,
            "data ended": data_end,
        }
    ).astype("datetime64[us]")
    earliest = ends.min(axis=1)
    reason = np.array(ends.columns)[ends.eq(earliest, axis=0).to_numpy().argmax(axis=1)]
    return pd.DataFrame(
        {
            "patient_id": people["patient_id"],
            "index_time": index.as_unit("us"),
            "age": (index - pd.to_datetime(people["birth_date"])).dt.days / 365.25,
            "sex": people["sex"],
            "label": label,
            "event_time": ends["outcome"],
            "follow_up_end": earliest.mask(label, ends["outcome"]),
            "end_reason": np.where(label, "outcome", reason),
        }
    )
