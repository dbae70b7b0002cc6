"""Each person's index date, and what the record knew of the person on it."""

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.task import Task

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

# What is known of a person besides birth date and sex; a column each, missing where the source does not say.
FACTS = ("race", "ethnicity", "education", "insurance", "site")


def record_end(emr: "EMR") -> pd.Timestamp:
    """The last moment of the record, or of what was known of it."""
    end = emr.period[1]
    return end if emr.known_at is None else min(end, emr.known_at)


def period_of(emr: "EMR", task: Task, at: object) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last possible index date: twice the same for a date; a period otherwise, its end not included."""
    several = isinstance(at, (tuple, list))
    if task.index.kind == "date" and several:
        raise LHSError(
            f"Task {task.name!r} is asked on one date, but a period was given: {at!r}. Give a date such as "
            "'2019-01-01', or give the task an index rule, such as index=IndexRule.visit('ambulatory')."
        )
    if task.index.kind != "date" and not (several and len(at) == 2):
        raise LHSError(
            f"Task {task.name!r} looks for {task.index}; give its first day and the day after its last, such "
            f"as at=('2018-01-01', '2019-01-01'), not {at!r}."
        )
    start, end = (_moment(time) for time in (at if several else (at, at)))
    if several and not start < end:
        raise LHSError(f"The period runs from {start:%Y-%m-%d} to {end:%Y-%m-%d}; its end must come later.")
    first, last = emr.period[0], record_end(emr)
    for time in (start, end):
        if not first <= time <= last:
            raise LHSError(
                f"The index date {time:%Y-%m-%d} lies outside the record, which runs from "
                f"{first:%Y-%m-%d} to {last:%Y-%m-%d}; choose a date inside it."
            )
    return start, end


def _moment(at: object) -> pd.Timestamp:
    try:
        time = pd.Timestamp(at)
    except (TypeError, ValueError):
        time = pd.NaT
    if time is pd.NaT or time.tz is not None:
        raise LHSError(f"The index date is {at!r}; give a time without a zone, such as '2019-01-01'.")
    return time


def index_dates(emr: "EMR", task: Task, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """`patient_id` and `index_time` of everybody to whom the task's rule gives one."""
    rule = task.index
    if rule.kind == "date":
        known = emr.patients.filter(emr.patients.recorded_at <= start)
        found = known.select("patient_id").distinct().mutate(index_time=ibis.literal(start, "timestamp(6)"))
    elif rule.kind == "visit":
        visits = emr.encounters
        inside = visits.filter(visits["class"].isin(rule.visits), visits.time >= start, visits.time < end)
        found = inside.group_by("patient_id").aggregate(index_time=inside.time.min())
    elif rule.kind == "diagnosis":
        events = emr.events
        made = events.filter(events.kind == "condition", events.code.isin(rule.codes))
        known = made.mutate(known=ibis.greatest(made.time, made.recorded_at))
        found = known.group_by("patient_id").aggregate(index_time=known.known.min())
    else:
        people = emr.patients.select("patient_id", "birth_date").distinct().execute()
        birthdays = pd.to_datetime(people["birth_date"]) + pd.DateOffset(years=rule.years)
        found = people.assign(index_time=birthdays.astype("datetime64[us]"))
        inside = found["index_time"].between(start, end, inclusive="left")
        # A birth date that was corrected gives two birthdays; the one that was believed on its day counts.
        found = found[inside].drop_duplicates(["patient_id", "index_time"])
        believed = known_people(emr, found.drop(columns="birth_date"))
        reached = pd.to_datetime(believed["birth_date"]) + pd.DateOffset(years=rule.years)
        return believed.loc[reached == believed["index_time"], ["patient_id", "index_time"]]
    people = found.order_by("patient_id").execute()
    if rule.kind == "diagnosis":
        people = people[people["index_time"].between(start, end, inclusive="left")]
    return people.reset_index(drop=True)


def with_index(table: ir.Table, people: pd.DataFrame) -> ir.Table:
    """The rows of these people, each beside its person's `index_time`."""
    return table.join(ibis.memtable(people[["patient_id", "index_time"]]), "patient_id")


def known_people(emr: "EMR", indexes: pd.DataFrame) -> pd.DataFrame:
    """One row per index date: birth date, sex, facts, status and `entered`, as the record knew them on it.

    Nobody is returned who was not known to the record by then.
    """
    versions = with_index(emr.patients, indexes)
    versions = versions.filter(versions.recorded_at <= versions.index_time)
    person = ["patient_id", "index_time"]
    latest_first = ibis.window(
        group_by=person,
        order_by=[ibis.desc(versions.recorded_at), ibis.desc(versions.time), versions.status],
    )
    entered = versions.time.min(where=versions.status == "registered").over(ibis.window(group_by=person))
    ranked = versions.mutate(entered=entered, version=ibis.row_number().over(latest_first))
    latest = ranked.filter(ranked.version == 0)
    columns = [*person, "birth_date", "sex", *FACTS, "status", "entered"]
    return latest.select(columns).order_by(person).execute()
