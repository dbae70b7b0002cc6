"""People with a rare disease, without generating a city: live many, keep the records of a few, say how many stand
behind each.

A person's life and records depend on nobody else. So a hospital can be lived record-free, which is quick, the
people of interest be chosen, and only their records be written: they are the ones, byte for byte, that the
whole city would hold.
"""

import os
from collections import deque
from itertools import count, islice
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import hospital, shard
from lhs_helpers.patients.calendar import day_number
from lhs_helpers.patients.hospital import Hospital
from lhs_helpers.patients.shard import Spec
from lhs_helpers.patients.sites import Site, as_site
from lhs_helpers.patients.workers import each

WEIGHTS = "weights.parquet"
LARGEST_CITY = 20_000_000


def cohort(
    folder: Path | str,
    *,
    condition: str,
    n: int,
    controls: int,
    seed: int = 0,
    start: str = "2014-01-01",
    until: str = "2020-01-01",
    site: Site | str = "hospital",
    workers: int | None = None,
) -> Hospital:
    """A hospital, advanced to `until`, that keeps the records of a case–control sample only.

    Cases are people whose first diagnosis of `condition` falls between `start` and `until`, while they live in the
    catchment. Controls are drawn from everybody else who lives there at `start`. Shard after shard of an ever
    larger city is lived until there are `n` cases.

    Parameters
    ----------
    folder : new or empty.
    condition : name of a disease file.
    n, controls : numbers of people, at least 1.
    seed, start, site, workers : as for `Hospital`; until : the first of a month.

    Returns
    -------
    Hospital
        Beside its records lies `weights.parquet` (see `weights`): patient_id, role ("case" or "control"), weight
        (how many people of the city each stands for).

    Raises
    ------
    LHSError
        When the parameters make no sense, or even 20 million people have too few cases.
    """
    if min(n, controls) < 1:
        raise LHSError(f"n is {n} and controls {controls}: at least 1 of each is needed.")
    begin, end = day_number(start), day_number(until)
    if begin >= end:
        raise LHSError(f"until ({until}) must come after start ({start}).")
    people = _lived(condition, n, controls, seed, start, end, as_site(site), workers)
    chosen = _chosen(people, n, controls, seed)
    only = {str(number): sorted(ids) for number, ids in chosen.groupby("shard").patient_id}
    city = int(people["shard"].max() + 1) * hospital.PATIENTS_PER_SHARD
    made = Hospital(folder, patients=city, seed=seed, start=start, site=site, workers=workers)
    made.groups[0]["only"] = {number: [int(i) for i in ids] for number, ids in only.items()}
    table = chosen[["patient_id", "role", "weight"]].sort_values("patient_id", ignore_index=True)
    table.to_parquet(made.folder / WEIGHTS)
    made.advance(until)
    return made


def weights(made: Hospital) -> pd.DataFrame:
    """How many people of the city each person in the records stands for: patient_id, role, weight."""
    path = made.folder / WEIGHTS
    if not path.exists():
        raise LHSError(f"{made.folder} is no sample of a city: everybody there counts once.")
    return pd.read_parquet(path)


def _lived(condition, n, controls, seed, start, end, site, workers) -> pd.DataFrame:
    """Everybody who qualifies, shard by shard until there are enough: shard, patient_id, case."""
    world = Spec(seed, 0, 1, site, start).world()
    if condition not in world.index:
        raise LHSError(f"There is no disease '{condition}'. Known diseases: {', '.join(world.index)}.")
    specs = (Spec(seed, number, hospital.PATIENTS_PER_SHARD, site, start) for number in count())
    found, cases, workers = [], 0, workers or os.cpu_count() or 1
    with tqdm(total=n, desc=f"looking for {condition}", unit="case", disable=None, leave=False) as bar:
        while cases < n or sum(map(len, found)) - cases < controls:
            if len(found) * hospital.PATIENTS_PER_SHARD >= LARGEST_CITY:
                raise LHSError(
                    f"Among {LARGEST_CITY:,} people there are only {cases} new cases of {condition}."
                )
            batch = [(spec, condition, end) for spec in islice(specs, workers)]
            for part in each(_scout, batch, workers):
                found.append(part)
                cases += int(part["case"].sum())
                bar.update(int(part["case"].sum()))
    people = pd.concat(found).sort_values(["shard", "patient_id"], ignore_index=True)
    # The smallest city that is large enough, whatever the number of workers.
    so_far = people.groupby("shard")["case"].agg(cases="sum", everybody="size").cumsum()
    enough = (so_far.cases >= n) & (so_far.everybody - so_far.cases >= controls)
    return people[people["shard"] <= enough.idxmax()]


def _scout(job: tuple[Spec, str, int]) -> pd.DataFrame:
    """Live one shard record-free."""
    spec, condition, end = job
    world, begin = spec.world(), day_number(spec.start)
    lived = shard.advance(spec, world, shard.founded(spec, world), end, recorded=False)
    (last, _), k = deque(lived, maxlen=1)[0], world.index[condition]
    people = last.people
    first = people.onset[k] if world.diseases[k].kind == "event" else people.diagnosed[k]
    there = (first >= people.entry) & (first < people.left) & (first <= people.death)
    case = there & (first >= begin) & (first < end)
    control = ~case & (people.entry <= begin) & people.present(begin) & (first >= begin)
    which = case | control
    return pd.DataFrame({"shard": spec.number, "patient_id": people.id[which], "case": case[which]})


def _chosen(people: pd.DataFrame, n: int, controls: int, seed: int) -> pd.DataFrame:
    """The first `n` cases and a random sample of the others, each with the number of people it stands for."""
    draw = np.random.default_rng(seed)
    parts = []
    for role, wanted, pool in (
        ("case", n, people[people["case"]]),
        ("control", controls, people[~people["case"]]),
    ):
        rows = draw.choice(len(pool), wanted, replace=False)
        parts.append(pool.iloc[np.sort(rows)].assign(role=role, weight=len(pool) / wanted))
    return pd.concat(parts, ignore_index=True)
