"""One hospital per student, and the things that the six assignments hand out.

Everything is drawn from the student's name (and a word of the course, which a teacher may keep private): the
answers differ from student to student, the reasoning does not. The grader draws the same again.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital, cached_hospital

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

# A first event of the heart or the vessels: stroke, heart attack, heart failure, atrial fibrillation. Each alone
# is too rare in a hospital of this size.
EVENTS = ("SNOMED:230690007", "SNOMED:22298006", "SNOMED:84114007", "SNOMED:49436004")
LETTERS = "ABCDEF"


def seed_of(name: str, course: str = "") -> int:
    """The seed of a student's hospital: the same for one name however it is spaced or capitalised.

    Raises
    ------
    LHSError
        When the name is empty.
    """
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not plain:
        raise LHSError(
            "The name is empty; a student's hospital is drawn from it. Write NAME = 'Ada Lovelace'."
        )
    return int.from_bytes(hashlib.sha256(f"{course}|{plain}".encode()).digest()[:4], "big")


def hospital_of(name: str, course: str = "") -> Hospital:
    """The student's own hospital: 5,000 people on its first day, eight years of records from 2012."""
    return cached_hospital(patients=5_000, years=8, seed=seed_of(name, course), start="2012-01-01")


def drawn(name: str, course: str, question: str, options: Sequence[Any]) -> Any:
    """One of the options: the same each time for a student and a question."""
    return options[_chance(name, course, question).integers(len(options))]


def _chance(name: str, course: str, question: str) -> np.random.Generator:
    letters = np.frombuffer(question.encode(), np.uint8).tolist()
    return np.random.default_rng([seed_of(name, course), *letters])


def suspicious_columns(
    emr: "EMR", people: pd.DataFrame, at: str, name: str, course: str = ""
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Six columns for a model, some of which know what came after the index date (assignment 2).

    Returns
    -------
    columns : DataFrame
        A row per person of `people`, by `patient_id`; columns A to F: how often a code stands in the record.
    codes : dict
        The code that each column counts.
    """
    often = (
        "SELECT code, count(*) AS n FROM events WHERE kind = 'condition' GROUP BY ALL ORDER BY n DESC, code"
    )
    codes = emr.as_of(at).sql(often)["code"].to_numpy()[:12]
    chance = _chance(name, course, "suspicious columns")
    codes = dict(zip(LETTERS, chance.permutation(codes)[: len(LETTERS)].tolist(), strict=True))
    leaks = set(chance.permutation(list(LETTERS))[: chance.integers(2, 5)])
    count = "SELECT patient_id, code, count(*) AS n FROM events WHERE kind = 'condition' GROUP BY ALL"
    wide = {
        late: record.sql(count).pivot_table(index="patient_id", columns="code", values="n")
        for late, record in ((False, emr.as_of(at)), (True, emr))
    }
    columns = {letter: wide[letter in leaks].get(code) for letter, code in codes.items()}
    return pd.DataFrame(columns).reindex(people["patient_id"]).fillna(0), codes


def honest_risk(people: pd.DataFrame) -> np.ndarray:
    """Risks by age and sex that are right on average among these people: a plain logistic regression on them."""
    from sklearn.linear_model import LogisticRegression

    facts = np.column_stack([people["age"] / 10, (people["age"] / 10) ** 2, people["sex"] == "male"])
    model = LogisticRegression(C=np.inf, max_iter=1_000).fit(facts, people["label"])
    return model.predict_proba(facts)[:, 1]


def vendors_risk(people: pd.DataFrame, name: str, course: str = "") -> np.ndarray:
    """Risks of a model that was bought, for these people: wrong in level and in spread (assignment 3)."""
    ratio = drawn(name, course, "vendor's level", (0.5, 1.8))
    spread = drawn(name, course, "vendor's spread", (0.5, 1.9))
    return _with_level(spread * logit(honest_risk(people)), ratio * people["label"].mean())


def _with_level(logodds: np.ndarray, mean: float) -> np.ndarray:
    """Risks with these log-odds, all moved by the same amount so that the mean risk is `mean`."""
    return expit(logodds + brentq(lambda shift: expit(logodds + shift).mean() - mean, -30, 30))


def champions_log(periods: dict[str, pd.DataFrame], name: str, course: str = "") -> pd.DataFrame:
    """What a deployed model told people in each period, and what became of them (assignment 5).

    Parameters
    ----------
    periods : dict
        The cohort of each index date, in order of time. Something may go wrong with the last.

    Returns
    -------
    DataFrame
        ``index_date``, ``patient_id``, ``risk``, ``label``.
    """
    trouble = drawn(name, course, "trouble", ("none", "level", "order"))
    told = []
    for date, people in periods.items():
        risk = honest_risk(people)
        if date == list(periods)[-1] and trouble == "level":
            risk = _with_level(logit(risk), 0.45 * people["label"].mean())
        if date == list(periods)[-1] and trouble == "order":
            risk = _chance(name, course, "order").permutation(risk)
        told.append(people[["patient_id", "label"]].assign(index_date=date, risk=risk))
    return pd.concat(told, ignore_index=True)[["index_date", "patient_id", "risk", "label"]]


def silent_run(people: pd.DataFrame, name: str, course: str = "") -> tuple[pd.DataFrame, int]:
    """26 weeks in which a model saw patients and nobody saw the model (assignment 6).

    Returns
    -------
    run : DataFrame
        ``patient_id``, ``week`` (1 to 26), ``insurance``, ``risk`` (missing when the data did not arrive in time)
        and ``label``.
    capacity : int
        How many alarms a week the team can answer.
    """
    chance = _chance(name, course, "silent run")
    risk = honest_risk(people)
    ratio = drawn(name, course, "silent level", (1.0, 1.0, 0.5))
    risk = _with_level(logit(risk), ratio * people["label"].mean())
    lost = drawn(name, course, "silent feed", (0.01, 0.15))
    # The level is exact among all: who is lost is drawn without regard to risk.
    risk[chance.random(len(people)) < lost] = np.nan
    run = people[["patient_id", "insurance", "label"]].assign(
        week=chance.integers(1, 27, len(people)), risk=risk
    )
    return run[["patient_id", "week", "insurance", "risk", "label"]], int(chance.integers(6, 16))
