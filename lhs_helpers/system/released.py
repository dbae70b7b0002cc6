"""What a release gives to those who use it: risks, the interval of a risk, and whether a site can use it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task
from lhs_helpers.learning import features as features_of
from lhs_helpers.system.adjustment import adjusted, logodds
from lhs_helpers.system.reasons import Linear, risk_of_row

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from lhs_helpers.records.emr import EMR


@dataclass(frozen=True)
class Release:
    """A model as it is used: `risks` are final, with the adjustment of this release.

    Attributes
    ----------
    folder : Path
    name, version, date, algorithm : str
    identity : str
        SHA-256 over the hashes of all files; two releases are the same exactly when it is.
    task : Task
    features : DataFrame
        The feature dictionary, as ``learning.vocabulary`` made it.
    threshold : float
    adjustment : tuple of float
        Intercept and slope on the model's log-odds; (0, 1) leaves them alone.
    metrics, risk_groups : DataFrame
    card : dict
    model : Pipeline
        Without the adjustment.
    made_with : dict
        Library versions.
    """

    folder: Path
    name: str
    version: str
    date: str
    algorithm: str
    identity: str
    task: Task
    features: pd.DataFrame
    threshold: float
    adjustment: tuple[float, float]
    metrics: pd.DataFrame
    risk_groups: pd.DataFrame
    card: dict[str, Any]
    model: "Pipeline"
    made_with: dict[str, str]

    def risk(self, X: pd.DataFrame) -> np.ndarray:
        """Risks (0 to 1) of the rows of a feature matrix with the columns of the feature dictionary."""
        return adjusted(self.model.predict_proba(X)[:, 1], self.adjustment)

    def risk_of_row(self, row: np.ndarray) -> float:
        """Risk of one person from float32 values in the order of the dictionary: `risk` without its checks."""
        return float(adjusted(np.array(risk_of_row(self.model, self.linear, row)), self.adjustment))

    def risks(self, emr: "EMR", people: pd.DataFrame) -> np.ndarray:
        """Risk of each row of a cohort, from what `emr` knew at its index date."""
        return self.risk(features_of(emr, people, self.task, self.features))

    def interval(self, risk: float) -> tuple[float, float, int]:
        """Low, high and number of people: what was observed among people with a risk like this one.

        The 95 % interval is that of the group of the evaluation whose mean predicted risk is nearest in
        log-odds. It speaks of such people, not of the one patient.
        """
        predicted, groups = self._groups
        return groups[np.abs(predicted - logodds(risk)).argmin()]

    # Kept as lists, because looking into a frame takes longer than the model does.
    @cached_property
    def columns(self) -> list[tuple[str, str, str | None]]:
        """Name, statistic and unit of each feature."""
        return list(
            zip(*(self.features[part].to_list() for part in ("name", "statistic", "unit")), strict=True)
        )

    @cached_property
    def linear(self) -> Linear | None:
        """The model as what it adds up; None when it is no logistic regression."""
        return Linear.of(self.model)

    @cached_property
    def _groups(self) -> tuple[np.ndarray, list[tuple[float, float, int]]]:
        groups = self.risk_groups
        bounds = zip(*(groups[part].to_list() for part in ("low", "high", "people")), strict=True)
        return logodds(groups["predicted"].to_numpy()), list(bounds)

    def check_site(self, emr: "EMR") -> None:
        """Refuse with a sentence when the site's record lacks a code of the feature dictionary, or its unit."""
        concepts = emr.concepts.execute().drop_duplicates("code").set_index("code")["unit"]
        wanted = self.features[self.features["kind"] != "person"]
        lacking = wanted[~wanted["code"].isin(concepts.index)]
        if len(lacking):
            first = lacking.iloc[0]
            more = lacking["code"].nunique() - 1
            raise LHSError(
                f"This record has no code {first['code']}, which the feature {first['name']!r} of {self.name} "
                f"{self.version} needs{f', and lacks {more} other codes' if more else ''}. "
                "Map the site's own codes to them, or ask for a model without them."
            )
        measured = wanted.dropna(subset="unit")
        here = measured["code"].map(concepts)
        other = measured[here != measured["unit"]]
        if len(other):
            first = other.iloc[0]
            raise LHSError(
                f"This record measures {first['code']} in {concepts[first['code']] or 'no unit'}, and "
                f"{self.name} {self.version} learned it in {first['unit']} (feature {first['name']!r}). "
                "Convert it first."
            )
