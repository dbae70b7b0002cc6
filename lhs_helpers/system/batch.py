"""Risks of many patients at once, written down as the service writes them: the list a clinic gets in the morning.

Calls of the service and lists end in the same journal, so a silent trial, the counting of alerts and the next cycle
read one thing.
"""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.system.feedback import RISK_COLUMNS, Journal, read_risks
from lhs_helpers.system.registry import Registry

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

# Any fixed one: the same release, person and time give the same card.
NAMESPACE = UUID("0c9f2a52-7d0e-5f0c-8a4b-3f6a5c1d2e71")


def log_risks(registry: Registry, journal: Journal, emr: "EMR", people: pd.DataFrame) -> pd.DataFrame:
    """Ask the champion about each row of a cohort at its index time, and write the answers down.

    The registry's state is obeyed: when it is silent, nobody gets a card; when it is off, nothing is computed or
    written.

    Parameters
    ----------
    people : DataFrame
        A cohort of the release's task.

    Returns
    -------
    DataFrame
        What was written (`read_risks`), with ``patient_id`` in place of the hash: for who has the record anyway.
    """
    if registry.state == "off":
        return pd.DataFrame(columns=["patient_id", *RISK_COLUMNS]).drop(columns="person")
    release, state = registry.release(), registry.state
    risk = release.risks(emr, people)
    alert = risk >= release.threshold
    times = pd.DatetimeIndex(people["index_time"]).as_unit("us")
    written = pd.DataFrame(
        {
            "patient_id": people["patient_id"].to_numpy(),
            "received_at": times.tz_localize("UTC"),
            "card": np.where(alert & (state == "live"), _cards(release.identity, people), None),
            "release": release.identity,
            "version": release.version,
            "state": state,
            "risk": risk,
            "alert": alert,
            "because": None,
        }
    )
    entries = written.assign(
        received_at=[time.isoformat() for time in written["received_at"]],
        person=[journal.person(str(patient)) for patient in written["patient_id"]],
    )
    journal.write_risks(entries[RISK_COLUMNS].to_dict("records"))
    return written


def with_outcomes(journal: Journal, people: pd.DataFrame) -> pd.DataFrame:
    """The risks in a journal beside the labels that have arrived since.

    Parameters
    ----------
    people : DataFrame
        A cohort with labels, from the record as it is known now; ``index_time`` is the time of the risk.

    Returns
    -------
    DataFrame
        ``patient_id``, ``time``, ``risk``, ``alert``, ``version``, ``label`` (missing: the risk has none) and
        ``end_reason``, one row a risk.
    """
    if people.duplicated(["patient_id", "index_time"]).any():
        raise LHSError("people has a patient twice at one time; pass a cohort, which has one row for each.")
    known = people[["patient_id", "index_time", "label", "end_reason"]].assign(
        person=[journal.person(str(patient)) for patient in people["patient_id"]],
        time=pd.DatetimeIndex(people["index_time"]).as_unit("us"),
    )
    risks = read_risks(Path(journal.folder)).dropna(subset="risk")
    risks = risks.assign(time=risks["received_at"].dt.tz_localize(None))
    joined = risks.merge(known.drop(columns="index_time"), on=["person", "time"], how="left")
    columns = ["patient_id", "time", "risk", "alert", "version", "label", "end_reason"]
    return joined[columns].astype({"risk": float})


def _cards(identity: str, people: pd.DataFrame) -> list[str]:
    pairs = zip(people["patient_id"], people["index_time"], strict=True)
    return [str(uuid5(NAMESPACE, f"{identity} {patient} {time}")) for patient, time in pairs]
