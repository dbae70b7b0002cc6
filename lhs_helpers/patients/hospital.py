"""`Hospital`: a population that lives on. Records come out, orders go in; nothing else passes."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from tqdm import tqdm

from lhs_helpers import __version__
from lhs_helpers.errors import LHSError
from lhs_helpers.patients import shard
from lhs_helpers.patients.calendar import day_number, iso, january
from lhs_helpers.patients.chart import concepts
from lhs_helpers.patients.diseases import disease_file
from lhs_helpers.patients.moment import VISITS
from lhs_helpers.patients.orders import Orders, queued, read_orders
from lhs_helpers.patients.scenarios import Scenario, as_scenarios
from lhs_helpers.patients.shard import Spec
from lhs_helpers.patients.sites import Site, as_site
from lhs_helpers.patients.truth import Truth
from lhs_helpers.patients.workers import each
from lhs_helpers.patients.world import World
from lhs_helpers.records.store import write_manifest, write_partition

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

PATIENTS_PER_SHARD = 15000
FIRST_YEAR, LAST_YEAR = 1990, 2060


class Hospital:
    """A synthetic hospital and the people of its catchment.

    Parameters
    ----------
    folder : where its records, its answer key and its state live; new, empty, or a hospital made with the
    same parameters. patients : people living in the catchment on the first day.
    seed : the same seed and parameters give the same bytes, whatever the number of workers.
    start : 1 January of the first recorded year, as "2014-01-01".
    diseases : names of disease files, or paths of your own (ending in .toml); all that come with the package
    when None.
    site : the name the records give to the place, or a `Site` with a mix of people and habits of recording.
    scenarios : what is different from some day on (see `scenarios`).
    capacity : how many orders of a code are carried out in a month; the others wait. No limit for other codes.
    workers : processes used; as many as there are cores when None.

    Raises
    ------
    LHSError
        For parameters that make no sense, an unknown disease, or a folder that holds something else.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        patients: int = 30_000,
        seed: int = 0,
        start: str = "2014-01-01",
        diseases: list[str] | None = None,
        site: Site | str = "hospital",
        scenarios: Sequence[Scenario] = (),
        capacity: dict[str, int] | None = None,
        workers: int | None = None,
    ):
        _check(patients, seed, start, workers)
        self.folder, self.workers = Path(folder), workers or os.cpu_count() or 1
        self.seed, self.start = seed, iso(day_number(start))
        self.diseases = None if diseases is None else tuple(sorted(map(_resolved, diseases)))
        self.scenarios, self.capacity = as_scenarios(scenarios), dict(capacity or {})
        first = _group(patients, site)
        _check_plan(Spec(seed, 0, 1, as_site(site), self.start, self.diseases), self.scenarios, self.capacity)
        saved = _open_or_claim(self.folder, self._parameters([first]))
        self.groups: list[dict] = saved["groups"]
        self.clock: str = saved["clock"]
        self._waiting: list[list] = saved.get("waiting", [])

    @classmethod
    def cohort(cls, folder: Path | str, *, condition: str, n: int, controls: int, **where) -> "Hospital":
        """A hospital that keeps the records of `n` people with a disease and of `controls` others only.

        See `enriched.cohort`, which says who they are and how they are weighted.
        """
        from lhs_helpers.patients.enriched import cohort  # here: it makes hospitals itself

        return cohort(folder, condition=condition, n=n, controls=controls, **where)

    def _parameters(self, groups: list[dict]) -> dict:
        return {
            "seed": self.seed,
            "start": self.start,
            "diseases": self.diseases,
            "scenarios": [scenario.model_dump() for scenario in self.scenarios],
            "capacity": self.capacity,
            "groups": groups,
        }

    def join(self, patients: int, site: Site | str) -> None:
        """A clinic with its own patients joins, and brings the records it has kept since the hospital's start."""
        _check(patients, self.seed, self.start, self.workers)
        self.groups.append(_group(patients, site))
        if self.clock != self.start:
            self.advance(self.clock)

    def advance(self, to: str, orders: pd.DataFrame | None = None, *, spark: object = None) -> "EMR":
        """Let time pass until `to`; returns the record as it then stands.

        Parameters
        ----------
        to : the first of a month; a date already reached changes nothing.
        orders : what was asked for: columns patient_id, date, code (the code of a drug, procedure or screening
        test of a disease file).
            Most orders are accepted and carried out in the following weeks.
        spark : a Spark session whose workers see `folder`; its cluster then lives the shards, to the same bytes.
        """
        day = day_number(to)
        if iso(day)[8:] != "01" or not january(FIRST_YEAR) < day <= january(LAST_YEAR):
            raise LHSError(
                f"advance(to='{to}'): give the first of a month between {FIRST_YEAR} and {LAST_YEAR}."
            )
        day = max(day, day_number(self.clock))
        world = self._specs()[0].world()
        arrays, later = self._orders(world, orders, day)
        files: dict[str, dict] = {}
        for written in self._each_shard(day, arrays, spark):
            for table, partitions in written.items():
                files.setdefault(table, {}).update(partitions)
        self.clock, self._waiting = iso(day), later
        files["concepts"] = {
            "concepts.parquet": write_partition(self.folder, "concepts", "concepts", concepts(world))
        }
        parameters = self._parameters(self.groups)
        _write_json(
            self.folder / "state" / "hospital.json",
            parameters | {"clock": self.clock, "waiting": self._waiting},
        )
        notes = [
            "Synthetic: for learning, development and teaching; nothing here describes a real person or place."
        ]
        write_manifest(
            self.folder,
            source=f"lhs_helpers {__version__}, synthetic hospital",
            period=(self.start, self.clock),
            parameters=parameters,
            notes=notes,
            files=files,
        )
        return self.emr

    @property
    def emr(self) -> "EMR":
        """The hospital's records."""
        from lhs_helpers.records.emr import EMR  # here: a worker process has no need of a database

        return EMR(self.folder)

    @property
    def truth(self) -> Truth:
        """The answer key: for pages, graders and monitors of the simulation; never for anything that learns."""
        return Truth(self.folder)

    def _specs(self) -> list[Spec]:
        specs: list[Spec] = []
        for group in self.groups:
            left, site = group["patients"], as_site(group["site"])
            only = {int(shard): tuple(ids) for shard, ids in group.get("only", {}).items()}
            while left > 0:
                size, number = min(left, PATIENTS_PER_SHARD), len(specs)
                specs.append(Spec(self.seed, number, size, site, self.start, self.diseases, self.scenarios))
                if "only" in group:
                    specs[-1] = replace(specs[-1], only=only.get(number, ()))
                left -= size
        return specs

    def _each_shard(self, to: int, orders: Orders | None, spark: object) -> Iterator[dict]:
        wanted = [spec for spec in self._specs() if spec.only is None or spec.only]
        jobs = [(spec, str(self.folder.resolve()), to, orders) for spec in wanted]
        if spark is not None:
            yield from spark.sparkContext.parallelize(jobs, len(jobs)).map(_run).toLocalIterator()
            return
        with tqdm(
            total=len(jobs), desc=f"living until {iso(to)}", unit="shard", disable=None, leave=False
        ) as bar:
            for written in each(_run, jobs, self.workers):
                bar.update()
                yield written

    def _orders(self, world: World, frame: pd.DataFrame | None, to: int) -> tuple[Orders | None, list[list]]:
        """Orders to carry out before `to`, and those that have to wait."""
        orders = queued(read_orders(world, frame, self._waiting), self.capacity)
        later = orders.take(orders.day >= to)
        waiting = [list(row) for row in zip(*(c.tolist() for c in vars(later).values()), strict=True)]
        return (orders.take(orders.day < to) if (orders.day < to).any() else None), waiting


def _run(job: tuple) -> dict:
    return shard.run(*job)


def _resolved(disease: str) -> str:
    """A file of a reader's own is known by its whole path, whatever folder a worker stands in."""
    return str(disease_file(disease).resolve()) if disease.endswith(".toml") else disease


def _group(patients: int, site: Site | str) -> dict:
    return {"patients": patients, "site": as_site(site).model_dump(mode="json")}


def _check_plan(spec: Spec, scenarios: tuple[Scenario, ...], capacity: dict[str, int]) -> None:
    """Scenarios and capacities may only name what this hospital has."""
    world = spec.world()
    codes, treatments = set(concepts(world)["code"].to_pylist()), {t.code for _, t in world.treatments}
    orders, rates = treatments | {s.code for _, s in world.screenings}, {*world.index, "death", *VISITS}
    named = [("capacity", code, orders) for code in capacity]
    for s in scenarios:
        named += [("scenario (rate)", s.of, rates)] if s.kind == "rate" else []
        named += [("scenario (guideline)", s.treatment, treatments)] if s.kind == "guideline" else []
        named += [("scenario (unit)", s.code, codes)] if s.kind == "unit" else []
        named += [("scenario (code)", s.old, codes)] if s.kind == "code" else []
    for what, name, known in named:
        if name not in known:
            raise LHSError(f"A {what} names {name}, which this hospital does not have.")
    if full := [code for code, per_month in capacity.items() if per_month < 1]:
        raise LHSError(f"capacity of {full[0]} is below 1 a month.")


def _check(patients: int, seed: int, start: str, workers: int | None) -> None:
    if not 1 <= patients <= 100_000_000:
        raise LHSError(f"patients is {patients:,}: a hospital needs between 1 and 100,000,000.")
    if seed < 0:
        raise LHSError(f"seed is {seed}: give a whole number from 0.")
    if workers is not None and workers < 1:
        raise LHSError(f"workers is {workers}: at least 1 process is needed.")
    if not iso(day_number(start)).endswith("-01-01") or not FIRST_YEAR <= int(start[:4]) < LAST_YEAR:
        raise LHSError(
            f"start is '{start}': give the 1 January of a year between {FIRST_YEAR} and {LAST_YEAR - 1}."
        )


def _open_or_claim(folder: Path, parameters: dict) -> dict:
    """The saved parameters of the hospital in `folder`; a new or empty folder is claimed for one."""
    path = folder / "state" / "hospital.json"
    if path.exists():
        saved = json.loads(path.read_text(encoding="utf-8"))
        wanted = json.loads(json.dumps(parameters))
        differs = [k for k in ("seed", "start", "diseases", "scenarios", "capacity") if saved[k] != wanted[k]]
        differs += ["patients"] if not wanted["groups"][0].items() <= saved["groups"][0].items() else []
        if differs:
            raise LHSError(
                f"{folder} holds a hospital made with another {' and '.join(differs)}: "
                "choose another folder, or delete that one."
            )
        return saved
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LHSError(
            f"{folder} exists and is not a hospital of this package: choose a new or an empty folder."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        saved = parameters | {"clock": parameters["start"]}
        _write_json(path, saved)
    except OSError as error:
        raise LHSError(
            f"Can not write to {folder}: {error.strerror}. Choose a folder you may write to."
        ) from None
    return json.loads(json.dumps(saved))


def _write_json(path: Path, content: dict) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(temporary, path)
