"""A plan of features: learned on the training people, applied to anybody, saved with a release."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.checks import check_columns
from lhs_helpers.learning.features import features
from lhs_helpers.learning.task import Task
from lhs_helpers.learning.vocabulary import USUAL, VOCABULARY_COLUMNS, vocabulary

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

DICTIONARY = ["code", "description", "unit", "statistic", "window", "share"]


@dataclass(frozen=True)
class FeaturePlan:
    """Which features are made, and how; `FeaturePlan.fit` learns one, `.apply` makes them.

    Attributes
    ----------
    task : Task
        Says which past may be looked at.
    columns : DataFrame
        The vocabulary: a row per feature, in order.
    dropped : DataFrame
        ``name`` and ``reason`` of what was left out because it is the same for every training person.
    people : int
        How many rows (people at their index dates) it was learned on.
    digest : str
        SHA-256 of the sorted numbers of those people: says whether two groups are the same, not who they are.
    learned_from : frozenset of int or None
        Their numbers; not saved, so unknown in a plan that was read back.
    """

    task: Task
    columns: pd.DataFrame
    dropped: pd.DataFrame
    people: int
    digest: str
    learned_from: frozenset[int] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_columns(self.columns)

    @classmethod
    def fit(cls, emr: "EMR", cohort: pd.DataFrame, task: Task, **options) -> "FeaturePlan":
        """Choose the columns on `cohort`: the training people only. Options: see `fit_apply`."""
        return cls.fit_apply(emr, cohort, task, **options)[0]

    @classmethod
    def fit_apply(
        cls,
        emr: "EMR",
        cohort: pd.DataFrame,
        task: Task,
        *,
        min_share: float = 0.01,
        statistics: Sequence[str] = USUAL,
        windows: Sequence[int | None] = (None,),
        facts: Sequence[str] = ("age", "sex"),
    ) -> tuple["FeaturePlan", pd.DataFrame]:
        """The plan, and the features of the training people, which take as long to make as the plan itself.

        Parameters are those of `vocabulary`. A column that is constant among the training people (the same
        number for all; missing for some, or for all) is dropped, and listed in ``plan.dropped``.
        """
        chosen = {"min_share": min_share, "statistics": statistics, "windows": windows, "facts": facts}
        columns = vocabulary(emr, cohort, task, **chosen)
        X = features(emr, cohort, task, columns)
        least, most = X.min().to_numpy(), X.max().to_numpy()
        constant = ~(least < most)
        reasons = [
            "nobody has a value" if np.isnan(low) else f"{low:g} for every training person that has a value"
            for low in least[constant]
        ]
        dropped = pd.DataFrame({"name": columns["name"][constant], "reason": reasons}).reset_index(drop=True)
        people = frozenset(cohort["patient_id"].tolist())
        kept = columns[~constant].reset_index(drop=True)
        return cls(task, kept, dropped, len(cohort), digest_of(people), people), X.loc[:, ~constant]

    def apply(self, emr: "EMR", cohort: pd.DataFrame) -> pd.DataFrame:
        """The features of these people, a row each; see `features`."""
        return features(emr, cohort, self.task, self.columns)

    @property
    def dictionary(self) -> pd.DataFrame:
        """From feature to concept: by name, the code, its description, unit, statistic and window (days)."""
        columns = self.columns.set_index("name")
        days = columns["window_days"].fillna(self.task.lookback_days).astype(int)
        unit = columns["unit"].where(columns["statistic"].isin(["last", "mean", "min", "max", "slope"]))
        unit = unit.mask(columns["statistic"] == "slope", unit + "/a").mask(
            columns["statistic"] == "days since", "d"
        )
        unit = unit.mask(columns["code"] == "age", "a")
        about = {"unit": unit, "window": days.where(columns["kind"] != "person", 0)}
        return columns.assign(**about)[DICTIONARY]

    def to_json(self) -> str:
        """The plan as readable JSON; without the numbers of the people it was learned on."""
        saved = {
            "task": self.task.to_dict(),
            "learned_from": {"people": self.people, "digest": self.digest},
            "columns": _rows(self.columns),
            "dropped": _rows(self.dropped),
        }
        return json.dumps(saved, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "FeaturePlan":
        """The plan that `to_json` wrote. Raises LHSError when the text is not one."""
        try:
            saved = json.loads(text)
            columns = pd.DataFrame(saved["columns"], columns=VOCABULARY_COLUMNS)
            dropped = pd.DataFrame(saved["dropped"], columns=["name", "reason"])
            learned, task = saved["learned_from"], Task.from_dict(saved["task"])
            columns["window_days"] = columns["window_days"].astype(float)
            return cls(task, columns, dropped, learned["people"], learned["digest"])
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise LHSError(
                f"This is not a saved plan of features ({error}); pass the text that FeaturePlan.to_json wrote."
            ) from None

    def __str__(self) -> str:
        return (
            f"{len(self.columns):,} features of the {self.task.lookback_days:,} days before the index date, "
            f"chosen on {self.people:,} people; {len(self.dropped):,} constant ones were dropped"
        )


def digest_of(people: Sequence[int] | frozenset[int]) -> str:
    """SHA-256 of a group of people: the same for the same numbers, in whatever order and however often."""
    numbers = np.unique(np.fromiter(people, dtype="<i8"))
    return hashlib.sha256(numbers.tobytes()).hexdigest()


def _rows(frame: pd.DataFrame) -> list[dict]:
    """A dictionary per row, missing values left out."""
    return [
        {name: value for name, value in row.items() if not pd.isna(value)} for row in frame.to_dict("records")
    ]
