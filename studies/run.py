"""Run a study and keep its results.

python studies/run.py study_2022                    what is missing or was made by other code
python studies/run.py study_2022 --seeds 0 1        other hospitals than the usual five
python studies/run.py study_2022 --patients 60000 --results try  a rehearsal, which must go elsewhere
python studies/run.py study_2022 --verify 0         the parts of hospital 0 again, against the rows that are there
python studies/run.py study_2022 --verify "stroke, hospital 0"  this part

Results are one table and one JSON file in `studies/results`. Both are written anew after each finished part, whole or
not at all; a stopped run goes on with the next part. Hospitals live in the folder `--work` and are deleted after use.

`--verify` is for a change of code that may change no figure, such as one that only saves time. Some parts are run
again; if every row comes out as it was (words and counts alike, measures to the digits that were kept), the results
are marked as those of the code that lies here, and beside that mark stands what was verified. If a row differs, it is
shown, and nothing is marked.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import distributions
from io import StringIO
from pathlib import Path
from time import perf_counter

# Waiting threads sleep: spinning ones slow gradient boosting down where others use the machine, too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pandas as pd

from lhs_helpers import studies

RESULTS = studies.FOLDER / "results"
DIGITS = 5  # of a number that is not whole
# What a processor that sums in another order may leave in a measure: of two people of one risk, the other comes first.
NOISE = 1e-5
FIRST = ["job", "arm", "disease", "seed", "design", "algorithm", "patients", "variables"]


def main() -> None:
    asked = _arguments()
    study = importlib.import_module(asked.study)
    patients, seeds = asked.patients or study.PATIENTS, asked.seeds or study.SEEDS
    if patients != study.PATIENTS and asked.results.resolve() == RESULTS.resolve():
        sys.exit(
            "A rehearsal with other numbers must not overwrite the results: give --results another folder."
        )
    digest = studies.study_hash(study.SCRIPTS)
    if asked.verify is not None:
        _verify(study, asked, patients, digest)
        return
    table, facts = _so_far(asked.results, study.NAME, digest, patients)
    for job in study.jobs(seeds):
        if job in facts["seconds"]:
            print(f"{job}: there already", flush=True)
            continue
        start = perf_counter()
        rows, seconds = study.run(job, asked.work, patients)
        facts["seconds"][job] = {step: round(took, 1) for step, took in seconds.items()}
        facts["seconds"][job]["in all"] = round(perf_counter() - start, 1)
        table = pd.concat([table, rows.assign(job=job)], ignore_index=True)
        facts |= {"scripts": list(study.SCRIPTS), "code": digest, "patients": patients}
        facts |= study.FACTS | {"versions": _versions()}
        facts["seeds"] = sorted(int(seed) for seed in table["seed"].dropna().unique())
        _keep(table, facts, asked.results, study.NAME)
        print(f"{job}: {facts['seconds'][job]}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", help="a script of this folder, without .py")
    parser.add_argument("--seeds", type=int, nargs="+", help="hospitals; by default those of the study")
    parser.add_argument("--patients", type=int, help="in a hospital; by default as many as the study has")
    parser.add_argument(
        "--verify",
        nargs="*",
        metavar="PART",
        help="run these again: seeds, or names of parts; by default seed 0",
    )
    parser.add_argument("--date", help="of the verification, to be noted beside it")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, default=studies.FOLDER.parent / "_build" / "studies")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    asked.results.mkdir(parents=True, exist_ok=True)
    return asked


def _versions() -> dict[str, str]:
    """Of the libraries that compute, whichever build of them is installed."""
    installed = {d.name.removesuffix("-cpu"): d.version for d in distributions()}
    return {name: installed[name] for name in studies.LIBRARIES}


def _so_far(folder: Path, name: str, digest: str, patients: int) -> tuple[pd.DataFrame, dict]:
    """What an earlier run of the same code has left, or nothing."""
    if (folder / f"{name}.json").exists():
        facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        if facts["code"] == digest and facts["patients"] == patients:
            table = pd.read_csv(folder / f"{name}.csv")
            facts["seconds"] = {
                job: took for job, took in facts["seconds"].items() if job in set(table["job"])
            }
            return table, facts
    return pd.DataFrame(), {"seconds": {}}


def _verify(study, asked: argparse.Namespace, patients: int, digest: str) -> None:
    """Run the parts of some hospitals again; if they come out as they were, mark the results as this code's."""
    path = asked.results / f"{study.NAME}.json"
    if not path.exists():
        sys.exit(f"There are no results of {study.NAME} in {asked.results} to verify: run the study first.")
    facts = json.loads(path.read_text(encoding="utf-8"))
    if facts["patients"] != patients:
        sys.exit(f"The results of {study.NAME} have {facts['patients']:,} patients, not {patients:,}.")
    kept = pd.read_csv(path.with_suffix(".csv"))
    wanted, rows = asked.verify or ["0"], 0
    wanted = {job for part in wanted for job in (study.jobs([int(part)]) if part.isdigit() else [part])}
    jobs = [job for job in facts["seconds"] if job in wanted]
    if not jobs:
        sys.exit(
            f"No part of {study.NAME} is {' or '.join(sorted(wanted))}; it has: {'; '.join(facts['seconds'])}."
        )
    with tempfile.TemporaryDirectory(dir=asked.work) as scratch:
        for job in jobs:
            before = kept[kept["job"] == job].reset_index(drop=True)
            after = study.run(job, Path(scratch), patients)[0].assign(job=job)
            if wrong := _differences(before, after, getattr(study, "MEASURED", ())):
                shown = "\n".join(wrong[:20])
                sys.exit(
                    f"{job}: {len(wrong)} of {len(before)} rows differ, and nothing was marked.\n{shown}"
                )
            rows += len(before)
            print(f"{job}: {len(before)} rows as they were", flush=True)
    record = {
        "parts": jobs,
        "rows": rows,
        "of": len(kept),
        "from": facts["code"],
        "to": digest,
    }
    facts["verified"] = [*facts.get("verified", ()), record | ({"date": asked.date} if asked.date else {})]
    _replace(path, json.dumps(facts | {"code": digest}, indent=1) + "\n")


def _differences(before: pd.DataFrame, after: pd.DataFrame, measured: Iterable[str]) -> list[str]:
    """A line for each row that is not as it was; `measured` are columns that hold how long something took."""
    after = pd.read_csv(StringIO(after.to_csv(index=False)))  # as a reader would get it, but with all digits
    columns = [column for column in before.columns.union(after.columns) if column not in set(measured)]
    if len(before) != len(after):
        return [f"  {len(after)} rows where there were {len(before)}"]
    before, after = before.reindex(columns=columns), after.reindex(columns=columns)
    differs = pd.DataFrame({column: ~_same(before[column], after[column]) for column in columns})
    lines = []
    for row in np.flatnonzero(differs.any(axis=1)):
        cells = [f"{c}: {before[c][row]} was, {after[c][row]} is" for c in differs.columns[differs.loc[row]]]
        lines.append(f"  row {row + 1} of the part: {'; '.join(cells)}")
    return lines


def _same(before: pd.Series, after: pd.Series) -> pd.Series:
    """Words and whole numbers alike, other numbers within what was rounded away when they were kept, and NOISE."""
    missing = before.isna() & after.isna()
    if not all(pd.api.types.is_numeric_dtype(side) for side in (before, after)):
        return missing | (before.astype(str) == after.astype(str))
    if pd.api.types.is_float_dtype(after):
        last_digit = 10.0 ** (np.floor(np.log10(before.abs().clip(lower=1e-300))) - DIGITS + 1)
        return missing | ((before - after).abs() <= last_digit / 2 + NOISE)
    return (before == after) | (before == after.map(lambda number: float(f"{number:.{DIGITS}g}")))


def _keep(table: pd.DataFrame, facts: dict, folder: Path, name: str) -> None:
    """Write both files beside their place, then move them there: the table last, so that no job is lost unsaid."""
    order = [*FIRST, *(column for column in table.columns if column not in FIRST)]
    for suffix, text in (
        (".json", json.dumps(facts, indent=1) + "\n"),
        (
            ".csv",
            table.reindex(columns=order).to_csv(
                index=False, float_format=f"%.{DIGITS}g", lineterminator="\n"
            ),
        ),
    ):
        _replace(folder / f"{name}{suffix}", text)


def _replace(path: Path, text: str) -> None:
    path.with_suffix(".tmp").write_text(text, encoding="utf-8", newline="\n")
    os.replace(path.with_suffix(".tmp"), path)


if __name__ == "__main__":
    main()
