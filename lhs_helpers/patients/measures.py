"""What is measured at a visit and what the instrument shows: courses, links between values, signs, noise."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr

from lhs_helpers.patients import courses
from lhs_helpers.patients.calendar import NEVER, YEAR
from lhs_helpers.patients.draws import LEVELS, noise
from lhs_helpers.patients.moment import cell, taking, treatment_effect
from lhs_helpers.patients.people import People
from lhs_helpers.patients.world import World

SHIFT_YEARS_OF_A1C = 2.0
WRONG_READINGS, WRONG_BY = 0.004, 6.0  # our assumption


@cache
def _of_readings() -> np.ndarray:
    """Quantiles of the error of a reading, in standard deviations: normal, but for a few that went wrong.

    A loose cuff, a haemolysed sample, a slip of the pen: WRONG_READINGS of all, WRONG_BY times as far off.
    """
    grid = np.linspace(-30, 30, 60_001)
    below = (1 - WRONG_READINGS) * ndtr(grid) + WRONG_READINGS * ndtr(grid / WRONG_BY)
    levels = np.interp((np.arange(LEVELS) + 0.5) / LEVELS, below, grid)
    return levels.astype(np.float32)


@cache
def table() -> pd.DataFrame:
    """data/measures.csv, one row a measure."""
    return pd.read_csv(Path(__file__).parent / "data" / "measures.csv")


class Bedside:
    """The people of some visits, ready to be measured: each value an array with one entry a visit."""

    def __init__(self, world: World, people: People, who: np.ndarray, day: np.ndarray, ordinal: np.ndarray):
        self.world, self.people, self.who, self.day = world, people, who, day
        self.sex = people.sex[who]
        self.age_years = np.clip(people.age(0)[who] + day / YEAR, 0, 119).astype(np.int16)
        self.cell = cell(self.sex, self.age_years)
        self.when = day.astype(np.int64) * 100 + ordinal
        self._values: dict[str, np.ndarray] = {}
        self._bits: dict[str, np.ndarray] = {}

    def measured(self, row, index: np.ndarray) -> np.ndarray:
        """What the instrument shows for measure `row` at the visits of `index` (float64, rounded, within range)."""
        value = self.of(row)[index]
        value = value + row.within * self._noise(row.Index, index)
        return np.round(np.clip(value, row.low, row.high).astype(np.float64), int(row.digits))

    def value(self, name: str) -> np.ndarray:
        """The true value at every visit."""
        if name not in self._values:
            true = DERIVED[name](self) if name in DERIVED else self._course(name)
            self._values[name] = true + self._signs(name)
        return self._values[name]

    def _course(self, name: str) -> np.ndarray:
        z = courses.standing(self.people, name, self.day, self.who)
        value = courses.untreated(name, z, self.cell)
        for k, disease in enumerate(self.world.diseases):
            if name in disease.becomes:
                ill = courses.untreated(disease.becomes[name], z, self.cell)
                since = (self.day - self.people.onset[k, self.who]) / YEAR
                value = value + np.clip(since / SHIFT_YEARS_OF_A1C + 0.5, 0, 1) * (ill - value)
        return value + treatment_effect(self.world, name, self.cell, self._takes)

    def _takes(self, treatments: list[int]) -> np.ndarray:
        return taking(self.people, treatments, self.day, self.who)

    def _usual(self, row) -> np.ndarray:
        """A measure without a course: the mean of the sex, a person's own lasting difference, signs of disease."""
        if row.measure not in self._values:
            process = f"usual {row.Index // 4}"
            if process not in self._bits:
                self._bits[process] = self.world.draws.bits(process, self.people.id)
            own = noise(self._bits[process], row.Index % 4)[self.who]
            self._values[row.measure] = (
                np.where(self.sex == 0, row.women, row.men) + row.between * own + self._signs(row.measure)
            )
        return self._values[row.measure]

    def of(self, row) -> np.ndarray:
        """The true value of a measure at every visit, whether it follows a course or not."""
        return self.value(row.measure) if isinstance(row.course, str) else self._usual(row)

    def called(self, name: str) -> np.ndarray:
        """The true value of the measure of this name."""
        rows = table()
        return self.of(next(rows[rows.measure == name].itertuples()))

    def _signs(self, name: str) -> np.ndarray | float:
        """What diseases change in a measure: for good after onset, or in the years before one shows itself."""
        total = 0.0
        for k, disease in enumerate(self.world.diseases):
            for shift in disease.shift:
                if shift.measure == name:
                    since = (self.day - self.people.onset[k, self.who]) / (shift.years * YEAR)
                    total = total + shift.change * np.clip(since, 0, 1)
            for sign in disease.sign:
                if sign.measure == name:
                    near = 1 - (self.people.surfaces[k, self.who] - self.day) / (sign.years * YEAR)
                    shown = np.where(self.people.surfaces[k, self.who] < NEVER, np.clip(near, 0, 1), 0)
                    total = total + sign.change * shown
        return total

    def _noise(self, number: int, index: np.ndarray) -> np.ndarray:
        process = f"noise {number // 4}"
        if process not in self._bits:
            self._bits[process] = self.world.draws.bits(process, self.people.id[self.who], self.when)
        return noise(self._bits[process][index], number % 4, _of_readings())


def _creatinine(bed: Bedside) -> np.ndarray:
    """From eGFR, by the CKD-EPI 2021 equation turned round (Inker LA et al., N Engl J Med 2021;385:1737-49)."""
    egfr = np.maximum(bed.value("egfr"), 4)
    female = bed.sex == 0
    kappa, alpha = np.where(female, 0.7, 0.9), np.where(female, -0.241, -0.302)
    ratio = egfr / (142 * np.where(female, 1.012, 1.0) * 0.9938**bed.age_years)
    return kappa * np.where(
        ratio > 1, np.maximum(ratio, 1) ** (1 / alpha), np.minimum(ratio, 1) ** (-1 / 1.2)
    )


DERIVED = {
    "weight": lambda bed: bed.value("bmi") * (bed.value("height") / 100) ** 2,
    # Friedewald WT et al., Clin Chem 1972;18:499-502
    "ldl": lambda bed: bed.value("total_cholesterol") - bed.value("hdl") - bed.value("triglycerides") / 5,
    # Nathan DM et al., Diabetes Care 2008;31:1473-8: estimated average glucose
    "glucose": lambda bed: 28.7 * bed.value("hba1c") - 46.7,
    "creatinine": _creatinine,
    "urea_nitrogen": lambda bed: 6 + 9 * np.maximum(_creatinine(bed), 0.3),
    "hematocrit": lambda bed: 2.95 * bed.called("hemoglobin"),
    "erythrocytes": lambda bed: 10 * bed.called("hemoglobin") / bed.called("mch"),
}
