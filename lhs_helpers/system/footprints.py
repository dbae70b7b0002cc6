"""A model that learns from records which its own alerts have changed: what to measure, and what to learn from.

An alert that works prevents what it foretold. Whoever then compares risks with outcomes finds the model wrong, and
whoever fits anew learns that the people it alerted were in no danger. What helps is to know who was reached by an
alert, and to leave some people out of reach, chosen by chance.
"""

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.cohort import split_people

SILENT = 0.2  # share of people for whom the model stays silent


def silent(people: pd.DataFrame, share: float = SILENT, seed: int = 0) -> np.ndarray:
    """For whom the model shows nothing: a boolean per row of a cohort, by chance, for a person always the same."""
    return people["patient_id"].isin(split_people(people, share, seed)[0]["patient_id"]).to_numpy()


def untouched_weights(flagged: np.ndarray, is_silent: np.ndarray, share: float = SILENT) -> np.ndarray:
    """How many people each row stands for, when those whom an alert has reached are left out.

    `flagged`: the model would have alerted, now or before. Reached are the flagged who are not silent: weight 0. The
    silent among the flagged are a random `share` of them and stand for all: weight 1 / `share`. Others: 1.
    """
    flagged, is_silent = np.asarray(flagged, bool), np.asarray(is_silent, bool)
    if flagged.any() and not (flagged & is_silent).any():
        raise LHSError(
            "Nobody was left out of reach of the alerts: of the flagged, none can stand for the others."
        )
    return np.where(flagged, np.where(is_silent, 1 / share, 0.0), 1.0)


def believed(outcome: np.ndarray, alerted: np.ndarray, adoption: float, seed: int = 0) -> np.ndarray:
    """Labels as they are written where clinicians believe alerts: an alert becomes a diagnosis, true or not.

    In a share `adoption` of those alerted the label is True whatever happened; all others keep their outcome.
    """
    chance = np.random.default_rng(seed).random(len(alerted))
    return np.asarray(outcome, bool) | (np.asarray(alerted, bool) & (chance < adoption))
