"""A look at people who live without records: a survey of everybody, a year of care, and cases of disease.

`look` lives one batch of people from the reference year on and returns what `realism` holds against published
figures. Rates are sums of true hazards on 1 January wherever that is possible, so that they carry little noise.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import gamma

from lhs_helpers.patients import care, courses, life, measures
from lhs_helpers.patients.calendar import NEVER, YEAR, january, months
from lhs_helpers.patients.moment import AGES, Moment, taking
from lhs_helpers.patients.people import People
from lhs_helpers.patients.world import REFERENCE_YEAR, World

COHORT_FROM = 45  # youngest age kept person by person (years)
HIDDEN_YEARS = 25  # a cancer that hides for longer is left out
MEASURED = ("bmi", "systolic", "diastolic", "total_cholesterol", "hdl", "triglycerides", "hba1c", "egfr")

Columns = dict[str, np.ndarray]


@dataclass
class Sample:
    """What one batch of people showed.

    Attributes
    ----------
    survey : a column an attribute, an entry a person, on 1 January of the reference year: "age" (years), "sex",
        "smokes", "systolic" (measured once), "stroke ill", "stroke diagnosed", "stroke incidence" (true yearly
        rate), ...
    sums : by [sex, age], over the reference year: "years" (lived), "office", "emergency", "inpatient" (visits),
        "killed" (by a modelled disease); and on its first day "people" and "other death" (summed hazards).
    cases : disease -> a row a case: cancers in an enriched cohort (stage, survives), acute events (dies).
    cohort : a row a person of 45 or more: the survey, usual values, treatments taken, and the days of what came.
    counts : [(expected, counted), process]: first onsets of each disease, then deaths from other causes.
    """

    survey: Columns
    sums: Columns
    cases: dict[str, pd.DataFrame]
    cohort: pd.DataFrame
    counts: np.ndarray


def look(world: World, people: People, follow_years: int) -> Sample:
    """Look at residents of the reference year, and live them on for `follow_years` years (changes `people`)."""
    day = january(REFERENCE_YEAR)
    people.left[:] = NEVER  # nobody moves away while we look
    now = Moment(world, people, day)
    noted = _survey(now)
    survey = noted | _incidence(now)
    cases = {
        d.key: _enriched(world, people, k, day) for k, d in enumerate(world.diseases) if d.kind == "cancer"
    }
    kept = np.flatnonzero(survey["age"] >= COHORT_FROM)
    cohort = {name: _small(column[kept]) for name, column in (noted | _usual(now)).items()}
    sums, struck = _year(world, people, now)
    counts = np.zeros((2, len(world.diseases) + 1))
    for year in range(REFERENCE_YEAR + 1, REFERENCE_YEAR + follow_years):
        counts += _later(world, people, january(year), january(year + 1), struck)
    cases |= {d.key: _fatal(people, struck[k]) for k, d in enumerate(world.diseases) if d.fatality}
    cohort |= {"death": people.death[kept]}
    for k, disease in enumerate(world.diseases):
        cohort |= {f"{disease.key} onset": people.onset[k, kept]}
        cohort |= {f"{disease.key} known from": people.diagnosed[k, kept]}
    return Sample(survey, sums, cases, pd.DataFrame(cohort), counts)


def _small(column: np.ndarray) -> np.ndarray:
    return column.astype(np.float32) if column.dtype == np.float64 else column


def _survey(now: Moment) -> Columns:
    """What a survey would note of everybody: one measurement each, who smokes, who is ill, who knows."""
    people, day = now.people, now.day
    started, stopped = people.smoke_start <= day, people.smoke_quit <= day
    last = np.minimum(people.smoke_quit, day)
    bed = measures.Bedside(
        now.world, people, np.arange(len(people)), np.full(len(people), day, np.int32), np.zeros(1, np.int64)
    )
    rows = {row.measure: row for row in measures.table().itertuples()}
    pressure_drugs = [j for j, (_, t) in enumerate(now.world.treatments) if t.course == "systolic"]
    columns = {
        "age": people.age(day), "sex": people.sex, "race": people.race, "education": people.education,
        "smokes": started & ~stopped, "used to smoke": started & stopped, "cigarettes": people.cigarettes,
        "years smoked": np.where(started, (last - people.smoke_start) / YEAR, 0.0),
        "years since quitting": np.where(started & stopped, (day - last) / YEAR, 0.0),
        "takes a pressure drug": taking(people, pressure_drugs, day),
    }  # fmt: skip
    columns |= {name: bed.measured(rows[name], bed.who) for name in MEASURED}
    for k, disease in enumerate(now.world.diseases):
        columns[f"{disease.key} ill"] = people.onset[k] <= day
        columns[f"{disease.key} diagnosed"] = people.diagnosed[k] <= day
    return columns


def _usual(now: Moment) -> Columns:
    """What no survey sees without error: usual values, and who takes which treatment as prescribed."""
    columns = {f"usual {name}": now.course(name) for name in courses.COURSES}
    for j, (_, treatment) in enumerate(now.world.treatments):
        columns[f"takes {treatment.code}"] = taking(now.people, [j], now.day)
    return columns


def _incidence(now: Moment) -> Columns:
    """True yearly rate of a first diagnosis (cancers) or a first onset, per resident, whoever has had one too."""
    people, world = now.people, now.world
    rates = now.hazards()[:-1] * (people.onset > now.day)
    cancers = world.of_kind("cancer")
    rates[cancers] = _shows_itself(world, people, cancers, now.day)
    return {f"{disease.key} incidence": rates[k] for k, disease in enumerate(world.diseases)} | {
        "other death": now.hazard("death")
    }


def _shows_itself(world: World, people: People, cancers: list[int], day: int) -> np.ndarray:
    """Yearly rate, on a day, at which hidden cancers show themselves: past hazards, weighted by how long they hide."""
    rates = np.zeros((len(cancers), len(people)))
    hidden = [world.diseases[k].hidden for k in cancers]
    for ago in range(1, HIDDEN_YEARS + 1):
        then = Moment(world, people, january(REFERENCE_YEAR - ago))
        share = [
            np.diff(gamma.cdf([ago - 1, ago], h.shape, scale=h.mean_years / h.shape)).item() for h in hidden
        ]
        begun = people.onset[cancers] < then.day
        rates += np.array(share).reshape(-1, 1) * np.where(begun, 0, then.hazards()[cancers])
    return np.where(people.surfaces[cancers] < day, 0, rates)


def _enriched(world: World, people: People, k: int, day: int) -> pd.DataFrame:
    """Cancer k shows itself today in everybody: age, stage, and whether they outlive it by five years."""
    free = (people.onset[k] == NEVER) & (people.doom == NEVER)
    disease, ill = world.diseases[k], people.take(np.flatnonzero(free))
    ill.onset[k], ill.surfaces[k] = day, day
    life.step(world, ill, day, day + 1)
    killed = (ill.doom_cause == k) & (ill.doom < day + 5 * YEAR)
    stage = np.array(disease.stages.names)[ill.stage[k]]
    cases = pd.DataFrame({"age": ill.age(day), "sex": ill.sex, "stage": stage, "survives": ~killed})
    return cases[ill.diagnosed[k] == day]


def _year(world: World, people: People, now: Moment) -> tuple[Columns, dict[int, list]]:
    """A year of care, by month: person-years, visits and modelled deaths by [sex, age]; and acute events."""
    sums = {name: np.zeros((2, AGES)) for name in ("years", "office", "emergency", "inpatient", "killed")}
    everybody = np.ones(len(people), bool)
    sums["people"] = _by_cell(now.age_years, people, everybody)
    sums["other death"] = _by_cell(now.age_years, people, now.hazard("death"))
    struck: dict[int, list] = {k: [] for k in world.of_kind("event")}
    for day, until in months(january(REFERENCE_YEAR), january(REFERENCE_YEAR + 1)):
        happened = life.step(world, people, day, until)
        visits = care.month(world, people, day, until, happened)
        _note(struck, people, happened)
        age = np.clip(people.age(day), 0, AGES - 1).astype(int)
        sums["years"] += _by_cell(age, people, np.clip(np.minimum(people.death, until) - day, 0, None) / YEAR)
        sums["killed"] += _by_cell(
            age, people, (people.death >= day) & (people.death < until) & (people.cause >= 0)
        )
        for kind in ("office", "emergency", "inpatient"):
            of_kind = [k for k, name in enumerate(care.KINDS) if _place(name) == kind]
            number = np.bincount(visits.who[np.isin(visits.kind, of_kind)], minlength=len(people))
            sums[kind] += _by_cell(age, people, number)
    return sums, struck


def _place(kind: str) -> str:
    return kind if kind in ("emergency", "inpatient") else "office"


def _by_cell(age_years: np.ndarray, people: People, value: np.ndarray) -> np.ndarray:
    cell = people.sex.astype(int) * AGES + age_years
    return np.bincount(cell, value, 2 * AGES).reshape(2, AGES)


def _note(struck: dict[int, list], people: People, happened: list[life.Happening]) -> None:
    for h in happened:
        if h.disease in struck:
            struck[h.disease].append((h.who, h.day))


def _fatal(people: People, struck: list) -> pd.DataFrame:
    """Acute events: age, sex and whether the person was dead 30 days later."""
    who, day = (np.concatenate([np.empty(0, np.int64), *(part[i] for part in struck)]) for i in range(2))
    age = (day - people.birth[who]) / YEAR
    return pd.DataFrame({"age": age, "sex": people.sex[who], "dies": people.death[who] - day <= 30})


def _later(world: World, people: People, day: int, until: int, struck: dict[int, list]) -> np.ndarray:
    """A year without visits: (expected, counted) first onsets of each disease, then deaths from other causes."""
    hazards, fresh = Moment(world, people, day).hazards(), people.onset == NEVER
    alive = people.death > day
    _note(struck, people, life.step(world, people, day, until))
    care.unrecorded(world, people, day, until)
    end = np.minimum(people.death, until)
    time = np.clip(np.minimum(people.onset, end) - day, 0, None) * fresh / YEAR
    expected = [*(hazards[:-1] * time).sum(axis=1), (hazards[-1] * np.clip(end - day, 0, None)).sum() / YEAR]
    counted = [*(fresh & (people.onset < until)).sum(axis=1)]
    counted.append((alive & (people.death < until) & (people.cause < 0)).sum())
    return np.array([expected, counted])
