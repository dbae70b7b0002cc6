"""How long ten yearly cycles of learning take, with updates and orders: in all, per step, and in processor time."""

import argparse
import os
import resource
import shutil
import tempfile
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from used import processor

from lhs_helpers.learning import Task
from lhs_helpers.patients import Hospital
from lhs_helpers.system import Loop
from lhs_helpers.system.acting import Acting

DIABETES, METFORMIN = "SNOMED:44054006", "RxNorm:860975"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=30_000)
    parser.add_argument("--cycles", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--policy", default="test-driven")
    parser.add_argument("--algorithm", default="gradient boosting")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    hospital = Hospital(
        folder / "hospital", patients=given.patients, seed=7, start="2010-01-01", workers=given.workers
    )
    task = Task("diabetes", (DIABETES,), window_days=365, lookback_days=730, min_age=35)
    loop = Loop(
        hospital, task, first_index="2011-01-01", threshold=0.02, algorithm=given.algorithm, memory=2,
        update_policy=given.policy, acting=Acting(METFORMIN, capacity=given.patients // 100),
        folder=folder / "loop",
    )  # fmt: skip
    seconds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for year in range(2013, 2013 + given.cycles):
        begun = False
        while not begun or loop.next_step != "collect":
            clock, used = time.perf_counter(), processor()
            step = loop.step(to=None if begun else f"{year}-01-01")
            begun = True
            seconds[step][0] += time.perf_counter() - clock
            seconds[step][1] += processor() - used
        clock, used = (sum(column) for column in zip(*seconds.values(), strict=True))
        print(f"until {year}: {clock:6.1f} s, {used:6.1f} s of processor time", flush=True)
    for step, (real, busy) in seconds.items():
        print(f"{step:10} {real:7.1f} s, {busy:7.1f} s of processor time")
    print(f"{given.cycles} cycles, {given.patients:,} patients, {given.workers} workers, {given.policy}:")
    print(f"{clock:.1f} s, {used:.1f} s of processor time; {len(loop.orders):,} orders")
    print(loop.history.drop_duplicates("cycle")[["cycle", "decision", "update"]].to_string(index=False))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {memory:.2f} GiB in the main process")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
