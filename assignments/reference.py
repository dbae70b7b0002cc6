"""The teacher's own answers, computed from a student's own hospital. Only the grader has this file.

Where it can be done, by another road than the solutions take: a mistake that both made would not be seen.
"""

from functools import cache

import numpy as np
import pandas as pd

from lhs_helpers import teaching
from lhs_helpers.learning import FeaturePlan, Task, cohort, split_people, train
from lhs_helpers.teaching import EVENTS, drawn, hospital_of

DAY, NAME = "2016-01-01", "First event of heart or vessels"


@cache
def _emr(name, course):
    return hospital_of(name, course).emr


def _ask(name, course, query):
    return _emr(name, course).sql(query)


@cache
def _people(name, course, at, window_days):
    task = Task(NAME, EVENTS, window_days=window_days, lookback_days=1_096, min_age=45)
    return cohort(_emr(name, course), task, at)


# 1. Read a record


def present(name, course):
    last = f"""
        SELECT patient_id, max_by(status, recorded_at) AS status FROM patients
        WHERE recorded_at <= '{DAY}' GROUP BY patient_id
    """
    return _ask(name, course, f"SELECT count(*) FROM ({last}) WHERE status = 'registered'").iloc[0, 0]


def late(name, course):
    between = f"time < '{DAY}' AND recorded_at > '{DAY}'"
    query = f"SELECT count(*) FROM conditions WHERE status = 'active' AND {between}"
    return _ask(name, course, query).iloc[0, 0]


def a1c(name, course):
    last = f"""
        SELECT max_by(value, time) AS value FROM observations
        WHERE code = 'LOINC:4548-4' AND recorded_at <= '{DAY}' GROUP BY patient_id
    """
    return _ask(name, course, f"SELECT avg(value) FROM ({last})").iloc[0, 0]


# 2. Ask a question


def task():
    days = {"window_days": 730, "gap_days": 30, "lookback_days": 1_095, "min_history_days": 365}
    return Task(NAME, EVENTS, min_age=50, **days)


@cache
def asked(name, course, at):
    return cohort(_emr(name, course), task(), at)


def unresolved(name, course, at):
    """Whose follow-up ends before the window does, and who had no event in it."""
    people = asked(name, course, at)
    end = people["index_time"] + pd.Timedelta(days=task().gap_days + task().window_days)
    return ((people["follow_up_end"] < end) & ~people["label"]).mean()


@cache
def leaks(name, course, at):
    """Columns in which somebody has more than what was recorded by the index date."""
    emr, people = _emr(name, course), asked(name, course, at)
    columns, codes = teaching.suspicious_columns(emr, people, at, name, course)
    found = set()
    for letter, code in codes.items():
        known = f"SELECT count(*) FROM conditions WHERE status = 'active' AND code = '{code}' AND recorded_at <= '{at}'"
        of_them = f"{known} AND patient_id IN (SELECT unnest({columns.index.tolist()}))"
        if columns[letter].sum() != emr.sql(of_them).iloc[0, 0]:
            found.add(letter)
    return found


# 3. A first model


@cache
def risk(name, course):
    people = _people(name, course, DAY, 1_095)
    days = {"window_days": 1_095, "lookback_days": 1_096}
    question = Task(NAME, EVENTS, min_age=45, **days)
    learning, held_out = split_people(people, 0.6, seed=0)
    plan, X = FeaturePlan.fit_apply(_emr(name, course), learning, question, min_share=0.05)
    model = train(X, learning["label"], "logistic regression")
    return model.predict_proba(plan.apply(_emr(name, course), held_out))[:, 1]


def _bought(name, course):
    people = _people(name, course, DAY, 1_095)
    return people["label"].to_numpy(), teaching.vendors_risk(people, name, course)


def vendor(name, course):
    """Observed over expected and slope; they are what was put into the bought model's risks."""
    happened, told = _bought(name, course)
    return happened.sum() / told.sum(), 1 / drawn(name, course, "vendor's spread", (0.5, 1.9))


def benefit(name, course):
    happened, told = _bought(name, course)
    threshold = drawn(name, course, "threshold", (0.03, 0.05, 0.08))
    odds = threshold / (1 - threshold)

    def worth(treated):
        return (treated & happened).mean() - odds * (treated & ~happened).mean()

    choices = {"model": worth(told >= threshold), "treat all": worth(told >= 0), "treat none": 0.0}
    return choices["model"], max(choices, key=choices.get)


# 4. Groups and missing people


def _registered(name, course):
    last = f"""
        SELECT patient_id, max_by(status, recorded_at) AS status, max_by(insurance, recorded_at) AS insurance
        FROM patients WHERE recorded_at <= '{DAY}' GROUP BY patient_id
    """
    query = f"SELECT patient_id, insurance FROM ({last}) WHERE status = 'registered'"
    return _ask(name, course, query).set_index("patient_id")["insurance"]


@cache
def unknown(name, course):
    insurance = _registered(name, course)
    lives = hospital_of(name, course).truth.lives()
    ill = lives[(lives["disease"] == "hypertension") & (lives["onset"] <= DAY)].set_index("patient_id")
    ill = ill.join(insurance, how="inner")
    return 1 - (ill["diagnosed"] <= DAY).groupby(ill["insurance"]).mean()


@cache
def silent(name, course):
    insurance = _registered(name, course)
    query = (
        f"SELECT DISTINCT patient_id FROM encounters WHERE time >= '2014-01-01' AND recorded_at <= '{DAY}'"
    )
    came = insurance.index.isin(_ask(name, course, query)["patient_id"])
    return 1 - pd.Series(came, insurance.index).groupby(insurance).mean()


def no_verdict(name, course):
    people = _people(name, course, DAY, 1_095)
    return {race for race, group in people.groupby("race") if group["label"].sum() < 10}


# 5. Update or keep


def ready(name, course):
    window, delay = drawn(name, course, "window", (365, 545)), drawn(name, course, "delay", (60, 100, 150))
    last = str(np.datetime64("2019-01-01") - window - delay)
    return [f"{y}-{m}-01" for y in range(2014, 2019) for m in ("01", "07") if f"{y}-{m}-01" <= last]


@cache
def _newest(name, course):
    periods = {f"{year}-01-01": _people(name, course, f"{year}-01-01", 365) for year in range(2014, 2018)}
    log = teaching.champions_log(periods, name, course)
    return log[log["index_date"] == "2017-01-01"]


@cache
def decision(name, course):
    from lhs_helpers.learning import evaluate

    newest = _newest(name, course)
    verdict = evaluate(newest["label"], newest["risk"])
    auroc, (ratio, low, high) = verdict.loc["AUROC", "estimate"], verdict.loc["O/E"]
    if auroc < 0.65:
        return auroc, ratio, "refit"
    return auroc, ratio, "keep" if low <= 1 <= high else "recalibrate"


def shift(name, course):
    """By bisection, without the log-odds function that the solution uses."""
    people = _people(name, course, "2017-01-01", 365)
    told, events = teaching.vendors_risk(people, name, course), people["label"].sum()
    odds, low, high = told / (1 - told), -10.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        expected = (odds * np.exp(middle) / (1 + odds * np.exp(middle))).sum()
        low, high = (middle, high) if expected < events else (low, middle)
    return low


# 6. Go or no go


@cache
def run(name, course):
    """All answers about the silent run, from lists sorted by risk."""
    seen, capacity = teaching.silent_run(_people(name, course, DAY, 1_095), name, course)
    told = seen[seen["risk"].notna()]
    downwards = np.sort(told["risk"])[::-1]
    most = int(capacity * 26)  # alarms that the team can answer in all
    threshold = next(
        cut for cut in np.round(np.arange(1, 101) * 0.005, 3) if (downwards >= cut).sum() <= most
    )
    alarmed = told[told["risk"] >= threshold]
    found = alarmed["label"].sum()
    ill = seen[seen["label"]]["insurance"].value_counts()
    recall = (alarmed[alarmed["label"]]["insurance"].value_counts() / ill).fillna(0)
    ratio = told["label"].sum() / told["risk"].sum()
    fails = {
        "feed": 1 - len(told) / len(seen) > 0.05,
        "level": ratio < 0.8 or ratio > 1.25,
        "burden": alarmed["week"].value_counts().max() > 2 * capacity,
        "groups": recall.get("private", 0) < recall.get("public", 0) / 2,
    }
    failed = {name for name, fail in fails.items() if fail}
    answers = {
        "threshold": threshold,
        "recall": found / seen["label"].sum(),
        "per_case": len(alarmed) / found,
    }
    return answers | {"failed": failed, "decision": "no go" if failed else "go"}
