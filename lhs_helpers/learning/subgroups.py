"""For whom does it work? The same measures by age band, sex, race, insurance, site, with honest gaps."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import chi2

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.evaluation import evaluate
from lhs_helpers.learning.intervals import wilson

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

ATTRIBUTES = ("sex", "race", "ethnicity", "insurance", "site")
NOT_RECORDED = "not recorded"


def characteristics(emr: "EMR", cohort: pd.DataFrame, age_edges: tuple = (18, 45, 60, 75)) -> pd.DataFrame:
    """Age band, sex, race, ethnicity, insurance and site of each row of a cohort, as known at its index date.

    Returns
    -------
    DataFrame
        Rows as in `cohort`; a column of words for each attribute, "not recorded" where the record has none.
    """
    if cohort.empty:
        raise LHSError(
            "The cohort is empty, so there is nobody to describe; widen the task or move its date."
        )
    parts = []
    for index, people in cohort.groupby("index_time"):
        known = emr.as_of(index).people.select("patient_id", *ATTRIBUTES).execute().set_index("patient_id")
        parts.append(known.reindex(people["patient_id"]).set_index(people.index))
    words = pd.concat(parts).reindex(cohort.index).astype(object)
    words = words.where(words.notna(), NOT_RECORDED).astype(str)
    words.insert(0, "age band", age_band(cohort["age"], age_edges))
    return words


def age_band(age: ArrayLike, edges: tuple = (18, 45, 60, 75)) -> np.ndarray:
    """Words such as "45 to 59" and "75 and over" for ages in years."""
    first = f"under {edges[0]}"
    names = [
        first,
        *(f"{a} to {b - 1}" for a, b in zip(edges, edges[1:], strict=False)),
        f"{edges[-1]} and over",
    ]
    return np.array(names, dtype=object)[np.searchsorted(edges, np.asarray(age), side="right")]


def by_group(
    y: ArrayLike,
    p: ArrayLike,
    groups: pd.DataFrame,
    *,
    threshold: float | None = None,
    fewest: int = 20,
    bootstrap: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge the predictions in every group.

    Parameters
    ----------
    y, p : arrays, one entry per person
        Whether the outcome happened, and the predicted risk.
    groups : DataFrame
        A column of words per attribute, as `characteristics` gives; rows in the order of `y`.
    threshold : float, optional
        Adds the measures of an alert.
    fewest : int
        A group with fewer people with the outcome, or fewer without, gets no measure of discrimination or slope.
    bootstrap, seed : int
        As in `evaluate`.

    Returns
    -------
    DataFrame
        Columns ``attribute``, ``group``, ``people``, ``outcomes``, ``measure``, ``estimate``, ``low``, ``high``,
        ``verdict``; everybody first. The verdict is empty, or says why there is no estimate. Of too small a
        group the prevalence (Wilson) and O/E are still given: O/E with the exact interval of a Poisson count, which
        has an upper end even where nobody had the outcome.
    """
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    if len(groups) != len(y):
        raise LHSError(f"groups has {len(groups):,} rows and y {len(y):,}; give one row per person.")
    if not len(y):
        raise LHSError("There is nobody to judge: y is empty. Take more people, or a longer window.")
    parts = [_judged("all", "everybody", y, p, threshold, fewest, bootstrap, seed)]
    for attribute in groups:
        words = groups[attribute].astype(object).where(groups[attribute].notna(), NOT_RECORDED).to_numpy()
        for group in sorted(set(words), key=str):
            who = words == group
            parts.append(_judged(attribute, group, y[who], p[who], threshold, fewest, bootstrap, seed))
    return pd.concat(parts, ignore_index=True)


def _judged(attribute, group, y, p, threshold, fewest, bootstrap, seed) -> pd.DataFrame:
    people, outcomes = len(y), int(y.sum())
    few = min(outcomes, people - outcomes) < fewest
    if few:
        measures, verdict = _of_few(people, outcomes, p.sum()), _why(people, outcomes, fewest)
    else:
        measures, verdict = evaluate(y, p, threshold=threshold, bootstrap=bootstrap, seed=seed), ""
    measures = measures.rename_axis("measure").reset_index().assign(verdict="")
    measures.loc[measures["estimate"].isna(), "verdict"] = verdict or "no value"
    for place, (name, value) in enumerate(
        {"attribute": attribute, "group": group, "people": people, "outcomes": outcomes}.items()
    ):
        measures.insert(place, name, value)
    return measures


def _of_few(people: int, outcomes: int, expected: float) -> pd.DataFrame:
    """What can be said of a group in which hardly anybody, or nobody, has the outcome."""
    counts = (
        np.array([chi2.ppf(0.025, 2 * outcomes) if outcomes else 0.0, chi2.ppf(0.975, 2 * outcomes + 2)]) / 2
    )
    rows = {
        "prevalence": [outcomes / people, *map(float, wilson(outcomes, people))],
        "AUROC": [np.nan] * 3,
        "calibration slope": [np.nan] * 3,
        "O/E": [outcomes / expected, *(counts / expected)],
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "low", "high"])


def _why(people: int, outcomes: int, fewest: int) -> str:
    if outcomes == 0:
        return f"nobody of {people:,} had the outcome"
    if outcomes == people:
        return f"all {people:,} had the outcome"
    return f"too few to say: {outcomes:,} of {people:,} had the outcome, at least {fewest} with and without are needed"
