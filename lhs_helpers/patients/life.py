"""One step of life: who falls ill, whose disease shows itself, who dies.

Every person draws, once for each disease, how much hazard they can live through before onset (a standard
exponential). Each step takes away what was lived through; onset falls on the day the rest is used up. This is
the usual hazard model, exactly, with one draw a life: steps of a year or a month give the same law, and less
hazard can only mean later onset, never an earlier one.
"""

from dataclasses import dataclass

import numpy as np

from lhs_helpers.patients.calendar import NEVER, YEAR, next_working_day
from lhs_helpers.patients.moment import Moment
from lhs_helpers.patients.people import People, never
from lhs_helpers.patients.world import World


@dataclass
class Happening:
    """Something that happened to some people: the disease, who (index into the shard), and the day."""

    disease: int
    who: np.ndarray
    day: np.ndarray


def step(world: World, people: People, day: int, until: int) -> list[Happening]:
    """Live from `day` to `until` (exclusive): changes `people`, returns acute events and cancers that
    showed themselves.

    The state on `day` sets the hazards of the whole step.
    """
    now = Moment(world, people, day)
    start = np.maximum(people.birth, day)
    years = np.where(people.death > day, np.clip(until - start, 0, None), 0) / np.float32(YEAR)
    years = years.astype(np.float32)

    hazards = now.hazards()
    struck, who, when = _crossing(people.survive[None], hazards[-1:] * years, years, start, until)
    dies = never(len(people))
    dies[who] = when
    last = np.minimum(dies, people.doom)

    for k in world.of_kind("marker"):
        reached = now.beyond(world.diseases[k].threshold) & (people.onset[k] == NEVER) & (years > 0)
        people.onset[k, reached] = start[reached]

    events = world.of_kind("event")
    for k in events:
        hazards[k] = recurring(world, people, k, hazards[k], day)
    lived = hazards[:-1] * years
    healthy = people.onset == NEVER
    healthy[events] = True
    lived *= healthy
    struck, who, when = _crossing(people.need, lived, years, start, until)
    lives_to_see = when <= last[who]
    struck, who, when = struck[lives_to_see], who[lives_to_see], when[lives_to_see]
    people.onset[struck, who] = np.minimum(people.onset[struck, who], when)

    hit = set(struck.tolist())
    happenings = [_event(world, people, k, who[struck == k], when[struck == k]) for k in events if k in hit]
    for k in world.of_kind("cancer"):
        if k in hit:
            mine = who[struck == k]
            shows = when[struck == k] + _hidden_days(world, people, k, mine)
            people.surfaces[k, mine] = next_working_day(shows)
        open_ = (people.surfaces[k] < until) & (people.diagnosed[k] == NEVER) & (years > 0)
        shown = np.flatnonzero(open_)
        shown = shown[people.surfaces[k, shown] <= last[shown]]
        if shown.size:
            happenings.append(_surface(world, people, k, shown))
    _die(people, dies, until)
    return [h for h in (_before_death(people, h) for h in happenings) if h.who.size]


def _crossing(
    need: np.ndarray, hazard: np.ndarray, years: np.ndarray, start: np.ndarray, until: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take the lived-through hazard [process, person] from `need` (in place).

    Returns the processes and people for whom it is used up, and the days on which it is.
    """
    need -= hazard
    used_up = need <= 0
    used_up &= hazard > 0
    process, who = np.divmod(np.flatnonzero(used_up), years.size)
    overshoot = -need[process, who] / hazard[process, who] * years[who] * YEAR
    return process, who, np.clip(until - 1 - overshoot.astype(np.int32), start[who], until - 1)


def recurring(world: World, people: People, k: int, first: np.ndarray, day: int) -> np.ndarray:
    """Hazard of an event: of the first one, and after it that of a further one."""
    recurrence = world.diseases[k].recurrence
    if recurrence is None:
        return first
    since = day - people.latest[k]
    later = np.where(since < YEAR, -np.log1p(-recurrence.first_year), -np.log1p(-recurrence.later))
    return np.where(people.latest[k] < NEVER, later, first)


def _event(world: World, people: People, k: int, who: np.ndarray, when: np.ndarray) -> Happening:
    disease, ids = world.diseases[k], people.id[who]
    people.latest[k, who] = when
    people.need[k, who] = world.draws.exponential(f"{disease.key} again", ids, when)
    if disease.fatality:
        shares = [disease.fatality.share if t.fatality is None else t.fatality for t in disease.type]
        share = np.array(shares)[type_of(world, k, ids, when)] if shares else disease.fatality.share
        fatal = world.draws.uniform(f"{disease.key} fatal", ids, when) < share
        after = world.draws.uniform(f"{disease.key} days to death", ids, when) ** 2 * disease.fatality.days
        _doom(people, who[fatal], (when + after).astype(np.int32)[fatal], k)
    return Happening(k, who, when)


def type_of(world: World, k: int, ids: np.ndarray, when: int | np.ndarray = 0) -> np.ndarray:
    """Which type of disease k people have (index into its types): of an event, by its day."""
    shares = np.cumsum([t.share for t in world.diseases[k].type])
    u = world.draws.uniform(f"{world.diseases[k].key} type", ids, when)
    return np.searchsorted(shares[:-1], u, side="right")


def clinical_stage(world: World, k: int, ids: np.ndarray) -> np.ndarray:
    """The stage at which a cancer shows itself (index), if nothing finds it before."""
    disease = world.diseases[k]
    of_type = [t.stages or disease.stages.shares for t in disease.type] or [disease.stages.shares]
    shares = np.cumsum(of_type, axis=1)[:, :-1] / np.sum(of_type, axis=1, keepdims=True)
    which = type_of(world, k, ids) if disease.type else np.zeros(ids.size, np.int64)
    u = world.draws.uniform(f"{disease.key} stage", ids)
    return (u[:, None] >= shares[which]).sum(axis=1).astype(np.int8)


def _surface(world: World, people: People, k: int, who: np.ndarray) -> Happening:
    """A cancer shows itself: its stage, and the day it will kill unless something else does first."""
    people.diagnosed[k, who] = people.surfaces[k, who]
    find_cancer(world, people, k, who, clinical_stage(world, k, people.id[who]))
    return Happening(k, who, people.surfaces[k, who])


def find_cancer(
    world: World,
    people: People,
    k: int,
    who: np.ndarray,
    stage: np.ndarray,
    survives_as: np.ndarray | None = None,
) -> None:
    """A cancer is found at a stage, which decides its survival, counted from the day it would show itself.

    So earlier finding lengthens no life by itself (no lead time), and an earlier stage never shortens one.
    `survives_as`: the stage whose survival each has, where it is not the one found.
    """
    disease = world.diseases[k]
    people.stage[k, who] = stage
    survives_as = stage if survives_as is None else survives_as
    u = world.draws.uniform(f"{disease.key} survival", people.id[who])
    for s, survival in enumerate(disease.stages.survival):
        mine = survives_as == s
        months = np.interp(
            -u[mine], -np.array([1.0, *survival]), np.array([0.0, *disease.stages.months]), right=np.inf
        )
        killed = np.isfinite(months)
        rows = who[mine][killed]
        _doom(people, rows, people.surfaces[k, rows] + (months[killed] * YEAR / 12).astype(np.int32), k)


def _doom(people: People, who: np.ndarray, day: np.ndarray, k: int) -> None:
    sooner = day < people.doom[who]
    people.doom[who[sooner]] = day[sooner]
    people.doom_cause[who[sooner]] = k


def _hidden_days(world: World, people: People, k: int, who: np.ndarray) -> np.ndarray:
    hidden = world.diseases[k].hidden
    # A gamma with whole shape is a sum of exponentials.
    parts = [
        world.draws.exponential(f"{world.diseases[k].key} hidden {i}", people.id[who])
        for i in range(int(hidden.shape))
    ]
    return (np.sum(parts, axis=0) * hidden.mean_years / hidden.shape * YEAR).astype(np.int32)


def _die(people: People, dies: np.ndarray, until: int) -> None:
    death = np.minimum(dies, people.doom)
    who = np.flatnonzero((death < until) & (people.death == NEVER))
    people.death[who] = death[who]
    people.cause[who] = np.where(people.doom[who] <= dies[who], people.doom_cause[who], -1)
    for days in (people.onset, people.diagnosed, people.surfaces):
        # A death in this step takes back what the same step had dated later.
        days[:, who] = np.where(days[:, who] > people.death[who], NEVER, days[:, who])


def _before_death(people: People, happening: Happening) -> Happening:
    kept = happening.day <= people.death[happening.who]
    return Happening(happening.disease, happening.who[kept], happening.day[kept])
