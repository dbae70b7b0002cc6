"""The frozen reference table: what makes published incidence and published relative risks hold together.

For every disease, kind of visit and death: the mean relative risk of the people at risk, by sex and age, in
a large
reference population on 1 January 2019; the share of deaths that the disease files model; and the mean
effect of treatment on each course. It is computed once, by

    python -m lhs_helpers.patients.reference

and stored as data/mean_risks.csv. A later fall in smoking, or a better treatment, then really changes
incidence.
"""

import hashlib
import os

import numpy as np
import pandas as pd
from tqdm import tqdm

from lhs_helpers import paths
from lhs_helpers.patients import courses, life, population
from lhs_helpers.patients.calendar import NEVER, YEAR, january
from lhs_helpers.patients.diseases import FOLDER, disease_file
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.moment import AGES, VISITS, Moment, treatment_effect
from lhs_helpers.patients.people import SEXES, People
from lhs_helpers.patients.world import DATA, REFERENCE_YEAR, World, life_table, mean_risks

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
    for what in [*world.risks, *(f"effect on {c}" for c in _treated_courses(world)), *map(_brought, VISITS)]:
        result[what] = _smooth(sums[f"{what}, sum"]) / _smooth(sums[f"{what}, n"])
    years, hazards = life_table()
    died = _smooth(sums["deaths modelled"]) / _smooth(sums["years"])
    result["share of deaths modelled"] = np.clip(died / hazards[list(years).index(REFERENCE_YEAR)], 0, 0.9)
    return result


def _observe(world: World, batch: int) -> dict[str, np.ndarray]:
    """Sums by [sex, age] over one batch of people, lived to the reference year and through it."""
    start = january(REFERENCE_YEAR)
    people = population.residents(world, 1 + batch * 1_000_000, BATCH, REFERENCE_YEAR)
    now = Moment(world, people, start)
    sums: dict[str, np.ndarray] = {}

    def add(what: str, value: np.ndarray | float, among: np.ndarray) -> None:
        cell = people.sex[among].astype(int) * AGES + now.age_years[among]
        values = np.broadcast_to(value, among.shape)[among]
        sums[f"{what}, sum"] = np.bincount(cell, values, 2 * AGES).reshape(2, AGES)
        sums[f"{what}, n"] = np.bincount(cell, minlength=2 * AGES).reshape(2, AGES).astype(float)

    everybody = np.ones(len(people), bool)
    for key in world.risks:
        add(key, now.relative_risk(key), at_risk(world, people, key))
    for course in _treated_courses(world):
        frozen = world.table(f"effect on {course}", 0.0)[people.sex, now.age_years]
        add(
            f"effect on {course}",
            frozen + treatment_effect(world, course, now.cell, now.taking),
            everybody,
        )
    for kind in VISITS:
        add(_brought(kind), _visits_brought(world, people, now, kind), everybody)
    life.step(world, people, start, january(REFERENCE_YEAR + 1))
    cell = people.sex.astype(int) * AGES + now.age_years
    lived = np.minimum(people.death, january(REFERENCE_YEAR + 1)) - start
    sums["years"] = np.bincount(cell, lived / YEAR, 2 * AGES).reshape(2, AGES)
    killed = (people.death < january(REFERENCE_YEAR + 1)) & (people.cause >= 0)
    sums["deaths modelled"] = np.bincount(cell, killed, 2 * AGES).reshape(2, AGES)
    return sums


def at_risk(world: World, people: People, key: str) -> np.ndarray:
    """Whom the published rate of a process is about: those without the disease, or everybody (boolean)."""
    everybody = np.ones(len(people), bool)
    if key not in world.index:
        return everybody
    disease = world.diseases[world.index[key]]
    again = disease.kind == "event" and disease.recurrence is None
    return everybody if again else people.onset[world.index[key]] == NEVER


def _brought(kind: str) -> str:
    return f"{kind} visits for diseases"


def _visits_brought(world: World, people: People, now: Moment, kind: str) -> np.ndarray:
    """Expected visits of a kind in a year that events bring, and cancers that show themselves: per person."""
    hazards, total = now.hazards(), np.zeros(len(people))
    place = {"office": "symptom"}.get(kind, kind)
    for k in world.of_kind("event"):
        yearly = life.recurring(world, people, k, hazards[k], now.day)
        total += yearly * world.diseases[k].visits.places.get(place, 0.0)
    if kind == "office":
        for k in world.of_kind("cancer"):
            shows = (people.surfaces[k] >= now.day) & (people.surfaces[k] < now.day + YEAR)
            total += shows & (people.diagnosed[k] == NEVER)
    return total


def extension(diseases: list[str]) -> dict[str, np.ndarray]:
    """Mean relative risks of the diseases that the stored table lacks; computed once, then cached.

    Other rows stay as they are: a reader's disease changes nothing for those who do not have it.
    """
    files = sorted(disease_file(name) for name in diseases)
    content = "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    name = hashlib.sha256(f"{content}{paths.package_hash('patients')}".encode()).hexdigest()[:16]
    cached = paths.cache_folder() / f"mean_risks_{name}.npz"
    keys = [path.stem for path in files if path.parent != FOLDER or path.stem not in mean_risks()]
    if not cached.exists():
        world = World(Draws(2019), diseases, tables=mean_risks())
        sums = _observe(world, 0)
        rows = {key: _smooth(sums[f"{key}, sum"]) / _smooth(sums[f"{key}, n"]) for key in keys}
        cached.parent.mkdir(parents=True, exist_ok=True)
        own = cached.with_suffix(f".{os.getpid()}.tmp")
        with open(own, "wb") as file:
            np.savez(file, **rows)
        os.replace(own, cached)
    with np.load(cached, allow_pickle=False) as file:
        return {key: file[key] for key in keys}


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
    compute().to_csv(DATA / "mean_risks.csv", index=False)
