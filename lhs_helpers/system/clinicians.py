"""People who answer cards: they accept, override with a reason, let some pass, and tire.

A small model, for trying what a threshold does to those who must live with it. What is published is named where it
is used; the rest are our assumptions, and none of it was fitted to the clinicians of a hospital.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from lhs_helpers.errors import LHSError
from lhs_helpers.patients.draws import Draws
from lhs_helpers.system.cards import OVERRIDE_REASONS

TIRED = "too-many"
# Of those overrides that are not for weariness: our assumption.
REASONS = {"not-applicable": 0.3, "known": 0.25, "disagree": 0.2, "declined": 0.15, "no-time": 0.1}


@dataclass(frozen=True)
class Clinicians:
    """Who answers, and how.

    Attributes
    ----------
    number : int
        How many share the patients; each patient has one of them for good.
    accepts : float
        Chance that the average clinician, rested, accepts a first card. In 17 papers, drug safety alerts were
        overridden in 49 to 96 of 100 cases (van der Sijs 2006, doi:10.1197/jamia.M1809), so accepted in 4 to 51;
        which of them, is our assumption.
    differ : float
        Standard deviation of the log-odds among clinicians: our assumption.
    repeated : float
        What five points more of repeats (cards for a patient who had one within a year) among a clinician's cards
        leave of the chance: reminders were accepted 10 % less often for each five (Ancker 2017,
        doi:10.1186/s12911-017-0430-8, 112 clinicians). That one share applies to a clinician in time as it did
        among clinicians is our assumption.
    tires : float
        What each further card of the same week leaves of the chance: our assumption. The same study found no effect
        of the amount of work, and 30 % less for each further reminder at one visit; 1 switches it off.
    ignores : float
        Chance that a card is never answered: our assumption.
    orders : float
        Chance that an accepted card becomes an order: our assumption.
    reasons : mapping
        How often each reason is given for an override that is not for weariness.
    """

    number: int = 20
    accepts: float = 0.4
    differ: float = 0.5
    repeated: float = 0.9
    tires: float = 0.97
    ignores: float = 0.15
    orders: float = 0.9
    reasons: dict[str, float] = field(default_factory=lambda: dict(REASONS))

    def __post_init__(self) -> None:
        if self.number < 1 or not 0 < self.accepts < 1 or self.differ < 0:
            raise LHSError("Clinicians: number must be 1 or more, accepts between 0 and 1, differ 0 or more.")
        shares = {name: getattr(self, name) for name in ("repeated", "tires", "ignores", "orders")}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise LHSError(f"Clinicians: {name} is {share}; give a number from 0 to 1.")
        if set(self.reasons) - set(OVERRIDE_REASONS) or not np.isclose(sum(self.reasons.values()), 1):
            raise LHSError(
                f"Clinicians: the reasons must be of {', '.join(OVERRIDE_REASONS)}, with shares that add up to 1."
            )

    def answer(self, risks: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
        """What they make of the cards that were shown.

        Parameters
        ----------
        risks : DataFrame
            As ``read_risks`` gives it: ``card`` (missing when none was shown), ``person``, ``received_at``,
            ``version``.
        seed : int
            A draw belongs to a person and a day: another threshold, or clinicians who do not tire, change the
            answers only of those whom the change concerns.

        Returns
        -------
        DataFrame
            Rows as of ``read_feedback``, of the cards that were answered, in the order of the cards; with
            ``person``, ``clinician`` (0, 1, ...) and ``chance`` (that it was accepted).
        """
        lacking = [name for name in ("card", "person", "received_at", "version") if name not in risks]
        if lacking:
            raise LHSError(f"risks lacks the columns {', '.join(lacking)}; pass what read_risks returned.")
        cards = risks[risks["card"].notna()].sort_values("received_at", kind="stable")
        person = pd.util.hash_pandas_object(cards["person"], index=False).to_numpy()
        day = _days(cards["received_at"])
        draws = Draws(seed)
        clinician = (draws.bits("clinician", person) % np.uint64(self.number)).astype(int)
        rested = expit(logit(self.accepts) + self.differ * draws.normal("willing", clinician))
        chance = rested * self.tires ** _before_in_week(clinician, day)
        chance = chance * self.repeated ** (20 * _repeats(cards["person"], clinician, day))

        accepts = draws.uniform("accepts", person, day)
        why = _chosen(self.reasons, draws.uniform("why", person, day))
        accepted = accepts < chance
        # Who would have accepted when rested overrides because of the cards before.
        reason = np.where(accepted, None, np.where(accepts < rested, TIRED, why))
        given = pd.DataFrame(
            {
                "card": cards["card"],
                "outcome": np.where(accepted, "accepted", "overridden"),
                "reason": reason,
                "comment": None,
                "accepted": accepted.astype(int),
                "at": cards["received_at"],
                "received_at": cards["received_at"],
                "version": cards["version"],
                "person": cards["person"],
                "clinician": clinician,
                "chance": chance,
            }
        )
        return given[draws.uniform("ignores", person, day) >= self.ignores].reset_index(drop=True)

    def ordered(self, answers: pd.DataFrame, code: str, *, seed: int = 0) -> pd.DataFrame:
        """The orders that follow, as a hospital takes them: ``patient_id``, ``date``, ``code``, one a person and day.

        `answers` are those of `answer`, with the hospital's own identifiers in ``person``.
        """
        yes = answers[answers["outcome"] == "accepted"]
        person = pd.util.hash_pandas_object(yes["person"], index=False).to_numpy()
        date, day = yes["at"].dt.tz_convert(None).dt.normalize(), _days(yes["at"])
        yes = pd.DataFrame({"patient_id": yes["person"], "date": date, "code": code})
        kept = Draws(seed).uniform("orders", person, day) < self.orders
        return yes[kept].drop_duplicates().reset_index(drop=True)


def as_request(answers: pd.DataFrame) -> dict[str, list[dict]]:
    """Answers as the body of a call of the feedback endpoint (CDS Hooks 2.0), at most 1,000 of them."""
    return {"feedback": [_said(row) for row in answers.itertuples()]}


def _said(row) -> dict:
    told = {"card": row.card, "outcome": row.outcome, "outcomeTimestamp": row.at.isoformat()}
    if row.outcome == "accepted":
        return told | {"acceptedSuggestions": [{"id": row.card}]}
    return told | {"overrideReason": {"reason": {"code": row.reason}}}


def _days(times: pd.Series) -> np.ndarray:
    """Days since 1970, in UTC."""
    return times.dt.tz_convert(None).to_numpy().astype("M8[D]").astype(np.int64)


def _before_in_week(clinician: np.ndarray, day: np.ndarray) -> np.ndarray:
    """How many cards the same clinician saw before in the same week (Monday to Sunday)."""
    week = (day + 3) // 7  # day 0 was a Thursday
    return (
        pd.DataFrame({"clinician": clinician, "week": week})
        .groupby(["clinician", "week"])
        .cumcount()
        .to_numpy()
    )


def _repeats(person: pd.Series, clinician: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Share of repeats among the clinician's cards up to and with each: a repeat had one in the 365 days before."""
    cards = pd.DataFrame({"person": person.to_numpy(), "clinician": clinician, "day": day})
    since = cards["day"] - cards.groupby("person")["day"].shift()
    repeat = (since <= 365).astype(float)
    of_clinician = repeat.groupby(cards["clinician"])
    return (of_clinician.cumsum() / (of_clinician.cumcount() + 1)).to_numpy()


def _chosen(shares: dict[str, float], uniform: np.ndarray) -> np.ndarray:
    """One of the names by its share, for each uniform number."""
    ends = np.cumsum(list(shares.values()))
    place = np.searchsorted(ends, uniform, side="right").clip(max=len(shares) - 1)
    return np.array(list(shares), dtype=object)[place]
