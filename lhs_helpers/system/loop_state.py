"""What a loop must remember to go on after a stop: plain tables and JSON, written whole or not at all.

current.json     which of the folders below holds the state, and the settings of the loop
state-NNN/       labels, history and orders as Parquet; where the loop stands as JSON
learned/         whom each version has learned from
registry/        every version as a release (`registry.Registry`)
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task, features
from lhs_helpers.system.policies import UNCHANGED, adjusted

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from lhs_helpers.records.emr import EMR

CURRENT = "current.json"


@dataclass(frozen=True)
class Version:
    """A model and what it takes to use it.

    Attributes
    ----------
    cycle : int
        The cycle in which it was made; its name in ``Loop.history``.
    task : Task
    columns : DataFrame
        The vocabulary of its features.
    learned_from : ndarray
        patient_id of everybody it learned from.
    events : int
        How many of its rows had the outcome.
    model : Pipeline
    adjustment : tuple of float
        Intercept and slope on the model's log-odds; (0, 1) leaves them alone.
    kind : str
        How it was made: first, intercept, recalibrate or refit.
    """

    cycle: int
    task: Task
    columns: pd.DataFrame
    learned_from: np.ndarray
    events: int
    model: "Pipeline"
    adjustment: tuple[float, float] = UNCHANGED
    kind: str = "refit"

    def risk(self, X: pd.DataFrame) -> np.ndarray:
        """Risk (0 to 1) of each row of a feature matrix with this version's columns."""
        return adjusted(self.model.predict_proba(X)[:, 1], self.adjustment)

    def risks(self, emr: "EMR", people: pd.DataFrame) -> np.ndarray:
        """Risk of each row of a cohort, from what `emr` knew at its index date."""
        return self.risk(features(emr, people, self.task, self.columns))


class Folder:
    """The folder of a loop.

    Raises
    ------
    LHSError
        When it holds something else, or a loop with other settings.
    """

    def __init__(self, folder: Path | str, settings: dict[str, Any]):
        self.folder, self.settings = Path(folder), json.loads(json.dumps(settings))
        path = self.folder / CURRENT
        self.state: str | None = None
        if path.exists():
            saved = json.loads(path.read_text(encoding="utf-8"))
            differs = [name for name, value in self.settings.items() if saved["settings"].get(name) != value]
            if differs:
                raise LHSError(
                    f"{folder} holds a loop with another {' and '.join(differs)}: choose another folder, or give "
                    "the loop the settings it was begun with."
                )
            self.state = saved["state"]
        elif self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise LHSError(f"{folder} exists and holds no loop: choose a new or an empty folder.")
        self.folder.mkdir(parents=True, exist_ok=True)

    def save(self, where: dict[str, Any], tables: dict[str, pd.DataFrame]) -> None:
        """Write the state beside the old one, then let `current.json` name the new one."""
        number = 0 if self.state is None else int(self.state.split("-")[1]) + 1
        name = f"state-{number:03d}"
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)  # left by a run that was killed
        place.mkdir()
        for table, frame in tables.items():
            frame.to_parquet(place / f"{table}.parquet")
        _write(place / "where.json", where)
        _write(self.folder / CURRENT, {"state": name, "settings": self.settings})
        old, self.state = self.state, name
        if old:
            shutil.rmtree(self.folder / old, ignore_errors=True)

    def read(self, tables: list[str]) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
        """The state that was saved last."""
        place = self.folder / str(self.state)
        where = json.loads((place / "where.json").read_text(encoding="utf-8"))
        return where, {table: pd.read_parquet(place / f"{table}.parquet") for table in tables}

    def keep_version(self, version: Version, release: dict[str, Any], date: str, why: str) -> None:
        """Write a version as a release into the registry, where it is the challenger; once."""
        from lhs_helpers.system.release import release as write_release

        learned = self.folder / "learned" / f"{version.cycle}.parquet"
        learned.parent.mkdir(exist_ok=True)
        pd.DataFrame({"patient_id": version.learned_from}).to_parquet(learned)
        if str(version.cycle) in self.registry.versions:  # a run that was killed had come so far
            return
        made = self.folder / "unfinished"
        shutil.rmtree(made, ignore_errors=True)
        parts = {"model": version.model, "features": version.columns, "task": version.task}
        about = {"version": str(version.cycle), "date": date, "adjustment": version.adjustment}
        self.registry.add(write_release(made, **about, **parts, **release), date=date, why=why)
        shutil.rmtree(made)

    def version(self, cycle: int, kind: str, events: int) -> Version:
        """A version as it was kept; its files are checked."""
        from lhs_helpers.system.release import load

        kept = load(self.folder / "registry" / "releases" / str(cycle))
        learned = pd.read_parquet(self.folder / "learned" / f"{cycle}.parquet")["patient_id"].to_numpy()
        adjustment = tuple(kept.adjustment)
        return Version(cycle, kept.task, kept.features, learned, events, kept.model, adjustment, kind)

    @property
    def registry(self):
        """The registry of this loop's releases."""
        from lhs_helpers.system.registry import Registry

        return Registry(self.folder / "registry")


def _write(path: Path, content: dict) -> None:
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("w", encoding="utf-8") as out:
        out.write(json.dumps(content, indent=1) + "\n")
        out.flush()
        os.fsync(out.fileno())
    os.replace(unfinished, path)
