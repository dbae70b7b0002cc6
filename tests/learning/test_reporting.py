"""The checklist of reporting: complete, filled from the objects, and silent where only people can answer."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task, evaluate, train
from lhs_helpers.learning.reporting import BY_AUTHORS, ITEMS, Study, tripod_ai
from lhs_helpers.learning.sample_size import required_sample_size
from lhs_helpers.learning.subgroups import by_group


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(0)
    n = 1_200
    X = pd.DataFrame({"one": rng.normal(size=n), "same": 1.0})
    X.loc[:119, "one"] = np.nan
    people = pd.DataFrame({"patient_id": range(n), "age": 50.0, "sex": rng.choice(["female", "male"], n)})
    people["index_time"], people["follow_up_end"] = pd.Timestamp("2017-01-01"), pd.Timestamp("2018-01-01")
    people["label"] = rng.random(n) < 1 / (1 + np.exp(1.5 - X["one"].fillna(0)))
    people["end_reason"] = np.where(people["label"], "outcome", "window ended")
    learning, held_out = people[:700], people[700:]
    model = train(X[:700], learning["label"], "logistic regression")
    p = model.predict_proba(X[700:])[:, 1]
    return Study(
        task=Task("Stroke", ("SNOMED:230690007",), window_days=365),
        learning=learning,
        held_out=held_out,
        X=X[:700],
        X_new=X[700:],
        model=model,
        evaluation=evaluate(held_out["label"], p, threshold=0.05),
        subgroups=by_group(held_out["label"], p, held_out[["sex"]].reset_index(drop=True)),
        sample_size=required_sample_size(2, 0.2, auroc=0.75),
        source="A synthetic hospital.",
        notes={"18f": "In the book's repository."},
    )


def test_the_list_has_27_items_in_52_parts():
    parts = [item for item, *_ in ITEMS]
    assert len(parts) == len(set(parts)) == 52
    assert sorted({int(part.rstrip("abcdefg")) for part in parts}) == list(range(1, 28))
    of = tripod_ai(Study())["concerns"]
    assert set(of.index[of == "E"]) == {"12f", "12g", "20c", "24"}
    assert set(of.index[of == "D"]) == {"9a", "12a", "12b", "12c", "15", "22", "27a", "27b"}
    assert set(of) == {"D", "E", "D;E"}


def test_what_the_objects_say_is_filled_in(study):
    text = tripod_ai(study)["text"]
    events = [int(people["label"].sum()) for people in (study.learning, study.held_out)]
    assert (
        text["21"]
        == f"learned from: 700 people, {events[0]} outcomes; judged on: 500 people, {events[1]} outcomes"
    )
    missing = 100 * 120 / (2 * 700)
    assert f"{missing:.1f}%" in text["11"] and "median" in text["11"]
    auroc = study.evaluation.loc["AUROC"]
    assert f"AUROC {auroc['estimate']:.3f} ({auroc['low']:.3f} to {auroc['high']:.3f})" in text["23a"]
    assert "an alert from 5 % on" in text["15"] and "1 of them constant" in text["12b"]
    assert "700 rows; judged on 500 rows; 0 people are on both sides" in text["12a"]
    assert "by sex: 2 groups" in text["14"] and "AUROC from" in text["14"]
    assert text["5b"] == "Index dates 2017-01-01 to 2017-01-01; follow-up until 2018-01-01."
    assert text["18f"] == "In the book's repository."


def test_whether_there_were_enough_people_is_said(study):
    assert "There were 700 people" in tripod_ai(study).loc["10", "text"]
    few, many = (pd.DataFrame({"people": n, "outcomes": 5}, ["all"]) for n in (700, 701))
    assert ": enough." in tripod_ai(replace(study, sample_size=few)).loc["10", "text"]
    assert ": not enough." in tripod_ai(replace(study, sample_size=many)).loc["10", "text"]
    alone = Study(sample_size=few)
    assert f"Whether there were so many: {BY_AUTHORS}" in tripod_ai(alone).loc["10", "text"]


def test_differences_between_sites_are_not_those_between_women_and_men(study):
    by_sex = tripod_ai(study)
    assert (by_sex.loc[["12d", "23b"], "text"] == BY_AUTHORS).all()
    sites = study.subgroups.replace({"attribute": {"sex": "site"}})
    by_site = tripod_ai(replace(study, subgroups=sites))
    assert (
        by_site.loc["12d", "text"].startswith("Judged by site: 2 groups")
        and by_site.loc["14", "text"] == BY_AUTHORS
    )
    one = sites[sites["group"] != "male"]
    assert tripod_ai(replace(study, subgroups=one)).loc["23b", "text"] == BY_AUTHORS


def test_both_sides_are_compared_in_outcome_eligibility_and_predictors(study):
    later = study.X_new.assign(one=study.X_new["one"].fillna(0) + 1)
    table = tripod_ai(replace(study, X_new=later))
    moved = (later["one"].mean() - study.X["one"].mean()) / study.X["one"].std()
    assert moved > 0.8
    assert f"furthest apart: one {moved:+.2f}; 1 differ by more than 0.1" in table.loc["16", "text"]
    assert f"one {moved:+.2f}" in table.loc["20c", "text"]
    assert "Eligibility and outcome: the same task." in table.loc["16", "text"]
    assert f"{study.learning['label'].mean():.2%} with the outcome" in table.loc["16", "text"]
    unknown = tripod_ai(Study(learning=study.learning, held_out=study.held_out))
    assert (
        f"Predictors: {BY_AUTHORS}" in unknown.loc["16", "text"] and unknown.loc["20c", "text"] == BY_AUTHORS
    )


def test_missing_values_are_counted_on_both_sides(study):
    text = tripod_ai(study).loc["20b", "text"]
    assert f"missing values, learned from: {120 / 1400:.1%} of all, most in one {120 / 700:.0%}" in text
    assert "missing values, judged on: 0.0% of all." in text
    women = int((study.held_out["sex"] == "female").sum())
    assert f"sex female: {women} people" in text
    assert f"Missing values: {BY_AUTHORS}" in tripod_ai(Study(learning=study.learning)).loc["20b", "text"]


def test_a_cohort_of_nobody_is_refused(study):
    with pytest.raises(LHSError, match="judged on there are none"):
        tripod_ai(replace(study, held_out=study.held_out.head(0)))


def test_weights_and_sampling_are_read_from_the_model(study):
    def said(model):
        return tripod_ai(replace(study, model=model)).loc["13", "text"]

    y = study.learning["label"].to_numpy()
    assert said(study.model).startswith("No class weights. No resampling: all 700")
    weighted = {"logisticregression__class_weight": "balanced"}
    assert "weighted (class_weight balanced)" in said(
        train(study.X, y, "logistic regression", settings=weighted)
    )
    boosted = train(study.X, y, "gradient boosting", settings={"xgbclassifier__scale_pos_weight": 4})
    assert "weighted (scale_pos_weight 4)" in said(boosted)
    assert "No class weights" in said(train(study.X, y, "gradient boosting"))
    rows = np.concatenate([np.flatnonzero(y), np.flatnonzero(~y)[:100]])
    sampled = said(train(study.X.iloc[rows], y[rows], "logistic regression"))
    assert "Resampled: of 700 people" in sampled and f"the risks: {BY_AUTHORS}" in sampled


def test_what_only_people_know_is_left_to_them(study):
    table = tripod_ai(study)
    for item in ("3a", "17", "18a", "19", "26", "27c"):
        assert table.loc[item, "text"] == BY_AUTHORS and table.loc[item, "where"] == "authors"
    # Half of it is known to the objects: the rest is said to be missing.
    assert table.loc["15", "where"] == "threshold, authors"
    assert table.loc["15", "text"].endswith(f"Why this threshold: {BY_AUTHORS}.")
    assert "Nobody was blinded" in table.loc["9b", "text"] and table.loc["7", "text"] == BY_AUTHORS
    assert (tripod_ai(Study())["text"] == BY_AUTHORS).all()
