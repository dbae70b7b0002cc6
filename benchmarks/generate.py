"""How fast a hospital is made: rows a second, memory, and the ratio to writing the same finished tables alone."""

import argparse
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
from used import watched

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


def made(patients: int, given: argparse.Namespace) -> float:
    """Make a hospital as often as asked for, print what it took, and return rows a second (the median)."""
    seconds, peaks, folder = [], [], Path(tempfile.mkdtemp()) / "hospital"
    for _ in range(given.repeats):
        shutil.rmtree(folder, ignore_errors=True)
        with watched() as peak:
            began = time.perf_counter()
            hospital = Hospital(folder, patients=patients, seed=7, start="2010-01-01", workers=given.workers)
            tables = hospital.advance(f"{2010 + given.years}-01-01").manifest["tables"]
            seconds.append(time.perf_counter() - began)
        peaks.append(peak)
    rows, median = sum(part["rows"] for part in tables.values()), statistics.median(seconds)
    alone = write_alone(folder, tables, given.workers)
    shutil.rmtree(folder.parent)
    print(f"{patients:,} patients, {given.years} years: {rows:,} rows, {given.workers} workers")
    print(
        f"  {', '.join(f'{s:.1f}' for s in seconds)} s; median {median:.1f} s, {rows / median:,.0f} rows a second"
    )
    print(f"  writing the same tables alone: {alone:.1f} s; ratio {median / alone:.1f}")
    together, worker = max(peak.together for peak in peaks), max(peak.worker for peak in peaks)
    print(f"  at most {together:.2f} GiB in all, {worker:.2f} GiB in one worker", flush=True)
    return rows / median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=[30_000])
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    rates = [made(patients, given) for patients in given.patients]
    if len(rates) > 1:
        print(f"rows a second, slowest size over fastest: {min(rates) / max(rates):.2f}")


if __name__ == "__main__":
    main()
