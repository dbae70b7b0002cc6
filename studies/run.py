"""Run a study and keep its results.

python studies/run.py study_2022                    what is missing or was made by other code
python studies/run.py study_2022 --seeds 0 1        other hospitals than the usual five
python studies/run.py study_2022 --patients 60000 --results try  a rehearsal, which must go elsewhere

Results are one table and one JSON file in `studies/results`. Both are written anew after each finished part, whole or
not at all; a stopped run goes on with the next part. Hospitals live in the folder `--work` and are deleted after use.
"""

import argparse
import importlib
import json
import os
import sys
from importlib.metadata import distributions
from pathlib import Path
from time import perf_counter

# Waiting threads sleep: spinning ones slow gradient boosting down where others use the machine, too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pandas as pd

from lhs_helpers import studies

RESULTS = studies.FOLDER / "results"
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


def _keep(table: pd.DataFrame, facts: dict, folder: Path, name: str) -> None:
    """Write both files beside their place, then move them there: the table last, so that no job is lost unsaid."""
    order = [*FIRST, *(column for column in table.columns if column not in FIRST)]
    for suffix, text in (
        (".json", json.dumps(facts, indent=1) + "\n"),
        (".csv", table.reindex(columns=order).to_csv(index=False, float_format="%.5g", lineterminator="\n")),
    ):
        path = folder / f"{name}{suffix}"
        path.with_suffix(".tmp").write_text(text, encoding="utf-8", newline="\n")
        os.replace(path.with_suffix(".tmp"), path)


if __name__ == "__main__":
    main()
