"""What everybody in a hospital's catchment lives under: rates, risks, treatments, in tables ready for the engine."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lhs_helpers.patients import courses
from lhs_helpers.patients.calendar import YEAR, january, year_of
from lhs_helpers.patients.diseases import (
    UNITS,
    Disease,
    Mortality,
    Rates,
    RelativeRisk,
    Treatment,
    VisitRates,
    load_diseases,
    read_file,
)
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.people import RACES, SEXES, People

DATA = Path(__file__).parent / "data"
AGES = 121
VISITS = ("office", "emergency", "inpatient")
REFERENCE_DAY = january(2019)
TREND_DAYS = 30 * YEAR  # trends are not followed further back


def by_age(rates: Rates) -> np.ndarray:
    """The rates as a [sex, age] table, per person-year: log-linear between the ages given, constant above the last.

    Below the first age there are none: a disease of adults does not begin in childhood.
    """
    middles = np.arange(AGES) + 0.5
    curves = [np.interp(middles, rates.age, np.log(np.maximum(r, 1e-12))) for r in (rates.women, rates.men)]
    return np.where(middles < rates.age[0], 0, np.exp(np.stack(curves)) * UNITS[rates.unit])


@cache
def life_table() -> tuple[np.ndarray, np.ndarray]:
    """(years, hazards [year, sex, age]) of death, from the yearly probabilities of the US life table."""
    table = pd.read_csv(DATA / "life_table.csv")
    years = np.array(sorted(table.year.unique()))
    qx = np.stack(
        [
            [g.set_index("age")[s].reindex(range(AGES)).ffill() for s in SEXES]
            for _, g in table.groupby("year")
        ]
    )
    return years, -np.log1p(-np.minimum(qx, 0.999))


@cache
def reference() -> dict[str, np.ndarray]:
    """The frozen table: mean relative risks (and mean treatment effects) by [sex, age], reference population 2019."""
    path = DATA / "reference.csv"
    table = pd.read_csv(path)
    return {
        str(k): g.pivot_table(index="sex", columns="age", values="value").loc[list(SEXES)].to_numpy()
        for k, g in table.groupby("what")
    }


class World:
    """Diseases, rates and treatments of one hospital, with its random numbers."""

    def __init__(
        self, draws: Draws, diseases: list[str] | None = None, tables: dict[str, np.ndarray] | None = None
    ):
        self.draws = draws
        self.diseases: list[Disease] = load_diseases(diseases)
        self.index = {disease.key: k for k, disease in enumerate(self.diseases)}
        self.treatments: list[tuple[int, Treatment]] = [
            (k, t) for k, d in enumerate(self.diseases) for t in d.treatment
        ]
        self.tables = reference() if tables is None else tables
        self.deaths = read_file(DATA / "deaths.toml", Mortality).relative_risk
        self.visits = {kind: read_file(DATA / f"{kind}.toml", VisitRates) for kind in VISITS}
        self.rates = {
            disease.key: self._normalised(disease.key, by_age(disease.incidence)) for disease in self.diseases
        }
        self.rates |= {kind: self._normalised(kind, by_age(v.incidence)) for kind, v in self.visits.items()}
        self.risks = {d.key: d.relative_risk for d in self.diseases} | {
            k: v.relative_risk for k, v in self.visits.items()
        }
        for kind in VISITS:
            self.risks[kind] = self.risks[kind] + [
                RelativeRisk(
                    of=d.key, value=getattr(d.visits, kind), source=d.visits.source, sure=d.visits.sure
                )
                for d in self.diseases
                if getattr(d.visits, kind) != 1
            ]
        self.risks["death"] = self.deaths + [
            RelativeRisk(
                of=d.key, value=d.mortality.relative_risk, source=d.mortality.source, sure=d.mortality.sure
            )
            for d in self.diseases
            if d.mortality
        ]

        self.groups = {"life": [*self.index, "death"]} | {kind: [kind] for kind in VISITS}
        self.terms = {group: Terms(self, keys) for group, keys in self.groups.items()}

    def of_kind(self, kind: str) -> list[int]:
        """The numbers of the diseases of a kind."""
        return [k for k, disease in enumerate(self.diseases) if disease.kind == kind]

    def table(self, what: str, otherwise: float) -> np.ndarray:
        """A frozen [sex, age] table, or a constant where it does not exist yet (while it is being computed)."""
        return self.tables.get(what, np.full((2, AGES), otherwise))

    def rates_on(self, group: str, day: int) -> np.ndarray:
        """Published rates divided by the mean relative risk, on a day: [process, sex x age]."""
        if group != "life":
            return self.rates[group].reshape(1, -1)
        year = year_of(day)
        return np.concatenate([self._disease_rates(day), self.other_causes(year).reshape(1, -1)])

    def _disease_rates(self, day: int) -> np.ndarray:
        """Before the reference year a rate may have been higher; hidden diseases begin years before their diagnosis."""
        decades = max((REFERENCE_DAY - max(day, REFERENCE_DAY - TREND_DAYS)) / (10 * YEAR), 0.0)
        rows = []
        for disease in self.diseases:
            shift = round(disease.hidden.mean_years) if disease.hidden else 0
            ages = np.minimum(np.arange(AGES) + shift, AGES - 1)
            rows.append(self.rates[disease.key][:, ages].ravel() * disease.incidence.per_decade**-decades)
        return np.stack(rows)

    def _normalised(self, key: str, rates: np.ndarray) -> np.ndarray:
        return rates / self.table(key, 1.0)

    @cache  # noqa: B019 - one world lives as long as its shard's run
    def other_causes(self, year: int) -> np.ndarray:
        """Hazard of death from causes no disease file models, by [sex, age], divided by its mean relative risk."""
        years, hazards = life_table()
        k = np.clip(np.searchsorted(years, year), 1, len(years) - 1)
        weight = np.clip((year - years[k - 1]) / (years[k] - years[k - 1]), 0, 1)
        whole = (1 - weight) * hazards[k - 1] + weight * hazards[k]
        return whole * (1 - self.table("share of deaths modelled", 0.0)) / self.table("death", 1.0)


class Terms:
    """What multiplies the rates of some processes, sorted by how it is computed; `row` counts the processes."""

    def __init__(self, world: World, keys: list[str]):
        self.keys = keys
        risks = [(row, risk) for row, key in enumerate(keys) for risk in world.risks[key]]
        self.diseases = [(row, world.index[r.of], np.log(r.value)) for row, r in risks if r.of in world.index]
        self.others = [(row, r) for row, r in risks if r.of not in world.index]
        self.treatments = [
            (row, j, np.log(t.relative_risk[key]))
            for row, key in enumerate(keys)
            for j, (_, t) in enumerate(world.treatments)
            if key in t.relative_risk
        ]


class Moment:
    """The people of a shard on one day, with what risks and measurements need, each computed once."""

    def __init__(self, world: World, people: People, day: int):
        self.world, self.people, self.day = world, people, day
        self.age_years = np.clip(people.age(day), 0, AGES - 1.01).astype(np.int16)
        self.has = people.onset <= day  # [disease, person]
        self._courses: dict[str, np.ndarray] = {}

    def course(self, name: str) -> np.ndarray:
        """The usual value of a course, treatment included."""
        if name not in self._courses:
            value = courses.untreated(
                name, courses.standing(self.people, name, self.day), self.people.sex, self.age_years
            )
            self._courses[name] = value + treatment_effect(
                self.world, self.people, name, self.day, self.age_years
            )
        return self._courses[name]

    def relative_risks(self, group: str) -> np.ndarray:
        """The product of everything that multiplies the rate of each process of a group: [process, person]."""
        people, terms = self.people, self.world.terms[group]
        logs = np.zeros((len(terms.keys), len(people)))
        for row, disease, log in terms.diseases:
            logs[row] += log * self.has[disease]
        for row, treatment, log in terms.treatments:
            logs[row] += log * taking(people, treatment, self.day)
        for row, risk in terms.others:
            logs[row] += self._log(risk, terms.keys[row])
        return np.exp(logs)

    def relative_risk(self, key: str) -> np.ndarray:
        """What multiplies the rate of one disease, of one kind of visit, or of "death"."""
        group = key if key in VISITS else "life"
        return self.relative_risks(group)[self.world.groups[group].index(key)]

    def hazards(self, group: str = "life") -> np.ndarray:
        """Yearly hazards: published rate x relative risk / mean relative risk (frozen table): [process, person].

        The group "life" has the diseases in their order, then death from other causes; the others are kinds of visit.
        """
        cell = self.people.sex.astype(np.int32) * AGES + self.age_years
        return self.world.rates_on(group, self.day)[:, cell] * self.relative_risks(group)

    def hazard(self, key: str) -> np.ndarray:
        """Yearly hazard of one process for each person."""
        group = key if key in VISITS else "life"
        return self.hazards(group)[self.world.groups[group].index(key)]

    def _log(self, risk: RelativeRisk, key: str) -> np.ndarray:
        """The logarithm of one relative risk for each person."""
        people = self.people
        if risk.of == "smoking":
            return np.log(self._smoking(risk))
        if risk.of == "race":
            return np.log([risk.factors.get(race, 1.0) for race in RACES])[people.race]
        if risk.of == "frailty":
            return risk.sd_log * people.frailty[self.world.index[key]] - risk.sd_log**2 / 2
        if risk.of == "attends":
            return np.log(people.attends)
        if risk.at:
            return np.interp(self.course(risk.of), risk.at, np.log(risk.times))
        value = np.clip(self.course(risk.of), *risk.range)
        return np.log(risk.value) / risk.per * (value - risk.zero)

    def _smoking(self, risk: RelativeRisk) -> np.ndarray:
        people = self.people
        ever = people.smoke_start <= self.day
        end = np.minimum(people.smoke_quit, self.day)
        excess = np.array([risk.women, risk.men])[people.sex] - 1
        if risk.dose or risk.duration:
            years = np.clip((end - people.smoke_start) / YEAR, 0, 60)
            excess = excess * (people.cigarettes / 15) ** risk.dose * (years / 45) ** risk.duration
        since = np.maximum(self.day - end, 0) / YEAR
        return 1 + np.where(ever, excess * 0.5 ** (since / risk.half_life_years), 0.0)


def taking(people: People, j: int, day: int | np.ndarray, index=slice(None)) -> np.ndarray:
    """Who of `index` takes treatment j as prescribed on a day."""
    return (people.started[j, index] <= day) & people.adherent[j, index]


def treatment_effect(
    world: World, people: People, course: str, day, age_years: np.ndarray, index=slice(None)
) -> np.ndarray | float:
    """What treatment changes in a course, less the mean change in the reference population (see `courses`)."""
    effect = 0.0
    for j, (_, treatment) in enumerate(world.treatments):
        if treatment.course == course:
            effect = effect + treatment.change * taking(people, j, day, index)
    if isinstance(effect, float):
        return effect
    return effect - world.table(f"effect on {course}", 0.0)[people.sex[index], age_years]
