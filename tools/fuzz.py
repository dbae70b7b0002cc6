"""Damage small exports at random and read them, for as long as asked; exit 1 when a reader breaks a promise.

    .venv/bin/python tools/fuzz.py --minutes 60 --seed 1
    .venv/bin/python tools/fuzz.py --again 1-417          # one trial once more, with its traceback

What is done to them, and what readers promise, is in tests/records/promises.py. Trials run in a process beside
this one, so that a crash of a library and an endless loop are found, too.
"""

import argparse
import sys
import tempfile
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from records.promises import trial  # noqa: E402

PATIENCE = 120  # seconds for one trial


def attempt(seed: str) -> tuple[str, str]:
    """Which kind of export was read, and what came of it: a sentence, a record, or a traceback."""
    with tempfile.TemporaryDirectory(prefix="lhs-fuzz-") as place:
        try:
            kind, _, given = trial(seed, Path(place))
            return kind, given
        except Exception:
            return "broken", traceback.format_exc()


def fuzz(minutes: float, seed: int, first: int = 0) -> tuple[Counter, dict[str, str]]:
    """Trials until the time is over: how many gave what, and by seed what went wrong."""
    outcomes, broken = Counter(), {}
    ends, number = monotonic() + 60 * minutes, first
    pool = ProcessPoolExecutor(1)
    while monotonic() < ends:
        name = f"{seed}-{number}"
        try:
            kind, given = pool.submit(attempt, name).result(timeout=PATIENCE)
        except (BrokenProcessPool, TimeoutError) as error:
            kind, given = "broken", f"{type(error).__name__}: the process died, or took {PATIENCE} s"
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool = ProcessPoolExecutor(1)
        outcomes[kind, given if kind != "broken" else ""] += 1
        if kind == "broken":
            broken[name] = given
            print(f"{name}: {given.strip().splitlines()[-1][:300]}", flush=True)
        number += 1
        if number % 1000 == 0:
            print(f"{number:,} trials, {len(broken)} broken", flush=True)
    pool.shutdown()
    return outcomes, broken


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first trial")
    parser.add_argument("--again", help="one trial, for example 1-417")
    given = parser.parse_args()
    if given.again:
        with tempfile.TemporaryDirectory() as place:
            print(trial(given.again, Path(place)))
        return
    outcomes, broken = fuzz(given.minutes, given.seed, given.first)
    for (kind, what), count in sorted(outcomes.items()):
        print(f"{kind:>18} {what:>10} {count:>9,}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
