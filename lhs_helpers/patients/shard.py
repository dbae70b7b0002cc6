"""One shard of a hospital: a few thousand people, advanced by a pure function, the same on one core or many.

`advance(spec, state, to, orders)` turns a state into a later state and the records of the time between.
Nothing
outside decides anything: no clock, no global random numbers, no other shard. `run` does it for a shard at
rest in a folder: records are written year by year, the state every few years, and a killed run goes on from it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import care, life, population, truth
from lhs_helpers.patients.calendar import NEVER, iso, january, months, next_working_day, year_of
from lhs_helpers.patients.chart import Chart
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.moment import taking
from lhs_helpers.patients.orders import Orders
from lhs_helpers.patients.people import People
from lhs_helpers.patients.scenarios import Scenario
from lhs_helpers.patients.sites import Site
from lhs_helpers.patients.world import World
from lhs_helpers.records.store import write_partition

IDS_PER_SHARD = 1_000_000
IDS_PER_WAVE = 100_000  # of a shard: its first residents, then the arrivals of each ten years
WAVE_YEARS = 10
SAVED_EVERY = 4  # calendar years: writing the state takes as long as living a tenth of a year
ACCEPTED = 0.7  # share of orders that clinician and patient carry out: our assumption
DELAY_DAYS = 30  # an accepted order is carried out within so many days: our assumption


@dataclass(frozen=True)
class Spec:
    """What a shard is: its number, how many people it starts with, where and when, and the seed of its hospital."""

    seed: int
    number: int
    patients: int
    site: Site
    start: str
    diseases: tuple[str, ...] | None = None
    scenarios: tuple[Scenario, ...] = ()
    only: tuple[int, ...] | None = None  # keep the records of these people only

    @property
    def name(self) -> str:
        return f"shard-{self.number:04d}"

    def world(self) -> World:
        names = None if self.diseases is None else list(self.diseases)
        return World(Draws(self.seed), names, site=self.site, scenarios=self.scenarios)


@dataclass
class State:
    """A shard at rest: its people, the day its clock stands at, and the year up to which arrivals are planned."""

    people: People
    clock: int
    planned: int


@dataclass
class Records:
    """What a shard wrote in one period: tables of the record, and true hazards at its beginning."""

    period: str
    tables: dict[str, pa.Table]
    hazards: pa.Table


def founded(spec: Spec, world: World) -> State:
    """The shard on its first day: residents with the lives they have led, before anything is recorded."""
    year = int(spec.start[:4])
    people = population.residents(world, spec.number * IDS_PER_SHARD + 1, spec.patients, year)
    return State(_only(spec, people), january(year), year)


def advance(
    spec: Spec, world: World, state: State, to: int, orders: Orders | None = None, *, recorded: bool = True
) -> Iterator[tuple[State, Records]]:
    """Live from the state's clock to day `to`; yields the state and records at the end of each calendar year.

    Record-free (`recorded=False`) the same lives are lived and the same care is given, and nothing is written.
    """
    while state.clock < to:
        start, year = state.clock, year_of(state.clock)
        end = min(to, january(year + 1))
        state = _with_arrivals(spec, world, state)
        here = population.here(state.people, year)
        if start == january(year):
            population.live_elsewhere(world, state.people, here, year)
        people = state.people.take(here)
        hazards, parts = truth.hazards(world, people, start), []
        for day, until in months(start, end):
            _carry_out(world, people, orders, day, until)
            happened = life.step(world, people, day, until)
            parts.append(care.month(world, people, day, until, happened))
        visits = care.Visits.join(parts)
        tables = Chart(world, people, visits).tables(start, end) if recorded else {}
        state.people.put(here, people)
        state = State(state.people, end, state.planned)
        yield state, Records(iso(start), tables, hazards)


def _with_arrivals(spec: Spec, world: World, state: State) -> State:
    if year_of(state.clock) < state.planned:
        return state
    wave = 1 + (state.planned - int(spec.start[:4])) // WAVE_YEARS
    first = spec.number * IDS_PER_SHARD + wave * IDS_PER_WAVE + 1
    people = population.arrivals(world, first, spec.patients, state.planned, WAVE_YEARS)
    return State(state.people.join(_only(spec, people)), state.clock, state.planned + WAVE_YEARS)


def _only(spec: Spec, people: People) -> People:
    """A person's life depends on nobody else's: those whose records are not wanted need not be lived."""
    return people if spec.only is None else people.take(np.isin(people.id, np.array(spec.only, np.int64)))


def _carry_out(world: World, people: People, orders: Orders | None, day: int, until: int) -> None:
    """Orders of this month: most are accepted, and carried out some days later."""
    if orders is None:
        return
    due = (orders.day >= day) & (orders.day < until)
    for j, (_, treatment) in enumerate(world.treatments):
        who = _for_whom(people, orders, due, treatment.code)
        who = who[
            (people.started[j, who] > until)
            | (~taking(people, [j], day, who) & (people.started[j, who] < day))
        ]
        who, when = _accepted(world, people, who, treatment.code, day, until)
        people.started[j, who[people.started[j, who] < day]] = NEVER  # who had stopped begins anew
        care.begin(world, people, j, who, when)
    for s, (k, test) in enumerate(world.screenings):
        who = _for_whom(people, orders, due, test.code)
        who = who[
            (people.diagnosed[k, who] == NEVER)
            & ~((people.scan[s, who] >= day) & (people.scan[s, who] < NEVER))
        ]
        who, when = _accepted(world, people, who, test.code, day, until)
        people.scan[s, who] = when


def _for_whom(people: People, orders: Orders, due: np.ndarray, code: str) -> np.ndarray:
    return np.flatnonzero(np.isin(people.id, orders.patient[due & (orders.code == code)]))


def _accepted(
    world: World, people: People, who: np.ndarray, code: str, day: int, until: int
) -> tuple[np.ndarray, np.ndarray]:
    """Those of `who` for whom an order is carried out, and when: after the month it was given in."""
    who = who[world.draws.uniform(f"accepts {code}", people.id[who], day) < ACCEPTED]
    delay = world.draws.uniform(f"delay {code}", people.id[who], day) * DELAY_DAYS
    return who, next_working_day((until + delay).astype(np.int32))


def run(spec: Spec, folder: str, to: int, orders: Orders | None = None) -> dict[str, dict[str, dict]]:
    """Advance the shard that rests in `folder` (founding it if it is not there); returns its partitions so far."""
    world, path = spec.world(), Path(folder) / "state" / f"{spec.name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        state, files = load(path)
    else:
        state, files = founded(spec, world), {}
    last = state
    try:
        for last, records in advance(spec, world, state, to, orders):
            # A partition that no state and no manifest name does not count; a resumed run writes it again, the same.
            name = f"{records.period}_{spec.name}.parquet"
            for table, data in records.tables.items():
                if data.num_rows:
                    files.setdefault(table, {})[name] = write_partition(folder, table, name, data)
            truth.write_hazards(Path(folder), name, records.hazards)
            # The state is the commit: until it is renamed into place, the years since the last one count as not lived.
            if last.clock == to or year_of(last.clock) % SAVED_EVERY == 0:
                _save(path, last, files)
        # Also when nothing was left to live: a run may have been killed between its last year and this.
        truth.write_lives(Path(folder), spec.name, world, last.people)
    except OSError as error:
        raise LHSError(
            f"{folder} could not be written ({error.strerror or error}); make room and run the same again: "
            "what was saved is kept."
        ) from None
    return files


def load(path: Path) -> tuple[State, dict]:
    """A shard's state and the partitions it has written."""
    with np.load(path, allow_pickle=False) as file:
        columns = {name: file[name] for name in file.files}
    clock, planned = int(columns.pop("_clock")), int(columns.pop("_planned"))
    files = json.loads(columns.pop("_files").tobytes().decode())
    return State(People(columns), clock, planned), files


def _save(path: Path, state: State, files: dict) -> None:
    text = np.frombuffer(json.dumps(files).encode(), np.uint8)
    state.people.save(path, _clock=np.array(state.clock), _planned=np.array(state.planned), _files=text)
