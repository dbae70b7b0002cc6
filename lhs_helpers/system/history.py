"""What a loop has seen and decided, as one tidy frame; and the rules by which a challenger is released."""

import numpy as np
import pandas as pd

from lhs_helpers.learning import evaluate, paired_difference

HISTORY = ["cycle", "date", "measure", "role", "version", "estimate", "low", "high", "people", "events"]
HISTORY += ["decision", "update", "reason"]


def clearly_better(difference: pd.DataFrame) -> bool:
    """Release the challenger when the whole 95 % interval of its gain in AUROC lies above 0; else keep."""
    return bool(difference.loc["AUROC", "low"] > 0)


def as_proposed(difference: pd.DataFrame) -> bool:
    """Release whatever the update policy proposes."""
    return True


class History:
    """Rows of measures, cycle by cycle; a cycle under way has no decision yet."""

    def __init__(self, rows: pd.DataFrame | None = None):
        self.rows = pd.DataFrame(columns=HISTORY) if rows is None else rows

    @property
    def decided(self) -> pd.DataFrame:
        """The rows of the cycles that came to a decision."""
        return self.rows[self.rows["decision"].notna()].reset_index(drop=True)

    def of(self, cycle: int) -> pd.DataFrame:
        return self.rows[self.rows["cycle"] == cycle].reset_index(drop=True)

    def add(self, measures: list[pd.DataFrame], cycle: int, date: pd.Timestamp) -> None:
        """Tables indexed by measure, of a cycle under way."""
        done = pd.concat(measures).reset_index().assign(cycle=cycle, date=date)
        done = done.reindex(columns=HISTORY).astype({"decision": "str", "update": "str", "reason": "str"})
        self.rows = done if self.rows.empty else pd.concat([self.rows, done], ignore_index=True)

    def decide(self, cycle: int, decision: str, update: str, reason: str) -> None:
        mine = self.rows["cycle"] == cycle
        self.rows.loc[mine, ["decision", "update", "reason"]] = [decision, update, reason]


def judged(
    people: pd.DataFrame, risks: str, role: str, version: int, *, threshold: float, seed: int
) -> pd.DataFrame:
    """Measures of the risks in a column of labelled people; a model in use is also judged where nobody was a case."""
    if role.startswith("deployed") and people["label"].nunique() < 2:
        # A small clinic can have no case yet: a row says so, without an estimate.
        measures = pd.DataFrame({"estimate": np.nan, "low": np.nan, "high": np.nan}, index=["AUROC"])
    else:
        measures = evaluate(people["label"], people[risks], threshold=threshold, seed=seed)
    return named(measures, people, role, version)


def compared(people: pd.DataFrame, version: int, *, threshold: float, seed: int) -> pd.DataFrame:
    """Challenger minus champion on the same people; whose rows they are decides what is drawn together."""
    how = {"people": people["patient_id"], "threshold": threshold, "seed": seed}
    difference = paired_difference(people["label"], people["in_use"], people["challenged"], **how)
    return named(difference, people, "difference", version)


def named(measures: pd.DataFrame, people: pd.DataFrame, role: str, version: int) -> pd.DataFrame:
    """Measures with which model was judged, and on how many people and events."""
    about = {"role": role, "version": version, "people": len(people), "events": int(people["label"].sum())}
    return measures.assign(**about).rename_axis("measure")
