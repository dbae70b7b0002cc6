"""The frozen reference table: what makes published incidence and published relative risks hold together.

For every disease, kind of visit and death: the mean relative risk of the people at risk, by sex and age, in
a large
reference population on 1 January 2019; the share of deaths that the disease files model; and the mean
effect of treatment on each course. It is computed once, by

    python -m lhs_helpers.patients.reference

and stored as data/reference.csv. A later fall in smoking, or a better treatment, then really changes
incidence.
"""

import numpy as np
import pandas as pd
from tqdm import tqdm

from lhs_helpers.patients import courses, life, population
from lhs_helpers.patients.calendar import NEVER, YEAR, january
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.people import SEXES
from lhs_helpers.patients.world import AGES, DATA, Moment, World, life_table, treatment_effect

YEAR_OF_REFERENCE = 2019
BATCH = 50_000
SMOOTHING_YEARS = 2.5


def compute(
    rounds: tuple[int, ...] = (100_000, 100_000, 100_000, 200_000, 500_000), seed: int = 2019
) -> pd.DataFrame:
    """The reference table as rows of (what, sex, age, value).

    Mean risks depend on who has which disease, which depends on mean risks: a few rounds settle it.
    `rounds` says how many people each round has.
    """
    tables: dict[str, np.ndarray] = {}
    for people in rounds:
        tables = _round(tables, people, seed)
    index = pd.MultiIndex.from_product([sorted(tables), SEXES, range(AGES)], names=["what", "sex", "age"])
    values = np.concatenate([tables[what].ravel() for what in sorted(tables)]).round(5)
    return pd.DataFrame({"value": values}, index=index).reset_index()


def _round(tables: dict[str, np.ndarray], people: int, seed: int) -> dict[str, np.ndarray]:
    sums: dict[str, np.ndarray] = {}
    for batch in tqdm(range(max(people // BATCH, 1)), desc="reference population", leave=False):
        world = World(Draws(seed), tables=tables)
        for what, value in _observe(world, batch).items():
            sums[what] = sums.get(what, 0) + value
    result = {}
    for what in [*world.risks, *(f"effect on {c}" for c in _treated_courses(world))]:
        result[what] = _smooth(sums[f"{what}, sum"]) / _smooth(sums[f"{what}, n"])
    years, hazards = life_table()
    died = _smooth(sums["deaths modelled"]) / _smooth(sums["years"])
    result["share of deaths modelled"] = np.clip(died / hazards[list(years).index(YEAR_OF_REFERENCE)], 0, 0.9)
    return result


def _observe(world: World, batch: int) -> dict[str, np.ndarray]:
    """Sums by [sex, age] over one batch of people, lived to the reference year and through it."""
    start = january(YEAR_OF_REFERENCE)
    people = population.residents(world, 1 + batch * 1_000_000, BATCH, YEAR_OF_REFERENCE)
    now = Moment(world, people, start)
    sums: dict[str, np.ndarray] = {}

    def add(what: str, value: np.ndarray | float, among: np.ndarray) -> None:
        cell = people.sex[among].astype(int) * AGES + now.age_years[among]
        values = np.broadcast_to(value, among.shape)[among]
        sums[f"{what}, sum"] = np.bincount(cell, values, 2 * AGES).reshape(2, AGES)
        sums[f"{what}, n"] = np.bincount(cell, minlength=2 * AGES).reshape(2, AGES).astype(float)

    everybody = np.ones(len(people), bool)
    for key in world.risks:
        at_risk = people.onset[world.index[key]] == NEVER if key in world.index else everybody
        add(key, now.relative_risk(key), at_risk)
    for course in _treated_courses(world):
        frozen = world.table(f"effect on {course}", 0.0)[people.sex, now.age_years]
        add(
            f"effect on {course}",
            frozen + treatment_effect(world, people, course, start, now.age_years),
            everybody,
        )
    life.step(world, people, start, january(YEAR_OF_REFERENCE + 1))
    cell = people.sex.astype(int) * AGES + now.age_years
    lived = np.minimum(people.death, january(YEAR_OF_REFERENCE + 1)) - start
    sums["years"] = np.bincount(cell, lived / YEAR, 2 * AGES).reshape(2, AGES)
    killed = (people.death < january(YEAR_OF_REFERENCE + 1)) & (people.cause >= 0)
    sums["deaths modelled"] = np.bincount(cell, killed, 2 * AGES).reshape(2, AGES)
    return sums


def _treated_courses(world: World) -> list[str]:
    return [c for c in courses.COURSES if any(t.course == c for _, t in world.treatments)]


def _smooth(table: np.ndarray) -> np.ndarray:
    """Sums over neighbouring ages, weighted; the few above 100 share one cell."""
    table = table.copy()
    table[:, 100:] = table[:, 100:].sum(axis=1, keepdims=True)
    ages = np.arange(AGES)
    kernel = np.exp(-0.5 * ((ages[:, None] - ages) / SMOOTHING_YEARS) ** 2)
    return table @ kernel + 1e-9


if __name__ == "__main__":
    compute().to_csv(DATA / "reference.csv", index=False)
