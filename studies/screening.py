"""Lung screening, lived: nobody, whom the criteria name, whom the record lets one guess, whom a model puts first.

Ten cities of 30,000 people; in each, everybody who ever smoked and is 50 to 80 on the first day of screening (some
5,000) lives eight years several times over, with the same luck. The strategies order the same number of scans each
January. Two more lives serve measurement: one in which eight clinics begin one after the other, and one that repeats
the protocol of the National Lung Screening Trial (three rounds, with a reminder, then none).
"""

import shutil
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd

from lhs_helpers.learning import FeaturePlan, Task, cohort, evaluate, train
from lhs_helpers.patients import Hospital
from lhs_helpers.patients.calendar import YEAR, day_number, january
from lhs_helpers.patients.people import People
from lhs_helpers.system.lives import STAGES, another_life, answer_key, averted, keeping
from lhs_helpers.system.screening import (
    DISEASE,
    LUNG_CANCER,
    asked,
    by_record,
    by_risk,
    candidates,
    meets_criteria,
    orders,
    scans,
)
from lhs_helpers.system.trial import followed, split_at

NAME = "screening"
SCRIPTS = ("screening.py",)
PATIENTS, SEEDS = 30_000, tuple(range(10))
FACTS = {"strategies": ["nobody", "criteria", "record", "model"]}
START, FIRST, YEARS = 2009, 2016, 8
LEARN_AT = range(2012, FIRST)  # index dates of the model: each 1 January, outcomes within a year
END = f"{FIRST + YEARS}-01-01"
CLINICS = 8
BEGINS = {clinic: FIRST + 1 + clinic // 2 for clinic in range(CLINICS)}  # two more clinics each year
# The trial: 55 to 74 years, 30 pack-years, smoking or stopped within 15 years; 6.5 years of follow-up (median).
TRIAL = {"ages": (55, 75), "pack_years": 30, "years_since_quitting": 15, "rounds": 3, "until": "2022-07-01"}
TASK = Task("lung cancer within a year", (LUNG_CANCER,), window_days=365, lookback_days=1096, min_age=45)


def jobs(seeds: tuple[int, ...]) -> list[str]:
    return [f"hospital {seed}" for seed in seeds]


def run(job: str, work: Path, patients: int) -> tuple[pd.DataFrame, dict[str, float]]:
    seed, seconds = int(job.split()[1]), {}
    here = work / f"{NAME}-{seed}-{patients}"
    shutil.rmtree(here, ignore_errors=True)
    clock = process_time()

    def timed(step: str) -> None:
        nonlocal clock
        seconds[step], clock = process_time() - clock, process_time()

    base = keeping(smokers, here / "base", patients=patients, seed=seed, start=f"{START}-01-01")
    base.advance(day(FIRST))
    timed("found and live to the first scan")
    plan, model = learned(base)
    timed("learn")
    keys, made, counts, judged = {}, {}, {}, None
    lives: dict[str, Hospital] = {}
    for strategy in FACTS["strategies"]:
        life = lives[strategy] = another_life(base, here / strategy)
        counts[strategy] = {}
        for year in range(FIRST, FIRST + YEARS):
            chosen = choose(strategy, life, year, seed, counts.get("criteria", {}), plan, model)
            counts[strategy][year] = chosen
            life.advance(day(year + 1), orders(chosen, day(year)))
        keys[strategy], made[strategy] = answer_key(life, DISEASE), scans(life)
        timed(strategy)
        if strategy == "nobody":
            judged = discrimination(life, plan, model)
    eligible = counts["criteria"][FIRST]
    rows = [row_of(s, g, who, keys, made, counts) for s in keys for g, who in groups(keys, eligible).items()]
    rows += in_years(keys, eligible)
    rows += randomised(lives, keys, eligible, seed)
    timed("count")
    rows += wedge(base, here / "wedge", keys["nobody"], eligible)
    timed("stepped wedge")
    rows += [as_the_trial(base, here / "trial", keys["nobody"]) | judged]
    timed("as the trial")
    shutil.rmtree(here)
    return pd.DataFrame(rows).assign(seed=seed), seconds


def smokers(people: People) -> np.ndarray:
    """Who will be 50 to 80 on the first day of screening and has begun to smoke by then."""
    first = january(FIRST)
    return (people.age(first) >= 50) & (people.age(first) < 81) & (people.smoke_start < first)


def day(year: int) -> str:
    return f"{year}-01-01"


def learned(base: Hospital) -> tuple:
    """A logistic regression on the years before anybody is screened: a row per person and January."""
    emr = base.emr
    people = {year: cohort(emr, TASK, day(year)) for year in LEARN_AT}
    last = people[LEARN_AT[-1]]
    plan, X = FeaturePlan.fit_apply(emr, last, TASK, min_share=0.02, statistics=("ever", "last", "last is"))
    parts = [plan.apply(emr, people[year]) for year in LEARN_AT[:-1]] + [X]
    y = np.concatenate([people[year]["label"] for year in LEARN_AT])
    return plan, train(pd.concat(parts, ignore_index=True), y, "logistic regression")


def risks(emr, at: str, patients: pd.Index, plan: FeaturePlan, model) -> np.ndarray:
    """The model's risk of each, from what the record knew."""
    rows = pd.DataFrame({"patient_id": patients, "index_time": pd.Timestamp(at).as_unit("us")})
    known = emr.as_of(at).people.execute().set_index("patient_id").loc[patients]
    facts = ["sex", "race", "ethnicity", "education", "insurance", "site"]
    rows = rows.join(known[facts].reset_index(drop=True))
    rows["age"] = (pd.Timestamp(at) - known["birth_date"]).dt.days.to_numpy() / YEAR
    return model.predict_proba(plan.apply(emr, rows))[:, 1]


def choose(strategy, life, year, seed, of_criteria, plan, model) -> pd.Index:
    """Whom a strategy scans this year; all but the criteria scan as many as the criteria did in their own life."""
    if strategy == "nobody":
        return pd.Index([], dtype="int64")
    known = candidates(life.emr, day(year))
    if strategy == "criteria":
        return known.index[meets_criteria(asked(life, known.index))]
    n = len(of_criteria[year])
    if strategy == "record":
        return by_record(known, n, seed)
    return by_risk(known.index, risks(life.emr, day(year), known.index, plan, model), n)


def discrimination(nobody: Hospital, plan: FeaturePlan, model) -> dict:
    """AUROC of the model for the diagnoses of the first year, where nobody was screened."""
    people = cohort(nobody.emr, TASK, day(FIRST))
    people = people[people["age"].between(50, 81, "left")]
    p = model.predict_proba(plan.apply(nobody.emr, people))[:, 1]
    measured = evaluate(people["label"].to_numpy(), p, bootstrap=0)["estimate"]
    cases = int(people["label"].sum())
    return {"model_AUROC": measured["AUROC"], "model_O/E": cases / p.sum(), "model_cases": cases}


def groups(keys: dict[str, pd.DataFrame], eligible: pd.Index) -> dict[str, np.ndarray]:
    """Everybody alive on the first day, and parts of them: a boolean per person."""
    key = keys["nobody"]
    first = january(FIRST)
    alive = (key["death"] >= first).to_numpy()
    age = (first - key["birth"]) / YEAR
    parts = {"everybody": alive, "met the criteria in 2016": key.index.isin(eligible) & alive}
    for which in ("sex", "race", "insurance"):
        for name in sorted(key[which].unique()):
            parts[f"{which}: {name}"] = alive & (key[which] == name).to_numpy()
    parts["age: 50 to 64"] = alive & (age < 65).to_numpy()
    parts["age: 65 to 80"] = alive & (age >= 65).to_numpy()
    return parts


def row_of(strategy, group, who, keys, made, counts) -> dict:
    """Sums over a group in one life; averted and over-diagnosed against the life in which nobody is screened."""
    key, nobody = keys[strategy][who], keys["nobody"][who]
    first, last = january(FIRST), day_number(END)
    new = key["diagnosed"].between(first, last, "left")
    spared = averted(nobody, key, DISEASE, day(FIRST), END).sum()
    mine = made[strategy][made[strategy]["patient_id"].isin(key.index)]
    by_scan = key.loc[mine.loc[mine["found"], "patient_id"].unique()]
    otherwise = nobody.loc[by_scan.index]
    never = otherwise["diagnosed"].to_numpy() >= last
    # Of everybody: also those to people who had died, of which the record did not know yet.
    asked_of = nobody.index if group != "everybody" else keys[strategy].index
    ordered = sum(chosen.isin(asked_of).sum() for chosen in counts[strategy].values())
    died = key["death"].between(first, last, "left")
    return {
        "arm": "lives", "strategy": strategy, "group": group, "people": len(key),
        "orders": int(ordered), "scans": len(mine), "scanned_people": mine["patient_id"].nunique(),
        "found": len(by_scan), "false_alarms": int(mine["false_alarm"].sum()),
        "alarmed_people": mine.loc[mine["false_alarm"], "patient_id"].nunique(),
        "biopsies": int(mine["biopsy"].sum()), "harmed": int(mine["harmed"].sum()),
        "diagnosed": int(new.sum()), **{f"stage_{s}": int((new & (key["stage"] == s)).sum()) for s in STAGES},
        **{f"found_stage_{s}": int((by_scan["stage"] == s).sum()) for s in STAGES},
        "deaths": int(died.sum()), "lung_deaths": int((died & (key["cause"] == DISEASE)).sum()),
        "years": float((key["death"].clip(first, last) - first).sum() / YEAR),
        "lung_deaths_averted": spared["disease_deaths"], "deaths_averted": spared["deaths"],
        "years_gained": spared["days"] / YEAR,
        "overdiagnosed": int((never & (otherwise["death"] < last)).sum()),
        "not_yet_known": int((never & (otherwise["death"] >= last)).sum()),
    }  # fmt: skip


def in_years(keys: dict[str, pd.DataFrame], eligible: pd.Index) -> list[dict]:
    """Lung cancer deaths of those who met the criteria on the first day, by calendar year, in two lives."""
    rows = []
    for year in range(FIRST, FIRST + YEARS):
        row = {"arm": "years", "strategy": "criteria", "period": year, "people": len(eligible)}
        for name, strategy in (("lung_deaths_nobody", "nobody"), ("lung_deaths", "criteria")):
            row[name] = of_it(keys[strategy].loc[eligible], year)
        rows.append(row)
    return rows


def of_it(key: pd.DataFrame, year: int) -> int:
    """How many of these people died of lung cancer in a year."""
    then = key["death"].between(january(year), january(year + 1), "left")
    return int((then & (key["cause"] == DISEASE)).sum())


def randomised(lives, keys, eligible: pd.Index, seed: int) -> list[dict]:
    """A coin for each who met the criteria on the first day; offered scans or not; read from the two records.

    Nobody's life depends on another's, so the trial's two arms are taken from the two lives, person by person.
    """
    coin = pd.Series(np.random.default_rng(seed).random(len(eligible)) < 0.5, index=eligible)
    rows = []
    for strategy, drawn in (("criteria", coin), ("nobody", ~coin)):
        read = followed(lives[strategy].emr, LUNG_CANCER, day(FIRST), END)
        read, key = read.reindex(eligible).dropna(subset=["years"]), keys[strategy].loc[eligible]
        of = key["death"].between(january(FIRST), day_number(END), "left") & (key["cause"] == DISEASE)
        for arm, who in (("trial", drawn), ("both ways", coin | True)):
            mine = read[who.loc[read.index]]
            rows.append({
                "arm": arm, "strategy": strategy, "people": len(mine), "years": mine["years"].sum(),
                "died_with": int(mine["died_with"].sum()), "deaths": int(mine["died"].sum()),
                "diagnosed": int(mine["diagnosed"].notna().sum()), "lung_deaths": int(of[who].sum()),
            })  # fmt: skip
    return rows


def wedge(base: Hospital, folder: Path, nobody: pd.DataFrame, eligible: pd.Index) -> list[dict]:
    """Eight clinics, two more of which screen by the criteria each year; their cells, read from the record."""
    life = another_life(base, folder)
    for year in range(FIRST, FIRST + YEARS):
        known = candidates(life.emr, day(year))
        begun = np.array([BEGINS[clinic] <= year for clinic in known.index % CLINICS], bool)
        known = known[begun]
        chosen = known.index[meets_criteria(asked(life, known.index))] if begun.any() else known.index
        life.advance(day(year + 1), orders(chosen, day(year)))
    read = followed(life.emr, LUNG_CANCER, day(FIRST), END)
    pieces = split_at(read[read.index.isin(eligible)], day(FIRST), END)
    pieces["clinic"] = pieces["patient_id"] % CLINICS
    key, rows = answer_key(life, DISEASE), []
    for (clinic, year), cell in pieces.groupby(["clinic", "year"]):
        mine = eligible[eligible % CLINICS == clinic]
        rows.append({
            "arm": "wedge", "strategy": "criteria", "clinic": clinic, "period": year,
            "screened": BEGINS[clinic] <= year, "years": cell["years"].sum(),
            "died_with": int(cell["died_with"].sum()), "lung_deaths": of_it(key.loc[mine], year),
            "lung_deaths_nobody": of_it(nobody.loc[mine], year),
        })  # fmt: skip
    return rows


def as_the_trial(base: Hospital, folder: Path, nobody: pd.DataFrame) -> dict:
    """Three rounds for those whom the National Lung Screening Trial took, with a reminder; then nothing more."""
    life = another_life(base, folder)
    known = candidates(life.emr, day(FIRST))
    known = known[known["age"].between(*TRIAL["ages"], inclusive="left")]
    limits = {name: TRIAL[name] for name in ("pack_years", "years_since_quitting")}
    invited = known.index[meets_criteria(asked(life, known.index), **limits)]
    for year in range(FIRST, FIRST + TRIAL["rounds"]):
        life.advance(f"{year}-04-01", orders(invited, day(year)))
        done = scans(life)
        came = done.loc[done["day"] >= january(year), "patient_id"]
        life.advance(day(year + 1), orders(invited[~invited.isin(came)], f"{year}-04-01"))
    life.advance(TRIAL["until"])
    first, last = january(FIRST), day_number(TRIAL["until"])
    row = {"arm": "as the trial", "strategy": "criteria", "people": len(invited), "scans": len(scans(life))}
    for name, key in (("", answer_key(life, DISEASE)), ("_nobody", nobody)):
        key = key.loc[invited]
        died = key["death"].between(first, last, "left")
        row[f"deaths{name}"] = int(died.sum())
        row[f"lung_deaths{name}"] = int((died & (key["cause"] == DISEASE)).sum())
        row[f"diagnosed{name}"] = int(key["diagnosed"].between(first, last, "left").sum())
        row[f"years{name}"] = float((key["death"].clip(first, last) - first).sum() / YEAR)
    return row
