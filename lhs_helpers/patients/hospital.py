"""`Hospital`: a population that lives on. Records come out, orders go in; nothing else passes."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tqdm import tqdm

from lhs_helpers import __version__
from lhs_helpers.errors import LHSError
from lhs_helpers.patients import shard
from lhs_helpers.patients.calendar import day_number, iso, january
from lhs_helpers.patients.chart import concepts
from lhs_helpers.patients.diseases import load_diseases
from lhs_helpers.patients.shard import Orders, Spec
from lhs_helpers.patients.truth import Truth
from lhs_helpers.records.store import write_manifest, write_partition

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

PATIENTS_PER_SHARD = 7_500
FIRST_YEAR, LAST_YEAR = 1990, 2060


class Hospital:
    """A synthetic hospital and the people of its catchment.

    Parameters
    ----------
    folder : where its records, its answer key and its state live; new, empty, or a hospital made with the
    same parameters. patients : people living in the catchment on the first day.
    seed : the same seed and parameters give the same bytes, whatever the number of workers.
    start : 1 January of the first recorded year, as "2014-01-01".
    diseases : names of disease files; all of them when None.
    site : the name the records give to the place.
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
        site: str = "hospital",
        workers: int | None = None,
    ):
        _check(patients, seed, start, workers)
        load_diseases(diseases)
        self.folder, self.workers = Path(folder), workers or os.cpu_count() or 1
        self.seed, self.start = seed, iso(day_number(start))
        self.diseases = None if diseases is None else tuple(sorted(diseases))
        first = {"patients": patients, "site": site}
        saved = _open_or_claim(self.folder, self._parameters([first]))
        self.groups: list[dict] = saved["groups"]
        self.clock: str = saved["clock"]

    def _parameters(self, groups: list[dict]) -> dict:
        return {"seed": self.seed, "start": self.start, "diseases": self.diseases, "groups": groups}

    def join(self, patients: int, site: str) -> None:
        """A clinic with its own patients joins, and brings the records it has kept since the hospital's start."""
        _check(patients, self.seed, self.start, self.workers)
        self.groups.append({"patients": patients, "site": site})
        if self.clock != self.start:
            self.advance(self.clock)

    def advance(self, to: str, orders: pd.DataFrame | None = None) -> "EMR":
        """Let time pass until `to`; returns the record as it then stands.

        Parameters
        ----------
        to : the first of a month; a date already reached changes nothing.
        orders : what was asked for: columns patient_id, date, code (the code of a drug or procedure of a
        disease file).
            Most orders are accepted and carried out in the following weeks.
        """
        day = day_number(to)
        if iso(day)[8:] != "01" or not january(FIRST_YEAR) < day <= january(LAST_YEAR):
            raise LHSError(
                f"advance(to='{to}'): give the first of a month between {FIRST_YEAR} and {LAST_YEAR}."
            )
        day = max(day, day_number(self.clock))
        arrays = self._orders(orders)
        files: dict[str, dict] = {}
        for written in self._each_shard(day, arrays):
            for table, partitions in written.items():
                files.setdefault(table, {}).update(partitions)
        self.clock = iso(day)
        world = self._specs()[0].world()
        files["concepts"] = {
            "concepts.parquet": write_partition(self.folder, "concepts", "concepts", concepts(world))
        }
        parameters = self._parameters(self.groups)
        _write_json(self.folder / "state" / "hospital.json", parameters | {"clock": self.clock})
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
            left = group["patients"]
            while left > 0:
                size = min(left, PATIENTS_PER_SHARD)
                specs.append(Spec(self.seed, len(specs), size, group["site"], self.start, self.diseases))
                left -= size
        return specs

    def _each_shard(self, to: int, orders: Orders | None) -> Iterator[dict]:
        jobs = [(spec, str(self.folder), to, orders) for spec in self._specs()]
        with tqdm(
            total=len(jobs), desc=f"living until {iso(to)}", unit="shard", disable=None, leave=False
        ) as bar:
            for written in (
                map(_run, jobs) if min(self.workers, len(jobs)) == 1 else _in_parallel(jobs, self.workers)
            ):
                bar.update()
                yield written

    def _orders(self, orders: pd.DataFrame | None) -> Orders | None:
        if orders is None or orders.empty:
            return None
        if missing := {"patient_id", "date", "code"} - set(orders):
            raise LHSError(
                f"The orders lack the columns {', '.join(sorted(missing))}; give patient_id, date and code."
            )
        known = {t.code for _, t in self._specs()[0].world().treatments}
        if unknown := set(orders.code) - known:
            raise LHSError(
                f"Nobody here can carry out {', '.join(sorted(unknown))}; orders may be {', '.join(sorted(known))}."
            )
        days = pd.to_datetime(orders.date).to_numpy().astype("M8[D]").astype(np.int64)
        return Orders(orders.patient_id.to_numpy(), days, orders.code.to_numpy().astype(str))


def _run(job: tuple) -> dict:
    return shard.run(*job)


def _in_parallel(jobs: list[tuple], workers: int) -> Iterator[dict]:
    """Results as they come. A stop (Ctrl-C) or an error ends the workers; finished years are safe on disk."""
    pool = ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn"), signal, (SIGINT, SIG_IGN))
    try:
        for done in as_completed([pool.submit(_run, job) for job in jobs]):
            yield done.result()
    except BrokenProcessPool:
        raise LHSError(
            "A worker process could not start or was ended from outside. In a script, put what you run under "
            "`if __name__ == '__main__':`. If memory was short, run the same again with fewer workers: finished "
            "years are kept."
        ) from None
    finally:
        for child in active_children():
            child.terminate()
        pool.shutdown(wait=False, cancel_futures=True)


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
        differs = [k for k in ("seed", "start", "diseases") if saved[k] != wanted[k]]
        differs += ["patients"] if saved["groups"][0] != wanted["groups"][0] else []
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
