"""What was known of each person before the index date, as a matrix of numbers.

The database does the work: one long GROUP BY person x code over the events that were known in time. Its rows
arrive in batches and are scattered into the matrix. A row counts when it had happened *and* was recorded
strictly before the index date minus the gap; nothing later can reach a feature.
"""

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.task import Task

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

NUMBERS = ["ever", "count", "last", "mean"]
VOCABULARY_COLUMNS = ["name", "kind", "code", "statistic", "text", "unit", "share"]
# How a name tells the end of something from its beginning.
ENDING = {"condition_end": " (resolved)", "medication_stop": " (stopped)"}


def vocabulary(emr: "EMR", cohort: pd.DataFrame, task: Task, min_share: float = 0.01) -> pd.DataFrame:
    """The columns of the matrix, chosen by how often codes occur in `cohort`: pass the training people only.

    Parameters
    ----------
    emr, cohort, task
        The record, the training cohort made from it, and its task.
    min_share : float
        A code (or an answer in words) makes columns when at least this share of the cohort has it in the
        look-back.

    Returns
    -------
    DataFrame
        One row per column of the matrix, in order: ``name`` (readable, unique), ``kind``, ``code``,
        ``statistic``, ``text`` (of statistic "last is"), ``unit``, ``share`` (of the cohort that has it).
        Statistics: *value* (age, sex), *ever*, *count*, *last* and *mean* of values, *last is* (the latest
        answer in words). *count* and *mean* are left out where nobody has two, because they would repeat
        *ever* and *last*.
    """
    if cohort.empty:
        raise LHSError(
            "The cohort is empty, so no vocabulary can be learned; widen the task or move its date."
        )
    if not 0 <= min_share <= 1:
        raise LHSError(f"min_share is {min_share}; it is a share of the people, between 0 and 1.")
    events, least = _known(emr, cohort, task), min_share * len(cohort)
    found = _codes(events, least)
    rows = [
        found.assign(statistic="ever"),
        found[found["often"] > 1].assign(statistic="count"),
        found[found["measured"] >= max(least, 1)].assign(statistic="last"),
        found[(found["measured"] >= max(least, 1)) & (found["often"] > 1)].assign(statistic="mean"),
        _answers(events, least),
    ]
    columns = pd.concat(rows).sort_values(["kind", "code"], kind="stable")
    columns["share"] = columns["people"] / len(cohort)
    person = pd.DataFrame(
        {
            "name": ["Age (years)", "Sex is male"],
            "kind": "person",
            "code": ["age", "sex"],
            "statistic": "value",
            "share": 1.0,
        }
    )
    concepts = emr.concepts.execute().drop_duplicates("code").set_index("code")
    columns["unit"] = columns["code"].map(concepts["unit"])
    columns["name"] = _names(columns, concepts["description"])
    columns = pd.concat([person, columns])
    return columns.reindex(columns=VOCABULARY_COLUMNS).reset_index(drop=True)


def features(emr: "EMR", cohort: pd.DataFrame, task: Task, vocabulary: pd.DataFrame) -> pd.DataFrame:
    """What was known of each person of `cohort`, in the columns of `vocabulary`.

    Returns
    -------
    DataFrame of float32
        Rows as in `cohort`, indexed by `patient_id`; columns as in `vocabulary`, by name. *ever* and *last
        is* are 0 or 1 and *count* is 0 for those who have none; *last* and *mean* are NaN for those never
        measured.
    """
    if cohort.empty:
        raise LHSError("The cohort is empty, so there is nobody to make features for.")
    matrix = np.zeros((len(cohort), len(vocabulary)), dtype=np.float32)
    matrix[:, vocabulary["statistic"].isin(["last", "mean"])] = np.nan
    person = {"age": cohort["age"], "sex": cohort["sex"] == "male"}
    for column in np.flatnonzero(vocabulary["kind"] == "person"):
        matrix[:, column] = person[vocabulary["code"].iloc[column]]
    events = _known(emr, cohort, task)
    _scatter_numbers(emr, events, vocabulary, matrix)
    _scatter_answers(emr, events, vocabulary, matrix)
    index = pd.Index(cohort["patient_id"], name="patient_id")
    return pd.DataFrame(matrix, index=index, columns=list(vocabulary["name"]))


def _known(emr: "EMR", cohort: pd.DataFrame, task: Task) -> ir.Table:
    """Events in each person's look-back that were known strictly before its end, with the person's row."""
    until = cohort["index_time"] - pd.Timedelta(days=task.gap_days)
    since = until - pd.Timedelta(days=task.lookback_days)
    windows = {
        "patient_id": cohort["patient_id"],
        "row": np.arange(len(cohort)),
        "since": since,
        "until": until,
    }
    people = ibis.memtable(pd.DataFrame(windows))
    events = emr.events
    # First the bounds of the whole cohort: constants with which DuckDB skips parts of files.
    events = events.filter(
        events.time >= since.min(),
        events.time < until.max(),
        events.recorded_at < until.max(),
        events.kind.notin(["death", "left"]),
    )
    joined = events.join(people, "patient_id")
    known = joined.filter(
        joined.time >= joined.since, joined.time < joined.until, joined.recorded_at < joined.until
    )
    return known.select("row", "kind", "code", "value", "text", "time", "recorded_at")


def _codes(events: ir.Table, least: float) -> pd.DataFrame:
    """Codes of at least `least` people: how many have it, how many a value of it, and how often at most."""
    person = events.group_by("row", "kind", "code").aggregate(n=events.count(), values=events.value.count())
    codes = person.group_by("kind", "code").aggregate(
        people=person.count(), measured=(person["values"] > 0).sum(), often=person.n.max()
    )
    return codes.filter(codes.people >= least).execute()


def _answers(events: ir.Table, least: float) -> pd.DataFrame:
    """Answers in words that at least `least` people have given."""
    given = events.drop_null("text").select("row", "kind", "code", "text").distinct()
    answers = given.group_by("kind", "code", "text").aggregate(people=given.count())
    answers = answers.filter(answers.people >= least).order_by("kind", "code", "text").execute()
    return answers.assign(statistic="last is")


def _names(columns: pd.DataFrame, descriptions: pd.Series) -> pd.Series:
    """Readable names, such as "Systolic blood pressure: last"; where two would be the same, with the code."""
    described = columns["code"].map(descriptions).fillna(columns["code"])
    answer = " '" + columns["text"] + "'"
    statistic = ": " + columns["statistic"] + answer.fillna("")
    names = described + columns["kind"].map(ENDING).fillna("") + statistic
    return names.mask(
        names.duplicated(keep=False), names + " (" + columns["code"] + ", " + columns["kind"] + ")"
    )


def _latest(values: ir.Column, events: ir.Table) -> ir.Scalar:
    """The value of the latest event that has one; among ties the one recorded last, then the largest."""
    order = ibis.struct({"time": events.time, "recorded_at": events.recorded_at, "value": values})
    return values.argmax(order, where=values.notnull())  # noqa: PD004 (an ibis column has no notna)


def _scatter_numbers(emr: "EMR", events: ir.Table, vocabulary: pd.DataFrame, matrix: np.ndarray) -> None:
    columns = vocabulary.assign(column=np.arange(len(vocabulary)))
    columns = columns[columns["statistic"].isin(NUMBERS)]
    where = columns.pivot_table(index=["kind", "code"], columns="statistic", values="column")
    place = where.reindex(columns=NUMBERS).fillna(-1).to_numpy(int)
    codes = where.index.to_frame(index=False).astype(str).assign(number=np.arange(len(where)))
    chosen = events.join(ibis.memtable(codes), ["kind", "code"])
    summary = chosen.group_by("row", "number").aggregate(
        count=chosen.count(), last=_latest(chosen.value, chosen), mean=chosen.value.mean()
    )
    for batch in emr.connection.to_pyarrow_batches(summary):
        found = {name: batch[name].to_numpy(zero_copy_only=False) for name in summary.columns}
        found["ever"] = np.ones(len(batch))
        for statistic, column in zip(NUMBERS, place[found["number"]].T, strict=True):
            wanted = column >= 0
            matrix[found["row"][wanted], column[wanted]] = found[statistic][wanted]


def _scatter_answers(emr: "EMR", events: ir.Table, vocabulary: pd.DataFrame, matrix: np.ndarray) -> None:
    columns = vocabulary.assign(column=np.arange(len(vocabulary)))
    columns = columns.loc[columns["statistic"] == "last is", ["kind", "code", "text", "column"]]
    asked = events.filter(events.code.isin(columns["code"].unique())).drop_null("text")
    latest = asked.group_by("row", "kind", "code").aggregate(text=_latest(asked.text, asked))
    given = latest.execute().merge(columns, on=["kind", "code", "text"])
    matrix[given["row"], given["column"]] = 1
