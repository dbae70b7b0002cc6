"""One step of life: who falls ill, whose disease shows itself, who dies.

Every person draws, once for each disease, how much hazard they can live through before onset (a standard
exponential). Each step takes away what was lived through; onset falls on the day the rest is used up. This is
the usual hazard model, exactly, with one draw a life: steps of a year or a month give the same law, and less
hazard can only mean later onset, never an earlier one.
"""

from dataclasses import dataclass

import numpy as np

from lhs_helpers.patients.calendar import NEVER, YEAR
from lhs_helpers.patients.people import People, never
from lhs_helpers.patients.world import Moment, World


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
    years = np.where(people.death > day, np.clip(until - start, 0, None), 0) / YEAR

    hazards = now.hazards()
    struck, who, when = _crossing(people.survive[None], hazards[-1:] * years, years, start, until)
    dies = never(len(people))
    dies[who] = when
    last = np.minimum(dies, people.doom)

    events = world.of_kind("event")
    for k in events:
        hazards[k] = _recurring(world, people, k, hazards[k], day)
    lived = np.where(people.onset == NEVER, years, 0.0)
    lived[events] = years
    struck, who, when = _crossing(people.need, hazards[:-1] * lived, years, start, until)
    lives_to_see = when <= last[who]
    struck, who, when = struck[lives_to_see], who[lives_to_see], when[lives_to_see]
    people.onset[struck, who] = np.minimum(people.onset[struck, who], when)

    happenings = [_event(world, people, k, who[struck == k], when[struck == k]) for k in events]
    for k in world.of_kind("cancer"):
        mine = who[struck == k]
        people.surfaces[k, mine] = when[struck == k] + _hidden_days(world, people, k, mine)
        open_ = (people.surfaces[k] < until) & (people.diagnosed[k] == NEVER) & (years > 0)
        shown = np.flatnonzero(open_)
        shown = shown[people.surfaces[k, shown] <= last[shown]]
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
    process, who = np.nonzero((need <= 0) & (hazard > 0))
    overshoot = -need[process, who] / hazard[process, who] * years[who] * YEAR
    return process, who, np.clip(until - 1 - overshoot.astype(np.int32), start[who], until - 1)


def _recurring(world: World, people: People, k: int, first: np.ndarray, day: int) -> np.ndarray:
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
        fatal = world.draws.uniform(f"{disease.key} fatal", ids, when) < disease.fatality.share
        after = world.draws.uniform(f"{disease.key} days to death", ids, when) ** 2 * disease.fatality.days
        _doom(people, who[fatal], (when + after).astype(np.int32)[fatal], k)
    return Happening(k, who, when)


def _surface(world: World, people: People, k: int, who: np.ndarray) -> Happening:
    """A cancer shows itself: its stage, and the day it will kill unless something else does first."""
    disease, ids = world.diseases[k], people.id[who]
    shares = np.cumsum(disease.stages.shares) / sum(disease.stages.shares)
    stage = np.searchsorted(shares, world.draws.uniform(f"{disease.key} stage", ids)).astype(np.int8)
    people.stage[k, who] = stage
    people.diagnosed[k, who] = people.surfaces[k, who]
    u = world.draws.uniform(f"{disease.key} survival", ids)
    for s, survival in enumerate(disease.stages.survival):
        mine = stage == s
        months = np.interp(
            -u[mine], -np.array([1.0, *survival]), np.array([0.0, *disease.stages.months]), right=np.inf
        )
        killed = np.isfinite(months)
        rows = who[mine][killed]
        _doom(people, rows, people.surfaces[k, rows] + (months[killed] * YEAR / 12).astype(np.int32), k)
    return Happening(k, who, people.surfaces[k, who])


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
