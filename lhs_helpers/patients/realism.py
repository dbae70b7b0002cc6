"""Are the generated people like real ones? Published figures, what a large population shows, and both side by side.

`published()` is the frozen table data/published.csv: each figure with its source, how sure it is, and the
tolerance it is allowed (its bar; a figure without a source has none). `observe` lives a population without
writing records and looks for the same figures in it; `compare` says of each row whether it holds.

Rates are sums of true hazards wherever that is possible, and so carry little noise; that the counts are what the
hazards say is tested apart (`Observed.counts`). The error of every figure is measured, between batches of people
who share nothing but the world they live in.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import population
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.people import SEXES
from lhs_helpers.patients.survey import Columns, Sample, look
from lhs_helpers.patients.world import REFERENCE_YEAR, World

DATA = Path(__file__).parent / "data"
KEYS = ["quantity", "statistic", "sex", "age_low", "age_high"]
SCALE = {"%": 100.0, "per 1000 person-years": 1e3, "per 100000 person-years": 1e5}


def published() -> pd.DataFrame:
    """The frozen table, one row a figure: `KEYS`, value, unit, tolerance, kind_of_tolerance, sure, source.

    A row is for people from `age_low` up to, and without, `age_high` (years; 121: no upper limit). The kind of
    tolerance is "points" (percentage points), "relative" (a fraction of the value) or "absolute" (in the unit).
    """
    return pd.read_csv(DATA / "published.csv")


@dataclass
class Observed:
    """What a population showed.

    Attributes
    ----------
    figures : `KEYS`, observed, error (one standard error): the rows of `published` that this world has.
    counts : a row a process: expected (summed hazards), counted, z; first onsets, and deaths from other causes.
    cohort : a row a person aged 45 or more on 1 January 2019: what a survey would note, then what came (days).
    """

    figures: pd.DataFrame
    counts: pd.DataFrame
    cohort: pd.DataFrame


def observe(
    people_count: int = 500_000, seed: int = 3, batch: int = 50_000, follow_years: int = 10
) -> Observed:
    """Live record-free people to 2019, look at them, and follow them for some years.

    Parameters
    ----------
    people_count : how many; at least two batches, since errors are measured between them.
    batch : people lived at a time; bounds the memory.

    Raises
    ------
    LHSError
        For fewer than two batches.
    """
    if people_count < 2 * batch:
        raise LHSError(
            f"{people_count:,} people are fewer than two batches of {batch:,}: make the batches smaller."
        )
    rows, values, counts, cohorts = published(), [], [], []
    for number in tqdm(
        range(people_count // batch), desc="people without records", leave=False, disable=None
    ):
        world = World(Draws(seed))
        people = population.residents(world, 1 + number * 1_000_000, batch, REFERENCE_YEAR)
        sample = look(world, people, follow_years)
        values.append([STATISTICS[row.statistic](sample, row) for row in rows.itertuples()])
        counts.append(sample.counts)
        cohorts.append(sample.cohort)
    table = np.array(values, float)
    error = table.std(axis=0, ddof=1) / len(table) ** 0.5
    figures = rows[KEYS].assign(observed=table.mean(axis=0), error=error).dropna(subset="observed")
    return Observed(figures, _z(world, sum(counts)), pd.concat(cohorts, ignore_index=True))


def compare(figures: pd.DataFrame) -> pd.DataFrame:
    """Published and observed side by side.

    Returns
    -------
    pandas.DataFrame
        The rows of `published` that were observed, with observed, error, difference, allowed (the tolerance in
        the unit of the value), `holds` (is the difference allowed; missing where there is no bar) and
        `precise` (is twice the error allowed).
    """
    both = published().merge(figures, on=KEYS)
    relative = both.kind_of_tolerance == "relative"
    allowed = both.tolerance.where(~relative, both.tolerance * both.value.abs())
    difference = both.observed - both.value
    holds = (difference.abs() <= allowed).astype("boolean").where(allowed.notna())
    precise = (2 * both.error <= allowed).astype("boolean").where(allowed.notna())
    return both.assign(difference=difference, allowed=allowed, holds=holds, precise=precise)


def _z(world: World, counts: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(counts.T, [*world.index, "other death"], ["expected", "counted"])
    table = table[table.expected > 0]
    return table.assign(z=(table.counted - table.expected) / table.expected**0.5)


def _cell(columns: Columns | pd.DataFrame, row) -> np.ndarray:
    """Whom a published row is about: a boolean per person."""
    sex = True if row.sex == "all" else columns["sex"] == SEXES.index(row.sex)
    return (columns["age"] >= row.age_low) & (columns["age"] < row.age_high) & sex


def _sum(table: np.ndarray, row) -> float:
    sexes = slice(None) if row.sex == "all" else [SEXES.index(row.sex)]
    return table[sexes, row.age_low : row.age_high].sum()


def _column(name: str):
    """A statistic that is the mean of a survey column, named by the row's quantity and `name`."""

    def mean(sample: Sample, row) -> float:
        column = sample.survey.get(f"{row.quantity} {name}".strip())
        return np.nan if column is None else SCALE[row.unit] * column[_cell(sample.survey, row)].mean()

    return mean


def _rate(sample: Sample, row) -> float:
    years = _sum(sample.sums["years"], row)
    if row.quantity == "death":
        other = _sum(sample.sums["other death"], row) / _sum(sample.sums["people"], row)
        return SCALE[row.unit] * (other + _sum(sample.sums["killed"], row) / years)
    return _sum(sample.sums[row.quantity], row) / years


def _life_expectancy(sample: Sample, row) -> float:
    """Years from birth at the death rates of the year, age by age; the few above 100 share one rate."""
    sex, rates = SEXES.index(row.sex), 0.0
    for above, below in (("other death", "people"), ("killed", "years")):
        top, bottom = (sample.sums[name][sex].copy() for name in (above, below))
        top[100:], bottom[100:] = top[100:].sum(), bottom[100:].sum()
        rates = rates + top / np.maximum(bottom, 1e-9)
    alive = np.exp(-np.concatenate([[0], np.cumsum(rates)]))
    return (alive[:-1] + alive[1:]).sum() / 2


def _correlation(sample: Sample, row) -> float:
    who = _cell(sample.survey, row)
    names = row.quantity.split(" & ")
    pair = [sample.survey[name][who] for name in names]
    return np.corrcoef(
        [np.log(x) if name == "triglycerides" else x for x, name in zip(pair, names, strict=True)]
    )[0, 1]


def _cases(sample: Sample, row, column: str) -> pd.Series | None:
    """A column of the cases that a row is about, such as "stroke" or "lung_cancer stage I"."""
    key, _, stage = row.quantity.partition(" stage ")
    if key not in sample.cases:
        return None
    cases = sample.cases[key][_cell(sample.cases[key], row)]
    return cases[column] if column == "stage" or not stage else cases.loc[cases.stage == stage, column]


def _stage_share(sample: Sample, row) -> float:
    stages = _cases(sample, row, "stage")
    return np.nan if stages is None else 100 * (stages == row.quantity.partition(" stage ")[2]).mean()


def _share_of_cases(column: str):
    def share(sample: Sample, row) -> float:
        cases = _cases(sample, row, column)
        return np.nan if cases is None else 100 * cases.mean()

    return share


STATISTICS = {
    "population share": lambda sample, row: 100 * _cell(sample.survey, row).mean(),
    "years": _life_expectancy,
    "rate": _rate,
    "share": _column(""),
    "ill": _column("ill"),
    "diagnosed": _column("diagnosed"),
    "incidence": _column("incidence"),
    "mean": lambda sample, row: sample.survey[row.quantity][_cell(sample.survey, row)].mean(),
    "sd": lambda sample, row: sample.survey[row.quantity][_cell(sample.survey, row)].std(),
    "correlation": _correlation,
    "share of cases": _stage_share,
    "five-year survival": _share_of_cases("survives"),
    "30-day fatality": _share_of_cases("dies"),
}
