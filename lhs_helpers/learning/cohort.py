"""Who the question concerns at an index date, what then happened to them, and until when they were seen."""

import warnings
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.index_dates import (
    FACTS,
    index_dates,
    known_people,
    period_of,
    record_end,
    with_index,
)
from lhs_helpers.learning.task import Task

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

ENDS = ("condition_end", "medication_stop", "death", "left")


def cohort(emr: "EMR", task: Task, at: str | pd.Timestamp | tuple) -> pd.DataFrame:
    """The people whom `task` concerns at their index dates, and their outcome.

    Who is eligible is decided by what the record knew on the index date: alive, registered, of the age and sex,
    with enough history, with the codes that are required and without those that exclude. Some are taken out with
    hindsight and counted: those who turn out to have had the target before the prediction window opened, in the
    gap or recorded late (no first event is left for them to have); and those whom the task's rules for follow-up
    exclude.

    Parameters
    ----------
    emr : EMR
        The record; outcomes are looked up in all of it, so pass ``emr.as_of(now)`` to see what was known by
        then.
    task : Task
    at : str, Timestamp or pair of them
        The index date, inside the period of the record. For a task whose index date is a visit, a birthday or
        a diagnosis: the first day of a period, and the day after its last.

    Returns
    -------
    DataFrame
        One row per person, by `patient_id`: ``patient_id``, ``index_time``, ``age`` (years), ``sex``, ``race``,
        ``ethnicity``, ``education``, ``insurance`` and ``site`` as known then,
        ``label`` (a target event in the prediction window), ``event_time`` (of that event, else
        missing), ``follow_up_end`` and ``end_reason``: outcome, died, left, data ended or window ended.
        People whose follow-up was cut short stay, with label False and the reason. ``.attrs["flow"]`` lists
        (sentence, number of people), from everybody to the eligible; `flow` makes a table of it.

    Raises
    ------
    LHSError
        When `at` lies outside the record, nobody in the record ever has the target, or nobody is eligible.

    Warns
    -----
    UserWarning
        When prediction windows end after the record: outcomes that came later look as if they had not come.
    """
    start, end = period_of(emr, task, at)
    indexes = index_dates(emr, task, start, end)
    people = known_people(emr, indexes)
    flow = _first_steps(emr, task, start, end, indexes, people)
    people = people.merge(_targets(emr, task, people), on="patient_id", how="left")
    for codes in ("required", "excluded"):
        people[codes] = people["patient_id"].isin(_having(emr, getattr(task, codes), people))
    people = _taken_out(people, _not_eligible(people, task), flow)
    _refuse_nobody(people, task, start, flow)
    for kind in ("death", "left"):
        people = people.merge(_first_end(emr, kind, people), on="patient_id", how="left")
    result = _follow(people, task, record_end(emr))
    result = _taken_out(result, _not_followed(result, task), flow)
    flow.append(("eligible", len(result)))
    _refuse_nobody(result, task, start, flow)
    _warn_of_the_end(result, task, record_end(emr))
    result.attrs = {"flow": flow}
    return result


def flow(cohort: pd.DataFrame) -> pd.DataFrame:
    """The flow chart of a cohort: a row per step, with ``step``, ``people`` (at it) and ``left`` (after it).

    The first row holds everybody, the last those in the cohort; what the steps between took out adds up.
    """
    if "flow" not in cohort.attrs:
        raise LHSError(
            "These people carry no flow chart; pass what `cohort` returned, before parts of it were taken."
        )
    steps = pd.DataFrame(cohort.attrs["flow"], columns=["step", "people"])
    gone = steps["people"].where(steps["step"].str.startswith("excluded"), 0)
    return steps.assign(left=steps["people"].iloc[0] - gone.cumsum())


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


def _first_steps(emr: "EMR", task: Task, start, end, indexes: pd.DataFrame, people: pd.DataFrame) -> list:
    """Everybody known, and those whom the index rule leaves out."""
    if task.index.kind == "date":
        return [(f"known to the record on {start:%Y-%m-%d}", len(people))]
    known = emr.patients.filter(emr.patients.recorded_at < end).patient_id.nunique().execute()
    known = max(int(known), len(indexes))  # a visit can stand in the record before its person does
    return [
        (f"known to the record by {end:%Y-%m-%d}", known),
        (f"excluded: without an index date, {task.index}", known - len(indexes)),
        ("excluded: not known to the record on the index date", len(indexes) - len(people)),
    ]


def _taken_out(people: pd.DataFrame, reasons: dict[str, pd.Series], flow: list) -> pd.DataFrame:
    """Those whom no reason excludes; each reason's number of people, of those still there, joins the flow."""
    staying = np.ones(len(people), dtype=bool)
    for reason, excluded in reasons.items():
        flow.append((f"excluded: {reason}", int((staying & excluded).sum())))
        staying &= ~excluded.to_numpy(dtype=bool)
    return people[staying].reset_index(drop=True)


def _refuse_nobody(people: pd.DataFrame, task: Task, start: pd.Timestamp, flow: list) -> None:
    if people.empty:
        when = f"{'on' if task.index.kind == 'date' else 'from'} {start:%Y-%m-%d}"
        steps = "; ".join(f"{sentence}: {n:,}" for sentence, n in flow)
        raise LHSError(f"Task {task.name!r} concerns nobody {when} ({steps}); loosen it or move the date.")


def _targets(emr: "EMR", task: Task, people: pd.DataFrame) -> pd.DataFrame:
    """Per person: the target on record at the index date, before the window opens, and first within or after."""
    events = emr.events
    targets = events.filter(events.kind == task.target_kind, events.code.isin(task.target))
    if targets.limit(1).execute().empty:
        others = events.filter(events.code.isin(task.target)).select("kind").distinct().kind.execute()
        hint = "see emr.concepts for its codes"
        if len(others):
            hint = f"it occurs as {', '.join(others)}: set target_kind"
        raise LHSError(
            f"Task {task.name!r}: nobody in this record ever has {' or '.join(task.target)} "
            f"as {task.target_kind}; {hint}."
        )
    found = with_index(targets, people)
    opens = found.index_time + _interval(task.gap_days)
    recent = True
    if task.washout_days is not None:
        recent = found.time > found.index_time - _interval(task.washout_days)
    return (
        found.group_by("patient_id")
        .aggregate(
            on_record=((found.recorded_at <= found.index_time) & recent).any(),
            hidden=((found.time <= opens) & recent).any(),
            event=found.time.min(where=found.time > opens),
        )
        .execute()
    )


def _interval(days: int) -> ir.IntervalScalar:
    return ibis.interval(days=days)


def _having(emr: "EMR", codes: tuple[str, ...], people: pd.DataFrame) -> pd.Series | list:
    """Who has one of these codes, of any kind, on record at the index date."""
    if not codes:
        return []
    events = emr.events
    found = with_index(events.filter(events.code.isin(codes), events.kind.notin(ENDS)), people)
    found = found.filter(found.recorded_at <= found.index_time, found.time <= found.index_time)
    return found.select("patient_id").distinct().patient_id.execute()


def _not_eligible(people: pd.DataFrame, task: Task) -> dict[str, pd.Series]:
    """Reasons to be taken out by what was known at the index date, and by an outcome that came too soon."""
    born, index = pd.to_datetime(people["birth_date"]), people["index_time"]
    in_age = (born <= index - pd.DateOffset(years=task.min_age)) & (
        born > index - pd.DateOffset(years=task.max_age + 1)
    )
    known_for = people["entered"] <= index - pd.Timedelta(days=task.min_history_days)
    reasons = {
        "had died": people["status"] == "died",
        "had left": people["status"] == "left",
        f"not aged {task.min_age} to {task.max_age}": ~in_age,
    }
    if task.sex:
        reasons[f"not {task.sex}"] = people["sex"] != task.sex
    reasons[f"known for less than {task.min_history_days:,} days"] = ~known_for
    if task.required:
        reasons[f"without {' or '.join(task.required)} on record"] = ~people["required"]
    if task.excluded:
        reasons[f"with {' or '.join(task.excluded)} on record"] = people["excluded"]
    if task.prior_outcome == "exclude":
        on_record, hidden = (people[column].eq(True) for column in ("on_record", "hidden"))
        since = "" if task.washout_days is None else f" in the {task.washout_days:,} days before"
        reasons[f"the target was on record{since}"] = on_record
        reasons["had the target before the window opened, known only later"] = hidden
    return reasons


def _first_end(emr: "EMR", kind: str, people: pd.DataFrame) -> pd.DataFrame:
    """Per person whose death, or leaving, was not known at the index date: when it was."""
    events = emr.events
    ends = with_index(events.filter(events.kind == kind), people)
    ends = ends.filter(ends.recorded_at > ends.index_time)
    return ends.group_by("patient_id").aggregate(**{kind: ends.time.min()}).execute()


def _follow(people: pd.DataFrame, task: Task, data_end: pd.Timestamp) -> pd.DataFrame:
    index = people["index_time"]
    opens = index + pd.Timedelta(days=task.gap_days)
    closes = opens + pd.Timedelta(days=task.window_days)
    event = people["event"]
    if task.if_died == "outcome":
        event = pd.concat([event, people["death"].where(people["death"] > opens)], axis=1).min(axis=1)
    label = event <= closes
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
    # A visit can begin on the last day of the record.
    ends["data ended"] = ends["data ended"].clip(lower=index)
    earliest = ends.min(axis=1)
    reason = np.array(ends.columns)[ends.eq(earliest, axis=0).to_numpy().argmax(axis=1)]
    return pd.DataFrame(
        {
            "patient_id": people["patient_id"],
            "index_time": index.astype("datetime64[us]"),
            "age": (index - pd.to_datetime(people["birth_date"])).dt.days / 365.25,
            **{fact: people[fact] for fact in ("sex", *FACTS)},
            "label": label,
            "event_time": ends["outcome"],
            "follow_up_end": earliest.mask(label, ends["outcome"]),
            "end_reason": np.where(label, "outcome", reason),
        }
    )


def _not_followed(people: pd.DataFrame, task: Task) -> dict[str, pd.Series]:
    """Reasons to be taken out by what became of the follow-up."""
    reasons = {}
    if task.if_left == "exclude":
        reasons["left before the window ended"] = people["end_reason"] == "left"
    if task.if_died == "exclude":
        reasons["died before the window ended"] = people["end_reason"] == "died"
    if task.required_follow_up_days:
        seen = people["follow_up_end"] - people["index_time"]
        short = seen < pd.Timedelta(days=task.required_follow_up_days)
        reasons[f"seen for less than {task.required_follow_up_days:,} days"] = short & people[
            "end_reason"
        ].isin(["left", "data ended"])
    return reasons


def _warn_of_the_end(people: pd.DataFrame, task: Task, data_end: pd.Timestamp) -> None:
    closes = people["index_time"] + pd.Timedelta(days=task.gap_days + task.window_days)
    late = int((closes > data_end).sum())
    if late:
        warnings.warn(
            f"Task {task.name!r}: the prediction windows of {late:,} of {len(people):,} people end after the "
            f"record does ({data_end:%Y-%m-%d}), the last on {closes.max():%Y-%m-%d}. Outcomes that came later "
            "are not known, so label False may mean not yet; move the index date back, or ask for "
            "required_follow_up_days.",
            stacklevel=3,
        )
