"""Learning together without moving rows: sites answer questions with sums, a coordinator adds them up.

A logistic regression needs no rows. Its gradient and its Hessian are sums over people, so they are sums over
sites of what each site can work out alone, and Newton's method with these sums takes the very steps that it would
take with all rows in one place (Wu et al. 2012, doi:10.1136/amiajnl-2012-000862). Federated averaging, known as FedAvg
(McMahan et al. 2017), sends coefficients instead; it ends somewhere else when sites work for long on their own.

Here is what the coordinator does; what a site answers, and when it does not, is in `participant`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit

from lhs_helpers.errors import LHSError
from lhs_helpers.system.masks import Answer, Ask, read
from lhs_helpers.system.participant import Preparation, unit

LOSS_DIGITS = 1e-7  # a smaller difference between two losses can be rounding


@dataclass(frozen=True)
class FederatedModel:
    """A logistic regression that several sites have learned; `predict_proba` as scikit-learn has it.

    Attributes
    ----------
    preparation : Preparation
    coefficients : array
        The intercept, then one per column and indicator, of the prepared columns.
    history : DataFrame
        A row per round of talks: ``round``, and ``loss`` (with the penalty) or ``moved`` (the largest change).
    """

    preparation: Preparation
    coefficients: np.ndarray
    history: pd.DataFrame = field(repr=False)

    def log_odds(self, X: pd.DataFrame) -> np.ndarray:
        """Log-odds of the outcome, a number per person."""
        return self.preparation.apply(X) @ self.coefficients

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Risks: an array (people, 2), without and with the outcome."""
        risk = expit(self.log_odds(X))
        return np.column_stack([1 - risk, risk])


def added(sites: Mapping[str, Ask], question: dict) -> Answer:
    """The sum of what all sites answer; masked numbers are added as they are and read afterwards."""
    answers = [ask(question) for ask in sites.values()]
    total = {name: np.sum([answer[name] for answer in answers], axis=0) for name in answers[0]}
    return {name: read(value) if value.dtype == np.uint64 else value for name, value in total.items()}


def prepare(sites: Mapping[str, Ask], columns: tuple[str, ...]) -> tuple[Preparation, int, int]:
    """What standardising needs, from counts and sums; and how many people and outcomes there are in all.

    Two rounds: sums first, then squares of the distances from the common mean, which keeps digits that the
    textbook's sum of squares would lose.
    """
    if not sites:
        raise LHSError("No site takes part; give at least one.")
    first = added(sites, {"ask": "sums", "columns": columns})
    people, outcomes = float(first["people"]), float(first["outcomes"])
    if not 0 < round(outcomes) < round(people):
        raise LHSError(
            f"Of {people:,.0f} people at all sites {outcomes:,.0f} had the outcome: there is nothing to tell apart."
        )
    known = np.round(first["known"])
    mean = first["sum"] / np.maximum(known, 1)
    squares = added(sites, {"ask": "squares", "columns": columns, "mean": mean})["squares"] * unit(mean) ** 2
    gaps = np.flatnonzero(known < round(people))
    missing = 1 - known[gaps] / round(people)
    scale, gap_scale = _spread(squares / people, mean), _spread(missing * (1 - missing), missing)
    made = Preparation(columns, mean, scale, gaps, missing, gap_scale)
    return made, round(people), round(outcomes)


def _spread(variance: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The standard deviation; 1 for a column that is the same for everybody, up to the last digits of its mean."""
    varies = variance > (1e-10 * mean) ** 2
    return np.where(varies, np.sqrt(np.where(varies, variance, 1)), 1.0)


def newton(
    sites: Mapping[str, Ask],
    columns: tuple[str, ...] | list[str],
    *,
    penalty: float | None = None,
    tolerance: float = 1e-9,
    rounds: int = 100,
) -> FederatedModel:
    """The ridge logistic regression of all sites' people, by Newton steps with gradients and Hessians added up.

    Parameters
    ----------
    sites : mapping of name to Participant
        Or to whatever answers like one; see `masks.masked`.
    columns : sequence of str
        What the sites agreed to learn from; each has them all.
    penalty : float, optional
        Half of it times the squared coefficients, without the intercept, is added to the loss; by default the number
        of prepared columns, as in `learning.train`.
    tolerance : float
        Stop when no coefficient moves by more.
    rounds : int
        Stop, with an error, after so many.

    Raises
    ------
    LHSError
        When everybody, or nobody, has the outcome, or the steps do not settle.
    """
    preparation, people, outcomes = prepare(sites, tuple(columns))
    coefficients, ridge = _start(preparation, people, outcomes, penalty)
    history, scale = [], 1.0
    now = _penalised(sites, preparation, coefficients, ridge)
    step = np.linalg.solve(now["hessian"], now["gradient"])
    for number in range(1, rounds + 1):
        there = coefficients - scale * step
        then = _penalised(sites, preparation, there, ridge)
        small = np.abs(scale * step).max() < tolerance
        # Armijo's rule: a step has to bring what it promises, in part; otherwise half of it is tried.
        if not small and then["loss"] > now["loss"] - 1e-4 * scale * step @ now["gradient"] + LOSS_DIGITS:
            scale /= 2
            continue
        coefficients, now, scale = there, then, 1.0
        step = np.linalg.solve(now["hessian"], now["gradient"])
        history.append({"round": number, "loss": float(now["loss"]), "moved": float(np.abs(step).max())})
        if small:
            return FederatedModel(preparation, coefficients, pd.DataFrame(history))
    raise LHSError(f"The coefficients still move after {rounds} rounds; a larger penalty would hold them.")


def averaging(
    sites: Mapping[str, Ask],
    columns: tuple[str, ...] | list[str],
    *,
    steps: int,
    rounds: int,
    penalty: float | None = None,
    rate: float | None = None,
) -> FederatedModel:
    """The same regression by federated averaging (FedAvg): each site takes `steps` gradient steps on its own rows
    from the common coefficients, and the coordinator takes the mean of where they end, weighted by people.

    One step a round is plain gradient descent on everybody, and ends where `newton` ends. With more steps the sites
    talk less and each walks towards its own model.

    Parameters
    ----------
    sites, columns, penalty
        As in `newton`.
    steps, rounds : int
        Steps of a site between two talks; talks.
    rate : float, optional
        Length of a step; by default half of what is safe at the start on everybody together, since the way can grow
        steeper, and a small site can be steeper than all.
    """
    return list(averaging_rounds(sites, columns, steps, rounds, penalty, rate))[-1]


def averaging_rounds(
    sites: Mapping[str, Ask], columns, steps: int, rounds: int, penalty=None, rate=None
) -> Iterator[FederatedModel]:
    """As `averaging`, but yields the model after each round."""
    if steps < 1 or rounds < 1:
        raise LHSError(f"steps is {steps} and rounds {rounds}; at least one of each is needed.")
    preparation, people, outcomes = prepare(sites, tuple(columns))
    coefficients, ridge = _start(preparation, people, outcomes, penalty)
    if rate is None:
        hessian = _penalised(sites, preparation, coefficients, ridge)["hessian"]
        rate = people / (2 * np.linalg.eigvalsh(hessian)[-1])
    own = {"ask": "average", "preparation": preparation, "penalty": ridge[-1] / people}
    history = []
    for number in range(1, rounds + 1):
        total = added(sites, own | {"coefficients": coefficients, "steps": steps, "rate": rate})
        there = total["weighted"] / total["people"]
        history.append({"round": number, "moved": float(np.abs(there - coefficients).max())})
        coefficients = there
        yield FederatedModel(preparation, coefficients, pd.DataFrame(history))


def _start(preparation: Preparation, people: int, outcomes: int, penalty: float | None):
    """Everybody's risk is the common one; and the penalty of each coefficient, 0 for the intercept."""
    width = len(preparation.columns) + len(preparation.gaps)
    penalty = width if penalty is None else penalty
    if penalty <= 0:
        raise LHSError(f"penalty is {penalty}; without one, coefficients of a rare code grow without end.")
    start = np.r_[np.log(outcomes / (people - outcomes)), np.zeros(width)]
    return start, np.r_[0.0, np.full(width, float(penalty))]


def _penalised(sites, preparation, coefficients, ridge) -> Answer:
    total = added(sites, {"ask": "newton", "preparation": preparation, "coefficients": coefficients})
    return {
        "loss": total["loss"] + 0.5 * ridge @ coefficients**2,
        "gradient": total["gradient"] + ridge * coefficients,
        "hessian": total["hessian"] + np.diag(ridge),
    }
