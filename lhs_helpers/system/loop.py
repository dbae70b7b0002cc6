"""The learning cycle: collect, wait for labels, judge the model in use, fit a challenger, compare, decide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

# `train` is reached through the floor's name, which brings scikit-learn in only when something is fitted.
from lhs_helpers import learning
from lhs_helpers.errors import LHSError
from lhs_helpers.learning import (
    Task,
    cohort,
    evaluate,
    features,
    paired_difference,
    split_people,
    vocabulary,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from lhs_helpers.patients import Hospital
    from lhs_helpers.records.emr import EMR

POLICIES = ("keep", "refit")
HISTORY = [
    "cycle",
    "date",
    "measure",
    "role",
    "version",
    "estimate",
    "low",
    "high",
    "people",
    "events",
    "decision",
]


def clearly_better(difference: pd.DataFrame) -> bool:
    """Release the challenger when the whole 95 % interval of its gain in AUROC lies above 0; else keep."""
    return bool(difference.loc["AUROC", "low"] > 0)


@dataclass(frozen=True)
class Version:
    """A fitted model and what it takes to use it.

    Attributes
    ----------
    cycle : int
        The cycle in which it was fitted; its name in ``Loop.history``.
    task : Task
    columns : DataFrame
        The vocabulary of its features.
    learned_from : ndarray
        patient_id of everybody it learned from.
    events : int
        How many of its rows had the outcome.
    model : Pipeline
    """

    cycle: int
    task: Task
    columns: pd.DataFrame
    learned_from: np.ndarray
    events: int
    model: "Pipeline"

    def risks(self, emr: "EMR", people: pd.DataFrame) -> np.ndarray:
        """Predicted risk (0 to 1) of each row of a cohort, from what `emr` knew at its index date."""
        return self.model.predict_proba(features(emr, people, self.task, self.columns))[:, 1]


class Loop:
    """Cycles of learning in a living hospital.

    Each cycle lets time pass or a clinic join, takes the labels that have arrived by then, judges the deployed
    model on rows that are new to it, fits a challenger on everything labelled so far, compares the two on the
    same held-out people, and releases or keeps. A person is held out or learned from for good: a hash of
    `patient_id` decides.

    Index dates follow one another at the length of the prediction window, so that windows do not overlap and no
    outcome counts twice. A label has arrived when its window has closed; it is read from the record as it is
    known in that cycle.

    Parameters
    ----------
    hospital : Hospital
    task : Task
    first_index : str
        The first index date.
    threshold : float
        Alert when the risk is at least this; for recall, precision and the like.
    algorithm : str
        One of ``lhs_helpers.learning.ALGORITHMS``.
    update_policy : {"refit", "keep"}
        Whether a challenger is fitted in every cycle that brings labels, or the first model stays for good.
    release_when : callable
        The rule: takes the table of ``paired_difference``, says whether the challenger replaces the champion.
    held_out : float
        Share of the people who are never learned from.
    seed : int
        Same seed and same hospital, same history.

    Raises
    ------
    LHSError
        When the policy is unknown, or a cycle is asked for before any label has arrived.

    Attributes
    ----------
    champion : Version or None
        The deployed model.
    versions : list of Version
        Every model fitted so far, released or not.
    labelled : DataFrame
        The cohorts with a label by the latest cycle, with ``held_out`` and ``new`` (in this cycle).
    """

    def __init__(
        self,
        hospital: "Hospital",
        task: Task,
        *,
        first_index: str,
        threshold: float,
        algorithm: str = "gradient boosting",
        update_policy: str = "refit",
        release_when: Callable[[pd.DataFrame], bool] = clearly_better,
        held_out: float = 0.3,
        seed: int = 0,
    ):
        if update_policy not in POLICIES:
            raise LHSError(
                f"There is no update policy {update_policy!r}; choose one of {', '.join(POLICIES)}."
            )
        self.hospital, self.task, self.first_index = hospital, task, pd.Timestamp(first_index)
        self.threshold, self.algorithm, self.update_policy = threshold, algorithm, update_policy
        self.release_when, self.share, self.seed = release_when, held_out, seed
        self.champion: Version | None = None
        self.versions: list[Version] = []
        self.labelled = pd.DataFrame(columns=["patient_id", "index_time"])
        self._history: list[pd.DataFrame] = []

    @property
    def history(self) -> pd.DataFrame:
        """One row per cycle, role and measure.

        Roles: *deployed*, the model in use, on people and times that are new to it; *champion* and *challenger*
        on the held-out people; *difference*, challenger minus champion. `version` is the cycle in which the
        judged model was fitted; `people` (rows, when time passes) and `events` are those it was judged on;
        `decision` is "release" or "keep". A measure without a value is NaN.
        """
        return pd.concat(self._history, ignore_index=True) if self._history else pd.DataFrame(columns=HISTORY)

    @property
    def held_out(self) -> pd.DataFrame:
        """The held-out people of the latest cycle with their labels, as a cohort."""
        return self.labelled[self.labelled["held_out"]].reset_index(drop=True)

    def cycle(self, *, to: str | None = None, joining: dict[str, int] | None = None) -> pd.DataFrame:
        """Go round once; returns this cycle's rows of the history.

        Parameters
        ----------
        to : str, optional
            Let time pass until the first of this month.
        joining : dict, optional
            Clinics that join, with the number of their patients: ``{"clinic A": 10_000}``.
        """
        self._collect(to, joining)
        now = pd.Timestamp(self.hospital.clock)
        emr = self.hospital.emr.as_of(now)
        self._label(emr, now)
        risks = {} if self.champion is None else self._from_champion(emr)
        if self.champion is None or (self.update_policy == "refit" and self.labelled["new"].any()):
            risks["challenger"] = self._from_challenger(emr)
        rows = [self._judged(role, p) for role, p in risks.items()]

        release = self.champion is None  # the first model has nothing to beat
        if "champion" in risks and "challenger" in risks:
            difference = self._difference(risks["champion"], risks["challenger"])
            rows.append(self._named(difference, "difference", risks["challenger"].index))
            release = self.release_when(difference)
        if release:
            self.champion = self.versions[-1]
        done = pd.concat(rows).reset_index()
        done = done.assign(cycle=len(self._history) + 1, date=now, decision="release" if release else "keep")
        self._history.append(done[HISTORY])
        return self._history[-1]

    def _collect(self, to: str | None, joining: dict[str, int] | None) -> None:
        for site, patients in (joining or {}).items():
            self.hospital.join(patients, site)
        if to is not None:
            self.hospital.advance(to)

    def _label(self, emr: "EMR", now: pd.Timestamp) -> None:
        """Everybody with a label by now; labels are read anew, since the record may have learned of an event late."""
        labelled = arrived(emr, self.task, self.first_index, now)
        held_out, _ = split_people(labelled, self.share, self.seed)
        labelled["held_out"] = labelled["patient_id"].isin(held_out["patient_id"])
        labelled["new"] = ~_rows(labelled).isin(_rows(self.labelled))
        self.labelled = labelled

    def _from_champion(self, emr: "EMR") -> dict[str, pd.Series]:
        """Risks by the model in use: of the held out, and of new rows whose person it has not learned from."""
        unseen = self.labelled["new"] & ~self.labelled["patient_id"].isin(self.champion.learned_from)
        asked = self.labelled[unseen | self.labelled["held_out"]]
        risks = pd.Series(self.champion.risks(emr, asked), asked.index)
        return {"deployed": risks[unseen], "champion": risks[self.labelled["held_out"]]}

    def _from_challenger(self, emr: "EMR") -> pd.Series:
        """Fit a challenger on everybody labelled who is not held out; its risks of those who are."""
        held_out = self.labelled["held_out"].to_numpy()
        people = self.labelled[~held_out]
        columns = vocabulary(emr, people, self.task)
        X = features(emr, self.labelled, self.task, columns)
        model = learning.train(X[~held_out], people["label"], self.algorithm, self.seed)
        learned_from, events = people["patient_id"].unique(), int(people["label"].sum())
        self.versions.append(Version(len(self._history) + 1, self.task, columns, learned_from, events, model))
        return pd.Series(model.predict_proba(X[held_out])[:, 1], self.labelled.index[held_out])

    def _judged(self, role: str, risks: pd.Series) -> pd.DataFrame:
        label = self.labelled.loc[risks.index, "label"]
        if role == "deployed" and label.nunique() < 2:
            # A small clinic can have no case yet: a row says so, without an estimate.
            measures = pd.DataFrame({"estimate": np.nan, "low": np.nan, "high": np.nan}, index=["AUROC"])
        else:
            measures = evaluate(label, risks, threshold=self.threshold, seed=self.seed)
        return self._named(measures, role, risks.index)

    def _difference(self, champion: pd.Series, challenger: pd.Series) -> pd.DataFrame:
        held_out = self.labelled.loc[champion.index]
        how = {"people": held_out["patient_id"], "threshold": self.threshold, "seed": self.seed}
        return paired_difference(held_out["label"], champion, challenger, **how)

    def _named(self, measures: pd.DataFrame, role: str, judged: pd.Index) -> pd.DataFrame:
        """Measures with which model was judged, and on how many people and events."""
        version = self.champion if role in ("deployed", "champion") else self.versions[-1]
        events = int(self.labelled.loc[judged, "label"].sum())
        named = measures.assign(role=role, version=version.cycle, people=len(judged), events=events)
        return named.rename_axis("measure")


def arrived(emr: "EMR", task: Task, first_index: pd.Timestamp, now: pd.Timestamp) -> pd.DataFrame:
    """The cohorts of all index dates whose prediction windows have closed by `now`, one under the other.

    `emr` is the record as known at `now`. Raises LHSError when no window has closed.
    """
    window, length = pd.Timedelta(days=task.window_days), pd.Timedelta(days=task.window_days + task.gap_days)
    if first_index + length > now:
        raise LHSError(
            f"Task {task.name!r}: no label has arrived by {now:%Y-%m-%d}. The first window closes on "
            f"{first_index + length:%Y-%m-%d}; advance the hospital beyond it, or choose an earlier index date."
        )
    dates = pd.date_range(first_index, now - length, freq=window)
    return pd.concat([cohort(emr, task, at) for at in dates], ignore_index=True)


def _rows(labelled: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(labelled[["patient_id", "index_time"]])
