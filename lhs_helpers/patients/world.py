"""What everybody in a hospital's catchment lives under: rates, risks, treatments, in tables ready for the engine."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from lhs_helpers.patients.calendar import YEAR, january, year_of
from lhs_helpers.patients.disease_form import (
    UNITS,
    Disease,
    Mortality,
    Rates,
    RelativeRisk,
    Screening,
    Treatment,
    VisitRates,
)
from lhs_helpers.patients.diseases import known_diseases, load_diseases, packaged, read_file
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.moment import AGES, VISITS, Terms
from lhs_helpers.patients.people import SEXES, People
from lhs_helpers.patients.scenarios import RateChange, Scenario
from lhs_helpers.patients.sites import Site

DATA = Path(__file__).parent / "data"
REFERENCE_YEAR = 2019
REFERENCE_DAY = january(REFERENCE_YEAR)
TREND_DAYS = 30 * YEAR  # trends are not followed further back


def by_age(rates: Rates) -> np.ndarray:
    """The rates as a [sex, age] table, per person-year: log-linear between the ages given, constant above the last.

    Below the first age there are none: a disease of adults does not begin in childhood.
    """
    middles = np.arange(AGES) + 0.5
    curves = [np.interp(middles, rates.age, np.log(np.maximum(r, 1e-12))) for r in (rates.women, rates.men)]
    return np.where(middles < rates.age[0], 0, np.exp(np.stack(curves)) * UNITS[rates.unit])


def onsets(disease: Disease) -> np.ndarray:
    """Onsets by [sex, age], per person-year.

    Published is the incidence of diagnosis. A disease that hides began years before, and more often than it is
    found: those who die of something else in between are never counted.
    """
    if disease.incidence is None:
        return np.zeros((2, AGES))
    rates = by_age(disease.incidence)
    if disease.hidden is None:
        return rates
    mean, shape = disease.hidden.mean_years, disease.hidden.shape
    later = np.minimum(np.arange(AGES) + round(mean), AGES - 1)
    years, hazards = life_table()
    lived = np.cumsum(hazards[list(years).index(REFERENCE_YEAR)], axis=1)
    # Some hide for longer than others: where incidence rises with age, that alone makes more diagnoses.
    slope = np.clip(np.gradient(np.log(np.maximum(rates, 1e-12)), axis=1), -0.3, 0.3)
    uneven = np.exp(slope * mean) * (1 + slope * mean / shape) ** -shape
    return (rates / uneven)[:, later] * np.exp(lived[:, later] - lived)


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
def mean_risks() -> dict[str, np.ndarray]:
    """The frozen table: mean relative risks (and mean treatment effects) by [sex, age], reference population 2019."""
    table = pd.read_csv(DATA / "mean_risks.csv")
    return {
        str(k): g.pivot_table(index="sex", columns="age", values="value").loc[list(SEXES)].to_numpy()
        for k, g in table.groupby("what")
    }


def _numbered(diseases: list[Disease], things: Callable[[Disease], list]) -> list[int]:
    """A number for each thing of each disease that does not depend on what else is loaded.

    What comes with the package keeps its number; a reader's own comes after. So a new file moves nobody's visits.
    """
    mine = [thing for disease in diseases for thing in things(disease)]
    standard = [thing for disease in packaged() for thing in things(disease)]
    known = {thing: n for n, thing in enumerate(dict.fromkeys(standard + mine))}
    return [known[thing] for thing in mine]


class World:
    """Diseases, rates and treatments of one hospital, with its random numbers."""

    def __init__(
        self,
        draws: Draws,
        diseases: list[str] | None = None,
        tables: dict[str, np.ndarray] | None = None,
        site: Site | None = None,
        scenarios: tuple[Scenario, ...] = (),
    ):
        self.draws, self.site, self.scenarios = draws, site or Site(), scenarios
        self.diseases: list[Disease] = load_diseases(diseases)
        self.index = {disease.key: k for k, disease in enumerate(self.diseases)}
        self.treatments: list[tuple[int, Treatment]] = [
            (k, t) for k, d in enumerate(self.diseases) for t in d.treatment
        ]
        self.numbers = _numbered(self.diseases, lambda d: [d.key])
        self.treatment_numbers = _numbered(self.diseases, lambda d: [(d.key, t.code) for t in d.treatment])
        self.complaint_numbers = _numbered(self.diseases, lambda d: [(d.key, c.code) for c in d.complaint])
        self.screenings: list[tuple[int, Screening]] = [
            (k, d.screening) for k, d in enumerate(self.diseases) if d.screening
        ]
        self.treatments_of = [
            [j for j, (of, _) in enumerate(self.treatments) if of == k] for k in range(len(self.diseases))
        ]
        courses_treated = {t.course for _, t in self.treatments if t.course}
        self.treatments_of_course = {
            course: self.same_treatment(lambda t, course=course: t.course == course)
            for course in sorted(courses_treated)
        }
        self.tables = self._frozen(diseases) if tables is None else tables
        self.deaths = read_file(DATA / "deaths.toml", Mortality).relative_risk
        self.visits = {kind: read_file(DATA / f"{kind}.toml", VisitRates) for kind in VISITS}
        self.rates = {d.key: self._normalised(d.key, onsets(d)) for d in self.diseases}
        self.rates |= {kind: self._normalised(kind, self._other_visits(kind)) for kind in VISITS}
        self._onsets = np.stack([self.rates[d.key].ravel() for d in self.diseases])
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
        self.lasting: WeakKeyDictionary[People, dict[str, np.ndarray]] = WeakKeyDictionary()
        self.terms = {group: Terms(self, keys) for group, keys in self.groups.items()}

    def _frozen(self, diseases: list[str] | None) -> dict[str, np.ndarray]:
        """The frozen table; for a disease file of a reader's own its row is computed once, and cached."""
        frozen = mean_risks()
        own = any(name.endswith(".toml") for name in diseases or ())
        if not own and {d.key for d in self.diseases} <= set(frozen):
            return frozen
        from lhs_helpers.patients.reference import extension  # here: it makes worlds itself

        return frozen | extension(known_diseases() if diseases is None else diseases)

    def same_treatment(self, concerns: Callable[[Treatment], bool]) -> list[list[int]]:
        """The numbers of the treatments that it concerns, those of one code together.

        A drug that two diseases call for is one drug: who takes it for both takes it once.
        """
        groups: dict[str, list[int]] = {}
        for j, (_, treatment) in enumerate(self.treatments):
            if concerns(treatment):
                groups.setdefault(treatment.code, []).append(j)
        return list(groups.values())

    def of_kind(self, kind: str) -> list[int]:
        """The numbers of the diseases of a kind."""
        return [k for k, disease in enumerate(self.diseases) if disease.kind == kind]

    def table(self, what: str, otherwise: float) -> np.ndarray:
        """A frozen [sex, age] table, or a constant where it does not exist yet (while it is being computed)."""
        return self.tables.get(what, np.full((2, AGES), otherwise))

    def rates_on(self, group: str, day: int) -> np.ndarray:
        """Published rates divided by the mean relative risk, on a day: [process, sex x age]."""
        if group == "life":
            year = year_of(day)
            rates = np.concatenate([self._disease_rates(day), self.other_causes(year).reshape(1, -1)])
        else:
            rates = self.rates[group].reshape(1, -1)
        rates = rates.astype(np.float32)
        for change in self.scenarios:
            if isinstance(change, RateChange) and change.of in self.groups[group] and change.on(day):
                rates[self.groups[group].index(change.of)] *= change.factor
        return rates

    def _disease_rates(self, day: int) -> np.ndarray:
        """Before the reference year a rate may have been higher."""
        decades = max((REFERENCE_DAY - max(day, REFERENCE_DAY - TREND_DAYS)) / (10 * YEAR), 0.0)
        trend = [d.incidence.per_decade**-decades if d.incidence else 1.0 for d in self.diseases]
        return self._onsets * np.array(trend)[:, None]

    def _other_visits(self, kind: str) -> np.ndarray:
        """Published visits of a kind, less those that events and cancers bring: they come on their own."""
        whole = by_age(self.visits[kind].incidence)
        return np.maximum(whole - self.table(f"{kind} visits for diseases", 0.0), 0.05 * whole)

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
