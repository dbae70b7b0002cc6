"""A silent trial: the model runs on live patients, nobody sees what it says, and a rule stated before decides.

The committee writes down the limits before the first risk is computed. When the labels have arrived, the rule says
"go", "wait" (too few outcomes to tell, everything else in order) or "no go", and which limit was the reason.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.evaluation import evaluate

SPOKEN = {"outcomes", "answered", "AUROC", "O/E", "calibration slope", "alerts a week"}


@dataclass(frozen=True)
class Limits:
    """What was agreed before the trial.

    Attributes
    ----------
    outcomes : int
        Fewer than this, and nothing is judged by outcomes. With 100 an O/E is known to within about a fifth.
    answered : float
        Least share of the people who should have had a risk and had one.
    auroc : float
        The AUROC must be at least this.
    oe : pair of float
        Observed over expected must lie between.
    slope : pair of float
        The calibration slope must lie between.
    alerts_per_week : float
        At most so many alerts a week, as agreed with those who will answer them.
    """

    auroc: float
    alerts_per_week: float
    outcomes: int = 100
    answered: float = 0.99
    oe: tuple[float, float] = (0.8, 1.25)
    slope: tuple[float, float] = (0.8, 1.2)

    def __post_init__(self) -> None:
        for name in ("oe", "slope"):
            low, high = getattr(self, name)
            if not low < high:
                raise LHSError(f"Limits: {name} is {low} to {high}; the lower limit comes first.")

    def as_plan(self) -> dict:
        """The limits as a release's plan can carry them."""
        return asdict(self)


def judged(
    predictions: pd.DataFrame, limits: Limits, *, expected: int, bootstrap: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Each limit beside what the silent trial found.

    Parameters
    ----------
    predictions : DataFrame
        One row a risk, as ``batch.with_outcomes`` makes it: ``time``, ``risk``, ``alert`` and ``label``.
    limits : Limits
    expected : int
        How many people should have had a risk.
    bootstrap, seed : int
        As of ``learning.evaluate``; with 0 replicates there are no intervals, and the rule needs none.

    Returns
    -------
    DataFrame
        Indexed by ``limit``: ``found`` with its 95 % interval ``low`` to ``high`` where it has one, ``least`` and
        ``most`` that were agreed, ``verdict``: "inside", "outside" or "too few outcomes". The point estimate
        decides; the interval tells the committee how sure that is.
    """
    labelled = predictions.dropna(subset="label")
    y = labelled["label"].astype(bool).to_numpy()
    weeks = max((predictions["time"].max() - predictions["time"].min()) / pd.Timedelta(days=7), 1)
    rows = {
        "outcomes": (y.sum(), np.nan, np.nan, limits.outcomes, np.nan),
        "answered": (len(predictions) / expected, np.nan, np.nan, limits.answered, np.nan),
        "alerts a week": (predictions["alert"].sum() / weeks, np.nan, np.nan, 0, limits.alerts_per_week),
    }
    enough = y.sum() >= limits.outcomes
    found = (
        evaluate(y, labelled["risk"].to_numpy(), bootstrap=bootstrap, seed=seed)
        if 0 < y.sum() < len(y)
        else None
    )
    for name, (least, most) in {
        "AUROC": (limits.auroc, np.nan),
        "O/E": limits.oe,
        "calibration slope": limits.slope,
    }.items():
        estimate = (np.nan,) * 3 if found is None else found.loc[name, ["estimate", "low", "high"]]
        rows[name] = (*estimate, least, most)
    table = pd.DataFrame(rows, index=["found", "low", "high", "least", "most"], dtype=float).T
    inside = (table["found"] >= table["least"]) & ~(table["found"] > table["most"])
    table["verdict"] = np.where(inside, "inside", "outside")
    if not enough:
        by_outcome = ["outcomes", "AUROC", "O/E", "calibration slope"]
        table.loc[by_outcome, "verdict"] = "too few outcomes"
    return table.rename_axis("limit")


def decision(table: pd.DataFrame) -> str:
    """The rule: "no go" when a limit is broken, "wait" when outcomes are too few, else "go"."""
    if set(table.index) != SPOKEN:
        raise LHSError("This is no table of `judged`: the rule needs every limit and no other.")
    if (table["verdict"] == "outside").any():
        return "no go"
    return "wait" if (table["verdict"] == "too few outcomes").any() else "go"
