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

from lhs_helpers.patients import screening
from lhs_helpers.patients.calendar import NEVER, YEAR, working_days
from lhs_helpers.patients.life import Happening
from lhs_helpers.patients.moment import Moment
from lhs_helpers.patients.people import People
from lhs_helpers.patients.scenarios import Guideline
from lhs_helpers.patients.world import World

KINDS = ("wellness", "follow_up", "symptom", "emergency", "inpatient")
SLOW = ("chronic", "marker")  # kinds of disease that wait until a visit finds them
WELLNESS, FOLLOW_UP, SYMPTOM, EMERGENCY, INPATIENT = range(5)
MONTHS_BETWEEN_WELLNESS = 11
WELLNESS_SHARE = 0.55  # of office visits, when the last check is long enough ago: our estimate
# Where a month's visits of one person are numbered from, by what brought them.
ORDINAL = {
    "office": 0,
    "emergency": 10,
    "inpatient": 20,
    "disease": 30,
    "complaint": 70,
    "order": 100,
    "scan": 200,
}


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
    types = {t.code: t.description for d in world.diseases for t in d.type}
    harms = {s.complication: s.complication_description for _, s in world.screenings}
    return complaints | symptoms | {d.code: d.description for d in world.diseases} | types | harms


def unrecorded(world: World, people: People, day: int, until: int) -> None:
    """Diagnosis and treatment between two days that no record sees: changes `people`."""
    years = (until - day) / YEAR
    age = np.clip(people.age(day), 0, 120).astype(int)
    visits = world.rates["office"][people.sex, age] * people.attends * years
    open_ = (people.onset < until) & (people.diagnosed == NEVER)
    for k, disease in enumerate(world.diseases):
        if disease.kind == "cancer":
            new = np.flatnonzero((people.diagnosed[k] >= day) & (people.diagnosed[k] < until))
        else:
            new = np.flatnonzero(open_[k])
        if new.size and disease.kind == "event":
            people.diagnosed[k, new] = people.onset[k, new]
        elif new.size and disease.kind in SLOW:
            new = new[people.death[new] >= until]
            missed = (1 - disease.visits.found_at_visit) ** visits[new]
            new = new[world.draws.uniform(f"{disease.key} found", people.id[new], day) > missed]
            people.diagnosed[k, new] = np.maximum(people.onset[k, new], (day + until) // 2)
        treat(world, people, k, new, people.diagnosed[k, new])


def treat(world: World, people: People, k: int, who: np.ndarray, day: np.ndarray) -> None:
    """Start the treatments of disease k in the share of `who` that gets them, from `day`."""
    if not who.size:
        return
    for j in world.treatments_of[k]:
        treatment = world.treatments[j][1]
        if not treatment.short:
            share = np.full(who.size, treatment.share)
            for change in world.scenarios:
                if isinstance(change, Guideline) and change.treatment == treatment.code:
                    share[day >= change.begins] = change.share
            given = world.draws.uniform(f"given {treatment.code}", people.id[who]) < share
            begin(world, people, j, who[given], day[given])


def begin(world: World, people: People, j: int, who: np.ndarray, day: np.ndarray) -> None:
    """Treatment j begins in `who` on `day` (or began earlier); some smokers stop with it."""
    treatment = world.treatments[j][1]
    people.started[j, who] = np.minimum(people.started[j, who], day)
    if treatment.stops_smoking:
        stops = (
            world.draws.uniform(f"{treatment.code} stops smoking", people.id[who]) < treatment.stops_smoking
        )
        people.smoke_quit[who[stops]] = np.minimum(people.smoke_quit[who[stops]], day[stops])


def month(world: World, people: People, day: int, until: int, happened: list[Happening]) -> Visits:
    """The visits of a month; finds and treats what they bring to light (changes `people`)."""
    now = Moment(world, people, day)
    parts = [_ordered(world, people, day, until), _disease_visits(world, people, happened)]
    parts += [_complaints(world, people, day, until), _scans(world, people, day, until)]
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
    _screen(world, people, visits)
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
    u = world.draws.uniform(f"{kind} day {number}", people.id[who], day)
    open_ = working_days(day, until) if kind == "office" else np.arange(day, until, dtype=np.int32)
    when = open_[(u * open_.size).astype(np.int32)]
    reason = np.full(who.size, -1, np.int16)
    of_kind = {"office": SYMPTOM, "emergency": EMERGENCY, "inpatient": INPATIENT}[kind]
    return Visits(
        who, when, np.full(who.size, of_kind, np.int8), reason, np.full(who.size, ordinal, np.uint8)
    )


def _none() -> Visits:
    return Visits(
        np.empty(0, np.int64),
        np.empty(0, np.int32),
        np.empty(0, np.int8),
        np.empty(0, np.int16),
        np.empty(0, np.uint8),
    )


def _disease_visits(world: World, people: People, happened: list[Happening]) -> Visits:
    """An acute event, or a cancer that shows itself, brings to care on its day."""
    codes = list(reasons(world))
    parts = [_none()]
    for h in happened:
        disease, n = world.diseases[h.disease], h.who.size
        reason = np.full(n, codes.index(disease.code), np.int16)
        ordinal = np.full(n, ORDINAL["disease"] + world.numbers[h.disease], np.uint8)
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
    due = np.flatnonzero((people.started >= day) & (people.started < until))
    treatments, whose = np.divmod(due, len(people))
    for j in np.unique(treatments):
        k, who = world.treatments[j][0], whose[treatments == j]
        reason = np.full(who.size, codes.index(world.diseases[k].code), np.int16)
        ordinal = np.full(who.size, ORDINAL["order"] + world.treatment_numbers[j], np.uint8)
        parts.append(
            Visits(who, people.started[j, who], np.full(who.size, FOLLOW_UP, np.int8), reason, ordinal)
        )
    return Visits.join(parts)


def _complaints(world: World, people: People, day: int, until: int) -> Visits:
    """Symptoms of a hidden disease bring people to the doctor before it shows itself."""
    codes = list(reasons(world))
    parts, total, open_ = [_none()], 0, working_days(day, until)
    for k, disease in enumerate(world.diseases):
        for number, complaint in enumerate(disease.complaint):
            total += 1
            ahead = people.surfaces[k] - day
            chance = 1 - np.exp(-complaint.per_year * (until - day) / YEAR)
            unknown = people.diagnosed[k] == NEVER
            near = (ahead > 0) & (ahead < complaint.years * YEAR) & unknown & people.present(day)
            near = np.flatnonzero(near)
            u = world.draws.uniform(f"{disease.key} complaint {number}", people.id[near], day)
            who = near[u < chance]
            when = open_[(u[u < chance] / chance * open_.size).astype(np.int32)]
            reason = np.full(who.size, codes.index(complaint.code), np.int16)
            ordinal = np.full(who.size, ORDINAL["complaint"] + world.complaint_numbers[total - 1], np.uint8)
            parts.append(Visits(who, when, np.full(who.size, SYMPTOM, np.int8), reason, ordinal))
    return Visits.join(parts)


def _scans(world: World, people: People, day: int, until: int) -> Visits:
    """Screening tests that are due this month."""
    parts = [_none()]
    for s in range(len(world.screenings)):
        who = np.flatnonzero((people.scan[s] >= day) & (people.scan[s] < until))
        kind, reason = np.full(who.size, FOLLOW_UP, np.int8), np.full(who.size, -1, np.int16)
        ordinal = np.full(who.size, ORDINAL["scan"] + s, np.uint8)
        parts.append(Visits(who, people.scan[s, who], kind, reason, ordinal))
    return Visits.join(parts)


def _screen(world: World, people: People, visits: Visits) -> None:
    for s, (k, _) in enumerate(world.screenings):
        at = np.flatnonzero(visits.ordinal == ORDINAL["scan"] + s)
        who, day = visits.who[at], visits.day[at]
        found = screening.look(world, people, s, who, day)
        treat(world, people, k, who[found], day[found])


def _classify(world: World, people: People, visits: Visits) -> None:
    """Which office visits are yearly checks, which follow a known disease, and what the others are for."""
    ids, codes = people.id[visits.who], list(reasons(world))
    office = visits.ordinal < ORDINAL["emergency"]
    u = world.draws.uniform("why", ids, visits.day)
    due = visits.day - people.wellness[visits.who] > MONTHS_BETWEEN_WELLNESS * YEAR / 12
    check = office & due & (u < WELLNESS_SHARE) & (visits.ordinal == 1)
    visits.kind[check] = WELLNESS
    people.wellness[visits.who[check]] = visits.day[check]

    others = np.flatnonzero(office & ~check)
    expected = np.array([disease.visits.followups_per_year for disease in world.diseases])
    known = people.diagnosed.take(visits.who[others], axis=1) <= visits.day[others]
    weights = np.cumsum(expected[:, None] * known, axis=0)
    rate = 2.0  # visits a year for anything else: our estimate
    v = world.draws.uniform("for what", ids[others], visits.day[others]) * (weights[-1] + rate)
    follow = v < weights[-1]
    visits.kind[others[follow]] = FOLLOW_UP
    disease_codes = np.array([codes.index(d.code) for d in world.diseases], np.int16)
    which = (v[follow] >= weights.compress(follow, axis=1)).sum(axis=0)
    visits.reason[others[follow]] = disease_codes[which]

    complaints = settings()["complaints"]["codes"]
    share = np.cumsum([c["weight"] for c in complaints])
    new = (visits.reason < 0) & (visits.kind >= SYMPTOM)
    w = world.draws.uniform("complaint", ids[new], visits.day[new])
    visits.reason[new] = np.searchsorted(share / share[-1], w).astype(np.int16)


def _find(world: World, people: People, visits: Visits) -> None:
    for k, disease in enumerate(world.diseases):
        if disease.kind not in SLOW:
            continue
        unknown = (people.onset[k] < NEVER) & (people.diagnosed[k] == NEVER)
        open_ = np.flatnonzero(unknown[visits.who])
        open_ = open_[people.onset[k, visits.who[open_]] <= visits.day[open_]]
        u = world.draws.uniform(
            f"{disease.key} found", people.id[visits.who[open_]], visits.day[open_] + visits.ordinal[open_]
        )
        hit = open_[u < disease.visits.found_at_visit]
        np.minimum.at(people.diagnosed[k], visits.who[hit], visits.day[hit])
        new = np.unique(visits.who[hit])
        treat(world, people, k, new, people.diagnosed[k, new])
