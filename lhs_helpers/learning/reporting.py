"""The TRIPOD+AI checklist, filled as far as the objects of a study can fill it.

Collins GS et al., TRIPOD+AI statement, BMJ 2024;385:e078378, doi:10.1136/bmj-2023-078378: 27 items, 52 with their
parts. What is asked is paraphrased here; a journal wants the checklist itself.
"""

from dataclasses import dataclass

import pandas as pd

BY_AUTHORS = "to be filled by the authors"

# Item, what is asked (our words), which part of a study answers it ("" when only its authors can).
ITEMS = (
    ("1", "Title: a prediction model is developed or evaluated, for whom, for which outcome", "task"),
    ("2", "Abstract: by the TRIPOD+AI list for abstracts", ""),
    ("3a", "Why: the health care context, diagnosis or prognosis, models that exist", ""),
    ("3b", "For whom, where in the course of care, and who is to use it", ""),
    ("3c", "Known inequalities in health between groups", ""),
    ("4", "Aims: development, evaluation, or both", ""),
    ("5a", "Sources of the data, and whether they stand for the people meant", "source"),
    ("5b", "Dates: start and end of entry, end of follow-up", "dates"),
    ("6a", "Setting: kind of care, number and place of the sites", "source"),
    ("6b", "Who was eligible", "task"),
    ("6c", "Treatments that people received, and how they were handled", ""),
    ("7", "Preparation of the data and checks of quality, alike in all groups or not", "preparation"),
    (
        "8a",
        "The outcome, its time horizon, how and when it was assessed, alike in all groups or not",
        "outcome",
    ),
    ("8b", "If judging the outcome takes skill: who judged it", "coded"),
    ("8c", "Whether who judged the outcome knew the predictors", "coded"),
    ("9a", "How the first set of predictors was chosen", "predictors"),
    ("9b", "Each predictor: what, how and when it was measured", "predictors"),
    ("9c", "If judging a predictor takes skill: who judged it", "coded"),
    ("10", "How many people are needed, and whether there were enough", "sample_size"),
    ("11", "Missing values: how many, and what was done", "missing"),
    ("12a", "What the data were used for; how they were divided", "division"),
    ("12b", "How predictors entered: form, scale, transformation", "form"),
    ("12c", "The kind of model, why, every step of making it, tuning, internal validation", "model"),
    ("12d", "Differences between clusters (sites, countries): how they were looked at", "subgroups"),
    ("12e", "All measures and plots of performance, and why these", "measures"),
    ("12f", "Updating of the model after evaluation", "updating"),
    ("12g", "For an evaluation: how predictions were made", "prediction"),
    ("13", "Class imbalance: what was done, and what then about the risks", "imbalance"),
    ("14", "Fairness: what was done, and why", "subgroups"),
    ("15", "What the model puts out; thresholds, and why these", "threshold"),
    ("16", "Differences between the people learned from and those judged on", "division"),
    ("17", "Ethics: which committee approved, how consent was had", ""),
    ("18a", "Funding, and the part of the funders", ""),
    ("18b", "Conflicts of interest", ""),
    ("18c", "Where the protocol is, or that there is none", ""),
    ("18d", "Registration, or that there is none", ""),
    ("18e", "Where the data are", ""),
    ("18f", "Where the code is", ""),
    ("19", "The part that patients and the public had", ""),
    ("20a", "Flow of people through the study, with outcomes and follow-up", "flow"),
    ("20b", "Characteristics of the people, by site and group; missing values", "people"),
    ("20c", "For an evaluation: how key predictors compare with those of development", ""),
    ("21", "Numbers of people and of outcomes in each analysis", "numbers"),
    ("22", "The full model, so that others can use it", "model"),
    ("23a", "Performance with intervals, also in key groups", "performance"),
    ("23b", "Differences of performance between clusters", "subgroups"),
    ("24", "Results of updating", "updating"),
    ("25", "What the results mean, also for fairness, beside other studies", ""),
    ("26", "Limits of the study, and what they may do", ""),
    ("27a", "For use: how poor or missing input is recognised and handled", "columns"),
    ("27b", "For use: what users have to do, and what they must know", ""),
    ("27c", "What should come next", ""),
)


@dataclass(frozen=True)
class Study:
    """What a study has at hand; leave out what there is not.

    Attributes
    ----------
    task : Task
    learning, held_out : DataFrame
        Cohorts learned from and judged on.
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
        Indexed by ``item`` (52 parts of 27 items): ``asked`` (paraphrased), ``where`` (the object that answers, or
        "authors") and ``text`` (the answer, or "to be filled by the authors").
    """
    texts = {name: text for name, text in _answers(study) if text}
    notes = study.notes or {}
    rows = []
    for item, asked, part in ITEMS:
        if item in notes:
            where, text = "notes", notes[item]
        elif part in texts:
            where, text = part.replace("_", " "), texts[part]
        else:
            where, text = "authors", BY_AUTHORS
        rows.append({"item": item, "asked": asked, "where": where, "text": text})
    return pd.DataFrame(rows).set_index("item")


def _answers(study: Study):
    """Parts of a study and what they say, where they are there."""
    if study.source:
        yield "source", study.source
    if study.task is not None:
        yield from _of_task(study.task)
    if study.learning is not None or study.held_out is not None:
        yield from _of_cohorts({"learned from": study.learning, "judged on": study.held_out})
    if study.model is not None:
        yield from _of_model(study.model)
    if study.vocabulary is not None:
        kinds = study.vocabulary["kind"].value_counts()
        counted = ", ".join(f"{kind} {n:,}" for kind, n in kinds.items())
        yield (
            "predictors",
            (
                f"{len(study.vocabulary):,} columns, chosen by how many of the people learned from have the code on "
                f"record, by kind: {counted}. Each is what was known before the index date."
            ),
        )
    if study.evaluation is not None:
        yield from _of_evaluation(study.evaluation)
    if study.subgroups is not None:
        yield "subgroups", _of_groups(study.subgroups)
    if study.sample_size is not None:
        needed = study.sample_size.loc["all"]
        yield (
            "sample_size",
            (
                f"At least {needed['people']:,.0f} people with {needed['outcomes']:,.0f} outcomes (Riley et al. 2019)."
            ),
        )


def _of_task(task):
    yield "task", str(task)
    yield (
        "outcome",
        (
            f"First {task.target_kind} with {' or '.join(task.target)} on record, within {task.window_days:,} days "
            f"that begin {task.gap_days:,} days after the index date."
        ),
    )
    yield "coded", "Nobody judged anew: codes as care has written them down."


def _of_cohorts(cohorts: dict):
    there = {name: people for name, people in cohorts.items() if people is not None}
    numbers = {name: f"{len(p):,} people, {int(p['label'].sum()):,} outcomes" for name, p in there.items()}
    yield "numbers", "; ".join(f"{name}: {text}" for name, text in numbers.items())
    dates = pd.concat([people[["index_time", "follow_up_end"]] for people in there.values()])
    first, last, end = dates["index_time"].min(), dates["index_time"].max(), dates["follow_up_end"].max()
    yield "dates", f"Index dates {first:%Y-%m-%d} to {last:%Y-%m-%d}; follow-up until {end:%Y-%m-%d}."
    flow = [f"{sentence}: {n:,}" for people in there.values() for sentence, n in people.attrs.get("flow", [])]
    reasons = pd.concat([people["end_reason"] for people in there.values()]).value_counts()
    ends = ", ".join(f"{reason} {n:,}" for reason, n in reasons.items())
    yield "flow", "; ".join([*flow, f"follow-up ended by: {ends}"])
    described = [
        f"{name}: median age {p['age'].median():.0f}, {100 * (p['sex'] == 'female').mean():.0f} % women"
        for name, p in there.items()
    ]
    yield "people", "; ".join(described)
    if len(there) == 2:
        learning, held_out = there.values()
        shared = len(set(learning["patient_id"]) & set(held_out["patient_id"]))
        yield (
            "division",
            f"People are on one side or the other; {shared:,} are on both. " + "; ".join(described),
        )


def _of_model(model):
    seen, steps = model[0], " → ".join(type(step).__name__ for step in model[1:])
    yield (
        "model",
        f"A pipeline of scikit-learn: {steps}; {seen.people_:,} people, {seen.outcomes_:,} outcomes.",
    )
    yield (
        "form",
        f"{len(seen.columns_):,} columns as numbers; {len(seen.constant_):,} of them constant. Steps: {steps}.",
    )
    fills = any(type(step).__name__ == "SimpleImputer" for step in model[1:])
    done = "the median, and an indicator of what was missing" if fills else "taken as they are by the trees"
    yield "missing", f"{100 * seen.missing_:.1f} % of the values were missing: {done}."
    yield (
        "imbalance",
        "No resampling, no class weights; the threshold is set low instead, so risks stay risks.",
    )
    yield "prediction", "predict_proba of the fitted pipeline, on the columns by name."
    yield (
        "columns",
        (
            f"Input without exactly these {len(seen.columns_):,} columns is refused with a sentence; a value that is "
            "not known is NaN and handled as in training."
        ),
    )


def _of_evaluation(evaluation: pd.DataFrame):
    yield "measures", ", ".join(evaluation.index)
    rows = evaluation.itertuples()
    yield "performance", "; ".join(f"{r.Index} {r.estimate:.3f} ({r.low:.3f} to {r.high:.3f})" for r in rows)
    threshold = evaluation.attrs.get("threshold")
    alert = "no threshold was set" if threshold is None else f"an alert from {100 * threshold:g} % on"
    yield "threshold", f"A risk between 0 and 1; {alert}."


def _of_groups(table: pd.DataFrame) -> str:
    groups = table[["attribute", "group"]].drop_duplicates()
    silent = table.loc[table["verdict"] != "", ["attribute", "group"]].drop_duplicates()
    auroc = table[(table["measure"] == "AUROC") & table["estimate"].notna() & (table["attribute"] != "all")]
    spread = (
        f"; AUROC from {auroc['estimate'].min():.2f} to {auroc['estimate'].max():.2f}" if len(auroc) else ""
    )
    attributes = ", ".join(dict.fromkeys(groups["attribute"][groups["attribute"] != "all"]))
    return (
        f"By {attributes}: {len(groups) - 1} groups, {len(silent)} of them too small for a verdict{spread}."
    )
