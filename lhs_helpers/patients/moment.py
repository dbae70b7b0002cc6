"""The people of a shard on one day: what multiplies each rate for each of them, and the hazards that follow."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lhs_helpers.patients import courses
from lhs_helpers.patients.calendar import NEVER, YEAR
from lhs_helpers.patients.disease_form import RelativeRisk, Threshold
from lhs_helpers.patients.people import RACES, People

if TYPE_CHECKING:
    from lhs_helpers.patients.world import World

AGES = 121
VISITS = ("office", "emergency", "inpatient")
LASTING = ("race", "frailty", "attends")  # what multiplies a risk and never changes in a life


class Terms:
    """What multiplies the rates of some processes, sorted by how it is computed; `row` counts the processes."""

    def __init__(self, world: "World", keys: list[str]):
        self.keys = keys
        risks = [(row, risk) for row, key in enumerate(keys) for risk in world.risks[key]]
        known = [(row, world.index[r.of], r) for row, r in risks if r.of in world.index]
        self.diseases = self._by_disease([(row, k, r) for row, k, r in known if not r.half_life_years])
        self.fading = [(row, k, r) for row, k, r in known if r.half_life_years]
        others = [(row, r) for row, r in risks if r.of not in world.index]
        self.lasting = [(row, r) for row, r in others if r.of in LASTING]
        self.changing = [(row, r) for row, r in others if r.of not in LASTING]
        self.treatments = [
            (row, js, np.log(world.treatments[js[0]][1].relative_risk[key]))
            for row, key in enumerate(keys)
            for js in world.same_treatment(lambda t, key=key: key in t.relative_risk)
        ]

    @staticmethod
    def _by_disease(
        risks: list[tuple[int, int, RelativeRisk]],
    ) -> list[tuple[int, list[tuple[int, np.float32]]]]:
        """(disease, [(row, logarithm of the risk that it multiplies it by), ...])."""
        of = {k: [(row, np.float32(np.log(r.value))) for row, j, r in risks if j == k] for _, k, _ in risks}
        return sorted(of.items())


class Moment:
    """The people of a shard on one day, with what risks and measurements need, each computed once."""

    def __init__(self, world: "World", people: People, day: int):
        self.world, self.people, self.day = world, people, day
        self.age_years = np.clip(people.age(day), 0, AGES - 1.01).astype(np.int16)
        self.cell = cell(people.sex, self.age_years)
        self.has = people.onset <= day  # [disease, person]
        self._with: dict[int, np.ndarray] = {}
        self._courses: dict[str, np.ndarray] = {}
        self._known: dict[tuple, np.ndarray] = {}
        self._taking: dict[tuple[int, ...], np.ndarray] = {}

    def course(self, name: str) -> np.ndarray:
        """The usual value of a course, treatment included."""
        if name not in self._courses:
            value = courses.untreated(name, courses.standing(self.people, name, self.day), self.cell)
            self._courses[name] = value + treatment_effect(self.world, name, self.cell, self.taking)
        return self._courses[name]

    def relative_risks(self, group: str) -> np.ndarray:
        """The product of everything that multiplies the rate of each process of a group: [process, person]."""
        people, terms = self.people, self.world.terms[group]
        logs = self._lasting(group).copy()
        for disease, risks in terms.diseases:
            ill = self._ill(disease)
            for row, log in risks:
                logs[row][ill] += log  # few have a disease
        for row, disease, risk in terms.fading:
            latest = np.where(people.latest[disease] < NEVER, people.latest[disease], people.onset[disease])
            years = np.clip(self.day - latest, 0, None) / YEAR
            excess = (risk.value - 1) * 0.5 ** (years / risk.half_life_years)
            logs[row] += np.log1p(np.where(self.has[disease], excess, 0))
        for row, treatments, log in terms.treatments:
            logs[row] += np.float32(log) * self.taking(treatments)
        for row, risk in terms.changing:
            logs[row] += self._log(risk, terms.keys[row])
        return np.exp(logs, out=logs)

    def taking(self, treatments: list[int]) -> np.ndarray:
        """Who takes one of these treatments today: a boolean for each person."""
        if (known := tuple(treatments)) not in self._taking:
            self._taking[known] = taking(self.people, treatments, self.day)
        return self._taking[known]

    def _ill(self, disease: int) -> np.ndarray:
        """Index of those who have a disease."""
        if disease not in self._with:
            self._with[disease] = np.flatnonzero(self.has[disease])
        return self._with[disease]

    def _lasting(self, group: str) -> np.ndarray:
        """The part of the logarithms that never changes in a life, computed once for these people."""
        known = self.world.lasting.setdefault(self.people, {})
        if group not in known:
            terms = self.world.terms[group]
            known[group] = np.zeros((len(terms.keys), len(self.people)), np.float32)
            for row, risk in terms.lasting:
                known[group][row] += self._log(risk, terms.keys[row])
        return known[group]

    def relative_risk(self, key: str) -> np.ndarray:
        """What multiplies the rate of one disease, of one kind of visit, or of "death"."""
        group = key if key in VISITS else "life"
        return self.relative_risks(group)[self.world.groups[group].index(key)]

    def hazards(self, group: str = "life") -> np.ndarray:
        """Yearly hazards: published rate x relative risk / mean relative risk (frozen table): [process, person].

        The group "life" has the diseases in their order, then death from other causes; the others are kinds of visit.
        """
        hazards = self.relative_risks(group)
        hazards *= self.world.rates_on(group, self.day).take(self.cell, axis=1)
        return hazards

    def hazard(self, key: str) -> np.ndarray:
        """Yearly hazard of one process for each person."""
        group = key if key in VISITS else "life"
        return self.hazards(group)[self.world.groups[group].index(key)]

    def beyond(self, limit: Threshold) -> np.ndarray:
        """Whose usual value is beyond a limit: a boolean for each person."""
        people = self.people
        if limit.of == "smoking":
            reached = (people.smoke_start <= self.day) & (people.smoke_quit > self.day)
        elif limit.above is not None:
            reached = self.course(limit.of) >= limit.above
        else:
            reached = self.course(limit.of) < limit.below
        if limit.unless in self.world.index:
            reached &= ~self.has[self.world.index[limit.unless]]
        return reached & (self.age_years >= limit.from_age)

    def _log(self, risk: RelativeRisk, key: str) -> np.ndarray:
        """The logarithm of one relative risk for each person."""
        people = self.people
        if risk.of == "smoking":
            return self._smoking(risk)
        if risk.of == "race":
            return np.log([risk.factors.get(race, 1.0) for race in RACES])[people.race]
        if risk.of == "frailty":
            return risk.sd_log * people.frailty[self.world.index[key]] - risk.sd_log**2 / 2
        if risk.of == "attends":
            return np.log(people.attends)
        if risk.at:
            return np.interp(self.course(risk.of), risk.at, np.log(risk.times))
        slope = np.float32(np.log(risk.value) / risk.per)
        return slope * self._beyond_zero(risk.of, risk.range, risk.zero)

    def _beyond_zero(self, course: str, limits: tuple[float, float], zero: float) -> np.ndarray:
        """The usual value of a course, held between limits, less the value at which a risk is one."""
        if (course, limits, zero) not in self._known:
            within = np.clip(self.course(course), *map(np.float32, limits))
            self._known[course, limits, zero] = within - np.float32(zero)
        return self._known[course, limits, zero]

    def _smoking(self, risk: RelativeRisk) -> np.ndarray:
        """The logarithm of a relative risk of smoking: it grows with dose and duration, and fades after quitting."""
        form = (risk.women, risk.men, risk.half_life_years, risk.dose, risk.duration)
        if form not in self._known:
            ever, smoked, since = self._smokers
            excess = np.array([risk.women - 1, risk.men - 1], np.float32)[self.people.sex[ever]]
            if risk.dose or risk.duration:
                dose = self.people.cigarettes[ever] / np.float32(20)
                excess *= dose**risk.dose * (smoked / np.float32(45)) ** risk.duration
            logs = np.zeros(len(self.people), np.float32)
            logs[ever] = np.log1p(excess * np.exp2(since / np.float32(-risk.half_life_years)))
            self._known[form] = logs
        return self._known[form]

    @cached_property
    def _smokers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Index of those who ever smoked, for how many years, and the years since they quit."""
        people = self.people
        ever = np.flatnonzero(people.smoke_start <= self.day)
        end = np.minimum(people.smoke_quit[ever], self.day)
        smoked = np.clip((end - people.smoke_start[ever]) / np.float32(YEAR), 0, 60)
        since = np.maximum(self.day - end, 0) / np.float32(YEAR)
        return ever, smoked.astype(np.float32), since.astype(np.float32)


def cell(sex: np.ndarray, age_years: np.ndarray) -> np.ndarray:
    """Where people stand in a [sex, age] table that is laid out flat."""
    return sex.astype(np.intp) * AGES + age_years


def taking(people: People, treatments: list[int], day: int | np.ndarray, index=slice(None)) -> np.ndarray:
    """Who of `index` takes one of these treatments on a day: it has begun, and they have not stopped."""
    first, *others = treatments
    takes = _taking(people, first, day, index)
    for j in others:
        takes |= _taking(people, j, day, index)
    return takes


def _taking(people: People, j: int, day: int | np.ndarray, index) -> np.ndarray:
    started = people.started[j, index]
    return (started <= day) & (day - started < people.keeps[j, index])


def treatment_effect(
    world: "World", course: str, cell: np.ndarray, takes: Callable[[list[int]], np.ndarray]
) -> np.ndarray | float:
    """What treatment changes in a course, less the mean change in the reference population (see `courses`).

    `takes` says of some treatments who takes one of them, `cell` where these people stand in a [sex, age] table.
    """
    effect = 0.0
    for treatments in world.treatments_of_course.get(course, []):
        change = np.float32(world.treatments[treatments[0]][1].change)
        effect = effect + change * takes(treatments)
    if isinstance(effect, float):
        return effect
    mean = world.table(f"effect on {course}", 0.0).astype(np.float32)
    return effect - mean.ravel().take(cell)
