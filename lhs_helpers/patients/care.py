"""Care: who comes, what is found, what is treated. Everything a record will hold begins with a visit.

Visits follow published rates by age and sex, multiplied for the ill and for those who come more often. A
disease
is found at a visit or not; treatment starts after it is found, in a share of patients. Before the record
begins the same happens by the year, without being written down.
"""

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np

from lhs_helpers.patients.calendar import NEVER, YEAR
from lhs_helpers.patients.life import Happening
from lhs_helpers.patients.people import People
from lhs_helpers.patients.world import Moment, World

KINDS = ("wellness", "follow_up", "symptom", "emergency", "inpatient")
WELLNESS, FOLLOW_UP, SYMPTOM, EMERGENCY, INPATIENT = range(5)
MONTHS_BETWEEN_WELLNESS = 11
WELLNESS_SHARE = 0.55  # of office visits, when the last check is long enough ago: our estimate
# Where a month's visits of one person are numbered from, by what brought them.
ORDINAL = {"office": 0, "emergency": 10, "inpatient": 20, "disease": 30, "complaint": 60, "order": 80}


@cache
def settings() -> dict:
    """The file data/care.toml."""
    return tomllib.loads((Path(__file__).parent / "data" / "care.toml").read_text(encoding="utf-8"))


@dataclass
class Visits:
    """Visits of one shard: who (index), day, kind (of KINDS), reason (of `reasons`, -1 none), ordinal in the month."""

    who: np.ndarray
    day: np.ndarray
    kind: np.ndarray
    reason: np.ndarray
    ordinal: np.ndarray

    def __len__(self) -> int:
        return self.who.size

    def take(self, index: np.ndarray) -> "Visits":
        return Visits(*(getattr(self, f.name)[index] for f in fields(self)))

    @staticmethod
    def join(parts: list["Visits"]) -> "Visits":
        return Visits(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Visits)))


def reasons(world: World) -> dict[str, str]:
    """Code -> description of everything a visit can be for: complaints first, then diseases."""
    complaints = {c["code"]: c["description"] for c in settings()["complaints"]["codes"]}
    symptoms = {c.code: c.description for d in world.diseases for c in d.complaint}
    return complaints | symptoms | {d.code: d.description for d in world.diseases}


def unrecorded(world: World, people: People, day: int, until: int) -> None:
    """Diagnosis and treatment between two days that no record sees: changes `people`."""
    years = (until - day) / YEAR
    age = np.clip(people.age(day), 0, 120).astype(int)
    visits = world.rates["office"][people.sex, age] * people.attends * years
    for k, disease in enumerate(world.diseases):
        if disease.kind == "event":
            new = np.flatnonzero((people.onset[k] < until) & (people.diagnosed[k] == NEVER))
            people.diagnosed[k, new] = people.onset[k, new]
        elif disease.kind == "chronic":
            open_ = np.flatnonzero(
                (people.onset[k] < until) & (people.diagnosed[k] == NEVER) & (people.death >= until)
            )
            missed = (1 - disease.visits.found_at_visit) ** visits[open_]
            found = open_[world.draws.uniform(f"{disease.key} found", people.id[open_], day) > missed]
            people.diagnosed[k, found] = np.maximum(people.onset[k, found], (day + until) // 2)
        new = np.flatnonzero((people.diagnosed[k] >= day) & (people.diagnosed[k] < until))
        treat(world, people, k, new, people.diagnosed[k, new])


def treat(world: World, people: People, k: int, who: np.ndarray, day: np.ndarray) -> None:
    """Start the treatments of disease k in the share of `who` that gets them, from `day`."""
    for j, (of, treatment) in enumerate(world.treatments):
        if of == k and not treatment.short:
            given = world.draws.uniform(f"given {treatment.code}", people.id[who]) < treatment.share
            people.started[j, who[given]] = np.minimum(people.started[j, who[given]], day[given])


def month(world: World, people: People, day: int, until: int, happened: list[Happening]) -> Visits:
    """The visits of a month; finds and treats what they bring to light (changes `people`)."""
    now = Moment(world, people, day)
    parts = [_ordered(world, people, day, until), _disease_visits(world, people, happened)]
    parts.append(_complaints(world, people, day, until))
    for kind in ("office", "emergency", "inpatient"):
        parts.append(_rate_visits(world, now, kind, day, until))
    visits = Visits.join(parts)
    who = visits.who
    there = (visits.day >= np.maximum(people.birth, people.entry)[who]) & (visits.day < people.left[who])
    acute = visits.ordinal >= ORDINAL["disease"]
    visits = visits.take(
        there & ((visits.day < people.death[who]) | (acute & (visits.day <= people.death[who])))
    )
    _classify(world, people, visits)
    _find(world, people, visits)
    np.minimum.at(people.known, visits.who, visits.day)
    return visits


def _rate_visits(world: World, now: Moment, kind: str, day: int, until: int) -> Visits:
    people = now.people
    expected = np.where(
        people.present(day) | ((people.birth >= day) & (people.birth < until)), now.hazard(kind), 0.0
    )
    expected *= (until - day) / YEAR
    u = world.draws.uniform(f"{kind} visits", people.id, day)
    parts, term, below = [], np.exp(-expected), np.exp(-expected)
    for number in range(1, 6):  # the Poisson distribution, inverted
        who = np.flatnonzero(u > below)
        if not who.size:
            break
        parts.append(_some(world, people, who, day, until, kind, number))
        term = term * expected / number
        below = below + term
    return Visits.join(parts) if parts else _none()


def _some(
    world: World, people: People, who: np.ndarray, day: int, until: int, kind: str, number: int
) -> Visits:
    ordinal = ORDINAL[kind] + number
    bits = world.draws.uniform(f"{kind} day {number}", people.id[who], day)
    when = (day + bits * (until - day)).astype(np.int32)
    reason = np.full(who.size, -1, np.int16)
    of_kind = {"office": SYMPTOM, "emergency": EMERGENCY, "inpatient": INPATIENT}[kind]
    return Visits(who, when, np.full(who.size, of_kind, np.int8), reason, np.full(who.size, ordinal, np.int8))


def _none() -> Visits:
    return Visits(
        np.empty(0, np.int64),
        np.empty(0, np.int32),
        np.empty(0, np.int8),
        np.empty(0, np.int16),
        np.empty(0, np.int8),
    )


def _disease_visits(world: World, people: People, happened: list[Happening]) -> Visits:
    """An acute event, or a cancer that shows itself, brings to care on its day."""
    codes = list(reasons(world))
    parts = [_none()]
    for h in happened:
        disease, n = world.diseases[h.disease], h.who.size
        reason = np.full(n, codes.index(disease.code), np.int16)
        ordinal = np.full(n, ORDINAL["disease"] + h.disease, np.int8)
        parts.append(Visits(h.who, h.day.astype(np.int32), _place(world, people, h), reason, ordinal))
        first = people.diagnosed[h.disease, h.who] == NEVER
        people.diagnosed[h.disease, h.who[first]] = h.day[first]
        treat(world, people, h.disease, h.who, h.day)
    return Visits.join(parts)


def _place(world: World, people: People, h: Happening) -> np.ndarray:
    """Where each is seen; a cancer shows itself in the office."""
    disease = world.diseases[h.disease]
    if disease.kind == "cancer":
        return np.full(h.who.size, SYMPTOM, np.int8)
    kinds = np.array([KINDS.index(place) for place in disease.visits.places], np.int8)
    shares = np.cumsum(list(disease.visits.places.values()))
    u = world.draws.uniform(f"{disease.key} place", people.id[h.who], h.day) * shares[-1]
    return kinds[np.searchsorted(shares, u)]


def _ordered(world: World, people: People, day: int, until: int) -> Visits:
    """A treatment that is already due in a month when the month begins was ordered: it brings the patient in."""
    codes, parts = list(reasons(world)), [_none()]
    for j, (k, _) in enumerate(world.treatments):
        who = np.flatnonzero((people.started[j] >= day) & (people.started[j] < until))
        reason = np.full(who.size, codes.index(world.diseases[k].code), np.int16)
        ordinal = np.full(who.size, ORDINAL["order"] + j, np.int8)
        parts.append(
            Visits(who, people.started[j, who], np.full(who.size, FOLLOW_UP, np.int8), reason, ordinal)
        )
    return Visits.join(parts)


def _complaints(world: World, people: People, day: int, until: int) -> Visits:
    """Symptoms of a hidden disease bring people to the doctor before it shows itself."""
    codes = list(reasons(world))
    parts = [_none()]
    for k, disease in enumerate(world.diseases):
        for number, complaint in enumerate(disease.complaint):
            ahead = people.surfaces[k] - day
            chance = 1 - np.exp(-complaint.per_year * (until - day) / YEAR)
            near = np.flatnonzero((ahead > 0) & (ahead < complaint.years * YEAR) & people.present(day))
            u = world.draws.uniform(f"{disease.key} complaint {number}", people.id[near], day)
            who = near[u < chance]
            when = (day + u[u < chance] / chance * (until - day)).astype(np.int32)
            reason = np.full(who.size, codes.index(complaint.code), np.int16)
            ordinal = np.full(who.size, ORDINAL["complaint"] + number, np.int8)
            parts.append(Visits(who, when, np.full(who.size, SYMPTOM, np.int8), reason, ordinal))
    return Visits.join(parts)


def _classify(world: World, people: People, visits: Visits) -> None:
    """Which office visits are yearly checks, which follow a known disease, and what the others are for."""
    ids, codes = people.id[visits.who], list(reasons(world))
    office = visits.ordinal < ORDINAL["emergency"]
    u = world.draws.uniform("why", ids, visits.day)
    due = visits.day - people.wellness[visits.who] > MONTHS_BETWEEN_WELLNESS * YEAR / 12
    check = office & due & (u < WELLNESS_SHARE) & (visits.ordinal == 1)
    visits.kind[check] = WELLNESS
    people.wellness[visits.who[check]] = visits.day[check]

    expected = np.array([disease.visits.followups_per_year for disease in world.diseases])
    known = people.diagnosed[:, visits.who] <= visits.day
    weights = np.cumsum(expected[:, None] * known, axis=0)
    rate = 2.0  # visits a year for anything else: our estimate
    v = world.draws.uniform("for what", ids, visits.day) * (weights[-1] + rate)
    follow = office & ~check & (v < weights[-1])
    visits.kind[follow] = FOLLOW_UP
    disease_codes = np.array([codes.index(d.code) for d in world.diseases], np.int16)
    visits.reason[follow] = disease_codes[(v >= weights).sum(axis=0)[follow]]

    complaints = settings()["complaints"]["codes"]
    share = np.cumsum([c["weight"] for c in complaints])
    new = (visits.reason < 0) & (visits.kind >= SYMPTOM)
    w = world.draws.uniform("complaint", ids[new], visits.day[new])
    visits.reason[new] = np.searchsorted(share / share[-1], w).astype(np.int16)


def _find(world: World, people: People, visits: Visits) -> None:
    for k, disease in enumerate(world.diseases):
        if disease.kind != "chronic":
            continue
        ill = people.onset[k, visits.who] <= visits.day
        open_ = np.flatnonzero(ill & (people.diagnosed[k, visits.who] == NEVER))
        u = world.draws.uniform(
            f"{disease.key} found", people.id[visits.who[open_]], visits.day[open_] + visits.ordinal[open_]
        )
        hit = open_[u < disease.visits.found_at_visit]
        np.minimum.at(people.diagnosed[k], visits.who[hit], visits.day[hit])
        new = np.unique(visits.who[hit])
        treat(world, people, k, new, people.diagnosed[k, new])
