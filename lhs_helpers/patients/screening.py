"""Screening: a test that is asked for before anybody complains. It finds, misses, alarms, and sometimes harms."""

from dataclasses import dataclass

import numpy as np

from lhs_helpers.patients.life import clinical_stage, find_cancer
from lhs_helpers.patients.people import People
from lhs_helpers.patients.world import World


@dataclass
class Results:
    """Of the tests of some people on some days (parallel boolean arrays): cancer found, false alarm, what it led to."""

    found: np.ndarray
    alarmed: np.ndarray
    invaded: np.ndarray
    harmed: np.ndarray


def results(world: World, people: People, s: int, who: np.ndarray, day: np.ndarray) -> Results:
    """What screening test s shows in `who` (index) on `day`; the same whenever it is asked."""
    k, test = world.screenings[s]
    ids, known = people.id[who], people.diagnosed[k, who]
    there = (people.onset[k, who] <= day) & (day < people.surfaces[k, who]) & (known >= day)

    def chance(what: str, of: float) -> np.ndarray:
        return world.draws.uniform(f"{test.code} {what}", ids, day) < of

    found = there & chance("finds", test.sensitivity)
    alarmed = ~there & (known > day) & chance("alarms", test.false_positive)
    invaded = alarmed & chance("invades", test.invasive_share)
    return Results(found, alarmed, invaded, invaded & chance("harms", test.harmed))


def look(world: World, people: People, s: int, who: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Carry out test s: cancers that it finds are found that day, at the stage they have reached.

    A share of them (`helped`) then has the survival of that stage; treatment comes too late for the others, who die
    when they would have died. Changes `people`; returns which of `who` had one found (boolean).
    """
    k, test = world.screenings[s]
    found = results(world, people, s, who, day).found
    rows, when = who[found], day[found]
    people.diagnosed[k, rows] = when
    stage, ids = stage_on(world, people, k, rows, when), people.id[rows]
    helped = world.draws.uniform(f"{test.code} helps", ids) < test.helped
    find_cancer(
        world, people, k, rows, stage, np.where(helped, stage, clinical_stage(world, k, ids)).astype(np.int8)
    )
    return found


def stage_on(world: World, people: People, k: int, who: np.ndarray, day: np.ndarray) -> np.ndarray:
    """The stage (index) that a hidden cancer has reached on a day.

    It passes all stages up to the one in which it would show itself, in the proportions of `dwell`.
    """
    last = clinical_stage(world, k, people.id[who]).astype(np.int64)
    hidden = np.maximum(people.surfaces[k, who] - people.onset[k, who], 1)
    lived = (day - people.onset[k, who]) / hidden
    until = np.cumsum(world.diseases[k].screening.dwell)
    return np.minimum((lived[:, None] * until[last][:, None] >= until).sum(axis=1), last).astype(np.int8)
