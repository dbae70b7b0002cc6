"""Three hypotheses about learning health systems, each turned into questions that can be answered with no.

The hypotheses are those of the Open LHS Practical Guide (A. Chen, 2022-23): Performance, Equity, AI. What is asked,
what is measured and when a hypothesis fails is written in `RULES`, before any result. Performance, and whether an
algorithm that learns more than straight lines is worth it, are asked of the networks of the study `equity`, with eight
diseases. Whether a model that goes on learning beats one that was learned once is asked of a hospital that lives on,
in a world that stands still and in one that changes. Equity is answered by the table of the study `equity`.
"""

import shutil
from pathlib import Path
from time import perf_counter

import equity
import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from lhs_helpers.learning import FeaturePlan, Task, cohort, split_people, train
from lhs_helpers.patients import Hospital, Site
from lhs_helpers.patients.diseases import known_diseases
from lhs_helpers.patients.scenarios import CodeReplaced, Newcomers, RateChange, UnitChange
from lhs_helpers.system.network import SURE, own_level

NAME, SCRIPTS = "hypotheses", ("hypotheses.py", "equity.py")
SEEDS, PATIENTS = list(range(10)), 14_000
SHARES = (1 / 16, 1 / 4, 1.0)  # of those who learn
ALGORITHMS = ("logistic regression", "gradient boosting")
LEARNED, RELEARNED, JUDGED, UNTIL = "2013-01-01", "2015-01-01", "2017-01-01", "2019-01-01"
CHANGES = "2014-01-01"
CONTROLS = 3  # to a case, where the study of 2022 is followed
RULES = [
    {
        "hypothesis": "Performance",
        "question": "Do more patients make a better model?",
        "measure": "AUROC learned from all, minus AUROC learned from a sixteenth, on the same people",
        "holds for a disease when": "the 95 % interval over hospitals lies above 0",
    },
    {
        "hypothesis": "Performance",
        "question": "Does it reach a recall and a precision of 95 %?",
        "measure": "recall, which is then also precision, when as many are alerted as have the outcome",
        "holds for a disease when": "the upper end of the interval is at least 0.95",
    },
    {
        "hypothesis": "Equity",
        "question": "Do small clinics gain from the network?",
        "measure": "AUROC by the answer key, federated minus local, mean of the eight clinics",
        "holds for a disease when": "the interval lies above 0",
    },
    {
        "hypothesis": "Equity",
        "question": "Does the common model serve them as well as the big hospital?",
        "measure": "AUROC by the answer key, federated, mean of the eight clinics minus the teaching hospital",
        "holds for a disease when": "the lower end of the interval is above -0.03",
    },
    {
        "hypothesis": "AI",
        "question": "Does machine learning beat a simpler model?",
        "measure": "AUROC of gradient boosting minus logistic regression, on the same columns and people",
        "holds for a disease when": "the interval lies above 0",
    },
    {
        "hypothesis": "AI",
        "question": "Does going on learning beat learning once?",
        "measure": "AUROC of the model learned anew minus the one learned two years before, in a world that changes",
        "holds for a disease when": "the interval lies above 0",
    },
]
FACTS = {
    "rules": RULES,
    "a hypothesis holds when": "each of its questions is answered with yes for more than half of the diseases",
    "targets": equity.TARGETS,
    "shares": list(SHARES),
    "changes": "glucose in mmol/L, another code for hypertension, half as many again with type 2 diabetes and heart "
    "failure, newcomers of another mix, all from 2014 on",
}


def jobs(seeds: list[int]) -> list[str]:
    """Names of the parts of this study: what needs the people of the study `equity` comes last."""
    worlds = [f"{part}, hospital {seed}" for seed in seeds for part in ("standing", "changing")]
    return worlds + [f"performance, hospital {seed}" for seed in seeds]


def run(job: str, work: Path, patients: int = PATIENTS) -> tuple[pd.DataFrame, dict[str, float]]:
    """One part of the study: its rows, and the seconds it took."""
    part, rest = job.split(", ")
    seed, start = int(rest.split()[1]), perf_counter()
    rows = performance(work, seed) if part == "performance" else going_on(work, seed, part, patients)
    return rows.assign(seed=seed), {part: perf_counter() - start}


def performance(work: Path, seed: int) -> pd.DataFrame:
    """Every disease, by more and more of the network's people, and by models from simple to not."""
    found, key = equity.people(work, seed, "as they are")
    patients = sum(m.patients for m in equity.MEMBERS)
    few, rows = equity.few(found), []
    for disease in equity.TARGETS:
        people, X = found.of(disease)
        known = key[key["task"] == disease]
        learns, y = people["learns"].to_numpy(), people["label"].to_numpy()
        order = np.random.default_rng(seed).permutation(np.flatnonzero(learns))
        asked = [(algorithm, "all", share) for algorithm in ALGORITHMS for share in SHARES]
        asked += [("logistic regression", "few", 1.0), ("logistic regression", "age and sex", 1.0)]
        for algorithm, which, share in asked:
            columns = {"all": list(X.columns), "few": few, "age and sex": few[:2]}[which]
            seen = order[: round(share * len(order))]
            about = {
                "disease": disease,
                "algorithm": algorithm,
                "columns": which,
                "patients": share * patients,
            }
            about |= {"learned_from": len(seen), "cases_learned_from": int(y[seen].sum())}
            if y[seen].sum() < 3:
                continue
            model = train(X.iloc[seen][columns], y[seen], algorithm, seed)
            rows.append(about | measured(y[~learns], model.predict_proba(X[columns][~learns])[:, 1], seed))
        there = ~learns & known["true"].notna().to_numpy()
        ceiling = measured(known["true"].to_numpy()[there], known["hazard"].to_numpy()[there], seed)
        rows.append({"disease": disease, "algorithm": "true hazard", "columns": "none"} | ceiling)
    return pd.DataFrame(rows).assign(arm="performance")


def measured(y: np.ndarray, p: np.ndarray, seed: int) -> dict[str, float]:
    """AUROC, and recall and precision where they meet: of everybody, and of one case and three others."""
    y = np.asarray(y, dtype=bool)
    rng = np.random.default_rng(seed)
    others = rng.choice(np.flatnonzero(~y), CONTROLS * int(y.sum()), replace=False)
    drawn = np.r_[np.flatnonzero(y), others]
    found = {"people": len(y), "cases": int(y.sum()), "AUROC": roc_auc_score(y, p), "O/E": y.sum() / p.sum()}
    return found | {"met": met(y, p, rng), "met one to three": met(y[drawn], p[drawn], rng)}


def met(y: np.ndarray, p: np.ndarray, rng: np.random.Generator) -> float:
    """Share of right alerts when as many people are alerted as have the outcome: recall and precision at once."""
    order = np.lexsort((rng.random(len(p)), -p))  # ties in random order
    return float(y[order[: int(y.sum())]].mean())


def world(place: Path, seed: int, kind: str, patients: int) -> Hospital:
    """A hospital that lives to the end, in a world that stands still or changes."""
    mix = Site(name="elsewhere", races=(0.2, 0.7, 0.03, 0.02, 0.05), uninsured=0.3)
    code = {"old": "SNOMED:59621000", "new": "SNOMED:38341003", "description": "Hypertension"}
    changes = [
        UnitChange(since=CHANGES, code="LOINC:2345-7", factor=0.0555, unit="mmol/L"),
        CodeReplaced(since=CHANGES, **code),
        RateChange(since=CHANGES, of="type_2_diabetes", factor=1.5),
        RateChange(since=CHANGES, of="heart_failure", factor=1.5),
        Newcomers(since=CHANGES, mix=mix),
    ]
    asked = {"seed": 100 + seed, "start": "2012-01-01", "scenarios": changes if kind == "changing" else []}
    asked["diseases"] = sorted(set(known_diseases()) - set(equity.LEFT_OUT))
    made = Hospital(place, patients=patients, **asked)
    made.advance(UNTIL)
    return made


def going_on(work: Path, seed: int, kind: str, patients: int) -> pd.DataFrame:
    """The model of 2013, as it is and recalibrated, and the model of 2015, judged on other people from 2017 on."""
    place = work / f"world-{seed}-{kind}"
    emr = world(place, seed, kind, patients).emr
    rows = []
    for disease in equity.NETWORK:
        task = Task(disease, (equity.TARGETS[disease],), 730, lookback_days=365, min_age=45)
        learning = {
            at: split_people(cohort(emr.as_of(known), task, at), 0.7, seed)[0]
            for at, known in ((LEARNED, RELEARNED), (RELEARNED, JUDGED))
        }
        judging = split_people(cohort(emr, task, JUDGED), 0.7, seed)[1]
        told, plans = {}, {}
        for name, at in (("kept", LEARNED), ("relearned", RELEARNED)):
            people = learning[at]
            plan, X = FeaturePlan.fit_apply(emr.as_of(JUDGED), people, task, min_share=0.02)
            model = train(X, people["label"], "logistic regression", seed)
            plans[name] = plan, model
            told[name] = model.predict_proba(plan.apply(emr, judging))[:, 1]
        plan, model = plans["kept"]
        now = learning[RELEARNED]
        line = logit(model.predict_proba(plan.apply(emr, now))[:, 1].clip(SURE, 1 - SURE))
        shift = own_level(now["label"].to_numpy(), line)
        told["recalibrated"] = expit(logit(told["kept"].clip(SURE, 1 - SURE)) + shift)
        for name, p in told.items():
            rows.append({"disease": disease, "model": name} | measured(judging["label"], p, seed))
    shutil.rmtree(place)
    return pd.DataFrame(rows).assign(arm=kind)
