"""How fast features are made for all adults of a hospital: seconds, memory, and the ratio to a bare aggregate.

The bare aggregate is what DuckDB needs for the same rows and the same grouping alone: number, mean, and latest
time per person and code. Each measurement runs in a process of its own, so that its peak memory is its own.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from lhs_helpers.learning import FeaturePlan, Task, cohort
from lhs_helpers.learning.checks import STATISTICS
from lhs_helpers.patients import Hospital
from lhs_helpers.records.emr import EMR

STROKE = "SNOMED:230690007"
BARE = """SELECT bit_xor(hash(sums)) FROM (
    SELECT patient_id, kind, code, count(*) AS n, avg(value) AS mean, max(time) AS latest
    FROM events WHERE kind NOT IN ('death', 'left') GROUP BY ALL) AS sums"""
# The statistics of `--all`: every one that there is, in a year and in the whole look-back.
ALL = {
    "statistics": STATISTICS,
    "windows": (365, None),
}


def question(emr: EMR) -> tuple[Task, pd.Timestamp]:
    """All adults on the last day of the record, and all of their past."""
    start, end = emr.period
    index = end - pd.Timedelta(days=1)
    return Task("Stroke", (STROKE,), 365, lookback_days=(index - start).days), index


def measure(what: str, folder: str, plan: Path) -> None:
    """One measurement, printed as JSON: seconds, and what was made."""
    emr = EMR(folder)
    task, index = question(emr)
    made = {}
    if what == "bare":
        began = time.perf_counter()
        emr.sql(BARE)
    else:
        people = cohort(emr, task, index)
        began = time.perf_counter()
        if what == "apply":
            X = FeaturePlan.from_json(plan.read_text(encoding="utf-8")).apply(emr, people)
        else:
            learned, X = FeaturePlan.fit_apply(emr, people, task, **(ALL if what == "fit all" else {}))
            plan.write_text(learned.to_json(), encoding="utf-8")
        made = {"people": X.shape[0], "features": X.shape[1], "values": int(X.notna().to_numpy().sum())}
    seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "memory": memory} | made))


def measured(what: str, folder: Path, plan: Path, repeats: int = 1) -> dict:
    """The median of some measurements, each in a new process, and the largest memory among them."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        __file__,
        "--measure",
        what,
        "--folder",
        folder,
        "--plan",
        plan,
    ]
    runs = [
        json.loads(subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout)
        for _ in range(repeats)
    ]
    seconds = statistics.median(run["seconds"] for run in runs)
    return runs[0] | {"seconds": seconds, "memory": max(run["memory"] for run in runs)}


def report(folder: Path, plan: Path, all_of_them: bool, repeats: int) -> None:
    rows = sum(part["rows"] for part in EMR(folder).manifest["tables"].values())
    print(f"{rows:,} rows")
    fit = measured("fit all" if all_of_them else "fit", folder, plan)
    print(
        f"plan and features of the training people at once: {fit['seconds']:.1f} s, {fit['memory']:.2f} GiB at most"
    )
    apply = measured("apply", folder, plan, repeats)
    print(
        f"features ({apply['people']:,} adults x {apply['features']:,}): median of {repeats} "
        f"{apply['seconds']:.1f} s, {rows / apply['seconds']:,.0f} rows a second, {apply['memory']:.2f} GiB at most"
    )
    bare = measured("bare", folder, plan, repeats)
    print(
        f"a bare aggregate over the same rows: {bare['seconds']:.1f} s, {bare['memory']:.2f} GiB; "
        f"ratio {apply['seconds'] / bare['seconds']:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--years", type=int, default=17)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--all", action="store_true", help="every statistic, in two windows")
    parser.add_argument("--folder", help="a hospital that is there already; otherwise one is generated")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.folder, given.plan)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(given.folder or Path(scratch) / "hospital")
        if not given.folder:
            born = {"seed": 7, "start": "2003-01-01", "workers": given.workers}
            Hospital(folder, patients=given.patients, **born).advance(f"{2003 + given.years}-01-01")
        print(f"{folder if given.folder else f'{given.patients:,} patients, {given.years} years'}: ", end="")
        report(folder, Path(scratch) / "plan.json", given.all, given.repeats)


if __name__ == "__main__":
    main()
