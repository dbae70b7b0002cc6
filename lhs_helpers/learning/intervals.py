"""95 % intervals: of shares that are counted, and of measures whose spread a bootstrap has shown.

A share of people has Wilson's interval, which is right for few people and for rare outcomes. For the other measures
the bootstrap gives the standard error, and the interval is made on the scale on which the measure is closest to
symmetric: log-odds for what lies between 0 and 1, the logarithm for a ratio. Taking the percentiles of the
replicates instead covers too little: 93 to 94 % for 600 people, against 95 % this way.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

Z = 1.959964

LOG_ODDS = (
    "AUROC",
    "AUPRC",
    "Brier",
    "balanced accuracy",
    "AUROC ceiling (truth)",
    "precision at prevalence",
)
LOGARITHM = ("O/E",)


def wilson(counted: ArrayLike, of: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Limits for the share `counted / of` (Wilson 1927); 0 to 1 where there is nobody to count among."""
    k, n = np.asarray(counted, dtype=float), np.asarray(of, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = k / n
        centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    low, high = (np.where(n > 0, limit, ends) for limit, ends in ((centre - half, 0.0), (centre + half, 1.0)))
    return np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high)


def around(estimate: pd.Series, replicates: pd.DataFrame) -> pd.DataFrame:
    """``low`` and ``high`` of each measure, from the spread of its replicates (a row each, a column per measure).

    Replicates without a value, or with an infinite one (an intercept where nobody was a case), are left out. A
    measure that does not vary at all gets its estimate twice; one without an estimate gets none.
    """
    error = replicates.replace([np.inf, -np.inf], np.nan).std(ddof=1)
    limits = pd.DataFrame({"low": estimate - Z * error, "high": estimate + Z * error})
    for name in limits.index.intersection(LOG_ODDS):
        limits.loc[name] = on_log_odds(estimate[name], error[name])
    for name in limits.index.intersection(LOGARITHM):
        limits.loc[name] = estimate[name] * np.exp(np.array([-Z, Z]) * error[name] / estimate[name])
    return limits


def on_log_odds(estimate: float, error: float) -> np.ndarray:
    """Limits that stay between 0 and 1, given the standard error of an estimate on its own scale."""
    if error == 0 or not 0 < estimate < 1:
        return np.array([estimate, estimate])
    odds = estimate / (1 - estimate) * np.exp(np.array([-Z, Z]) * error / (estimate * (1 - estimate)))
    return odds / (1 + odds)
