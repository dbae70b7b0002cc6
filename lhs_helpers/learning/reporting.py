"""The TRIPOD+AI checklist, filled as far as the objects of a study can fill it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.tripod_items import FOR_AUTHORS, ITEMS

BY_AUTHORS = "to be written by the authors"
CLUSTERS = ("site", "country", "hospital", "clinic")


@dataclass(frozen=True)
class Study:
    """What a study has at hand; leave out what there is not.

    Attributes
    ----------
    task : Task
    learning, held_out : DataFrame
        Cohorts learned from and judged on.
    X, X_new : DataFrame
        The features of those learned from and of those judged on, to compare them.
    model : Pipeline
        From `train` or `tune`.
    evaluation : DataFrame
        From `evaluate`, on the held-out people.
    vocabulary : DataFrame
        The columns.
    subgroups : DataFrame
        From `by_group`.
    sample_size : DataFrame
        From `required_sample_size`.
    source : str
        Where the records come from, in words.
    notes : dict
        Text for any item by its number, in place of what is filled in here.
    """

    task: object = None
    learning: pd.DataFrame | None = None
    held_out: pd.DataFrame | None = None
    X: pd.DataFrame | None = None
    X_new: pd.DataFrame | None = None
    model: object = None
    evaluation: pd.DataFrame | None = None
    vocabulary: pd.DataFrame | None = None
    subgroups: pd.DataFrame | None = None
    sample_size: pd.DataFrame | None = None
    source: str | None = None
    notes: dict[str, str] | None = None


def tripod_ai(study: Study) -> pd.DataFrame:
    """The checklist of a study.

    Returns
    -------
    DataFrame
        Indexed by ``item`` (52 parts of 27 items): ``concerns`` (reports of development "D", of evaluation "E", or
        both), ``asked`` (paraphrased), ``where`` (the object that answers, "notes", or "authors") and ``text``: the
        answer, and what of it is to be written by the authors.
    """
    texts = {name: text for name, text in _answers(study) if text}
    notes, rows = study.notes or {}, []
    for item, concerns, asked, part in ITEMS:
        if item in notes:
            where, text = "notes", notes[item]
        elif part in texts:
            where, text = part.replace("_", " "), texts[part]
            if item in FOR_AUTHORS:
                where, text = f"{where}, authors", f"{text} {FOR_AUTHORS[item]}: {BY_AUTHORS}."
        else:
            where, text = "authors", BY_AUTHORS
        rows.append({"item": item, "concerns": concerns, "asked": asked, "where": where, "text": text})
    return pd.DataFrame(rows).set_index("item")


def _answers(study: Study) -> Iterator[tuple[str, str]]:
    """Parts of a study and what they say, where they are there."""
    there = {"learned from": study.learning, "judged on": study.held_out}
    there = {name: people for name, people in there.items() if people is not None}
    for name, people in there.items():
        if people.empty:
            raise LHSError(
                f"Of the people {name} there are none; give a cohort with people, or leave it out."
            )
    tables = {"learned from": study.X, "judged on": study.X_new}
    tables = {name: X for name, X in tables.items() if X is not None}
    if study.source:
        yield "source", study.source
    if study.task is not None:
        yield from _of_task(study.task)
    if there:
        yield from _of_cohorts(there)
        yield "people", _characteristics(there, tables, study.subgroups)
    if len(there) == 2:
        yield "differences", _differences(there, study.task, tables)
    if len(tables) == 2:
        yield "comparison", _comparison(study.X, study.X_new)
    if study.model is not None:
        yield from _of_model(study.model, study.learning)
    if study.vocabulary is not None:
        kinds = study.vocabulary["kind"].value_counts()
        counted = ", ".join(f"{kind} {n:,}" for kind, n in kinds.items())
        yield (
            "predictors",
            f"{len(study.vocabulary):,} columns, chosen by how many of the people learned from have the code on "
            f"record, by kind: {counted}.",
        )
    if study.evaluation is not None:
        yield from _of_evaluation(study.evaluation)
    if study.subgroups is not None:
        yield from _of_groups(study.subgroups)
    if study.sample_size is not None:
        yield "sample_size", _enough(study.sample_size.loc["all"], study.learning)


def _of_task(task) -> Iterator[tuple[str, str]]:
    yield "task", str(task)
    yield (
        "outcome",
        f"First {task.target_kind} with {' or '.join(task.target)} on record, within {task.window_days:,} days "
        f"that begin {task.gap_days:,} days after the index date.",
    )
    yield "coded", "Nobody judged anew: codes and values as care has written them down."
    yield "blinded", "Not blinded: who writes down a diagnosis in care can read the rest of the record."
    yield (
        "measured",
        f"From what the record knew before the index date, {task.lookback_days:,} days back, as care has measured it; "
        "so nobody who measured knew the outcome, which came later. Nobody was blinded to the other predictors.",
    )


def _of_cohorts(there: dict[str, pd.DataFrame]) -> Iterator[tuple[str, str]]:
    yield "numbers", "; ".join(f"{name}: {_counted(p)}" for name, p in there.items())
    dates = pd.concat([people[["index_time", "follow_up_end"]] for people in there.values()])
    first, last, end = dates["index_time"].min(), dates["index_time"].max(), dates["follow_up_end"].max()
    yield "dates", f"Index dates {first:%Y-%m-%d} to {last:%Y-%m-%d}; follow-up until {end:%Y-%m-%d}."
    flow = [f"{sentence}: {n:,}" for people in there.values() for sentence, n in people.attrs.get("flow", [])]
    reasons = pd.concat([people["end_reason"] for people in there.values()]).value_counts()
    ends = ", ".join(f"{reason} {n:,}" for reason, n in reasons.items())
    yield "flow", "; ".join([*flow, f"follow-up ended by: {ends}"])
    if len(there) == 2:
        first, second = (set(people["patient_id"]) for people in there.values())
        counted = "; ".join(f"{name} {len(people):,} rows" for name, people in there.items())
        yield "division", f"Divided by person: {counted}; {len(first & second):,} people are on both sides."


def _counted(people: pd.DataFrame) -> str:
    return f"{len(people):,} people, {int(people['label'].sum()):,} outcomes"


def _described(people: pd.DataFrame) -> str:
    share, women = people["label"].mean(), (people["sex"] == "female").mean()
    return f"median age {people['age'].median():.0f}, {women:.0%} women, {share:.2%} with the outcome"


def _characteristics(there: dict, tables: dict, groups: pd.DataFrame | None) -> str:
    """Of the people by side and by group, and how much is missing of them; without the values, the authors have to."""
    said = [f"{name}: {_described(people)}" for name, people in there.items()]
    if groups is not None:
        each = groups.drop_duplicates(["attribute", "group"])
        each = each[each["attribute"] != "all"]
        said += [
            f"{row.attribute} {row.group}: {row.people:,} people, {row.outcomes:,} outcomes"
            for row in each.itertuples()
        ]
    for name, X in tables.items():
        gaps = X.isna().mean().sort_values(ascending=False, kind="stable")
        worst = ", ".join(f"{column} {share:.0%}" for column, share in gaps[gaps > 0].head(3).items())
        said.append(
            f"missing values, {name}: {gaps.mean():.1%} of all" + (f", most in {worst}" if worst else "")
        )
    return "; ".join(said) + ("." if tables else f". Missing values: {BY_AUTHORS}.")


def _differences(there: dict, task, tables: dict) -> str:
    said = [
        f"{name}: {p['index_time'].min():%Y-%m-%d} to {p['index_time'].max():%Y-%m-%d}, {_described(p)}"
        for name, p in there.items()
    ]
    alike = (
        "Eligibility and outcome: the same task."
        if task is not None
        else f"Eligibility, outcome: {BY_AUTHORS}."
    )
    predictors = _comparison(*tables.values()) if len(tables) == 2 else f"Predictors: {BY_AUTHORS}."
    return "; ".join(said) + f". {alike} {predictors}"


def _comparison(X: pd.DataFrame, X_new: pd.DataFrame) -> str:
    """Which predictors differ most between the two sides, in standard deviations of those learned from."""
    shared = X.columns.intersection(X_new.columns, sort=False)
    spread = X[shared].astype(float).std().replace(0, np.nan)
    apart = ((X_new[shared].astype(float).mean() - X[shared].astype(float).mean()) / spread).dropna()
    largest = apart.loc[apart.abs().sort_values(ascending=False, kind="stable").index[:5]]
    each = ", ".join(f"{name} {value:+.2f}" for name, value in largest.items())
    return (
        f"Means of {len(shared):,} predictors, judged on minus learned from, in standard deviations; furthest apart: "
        f"{each}; {(apart.abs() > 0.1).sum():,} differ by more than 0.1."
    )


def _enough(needed: pd.Series, learning: pd.DataFrame | None) -> str:
    least = f"{needed['people']:,.0f} people with {needed['outcomes']:,.0f} outcomes"
    text = f"To learn, at least {least} (Riley et al. 2019)."
    if learning is None:
        return f"{text} Whether there were so many: {BY_AUTHORS}."
    people, outcomes = len(learning), int(learning["label"].sum())
    reached = people >= needed["people"] and outcomes >= needed["outcomes"]
    return f"{text} There were {_counted(learning)}: {'enough' if reached else 'not enough'}."


def _of_model(model, learning: pd.DataFrame | None) -> Iterator[tuple[str, str]]:
    seen, steps = model[0], " → ".join(type(step).__name__ for step in model[1:])
    yield (
        "model",
        f"A pipeline of scikit-learn: {steps}; {seen.people_:,} people, {seen.outcomes_:,} outcomes.",
    )
    yield "specification", f"The fitted pipeline ({steps}) on {len(seen.columns_):,} columns by name."
    yield (
        "form",
        f"{len(seen.columns_):,} columns as numbers; {len(seen.constant_):,} of them constant. Steps: {steps}.",
    )
    fills = any(type(step).__name__ == "SimpleImputer" for step in model[1:])
    done = "the median, and an indicator of what was missing" if fills else "taken as they are by the trees"
    yield "missing", f"{seen.missing_:.1%} of the values were missing: {done}."
    yield "imbalance", _imbalance(model, learning)
    yield "prediction", "predict_proba of the fitted pipeline, on the columns by name."
    yield (
        "columns",
        f"Input without exactly these {len(seen.columns_):,} columns is refused with a sentence; a value that is "
        "not known is NaN and handled as in training.",
    )


def _imbalance(model, learning: pd.DataFrame | None) -> str:
    """What the settings of the pipeline, and how many it learned from, say about weights and about sampling."""
    asked = {
        name: value
        for name, value in model.get_params().items()
        if name.endswith(("class_weight", "pos_weight"))
    }
    weights = [
        f"{name.rpartition('__')[2]} {value}" for name, value in asked.items() if value not in (None, 1)
    ]
    said = f"Classes were weighted ({', '.join(weights)})." if weights else "No class weights."
    seen = model[0]
    if learning is None:
        return f"{said} Whether people were sampled by outcome: {BY_AUTHORS}."
    if (seen.people_, seen.outcomes_) == (len(learning), int(learning["label"].sum())):
        return f"{said} No resampling: all {seen.people_:,} of the cohort were learned from."
    return (
        f"{said} Resampled: of {_counted(learning)}, the model learned from {seen.people_:,} with {seen.outcomes_:,} "
        f"outcomes. What was done about the risks: {BY_AUTHORS}."
    )


def _of_evaluation(evaluation: pd.DataFrame) -> Iterator[tuple[str, str]]:
    yield "measures", ", ".join(evaluation.index) + "."
    rows = evaluation.itertuples()
    yield "performance", "; ".join(f"{r.Index} {r.estimate:.3f} ({r.low:.3f} to {r.high:.3f})" for r in rows)
    threshold = evaluation.attrs.get("threshold")
    alert = "no threshold was set" if threshold is None else f"an alert from {100 * threshold:g} % on"
    yield "threshold", f"A risk between 0 and 1; {alert}."


def _of_groups(table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Sites are clusters; the other groups are of people."""
    table = table[table["attribute"] != "all"]
    of_sites = table["attribute"].str.lower().isin(CLUSTERS)
    for part, rows in (("fairness", table[~of_sites]), ("clusters", table[of_sites])):
        groups = rows.drop_duplicates(["attribute", "group"])
        # One cluster has no difference to another.
        if len(groups) > 1:
            yield part, _spread(rows, groups)


def _spread(rows: pd.DataFrame, groups: pd.DataFrame) -> str:
    silent = rows.loc[rows["verdict"] != ""].drop_duplicates(["attribute", "group"])
    auroc = rows[(rows["measure"] == "AUROC") & rows["estimate"].notna()]
    between = (
        f"; AUROC from {auroc['estimate'].min():.2f} to {auroc['estimate'].max():.2f}" if len(auroc) else ""
    )
    return (
        f"Judged by {', '.join(dict.fromkeys(groups['attribute']))}: {len(groups)} groups, {len(silent)} of them too "
        f"small for a verdict{between}."
    )
