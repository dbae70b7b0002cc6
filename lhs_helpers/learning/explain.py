"""What did it learn? Which columns it needs, how risk follows one of them, what was put in beside it, its errors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.intervals import Z
from lhs_helpers.learning.measures import checked

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from lhs_helpers.learning.task import Task
    from lhs_helpers.records.emr import EMR


def permutation_importance(
    model: "Pipeline",
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    scoring: str = "roc_auc",
    repeats: int = 5,
    bootstrap: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """How much worse the model gets on these people when one column is shuffled.

    Columns that tell the same share their importance: when one is shuffled the other still tells it. Judge on held-out
    people; on training people what was learned by heart looks important.

    Parameters
    ----------
    model, X, y
        A fitted model, and people it has not seen.
    scoring : str
        scikit-learn's name of the measure; AUROC by default.
    repeats : int
        Shuffles of each column behind the estimate.
    bootstrap : int
        Draws of people, each shuffled anew, behind the 95 % interval.
    seed : int
        Same seed, same table.

    Returns
    -------
    DataFrame
        Indexed by ``column``, the most important first: ``estimate`` (loss of the measure), ``low``, ``high``.
    """
    from sklearn import inspection  # here, because it takes a second that not every page needs

    def importance(rows: np.ndarray, repeats: int, seed: int) -> np.ndarray:
        found = inspection.permutation_importance(
            model, X.iloc[rows], y[rows], scoring=scoring, n_repeats=repeats, random_state=seed
        )
        return found.importances_mean

    y = np.asarray(y)
    if len(X) != len(y):
        raise LHSError(f"X has {len(X):,} rows and y {len(y):,}; give one outcome per row of X.")
    if len(np.unique(y)) < 2:
        raise LHSError(
            f"All {len(y):,} people have the same outcome, so no column can tell them apart; take more people."
        )
    rng, everybody = np.random.default_rng(seed), np.arange(len(X))
    estimate = importance(everybody, repeats, seed)
    drawn = [importance(rng.integers(0, len(X), len(X)), 1, seed + 1 + k) for k in range(bootstrap)]
    half = Z * np.std(drawn, axis=0, ddof=1) if bootstrap > 1 else np.nan
    table = pd.DataFrame(
        {"estimate": estimate, "low": estimate - half, "high": estimate + half}, index=X.columns
    )
    return table.rename_axis("column").sort_values("estimate", ascending=False, kind="stable")


def partial_dependence(
    model: "Pipeline", X: pd.DataFrame, column: str, values: ArrayLike | None = None
) -> pd.DataFrame:
    """Mean risk of these people if all of them had the same value in one column, everything else as it is.

    What the model would say, not what would happen: nobody's blood pressure is changed by writing another one.
    Where few people have such a value, or none with the other columns they have, it is a guess.

    Parameters
    ----------
    model, X
        A fitted model and people.
    column : str
        Which column.
    values : array, optional
        Values to give them; by default every 5th percentile from the 5th to the 95th of those who have one.

    Returns
    -------
    DataFrame
        Indexed by the value; ``risk`` (mean), ``low`` and ``high`` (10th and 90th percentile of persons).
    """
    if column not in X.columns:
        raise LHSError(f"There is no column {column!r}; X has {len(X.columns)}, such as {X.columns[0]!r}.")
    if values is None:
        known = X[column].dropna()
        if known.empty:
            raise LHSError(f"Nobody has a value in {column!r}, so there is nothing to vary it over.")
        values = np.unique(np.quantile(known, np.arange(0.05, 0.96, 0.05)))
    rows = {}
    for value in np.asarray(values):
        p = model.predict_proba(X.assign(**{column: value}))[:, 1]
        rows[value] = {"risk": p.mean(), "low": np.quantile(p, 0.1), "high": np.quantile(p, 0.9)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(column)


def beside_what_was_put_in(
    known: pd.DataFrame, models: "Pipeline | Sequence[Pipeline]", X: pd.DataFrame
) -> pd.DataFrame:
    """Hazard ratios that made the patients, beside those that a model has learned.

    Learned is the ratio of mean cumulative hazards, -log(1 - risk), of the same people with one value and with
    the other. It falls short of what was put in where the record does not show the cause, or shows it late,
    where columns share it, and where an algorithm is held back.

    Parameters
    ----------
    known : DataFrame
        ``column`` (of `X`), ``value`` and ``against`` (what is compared with what), ``hazard_ratio`` (put in).
    models : one model, or several
        Several from redrawn people give the interval; the first is the one trained on everybody.
    X : DataFrame
        The people.

    Returns
    -------
    DataFrame
        `known` with ``learned`` and, from at least 3 models, ``low`` and ``high`` (95 %, on the log scale).
    """
    missing = {"column", "value", "against", "hazard_ratio"} - set(known.columns)
    if missing:
        raise LHSError(f"The table of known ratios lacks {', '.join(sorted(missing))}.")
    models = list(models) if isinstance(models, list | tuple) else [models]
    logarithms = np.array([[_log_ratio(model, X, row) for row in known.itertuples()] for model in models])
    table = known.assign(learned=np.exp(logarithms[0]))
    if len(models) >= 3:
        half = Z * logarithms[1:].std(axis=0, ddof=1)
        table["low"], table["high"] = np.exp(logarithms[0] - half), np.exp(logarithms[0] + half)
    return table


def _log_ratio(model: "Pipeline", X: pd.DataFrame, row) -> float:
    hazards = []
    for value in (row.value, row.against):
        if row.column not in X.columns:
            raise LHSError(f"There is no column {row.column!r} in X; see vocabulary for the names.")
        p = model.predict_proba(X.assign(**{row.column: value}))[:, 1]
        hazards.append(-np.log1p(-p.clip(0, 1 - 1e-12)).mean())
    return float(np.log(hazards[0] / hazards[1]))


def largest_errors(cohort: pd.DataFrame, p: ArrayLike, n: int = 10) -> pd.DataFrame:
    """The people about whom the model was most wrong, half of either kind.

    Parameters
    ----------
    cohort : DataFrame
        From `cohort`, with ``label``.
    p : array
        Predicted risks, in its order.
    n : int
        How many; an odd one goes to the missed.

    Returns
    -------
    DataFrame
        Rows of the cohort with ``risk`` and ``error``: "missed" (the outcome at the lowest risks) first, then
        "false alarm" (none at the highest).
    """
    y, p = checked(cohort["label"], p)
    rows = cohort.assign(risk=p)
    missed = rows[y == 1].sort_values("risk", kind="stable")[: (n + 1) // 2].assign(error="missed")
    alarms = (
        rows[y == 0].sort_values("risk", ascending=False, kind="stable")[: n // 2].assign(error="false alarm")
    )
    return pd.concat([missed, alarms])


def time_lines(emr: "EMR", people: pd.DataFrame, task: "Task") -> pd.DataFrame:
    """What is on record of these people, in order, from the look-back to the end of the window: to be read as stories.

    Parameters
    ----------
    emr : EMR
        The record.
    people : DataFrame
        A few rows of a cohort, for example from `largest_errors`.
    task : Task

    Returns
    -------
    DataFrame
        One row per event: ``patient_id``, ``days`` (from the index date; negative is before), ``time``, ``kind``,
        ``event`` (what it was, in words), ``value``, ``text``, ``unit``, ``code`` and ``known``: whether the model
        could see it, because it had happened and was recorded before the index date minus the gap.
    """
    events = emr.events
    events = events.filter(events.patient_id.isin([int(i) for i in people["patient_id"].unique()])).execute()
    rows = people[["patient_id", "index_time"]].merge(events, on="patient_id")
    past = pd.Timedelta(days=task.gap_days + task.lookback_days)
    ahead = pd.Timedelta(days=task.gap_days + task.window_days)
    rows = rows[rows["time"].between(rows["index_time"] - past, rows["index_time"] + ahead)]
    concepts = emr.concepts.execute().drop_duplicates("code").set_index("code")["description"]
    until = rows["index_time"] - pd.Timedelta(days=task.gap_days)
    rows = rows.assign(
        days=(rows["time"] - rows["index_time"]) // pd.Timedelta(days=1),
        event=rows["code"].map(concepts).fillna(rows["code"].astype(str)),
        known=(rows["time"] < until) & (rows["recorded_at"] < until),
    )
    place = {key: i for i, key in enumerate(zip(people["patient_id"], people["index_time"], strict=True))}
    order = [place[key] for key in zip(rows["patient_id"], rows["index_time"], strict=True)]
    rows = rows.assign(order=order).sort_values(["order", "time", "kind", "code"], kind="stable")
    columns = ["patient_id", "days", "time", "kind", "event", "value", "text", "unit", "code", "known"]
    return rows[columns].reset_index(drop=True)
