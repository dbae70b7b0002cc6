"""What was known of each person before the index date, as a matrix of numbers.

The database does the work: one long GROUP BY person x code over the events that were known in time. Its rows
arrive in batches and are scattered into the matrix. A row counts when it had happened *and* was recorded
strictly before the index date minus the gap; nothing later can reach a feature.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from lhs_helpers.learning.checks import check_columns, check_people
from lhs_helpers.learning.task import Task

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

# Answers in words and facts of a person are read apart; all else comes out of one GROUP BY.
APART = ["value", "is", "last is"]
UNKNOWN_AT_FIRST = ["last", "mean", "min", "max", "slope", "days since"]
DAY, YEAR_DAYS = 86_400, 365.25
# People whose sums are made at once. More would need more memory; fewer would read some files twice.
BLOCK = 40_000


def features(emr: "EMR", cohort: pd.DataFrame, task: Task, vocabulary: pd.DataFrame) -> pd.DataFrame:
    """What was known of each person of `cohort`, in the columns of `vocabulary`.

    Returns
    -------
    DataFrame of float32
        Rows as in `cohort`, indexed by `patient_id`; columns as in `vocabulary`, by name. *ever*, *is* and *last
        is* are 0 or 1 and *count* is 0 for those who have none; *missing* is 1 for those never measured. *last*,
        *mean*, *min*, *max* (in the unit of the code), *slope* (that unit a year, of a straight line through
        the values) and *days since* (from the last event to the index date) are NaN for those without any.
    """
    check_people(cohort)
    check_columns(vocabulary)
    vocabulary = vocabulary.reset_index(drop=True)
    if "window_days" not in vocabulary:
        vocabulary = vocabulary.assign(window_days=np.nan)
    matrix = np.zeros((len(cohort), len(vocabulary)), dtype=np.float32)
    matrix[:, vocabulary["statistic"].isin(UNKNOWN_AT_FIRST)] = np.nan
    matrix[:, vocabulary["statistic"] == "missing"] = 1
    for column in vocabulary[vocabulary["kind"] == "person"].itertuples():
        matrix[:, column.Index] = _fact(cohort, column)
    for people in _blocks(cohort):
        events = known_events(emr, people, task)
        _scatter_numbers(emr, events, vocabulary, cohort, task, matrix)
        _scatter_answers(emr, events, vocabulary, matrix)
    index = pd.Index(cohort["patient_id"], name="patient_id")
    return pd.DataFrame(matrix, index=index, columns=list(vocabulary["name"]))


def _fact(cohort: pd.DataFrame, column: tuple) -> pd.Series:
    if column.code == "age":
        return cohort["age"]
    return cohort["sex"] == "male" if column.code == "sex" else cohort[column.code] == column.text


def _blocks(cohort: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The people with their row in the matrix, by patient_id: a hospital's files hold neighbours together."""
    people = cohort[["patient_id", "index_time"]].assign(row=np.arange(len(cohort)))
    people = people.sort_values("patient_id", kind="stable")
    for first in range(0, len(people), BLOCK):
        yield people.iloc[first : first + BLOCK]


def known_events(emr: "EMR", people: pd.DataFrame, task: Task) -> ir.Table:
    """Events in each person's look-back that were known strictly before its end, with the person's `row`."""
    until = people["index_time"].astype("datetime64[us]") - pd.Timedelta(days=task.gap_days)
    since = until - pd.Timedelta(days=task.lookback_days)
    windows = pd.DataFrame({"row": people["row"], "since": since, "until": until})
    windows.insert(0, "patient_id", people["patient_id"])
    events = emr.events
    # First the bounds of all of them: constants with which DuckDB skips files and parts of files.
    events = events.filter(
        events.patient_id.between(int(people["patient_id"].min()), int(people["patient_id"].max())),
        events.time >= since.min(),
        events.time < until.max(),
        events.recorded_at < until.max(),
        events.kind.notin(["death", "left"]),
    )
    joined = events.join(ibis.memtable(windows), "patient_id")
    known = joined.filter(
        joined.time >= joined.since, joined.time < joined.until, joined.recorded_at < joined.until
    )
    return known.select("row", "kind", "code", "value", "text", "time", "recorded_at", "until")


def inside(events: ir.Table, window_days: float) -> ir.BooleanValue:
    """Which events lie in the last `window_days` of the look-back; in all of it, when that is missing."""
    if pd.isna(window_days):
        return ibis.literal(True)
    return events.time >= events.until - ibis.interval(days=int(window_days))


def _latest(values: ir.Column, events: ir.Table) -> ir.Scalar:
    """The value of the latest event that has one; among ties the one recorded last, then the largest."""
    order = ibis.struct({"time": events.time, "recorded_at": events.recorded_at, "value": values})
    return values.argmax(order, where=values.notnull())  # noqa: PD004 (an ibis column has no notna)


def _sums(events: ir.Table, statistics: list[tuple[str, float]]) -> dict[str, ir.Scalar]:
    """What the database adds up per person and code, for these statistics in these windows."""
    sums, value = {}, events.value
    for statistic, days in statistics:
        where, key = inside(events, days), _key(days)
        measured = where & value.notnull()  # noqa: PD004
        if statistic in ("ever", "count"):
            sums[f"count{key}"] = events.count(where=where)
        elif statistic == "missing":
            sums[f"measured{key}"] = events.count(where=measured)
        elif statistic == "days since":
            sums[f"latest{key}"] = events.time.max(where=where)
        elif statistic == "last":
            # The latest value of all is that of a shorter window too, when it lies in it.
            sums["last"] = _latest(value, events)
            sums["last_time"] = events.time.max(where=value.notnull())  # noqa: PD004
        elif statistic == "slope":
            days_on = events.time.epoch_seconds() / DAY
            sums[f"together{key}"] = value.cov(days_on, how="pop", where=measured)
            sums[f"spread{key}"] = days_on.var(how="pop", where=measured)
        else:
            sums[f"{statistic}{key}"] = getattr(value, statistic)(where=where)
    return sums


def _key(days: float) -> str:
    return "" if pd.isna(days) else f"_{int(days)}"


def _statistic(name: str, days: float, found: dict[str, np.ndarray], gap_days: int) -> np.ndarray:
    """One statistic of each person and code, out of the sums; NaN where there is none."""
    index = found["index_time"]
    until = index - np.timedelta64(gap_days, "D")
    key = _key(days)
    if name == "ever":
        return found[f"count{key}"] > 0
    if name == "missing":
        return found[f"measured{key}"] == 0
    if name == "days since":
        return (index - found[f"latest{key}"]) / np.timedelta64(DAY, "s")
    if name == "last" and key:
        since = until - np.timedelta64(int(days), "D")
        return np.where(found["last_time"] >= since, found["last"], np.nan)
    if name == "slope":
        spread = found[f"spread{key}"]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(spread > 0, found[f"together{key}"] / spread * YEAR_DAYS, np.nan)
    return found["last"] if name == "last" else found[f"{name}{key}"]


def _scatter_numbers(
    emr: "EMR",
    events: ir.Table,
    vocabulary: pd.DataFrame,
    cohort: pd.DataFrame,
    task: Task,
    matrix: np.ndarray,
) -> None:
    columns = vocabulary.assign(column=np.arange(len(vocabulary)))
    columns = columns[~columns["statistic"].isin(APART)]
    if columns.empty:
        return
    codes = columns[["kind", "code"]].drop_duplicates().astype(str).reset_index(drop=True)
    codes["number"] = np.arange(len(codes))
    columns = columns.astype({"kind": str, "code": str}).merge(codes, on=["kind", "code"])
    places = {}
    for asked, group in columns.groupby(["statistic", "window_days"], dropna=False):
        places[asked] = np.full(len(codes), -1)
        places[asked][group["number"]] = group["column"]
    chosen = events.join(ibis.memtable(codes), ["kind", "code"])
    summary = chosen.group_by("row", "number").aggregate(**_sums(chosen, list(places)))
    index_times = cohort["index_time"].to_numpy("datetime64[us]")
    for batch in emr.connection.to_pyarrow_batches(summary):
        found = {name: batch[name].to_numpy(zero_copy_only=False) for name in summary.columns}
        found["index_time"] = index_times[found["row"]]
        for (statistic, days), place in places.items():
            column = place[found["number"]]
            wanted = column >= 0
            values = _statistic(statistic, days, found, task.gap_days)
            matrix[found["row"][wanted], column[wanted]] = values[wanted]


def _scatter_answers(emr: "EMR", events: ir.Table, vocabulary: pd.DataFrame, matrix: np.ndarray) -> None:
    columns = vocabulary.assign(column=np.arange(len(vocabulary)))
    columns = columns.loc[columns["statistic"] == "last is", ["kind", "code", "text", "column"]]
    if columns.empty:
        return
    asked = events.filter(events.code.isin(columns["code"].unique())).drop_null("text")
    latest = asked.group_by("row", "kind", "code").aggregate(text=_latest(asked.text, asked))
    given = latest.execute().merge(columns, on=["kind", "code", "text"])
    matrix[given["row"], given["column"]] = 1
