"""The checklist of reporting: complete, filled from the objects, and silent where only people can answer."""

import numpy as np
import pandas as pd
import pytest

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
        model=model,
        evaluation=evaluate(held_out["label"], p, threshold=0.05),
        subgroups=by_group(held_out["label"], p, held_out[["sex"]].reset_index(drop=True)),
        sample_size=required_sample_size(2, 0.2, auroc=0.75),
        source="A synthetic hospital.",
        notes={"18f": "In the book's repository."},
    )


def test_the_list_has_27_items_in_52_parts():
    parts = [item for item, _, _ in ITEMS]
    assert len(parts) == len(set(parts)) == 52
    assert sorted({int(part.rstrip("abcdefg")) for part in parts}) == list(range(1, 28))


def test_what_the_objects_say_is_filled_in(study):
    text = tripod_ai(study)["text"]
    events = [int(people["label"].sum()) for people in (study.learning, study.held_out)]
    assert (
        text["21"]
        == f"learned from: 700 people, {events[0]} outcomes; judged on: 500 people, {events[1]} outcomes"
    )
    missing = 100 * 120 / (2 * 700)
    assert f"{missing:.1f} %" in text["11"] and "median" in text["11"]
    auroc = study.evaluation.loc["AUROC"]
    assert f"AUROC {auroc['estimate']:.3f} ({auroc['low']:.3f} to {auroc['high']:.3f})" in text["23a"]
    assert "an alert from 5 % on" in text["15"] and "1 of them constant" in text["12b"]
    assert "0 are on both" in text["16"] and "By sex: 2 groups" in text["14"]
    assert text["5b"] == "Index dates 2017-01-01 to 2017-01-01; follow-up until 2018-01-01."
    assert text["18f"] == "In the book's repository."


def test_what_only_people_know_is_left_to_them(study):
    table = tripod_ai(study)
    for item in ("3a", "17", "18a", "19", "26", "27c"):
        assert table.loc[item, "text"] == BY_AUTHORS and table.loc[item, "where"] == "authors"
    assert (tripod_ai(Study())["text"] == BY_AUTHORS).all()
