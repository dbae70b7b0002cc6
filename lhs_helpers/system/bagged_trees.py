"""Trees are no sums: each site grows some, and sends the trees, which are used together.

What travels is where a tree splits, and the share of cases in its leaves, each of at least `participant.LEAF` people.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor

from lhs_helpers.system.participant import Participant


@dataclass(frozen=True)
class Bag:
    """Forests of several sites; a risk is the mean over all their trees. `predict_proba` as scikit-learn has it."""

    columns: tuple[str, ...]
    forests: dict[str, RandomForestRegressor]

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Risks: an array (people, 2), without and with the outcome."""
        values, trees = X[list(self.columns)].to_numpy(dtype=np.float32), self.forests.values()
        total = np.sum([forest.predict(values) * forest.n_estimators for forest in trees], axis=0)
        risk = total / sum(forest.n_estimators for forest in trees)
        return np.column_stack([1 - risk, risk])


def bagged_trees(
    sites: Mapping[str, Participant], columns: tuple[str, ...] | list[str], trees: int = 150, seed: int = 0
) -> Bag:
    """Each site grows its share of the trees, by its people and at least one, and sends them; all are used together."""
    everybody = sum(map(len, sites.values()))
    share = {name: max(1, round(trees * len(site) / everybody)) for name, site in sites.items()}
    forests = {name: site.grow(share[name], seed + k) for k, (name, site) in enumerate(sites.items())}
    return Bag(tuple(columns), forests)
