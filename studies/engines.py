"""One question where the data is: DuckDB in a folder, PostgreSQL, and Spark, on the same hospital.

Each engine is asked for the same cohort, vocabulary and matrix. Measured is the time on the clock, which depends on
what else the machine does, and the processor time of this process and of the engine's own. A row is a step of an
engine; the last says how many cells of its matrix differ from those of DuckDB, and by how much.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import ibis
import numpy as np
import pandas as pd
import psutil

from lhs_helpers.learning import Task, cohort, features, vocabulary
from lhs_helpers.patients import Hospital
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.own_server import own_postgres, own_spark

NAME = "engines"
SCRIPTS = ("engines.py",)
PATIENTS, SEEDS = 4_000, (0, 1, 2)
START, END, AT = "2012-01-01", "2018-01-01", "2015-01-01"
FACTS = {"cores": 2}
MEASURED = ("seconds", "processor seconds")  # columns that differ with every run
TASK = Task("Stroke within two years", ("SNOMED:230690007",), window_days=730, min_age=40)
STATISTICS = ("ever", "count", "last", "mean", "slope", "days since", "last is")


def jobs(seeds: tuple[int, ...]) -> list[str]:
    return [f"hospital {seed}" for seed in seeds]


def run(job: str, work: Path, patients: int) -> tuple[pd.DataFrame, dict[str, float]]:
    seed = int(job.split()[1])
    folder = work / f"engines-{seed}"
    made = Hospital(folder, patients=patients, seed=seed, start=START)
    made.advance(END)
    tables = made.emr.manifest["tables"]
    known = {"seed": seed, "patients": patients, "records": sum(table["rows"] for table in tables.values())}
    rows, expected = [], None
    for engine, loaded in (("DuckDB", in_place), ("PostgreSQL", in_postgres), ("Spark", in_spark)):
        steps = []
        with loaded(folder, steps) as emr:
            matrix = asked(emr, steps)
        expected = matrix if expected is None else expected
        rows += [known | {"engine": engine} | step for step in steps]
        rows[-1] |= compared(matrix, expected)
    shutil.rmtree(folder)
    table = pd.DataFrame(rows)
    return table, table.groupby("engine")["seconds"].sum().to_dict()


def asked(emr: EMR, steps: list[dict]) -> pd.DataFrame:
    with timed("cohort", steps):
        people = cohort(emr, TASK, AT)
    with timed("vocabulary", steps):
        columns = vocabulary(emr, people, TASK, 0.02, statistics=STATISTICS, windows=(None, 365))
    with timed("features", steps):
        return features(emr, people, TASK, columns)


def compared(found: pd.DataFrame, expected: pd.DataFrame) -> dict:
    """How two matrices of the same people and columns differ."""
    assert list(found.columns) == list(expected.columns) and found.index.equals(expected.index)
    a, b = found.to_numpy(np.float64), expected.to_numpy(np.float64)
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    # In standard deviations of the variable: a slope of 1e-17 where another engine has 0 is no difference of 100 %.
    by = (np.abs(a - b) / np.nanstd(b, axis=0))[differs]
    where = [name for name, some in zip(expected.columns, differs.any(axis=0), strict=True) if some]
    sums = [": mean" in name or ": slope" in name for name in where]
    return {
        "people": len(found),
        "variables": found.shape[1],
        "cells": a.size,
        "differing": int(differs.sum()),
        "differing outside sums": int(len(sums) - sum(sums)),
        "largest difference (SD)": float(by.max(initial=0.0)),
    }


@contextmanager
def in_place(folder: Path, steps: list[dict]) -> Iterator[EMR]:
    with timed("load", steps):
        emr = EMR(folder)
    yield emr


@contextmanager
def in_postgres(folder: Path, steps: list[dict]) -> Iterator[EMR]:
    from lhs_helpers.records.postgres import load_postgres

    with own_postgres() as host:
        connection = ibis.postgres.connect(host=host, user="postgres", database="postgres")
        with timed("load", steps):
            emr = load_postgres(folder, connection)
        yield emr
        connection.disconnect()


@contextmanager
def in_spark(folder: Path, steps: list[dict]) -> Iterator[EMR]:
    from lhs_helpers.records.spark import load_spark

    with timed("load", steps):
        session = own_spark()
        emr = load_spark(folder, session.__enter__())
    yield emr
    session.__exit__(None, None, None)


@contextmanager
def timed(step: str, steps: list[dict]) -> Iterator[None]:
    began, used = perf_counter(), processor_seconds()
    yield
    took = {"seconds": perf_counter() - began, "processor seconds": processor_seconds() - used}
    steps.append({"step": step, **took})


def processor_seconds() -> float:
    """Of this process and of the engine's, which it started."""
    this, used = psutil.Process(), 0.0
    for process in (this, *this.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        # Of those that ended (a server makes a process for each connection), their parent knows.
        used += (
            times.user
            + times.system
            + getattr(times, "children_user", 0)
            + getattr(times, "children_system", 0)
        )
    return used
