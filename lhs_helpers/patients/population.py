"""Where people come from: births over a century, the lives they led before the record began, newcomers.

People are born in numbers such that those who survive make up the census pyramid, and live unrecorded in
yearly steps until they enter. Nobody is made ill: whoever has a disease at entry got it by living.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lhs_helpers.patients import care, courses, life
from lhs_helpers.patients.calendar import NEVER, YEAR, january, year_of
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.people import EDUCATION, INSURANCE, RACES, SEXES, People, never
from lhs_helpers.patients.scenarios import Newcomers
from lhs_helpers.patients.sites import Site
from lhs_helpers.patients.world import World, life_table

DATA = Path(__file__).parent / "data"
BLOCK_YEARS = 12  # the dead and the unborn are set aside for so long
BIRTHS_PER_YEAR = (
    0.011  # per resident: CDC National Vital Statistics, 3.6 million births a year among 331 million
)
NEWCOMERS_PER_YEAR = 0.035  # per resident; with LEAVERS_PER_YEAR our assumption of a stable catchment
LEAVERS_PER_YEAR = 0.035
YEARS_TO_STOP = 1.0  # who does not stay with a treatment stops within a year on average: our assumption
EDUCATION_SHARES = (0.15, 0.22, 0.31, 0.32)  # adults, NHANES 2009-2012, rounded; in the order of EDUCATION


@cache
def _pyramid(year: int) -> tuple[np.ndarray, float]:
    """Cumulative shares of (sex, age) among those born to be of that age on 1 January, and births per survivor."""
    census = pd.read_csv(DATA / "population_2020.csv")[list(SEXES)].to_numpy().T.astype(float)
    ages = np.arange(census.shape[1])
    years, hazards = life_table()
    survival = np.ones_like(census)
    for age in ages[1:]:
        lived = np.arange(age)
        rows = np.abs(years[:, None] - (year - age + lived)).argmin(axis=0)
        survival[:, age] = np.exp(-hazards[rows, :, lived].sum(axis=0))
    born = census / np.maximum(survival, 0.004)
    return np.cumsum(born.ravel()) / born.sum(), born.sum() / census.sum()


def found(world: World, ids: np.ndarray, year: int, entry: np.ndarray) -> People:
    """People with these ids, whose age on 1 January of `year` follows the census among survivors, alive at
    birth.

    `entry` is the day each joins the catchment; an entry before that 1 January means they live there already.
    """
    people = _born(world, ids, year, entry)
    first = year_of(int(people.birth.min(initial=january(year))))
    for decade in range(first, year, BLOCK_YEARS):
        end = min(decade + BLOCK_YEARS, year)
        living = np.flatnonzero((people.birth < january(end)) & (people.death == NEVER))
        block = people.take(living)
        for past in range(decade, end):
            life.step(world, block, january(past), january(past + 1))
            care.unrecorded(world, block, january(past), january(past + 1))
        people.put(living, block)
    return people


def residents(world: World, first_id: int, patients: int, year: int) -> People:
    """Exactly `patients` people who are alive on 1 January of `year`, in the order of their ids."""
    _, births_per_survivor = _pyramid(year)
    count = int(patients * births_per_survivor * 1.06) + 40
    while True:
        ids = first_id + np.arange(count)
        people = found(world, ids, year, np.full(count, january(year), np.int32))
        alive = np.flatnonzero(people.alive(january(year)))
        if alive.size >= patients:
            return people.take(alive[:patients])
        count = int(count * 1.1)


def arrivals(world: World, first_id: int, patients: int, year: int, years: int = 10) -> People:
    """Newcomers and births of the next `years` years around a population of `patients`, with their days of entry."""
    newcomers = round(patients * NEWCOMERS_PER_YEAR * years * _pyramid(year)[1])
    ids = first_id + np.arange(newcomers)
    entry = january(year) + world.draws.uniform("entry", ids) * years * YEAR
    moved = found(world, ids, year, entry.astype(np.int32))
    moved = moved.take(moved.alive(january(year)))
    ids = first_id + newcomers + np.arange(round(patients * BIRTHS_PER_YEAR * years))
    births = (january(year) + 1 + world.draws.uniform("birth", ids) * years * YEAR).astype(np.int32)
    babies = _born(world, ids, year, births, births)
    return moved.join(babies)


def here(people: People, year: int) -> np.ndarray:
    """Index of those who live in the catchment at some time of a calendar year.

    It is the same on every day of that year, so that a year may be lived in parts.
    """
    first, next_ = january(year), january(year + 1)
    return np.flatnonzero((people.entry < next_) & (people.left >= first) & (people.death >= first))


def live_elsewhere(world: World, people: People, here: np.ndarray, year: int) -> None:
    """A year of all others: who has left, and who has yet to come, lives unrecorded (changes `people`)."""
    first, next_ = january(year), january(year + 1)
    away = (people.birth < next_) & (people.death >= first)
    away[here] = False
    index = np.flatnonzero(away)
    others = people.take(index)
    life.step(world, others, first, next_)
    care.unrecorded(world, others, first, next_)
    people.put(index, others)


def _born(
    world: World, ids: np.ndarray, year: int, entry: np.ndarray, birth: np.ndarray | None = None
) -> People:
    draws, n = world.draws, ids.size
    keys = [disease.key for disease in world.diseases]
    diseases, treatments = len(keys), len(world.treatments)
    u = draws.uniform("age and sex", ids)
    shares, _ = _pyramid(year)
    sex, age = np.divmod(np.searchsorted(shares, u), shares.size // 2)
    if birth is None:
        birth = january(year) - (age + draws.uniform("birthday", ids)) * YEAR
    birth = np.asarray(birth).astype(np.int32)
    race, insurance = np.zeros((2, n), np.int8)
    u_race, u_insurance = draws.uniform("race", ids), draws.uniform("insurance", ids)
    for mix, mine in _mixes(world, np.asarray(entry)):
        race[mine] = np.searchsorted(np.cumsum(mix.races), u_race[mine]).clip(max=len(RACES) - 1)
        limits = [1 - mix.uninsured - mix.public, 1 - mix.uninsured]
        insurance[mine] = np.searchsorted(limits, u_insurance[mine])
    education = np.searchsorted(np.cumsum(EDUCATION_SHARES), draws.uniform("education", ids)).clip(
        max=len(EDUCATION) - 1
    )
    z, za, zb = courses.standings(draws, ids)
    starts, quits, cigarettes = smoking(draws, ids, sex, birth)
    attends = _gamma(draws, "attends", ids) * np.where(insurance == INSURANCE.index("none"), 0.55, 1.0)
    attends *= world.site.visits
    keeps = never(treatments, n)
    for j, (_, treatment) in enumerate(world.treatments):
        stops = draws.uniform(f"adherence {treatment.code}", ids) >= treatment.adherence
        keeps[j, stops] = YEARS_TO_STOP * YEAR * draws.exponential(f"stops {treatment.code}", ids[stops])
    stays = draws.exponential("stays", ids) / LEAVERS_PER_YEAR * YEAR
    return People({
        "id": ids.astype(np.int64), "birth": birth, "entry": np.asarray(entry, np.int32), "death": never(n),
        "left": np.minimum(np.asarray(entry) + stays, NEVER).astype(np.int32),
        "sex": sex.astype(np.int8), "race": race, "education": education.astype(np.int8),
        "insurance": insurance, "cause": np.full(n, -1, np.int8),
        "smoke_start": starts, "smoke_quit": quits, "cigarettes": cigarettes,
        "z": z, "za": za, "zb": zb, "attends": attends.astype(np.float32),
        "frailty": np.stack([draws.normal(f"frailty {k}", ids) for k in keys]).astype(np.float32),
        "need": np.stack([draws.exponential(f"{k} onset", ids) for k in keys]),
        "survive": draws.exponential("death", ids),
        "onset": never(diseases, n), "diagnosed": never(diseases, n), "surfaces": never(diseases, n),
        "latest": never(diseases, n), "stage": np.full((diseases, n), -1, np.int8),
        "doom": never(n), "doom_cause": np.full(n, -1, np.int8), "started": never(treatments, n),
        "keeps": keeps, "known": never(n), "scan": never(len(world.screenings), n),
        "wellness": np.full(n, -NEVER, np.int32),
    })  # fmt: skip


def _mixes(world: World, entry: np.ndarray) -> list[tuple[Site, np.ndarray]]:
    """The mix of people of the site, and of scenarios for those who move in later, with whom it concerns."""
    mixes = [(world.site, np.ones(entry.size, bool))]
    changes = [s for s in world.scenarios if isinstance(s, Newcomers)]
    return mixes + [(s.mix, entry >= s.begins) for s in sorted(changes, key=lambda s: s.begins)]


def _gamma(draws: Draws, purpose: str, ids: np.ndarray) -> np.ndarray:
    """Mean 1, variance 1/2: half the sum of two exponentials."""
    return (draws.exponential(f"{purpose} 1", ids) + draws.exponential(f"{purpose} 2", ids)) / 2


def smoking(
    draws: Draws, ids: np.ndarray, sex: np.ndarray, birth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days of starting and quitting (NEVER if not), and cigarettes a day, by sex and birth cohort.

    Share ever smoking, age at starting, share of smokers who have quit by each age, and cigarettes: CISNET cohort
    figures, the shares fitted to those who survive (data/README.md); interpolated between birth cohorts.
    """
    table = pd.read_csv(DATA / "smoking.csv")
    born = np.clip((birth / YEAR + 1970), 1920, 2000)
    value = {c: _by_cohort(table, c, sex, born) for c in table.columns if c not in ("birth_year", "sex")}
    smoker = draws.uniform("smokes", ids) < value["ever_smokers"]
    p10, p50, p90 = (value[f"start_age_p{p}"] for p in (10, 50, 90))
    start_age = _quantile(
        draws.uniform("starts", ids), [0, 0.1, 0.5, 0.9, 1], [p10 - 2, p10, p50, p90, p90 + 8]
    )
    ages = [25, 30, 40, 50, 60, 70, 80, 90]
    quit_age = _crossing_age(draws.uniform("quits", ids), ages, [value[f"quit_by_{a}"] for a in ages])
    quit_age = np.maximum(quit_age, start_age + 1)
    c10, c50, c90 = (value[f"cigarettes_p{p}"] for p in (10, 50, 90))
    cigarettes = _quantile(
        draws.uniform("cigarettes", ids), [0, 0.1, 0.5, 0.9, 1], [1 + 0 * c10, c10, c50, c90, 60 + 0 * c90]
    )
    start = np.where(smoker, birth + start_age * YEAR, NEVER).astype(np.int32)
    quit_day = np.where(smoker & np.isfinite(quit_age), birth + np.minimum(quit_age, 200) * YEAR, NEVER)
    return start, quit_day.astype(np.int32), cigarettes.astype(np.float32)


def _by_cohort(table: pd.DataFrame, column: str, sex: np.ndarray, born: np.ndarray) -> np.ndarray:
    values = np.empty(born.size)
    for k, name in enumerate(SEXES):
        mine, curve = sex == k, table[table.sex == name]
        values[mine] = np.interp(born[mine], curve.birth_year, curve[column])
    return values


def _quantile(u: np.ndarray, levels: list[float], values: list[np.ndarray]) -> np.ndarray:
    """The u-quantile of each person's own distribution, linear between the levels."""
    result = values[0].copy()
    for lo, hi, a, b in zip(levels[:-1], levels[1:], values[:-1], values[1:], strict=True):
        result = np.where(u >= lo, a + (u - lo) / (hi - lo) * (b - a), result)
    return result


def _crossing_age(u: np.ndarray, ages: list[float], shares: list[np.ndarray]) -> np.ndarray:
    """The age at which each person's cumulative share passes u: linear between the ages; infinite after the last."""
    result = np.full(u.size, np.inf)
    edges = [(15, 0 * u), *zip(ages, shares, strict=True)]
    for (a, low), (b, high) in zip(reversed(edges[:-1]), reversed(edges[1:]), strict=True):
        result = np.where(u < high, a + (u - low) / np.maximum(high - low, 1e-9) * (b - a), result)
    return result
