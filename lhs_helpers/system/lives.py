"""One population, lived more than once: the same people, the same chances, other orders.

A person's luck is drawn by person, process and day, whatever is ordered (common random numbers). So two lives that
differ in orders only differ in what the orders caused, and a death averted is a person, not an estimate.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital, shard
from lhs_helpers.patients.calendar import NEVER, YEAR, day_number
from lhs_helpers.patients.hospital import PATIENTS_PER_SHARD
from lhs_helpers.patients.people import INSURANCE, RACES, SEXES, People
from lhs_helpers.patients.shard import Spec
from lhs_helpers.patients.sites import as_site

STAGES = ("I", "II", "III", "IV")


def keeping(
    whom: Callable[[People], np.ndarray], folder: Path | str, *, patients: int, seed: int, start: str
) -> Hospital:
    """A hospital of a city of `patients` that keeps the records of those residents whom `whom` chooses.

    `whom` is shown the people of a shard on the first day (see `patients.people.People`) and returns a boolean for
    each. A person's life depends on nobody else, so those chosen live, byte for byte, as in the whole city.
    """
    made = Hospital(folder, patients=patients, seed=seed, start=start, workers=1)
    only = {}
    for number, first in enumerate(range(0, patients, PATIENTS_PER_SHARD)):
        size = min(PATIENTS_PER_SHARD, patients - first)
        spec = Spec(seed, number, size, as_site("hospital"), made.start)
        people = shard.founded(spec, spec.world()).people
        only[str(number)] = people.id[whom(people)].tolist()
    made.groups[0]["only"] = only
    return made


def another_life(hospital: Hospital, folder: Path | str) -> Hospital:
    """A copy of the hospital as it stands today, in a folder of its own, to live on under other orders."""
    shutil.copytree(hospital.folder, folder)
    first = hospital.groups[0]
    return Hospital(
        folder,
        patients=first["patients"],
        site=as_site(first["site"]),
        seed=hospital.seed,
        start=hospital.start,
        diseases=None if hospital.diseases is None else list(hospital.diseases),
        scenarios=hospital.scenarios,
        capacity=hospital.capacity,
        workers=hospital.workers,
    )


def answer_key(hospital: Hospital, disease: str) -> pd.DataFrame:
    """What really became of everybody, as far as the hospital has lived; no record holds it.

    One row per person, index ``patient_id``: ``birth``, ``sex``, ``race``, ``insurance``; ``death`` and ``cause`` (a
    disease or "other"; None while alive); of the disease ``onset``, ``shows_itself`` (when symptoms reveal it, if
    nothing does before), ``diagnosed`` and ``stage``; and ``smokes``, ``smoked``, ``quit``, ``pack_years`` to date.
    Days are day numbers, infinite for what has not happened.
    """
    paths = sorted((hospital.folder / "state").glob("shard-*.npz"))
    if not paths:
        raise LHSError(f"{hospital.folder} has not lived yet: advance the hospital first.")
    world = Spec(hospital.seed, 0, 1, as_site("hospital"), hospital.start, hospital.diseases).world()
    if disease not in world.index:
        raise LHSError(f"There is no disease '{disease}'. Known diseases: {', '.join(world.index)}.")
    today = day_number(hospital.clock)
    causes = np.array([*world.index, "other"], dtype=object)
    parts = [_of_shard(shard.load(path)[0].people, world.index[disease], causes, today) for path in paths]
    return pd.concat(parts).sort_index()


def _of_shard(people: People, k: int, causes: np.ndarray, today: int) -> pd.DataFrame:
    smoked = people.smoke_start <= today
    years = np.where(smoked, np.minimum(people.smoke_quit, today) - people.smoke_start, 0) / YEAR
    days = {
        "death": people.death, "onset": people.onset[k], "shows_itself": people.surfaces[k],
        "diagnosed": people.diagnosed[k], "quit": people.smoke_quit,
    }  # fmt: skip
    columns = {name: np.where(day < NEVER, day, np.inf) for name, day in days.items()}
    columns["quit"] = np.where(people.smoke_quit <= today, columns["quit"], np.inf)
    named = {
        "sex": (SEXES, people.sex),
        "race": (RACES, people.race),
        "insurance": (INSURANCE, people.insurance),
    }
    columns |= {name: np.array(words, dtype=object)[codes] for name, (words, codes) in named.items()}
    stages = np.array([*STAGES, None], dtype=object)
    return pd.DataFrame(
        columns
        | {
            "birth": people.birth,
            "cause": np.where(people.death < NEVER, causes[people.cause], None),
            "stage": stages[people.stage[k]],
            "smoked": smoked,
            "smokes": smoked & (people.smoke_quit > today),
            "pack_years": years * people.cigarettes / 20,
        },
        index=pd.Index(people.id, name="patient_id"),
    )


def averted(without: pd.DataFrame, with_: pd.DataFrame, disease: str, since: str, until: str) -> pd.DataFrame:
    """What one life spared each person of another: two answer keys of the same people, between two days.

    Index ``patient_id``, columns ``disease_deaths`` and ``deaths`` (1: died before `until` in the first life and not in
    the second; -1: the reverse) and ``days`` (of life gained by `until`).
    """
    if not without.index.equals(with_.index):
        raise LHSError("The two answer keys are of different people: compare two lives of one hospital.")
    first, last = day_number(since), day_number(until)

    def died(life: pd.DataFrame) -> np.ndarray:
        return ((life["death"] >= first) & (life["death"] < last)).to_numpy()

    def of_it(life: pd.DataFrame) -> np.ndarray:
        return died(life) & (life["cause"] == disease).to_numpy()

    def lived(life: pd.DataFrame) -> np.ndarray:
        return life["death"].clip(first, last).to_numpy() - first

    return pd.DataFrame(
        {
            "disease_deaths": of_it(without).astype(int) - of_it(with_),
            "deaths": died(without).astype(int) - died(with_),
            "days": lived(with_) - lived(without),
        },
        index=without.index,
    )
