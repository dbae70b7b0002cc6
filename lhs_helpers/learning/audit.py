"""Name the leaks: what a model is given that nobody could have known, or that is the outcome by another name.

Three questions, and each can be asked alone: can the features be made again from what was known
(`time_machine`), which codes go with the outcome in time (`companions`), and does any column know the future
(`audit`, which asks them all, and whether learning and judging were kept apart).
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.companions import LEAST_CASES, WORK_UP_DAYS, companions
from lhs_helpers.learning.index_dates import with_index
from lhs_helpers.learning.plan import FeaturePlan, digest_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from lhs_helpers.records.emr import EMR

FINDINGS = ["leak", "what", "evidence"]
ALONE = 0.95  # an AUROC, or a rank correlation, that no honest column has


def audit(
    emr: "EMR",
    plan: FeaturePlan,
    learned: pd.DataFrame,
    judged: pd.DataFrame,
    X: pd.DataFrame | None = None,
    model: "Pipeline | None" = None,
) -> pd.DataFrame:
    """What leaks, a row each; no rows when nothing was found.

    Parameters
    ----------
    emr : EMR
        The record that labels were read from.
    plan : FeaturePlan
        What the features are said to be.
    learned, judged : DataFrame
        The cohorts learned from and judged on.
    X : DataFrame, optional
        The features that were really learned from, rows as in `learned`. Columns that the plan lacks are asked
        whether they name the outcome or its work-up (by a code, or by the words the record has for it), and
        whether they know the future; the others must be what the plan makes.
    model : Pipeline, optional
        A fitted pipeline: its steps before the last must be what the training people alone make of them.

    Returns
    -------
    DataFrame
        ``leak`` (its kind), ``what`` (the column, code or step) and ``evidence`` (a sentence). A finding is a
        reason to look, not a verdict: a sign of a disease also comes shortly before its diagnosis.

    Raises
    ------
    LHSError
        When the people learned from all have the outcome, or none has; `X` has other rows than `learned`.
    """
    cases = int(learned["label"].sum())
    if not 0 < cases < len(learned):
        raise LHSError(
            f"Of the {len(learned):,} people learned from {cases:,} have the outcome; both are needed to find "
            "what gives it away. Take more people, or a longer window."
        )
    if X is not None and len(X) != len(learned):
        raise LHSError(f"X has {len(X):,} rows and `learned` {len(learned):,}; give one row per person.")
    near = companions(emr, plan.task, learned)
    found = [*_split(plan, learned, judged), *_codes(plan, near)]
    if X is not None:
        extra = X.columns.difference(plan.columns["name"], sort=False)
        named = _named(emr, plan, near, extra)
        found += [*_altered(emr, plan, learned, X), *named.values()]
        found += _hindsight(emr, learned, X[[name for name in extra if name not in named]])
        if model is not None:
            found += _fitted_on_others(model, X, learned)
    return pd.DataFrame(found, columns=FINDINGS).drop_duplicates(["leak", "what"], ignore_index=True)


def time_machine(
    make: Callable[["EMR", pd.DataFrame], pd.DataFrame], emr: "EMR", cohort: pd.DataFrame, gap_days: int = 0
) -> pd.DataFrame:
    """Columns that differ when they are made from the record as it was known, instead of from all of it.

    Parameters
    ----------
    make : callable
        Makes the features: takes a record and people, returns a frame with a row per person.
    emr, cohort, gap_days
        The whole record, the people, and the days before the index date that must not be seen.

    Returns
    -------
    DataFrame
        ``column`` and ``people`` whose value changes; no rows for honest features.
    """
    whole, changed = make(emr, cohort), {}
    for time, positions in cohort.groupby("index_time").indices.items():
        # Strictly before: what was recorded at that very moment is not in it.
        known = emr.as_of(pd.Timestamp(time) - pd.Timedelta(days=gap_days) - pd.Timedelta("1us"))
        then = make(known, cohort.iloc[positions])
        now = whole.iloc[positions]
        for column in whole.columns.union(then.columns, sort=False):
            a, b = (side[column].to_numpy() if column in side else np.nan for side in (now, then))
            differs = (a != b) & ~(pd.isna(a) & pd.isna(b))
            changed[column] = changed.get(column, 0) + int(np.sum(differs))
    rows = [(column, people) for column, people in changed.items() if people]
    return pd.DataFrame(rows, columns=["column", "people"]).sort_values(
        "people", ascending=False, ignore_index=True
    )


def _split(plan: FeaturePlan, learned: pd.DataFrame, judged: pd.DataFrame) -> list[tuple]:
    """People on both sides, and a plan that was not learned on the training people."""
    found, both = [], set(learned["patient_id"]) & set(judged["patient_id"])
    if both:
        said = f"{len(both):,} people are both learned from and judged on; split by person: split_people"
        found.append(("same person in both splits", "the split", said))
    seen = plan.learned_from
    if seen is not None and set(judged["patient_id"]) & seen:
        n = len(set(judged["patient_id"]) & seen)
        said = f"its columns were chosen on {n:,} of the {len(judged):,} people judged on"
        found.append(("fitted on everybody", "the plan of features", said + "; fit it on `learned` only"))
    elif seen is None and plan.digest != digest_of(learned["patient_id"]):
        said = f"it was learned on {plan.people:,} people who are not exactly those learned from"
        found.append(("fitted on everybody", "the plan of features", said + "; who they are was not saved"))
    return found


def _codes(plan: FeaturePlan, near: pd.DataFrame) -> list[tuple]:
    """Codes among the features, or on record before the index date, that stand for the outcome."""
    task, found = plan.task, []
    columns = plan.columns[plan.columns["kind"] != "person"]
    used = columns.groupby(["kind", "code"])["name"].first()
    if task.prior_outcome == "exclude":
        for column in columns[columns["code"].isin(task.target)].itertuples():
            said = "it is the outcome itself, which nobody in the cohort has before the index date"
            found.append(("label under another code", column.name, said))
    for key, code in near.iterrows():
        name = used.get(key, f"{key[1]} ({key[0]})")
        could_get_in = code["role"] == "same event" and code["before_index"]
        if could_get_in or (key in used.index and pd.notna(code["role"])):
            found.append(_companion(name, code, task.gap_days))
    return found


def _companion(name: str, code: pd.Series, gap_days: int, planned: bool = True) -> tuple:
    """What is to be said of a feature that stands for the outcome, or for the search for it."""
    known = f"{code['before_index']:,} have it on record before the index date"
    advice = (
        "add it to the target, or to `excluded`" if planned else "the plan could not have made this column"
    )
    if code["role"] == "work-up":
        said = (
            f"{code['shortly_before']:.0%} of those with the outcome have it in the {WORK_UP_DAYS} days before "
            f"(ending {2 * gap_days} days before it), {code['ratio']:.0f} times as often as earlier: "
            "a longer gap hides it"
        )
        return "work-up of the outcome", name, said
    said = (
        f"{code['with_outcome']:.0%} of those with the outcome first have it then, {code['precision']:.0%} "
        f"of those who ever have it have the outcome, and {known}: {advice}"
    )
    return "label under another code", name, said


def _named(emr: "EMR", plan: FeaturePlan, near: pd.DataFrame, extra: pd.Index) -> dict[str, tuple]:
    """Columns beyond the plan that bear the code, or the words, of the outcome or of what goes with it."""
    task, found = plan.task, {}
    near = near[near["role"].notna()]
    words = emr.concepts.select("code", "description").execute().drop_duplicates("code")
    words = words.set_index("code")["description"]
    for name in extra:
        if any(_is_of(str(name), code, words.get(code)) for code in task.target):
            said = "it bears the name of the outcome itself, and nothing says that it was known before the index date"
            found[name] = ("label under another code", name, said)
            continue
        for key, code in near.iterrows():
            if _is_of(str(name), key[1], words.get(key[1])):
                found[name] = _companion(name, code, task.gap_days, planned=False)
                break
    return found


def _is_of(name: str, code: str, description: str | None) -> bool:
    """Whether a column's name holds the code (with its system or without), or begins with its description."""
    bare = code.rpartition(":")[2]
    if len(bare) >= 4 and re.search(rf"(?<![\w-]){re.escape(bare)}(?![\w-])", name):
        return True
    return isinstance(description, str) and re.match(rf"{re.escape(description)}(?!\w)", name) is not None


def _altered(emr: "EMR", plan: FeaturePlan, learned: pd.DataFrame, X: pd.DataFrame) -> list[tuple]:
    """Columns that are not what the plan makes of the record as it was known."""
    found, shared = [], X.columns.intersection(plan.columns["name"])
    if shared.empty:
        return found
    made = plan.apply(emr, learned)
    for name in shared:
        given, right = X[name].to_numpy(dtype=float), made[name].to_numpy(dtype=float)
        wrong = int((~np.isclose(given, right, rtol=1e-5, atol=1e-6, equal_nan=True)).sum())
        if wrong:
            said = (
                f"{wrong:,} of {len(X):,} values differ from what was known before the index date; made from a "
                "later record, or scaled or filled outside the pipeline"
            )
            found.append(("not what was known", name, said))
    return found


def _hindsight(emr: "EMR", learned: pd.DataFrame, X: pd.DataFrame) -> list[tuple]:
    """Columns beyond the plan that go with what only the future tells."""
    if X.columns.empty:
        return []
    found, label, later = [], learned["label"].to_numpy(), _later(emr, learned)
    whats, ranks = list(later), np.stack([_ranks(values) for values in later.values()])
    for name in X:
        column = X[name].to_numpy(dtype=float)
        column = np.where(np.isnan(column), np.nanmin(column, initial=0) - 1, column)
        correlations = np.abs(ranks @ _ranks(column))
        closest, strength = whats[correlations.argmax()], correlations.max()
        alone = _auroc(label, column)
        if strength >= ALONE:
            said = f"it goes with {closest} (rank correlation {strength:.2f}), which only the future tells"
            found.append(("knows the future", name, said))
        elif alone >= ALONE and label.sum() >= LEAST_CASES:
            said = (
                f"alone it tells who will have the outcome (AUROC {alone:.2f}), and the plan does not make it"
            )
            found.append(("tells the outcome alone", name, said))
        else:
            said = "the plan does not make it, so nothing says when it was known"
            found.append(("of unknown origin", name, said))
    return found


def _later(emr: "EMR", learned: pd.DataFrame) -> dict[str, np.ndarray]:
    """What only the future tells of each person."""
    events = with_index(emr.events, learned.drop_duplicates("patient_id"))
    after = events.time >= events.index_time
    whole = events.group_by("patient_id").aggregate(
        rows=events.count(), after=after.sum(), first=events.time.min(), last=events.time.max(),
        died=(events.kind == "death").any(), left=(events.kind == "left").any(),
    )  # fmt: skip
    people = learned[["patient_id"]].merge(whole.execute(), on="patient_id", how="left")
    length = people["last"] - people["first"]
    followed = learned["follow_up_end"] - learned["index_time"]
    return {
        "death, whenever it came": people["died"].eq(True).to_numpy(float),
        "leaving, whenever it came": people["left"].eq(True).to_numpy(float),
        "the length of the whole record": length.dt.total_seconds().fillna(0).to_numpy(),
        "the number of rows of the whole record": people["rows"].fillna(0).to_numpy(float),
        "the number of rows after the index date": people["after"].fillna(0).to_numpy(float),
        "the last date on record": people["last"].astype("int64").to_numpy(float),
        "the length of the follow-up": followed.dt.total_seconds().to_numpy(),
    }


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of length 1 around 0, so that the product of two is their rank correlation; zeros for a constant."""
    ranks = rankdata(values) - (values.size + 1) / 2
    length = np.sqrt(ranks @ ranks)
    return ranks / length if length else ranks


def _auroc(label: np.ndarray, column: np.ndarray) -> float:
    """How well a column ranks those with the outcome, in the better of the two directions."""
    cases = label.sum()
    above = rankdata(column)[label].sum() - cases * (cases + 1) / 2
    share = above / (cases * (len(label) - cases))
    return float(max(share, 1 - share))


def _fitted_on_others(model: "Pipeline", X: pd.DataFrame, learned: pd.DataFrame) -> list[tuple]:
    """Steps before the last that came out otherwise when they are fitted again on the training people."""
    from sklearn.base import clone  # brings scikit-learn, which is not needed until a model is audited

    found, data = [], X
    for name, step in model.steps[:-1]:
        again = clone(step).fit(data, learned["label"].astype(int))
        for attribute, value in vars(again).items():
            there = getattr(step, attribute, None)
            if not attribute.endswith("_") or not _is_number(value) or not _is_number(there):
                continue
            same = np.shape(value) == np.shape(there) and np.allclose(value, there, rtol=1e-4, equal_nan=True)
            if not same:
                said = f"its `{attribute}` is not what the {len(X):,} people learned from make of it"
                found.append(("fitted on everybody", f"step {name!r}", said))
                break
        data = step.transform(data)
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) or (
        isinstance(value, np.ndarray) and value.dtype.kind in "fiu"
    )
