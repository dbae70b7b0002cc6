"""Person-specific courses over age: BMI, blood pressure, lipids, HbA1c, kidney function.

Each person has a standing (a z-score) in every course, correlated between courses as in NHANES, that drifts
slowly over decades; the value is the mean of their age and sex plus that many standard deviations, changed by
treatment. What treatment changes on average is added back, by age and sex (the frozen reference table), so
that the published means, which include treated people, hold. Sources: data/README.md.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lhs_helpers.patients.calendar import YEAR
from lhs_helpers.patients.disease_form import COURSES
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.people import SEXES

DATA = Path(__file__).parent / "data"
AGES = np.arange(121)
DRIFT_YEARS = 40.0
DRIFT_SHARE = 0.15


@cache
def correlations() -> pd.DataFrame:
    """Correlations between standings at equal age and sex (course x course)."""
    return pd.read_csv(DATA / "correlations.csv", index_col="course")


@cache
def table() -> dict[str, tuple[np.ndarray, np.ndarray, bool]]:
    """Course -> (mean [sex, age], standard deviation [sex, age], is it on the log scale)."""
    data = pd.read_csv(DATA / "courses.csv")
    reading = pd.read_csv(DATA / "measures.csv").set_index("measure")["within"]
    result = {}
    for course, rows in data.groupby("course"):
        by_sex = [rows[rows.sex == sex] for sex in SEXES]
        mean = np.stack([np.interp(AGES + 0.5, r.age, r["mean"]) for r in by_sex])
        sd = np.stack([np.interp(AGES + 0.5, r.age, r["sd"]) for r in by_sex])
        is_log = rows.scale.iloc[0] == "log"
        # A survey measures once: the published spread contains the error of a reading, which comes on top here.
        error = reading.get(course, 0.0) / (np.exp(mean) if is_log else 1.0)
        sd = np.sqrt(np.maximum(sd**2 - error**2, 0.25 * sd**2))
        result[str(course)] = mean.astype(np.float32), sd.astype(np.float32), is_log
    return result


def standings(draws: Draws, who: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three (course, person) float32 arrays: the lasting standing and the two waves of its slow drift."""
    full = np.eye(len(COURSES))
    full[:-1, :-1] = correlations().loc[list(COURSES[:-1]), list(COURSES[:-1])]
    root = np.linalg.cholesky(full)

    def correlated(purpose: str) -> np.ndarray:
        independent = np.stack([draws.normal(f"course {purpose} {name}", who) for name in COURSES])
        return (root @ independent).astype(np.float32)

    return correlated("standing"), correlated("wave a"), correlated("wave b")


def standing(
    people, course: str, day: int | np.ndarray, index: np.ndarray | slice = slice(None)
) -> np.ndarray:
    """The z-score of each person of `index` in a course on a day (float32)."""
    k = COURSES.index(course)
    phase = np.float32(2 * np.pi / (DRIFT_YEARS * YEAR)) * np.asarray(day, np.float32)
    lasting, drift = np.float32((1 - DRIFT_SHARE) ** 0.5), np.float32(DRIFT_SHARE**0.5)
    wave = people.za[k, index] * np.cos(phase) + people.zb[k, index] * np.sin(phase)
    return lasting * people.z[k, index] + drift * wave


def untreated(course: str, z: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """The value at a standing, before any treatment; `cell` is the place in a flat [sex, age] table."""
    mean, sd, is_log = table()[course]
    value = mean.ravel().take(cell) + sd.ravel().take(cell) * z
    return np.exp(value) if is_log else value
