"""Which columns the matrix of features has: chosen by how often codes occur among the training people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.checks import STATISTICS
from lhs_helpers.learning.features import inside, known_events
from lhs_helpers.learning.index_dates import FACTS
from lhs_helpers.learning.task import Task

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from lhs_helpers.records.emr import EMR

USUAL = ("ever", "count", "last", "mean", "last is")
OF_VALUES = ("last", "mean", "min", "max", "slope", "missing")
OF_SEVERAL = ("count", "mean", "min", "max", "slope")
VOCABULARY_COLUMNS = [
    "name",
    "kind",
    "code",
    "statistic",
    "text",
    "unit",
    "share",
    "window_days",
    "description",
]
# How a name tells the end of something from its beginning.
ENDING = {"condition_end": " (resolved)", "medication_stop": " (stopped)"}


def vocabulary(
    emr: "EMR",
    cohort: pd.DataFrame,
    task: Task,
    min_share: float = 0.01,
    *,
    statistics: Sequence[str] = USUAL,
    windows: Sequence[int | None] = (None,),
    facts: Sequence[str] = ("age", "sex"),
) -> pd.DataFrame:
    """The columns of the matrix, chosen by how often codes occur in `cohort`: pass the training people only.

    Parameters
    ----------
    emr, cohort, task
        The record, the training cohort made from it, and its task.
    min_share : float
        A code (or an answer in words) makes columns when at least this share of the cohort has it in the
        look-back, or in the window.
    statistics : sequence of str
        Of each code: *ever*, *count*, *days since* the last; of its values *last*, *mean*, *min*, *max*,
        *slope* and *missing*; of its answers *last is*.
    windows : sequence of int or None
        Days before the end of the look-back in which to look; None: all of the look-back. Answers in words are
        looked for in all of it.
    facts : sequence of str
        Of the person: "age", "sex", "race", "ethnicity", "education", "insurance", "site".

    Returns
    -------
    DataFrame
        One row per column of the matrix, in order: ``name`` (readable, unique), ``kind``, ``code``,
        ``statistic``, ``text`` (of statistics "is" and "last is"), ``unit``, ``share`` (of the cohort that has
        it), ``window_days`` (missing: the look-back) and ``description``.
        *count*, *mean*, *min*, *max* and *slope* are left out where nobody has two, because they would repeat
        *ever* and *last*.
    """
    _refuse(cohort, task, min_share, statistics, windows, facts)
    people = cohort[["patient_id", "index_time"]].assign(row=np.arange(len(cohort)))
    events, least = known_events(emr, people, task), min_share * len(cohort)
    rows = [_code_columns(events, least, statistics, list(windows))]
    if "last is" in statistics:
        rows.append(_answers(events, least))
    columns = pd.concat(rows).sort_values(["kind", "code"], kind="stable")
    columns["share"] = columns["people"] / len(cohort)
    concepts = emr.concepts.execute().drop_duplicates("code").set_index("code")
    columns["unit"] = columns["code"].map(concepts["unit"])
    columns["description"] = columns["code"].map(concepts["description"])
    columns["name"] = _names(columns)
    columns = pd.concat([_facts(cohort, facts, min_share), columns])
    return columns.reindex(columns=VOCABULARY_COLUMNS).reset_index(drop=True)


def _refuse(cohort, task, min_share, statistics, windows, facts) -> None:
    if cohort.empty:
        raise LHSError(
            "The cohort is empty, so no vocabulary can be learned; widen the task or move its date."
        )
    if not 0 <= min_share <= 1:
        raise LHSError(f"min_share is {min_share}; it is a share of the people, between 0 and 1.")
    known = {"statistic": (statistics, STATISTICS), "fact": (facts, ("age", "sex", *FACTS))}
    for what, (given, allowed) in known.items():
        for name in [given] if isinstance(given, str) else given:
            if name not in allowed:
                raise LHSError(f"There is no {what} {name!r}; choose of {', '.join(allowed)}.")
    for days in windows:
        if days is not None and not 0 < days <= task.lookback_days:
            raise LHSError(
                f"A window of {days} days does not lie in the look-back of {task.lookback_days:,} days; "
                "shorten it, or lengthen the task's lookback_days."
            )


def _code_columns(
    events: "ir.Table", least: float, statistics: Sequence[str], windows: list[int | None]
) -> pd.DataFrame:
    """The wanted statistics of codes that at least `least` people have."""
    counts = {}
    for i, days in enumerate(windows):
        where = inside(events, np.nan if days is None else days)
        counts |= {f"n{i}": events.count(where=where), f"values{i}": events.value.count(where=where)}
    person = events.group_by("row", "kind", "code").aggregate(**counts)
    found = {}
    for i in range(len(windows)):
        n, values = person[f"n{i}"], person[f"values{i}"]
        found |= {f"people{i}": (n > 0).sum(), f"measured{i}": (values > 0).sum(), f"often{i}": n.max()}
    codes = person.group_by("kind", "code").aggregate(**found).execute()
    rows = []
    for i, days in enumerate(windows):
        names = {f"{what}{i}": what for what in ("people", "measured", "often")}
        here = codes[["kind", "code", *names]].rename(columns=names).assign(window_days=days)
        here = here[here["people"] >= max(least, 1)]
        for statistic in statistics:
            chosen = here
            if statistic in OF_VALUES:
                chosen = chosen[chosen["measured"] >= max(least, 1)]
            if statistic in OF_SEVERAL:
                chosen = chosen[chosen["often"] > 1]
            if statistic != "last is":
                rows.append(chosen.assign(statistic=statistic))
    return pd.concat(rows).astype({"window_days": float}) if rows else codes.head(0).assign(people=0)


def _answers(events: "ir.Table", least: float) -> pd.DataFrame:
    """Answers in words that at least `least` people have given."""
    given = events.drop_null("text").select("row", "kind", "code", "text").distinct()
    answers = given.group_by("kind", "code", "text").aggregate(people=given.count())
    answers = answers.filter(answers.people >= least).order_by("kind", "code", "text").execute()
    return answers.assign(statistic="last is", window_days=np.nan)


def _facts(cohort: pd.DataFrame, facts: Sequence[str], min_share: float) -> pd.DataFrame:
    """Age and sex as numbers; of other facts a column for each word that is frequent enough."""
    rows = []
    for fact in [facts] if isinstance(facts, str) else facts:
        if fact in ("age", "sex"):
            name = "Age (years)" if fact == "age" else "Sex is male"
            rows.append({"name": name, "code": fact, "statistic": "value", "share": 1.0})
            continue
        shares = cohort[fact].value_counts(normalize=False) / len(cohort)
        for word, share in shares[shares >= min_share].sort_index().items():
            name = f"{fact.capitalize()} is '{word}'"
            rows.append({"name": name, "code": fact, "statistic": "is", "text": str(word), "share": share})
    return pd.DataFrame(rows, columns=["name", "code", "statistic", "text", "share"]).assign(kind="person")


def _names(columns: pd.DataFrame) -> pd.Series:
    """Readable names, such as "Systolic blood pressure: last"; where two would be the same, with the code."""
    names = []
    for column in columns.assign(text=columns.get("text")).itertuples():
        described = column.code if pd.isna(column.description) else column.description
        answer = "" if pd.isna(column.text) else f" '{column.text}'"
        window = "" if pd.isna(column.window_days) else f" in {column.window_days:.0f} days"
        names.append(f"{described}{ENDING.get(column.kind, '')}: {column.statistic}{answer}{window}")
    names = pd.Series(names, columns.index, dtype="str")
    code = [f" ({code}, {kind})" for code, kind in zip(columns["code"], columns["kind"], strict=True)]
    return names.mask(names.duplicated(keep=False), names + pd.Series(code, columns.index, dtype="str"))
