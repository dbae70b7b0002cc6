"""How fast a hospital is made: rows a second, memory, and the ratio to writing the same finished tables alone."""

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq

from lhs_helpers.patients import Hospital
from lhs_helpers.records.store import write_partition


def rewrite(job: tuple[str, list[str], str]) -> float:
    """Seconds to write these finished partitions again (reading them is not counted)."""
    table, paths, folder = job
    seconds = 0.0
    for path in paths:
        data = pq.read_table(path)
        began = time.perf_counter()
        write_partition(folder, table, Path(path).name, data)
        seconds += time.perf_counter() - began
    return seconds


def write_alone(source: Path, tables: dict, workers: int) -> float:
    """Seconds that `workers` processes need to write all tables, as if they had been at hand."""
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(workers) as pool:
        jobs = []
        for table, part in tables.items():
            paths = [str(source / table / name) for name in part["files"]]
            jobs += [(table, paths[k::workers], folder) for k in range(workers)]
        return sum(pool.map(rewrite, jobs)) / workers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=30_000)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    seconds, folder = [], Path(tempfile.mkdtemp()) / "hospital"
    for _ in range(given.repeats):
        shutil.rmtree(folder, ignore_errors=True)
        began = time.perf_counter()
        hospital = Hospital(
            folder, patients=given.patients, seed=7, start="2010-01-01", workers=given.workers
        )
        tables = hospital.advance(f"{2010 + given.years}-01-01").manifest["tables"]
        seconds.append(time.perf_counter() - began)
    rows = sum(part["rows"] for part in tables.values())
    alone = write_alone(folder, tables, given.workers)
    median = statistics.median(seconds)
    memory = [
        resource.getrusage(who).ru_maxrss / 2**20 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    print(f"{given.patients:,} patients, {given.years} years: {rows:,} rows")
    print(
        f"median of {given.repeats}: {median:.1f} s, {rows / median:,.0f} rows a second ({given.workers} workers)"
    )
    print(f"writing the same tables alone: {alone:.1f} s; ratio {median / alone:.1f}")
    print(f"peak memory: {memory[0]:.2f} GiB in the main process, {memory[1]:.2f} GiB in the largest worker")
    shutil.rmtree(folder.parent)


if __name__ == "__main__":
    main()
