"""Who is screened for lung cancer: nobody, whom the criteria name, or whom a model puts first."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from lhs_helpers.patients import Hospital
from lhs_helpers.patients.calendar import YEAR, day_number
from lhs_helpers.records.emr import EMR
from lhs_helpers.system.lives import answer_key

DISEASE, LUNG_CANCER = "lung_cancer", "SNOMED:363358000"
SCAN, SECOND_LOOK = "SNOMED:16334891000119106", "SNOMED:16335031000119103"
BIOPSY, PNEUMOTHORAX = "SNOMED:432231006", "SNOMED:36118008"
SMOKING, CURRENT, FORMER = "LOINC:72166-2", "Current every day smoker", "Former smoker"
MIN_AGE, MAX_AGE, PACK_YEARS, YEARS_SINCE_QUITTING = 50, 80, 20, 15  # USPSTF 2021
Choice = Callable[[EMR, str], np.ndarray]


def candidates(emr: EMR, at: str) -> pd.DataFrame:
    """Whom the record of a day would let one think of: ever smokers of 50 to 80, registered, without lung cancer.

    Index ``patient_id``; ``age`` (years), ``smokes`` (the latest answer says so), ``seen_to_quit`` (the latest answer
    is "former", an earlier one was "current"; so they stopped within the years that the record holds). The record has
    no pack-years, and does not know when somebody stopped who came as a former smoker.
    """
    now = emr.as_of(at)
    people = now.people.execute().set_index("patient_id")
    age = (pd.Timestamp(at) - people["birth_date"]).dt.days / YEAR
    here = (
        people["left_time"].isna() & people["death_time"].isna() & age.between(MIN_AGE, MAX_AGE + 1, "left")
    )
    answers = now.observations.filter(now.observations.code == SMOKING)
    answers = answers.select("patient_id", "time", "text").execute().sort_values("time")
    latest = answers.groupby("patient_id")["text"].last().reindex(people.index)
    smoked_then = people.index.isin(answers.loc[answers["text"] == CURRENT, "patient_id"])
    ill = now.conditions.filter(now.conditions.code == LUNG_CANCER).select("patient_id").execute()
    who = here & latest.isin([CURRENT, FORMER]) & ~people.index.isin(ill["patient_id"])
    found = pd.DataFrame({"age": age, "smokes": latest == CURRENT})
    found["seen_to_quit"] = smoked_then & (latest == FORMER)
    return found[who].sort_index()


def asked(hospital: Hospital, patients: pd.Index) -> pd.DataFrame:
    """What people would say today if a nurse asked: ``smokes``, ``pack_years``, ``years_since_quitting``.

    Taken from the answer key, so nobody forgets or understates. Index as given.
    """
    key = answer_key(hospital, DISEASE).loc[patients]
    since = (day_number(hospital.clock) - key["quit"]).clip(lower=0) / YEAR
    since = since.where(~key["smokes"], 0.0)
    return key[["smokes", "pack_years"]].assign(years_since_quitting=since)


def meets_criteria(
    answers: pd.DataFrame, pack_years: float = PACK_YEARS, years_since_quitting: float = YEARS_SINCE_QUITTING
) -> np.ndarray:
    """A boolean per row of `asked`: enough pack-years, and smoking now or stopped lately enough."""
    lately = answers["smokes"] | (answers["years_since_quitting"] <= years_since_quitting)
    return ((answers["pack_years"] >= pack_years) & lately).to_numpy()


def by_record(known: pd.DataFrame, n: int, seed: int) -> pd.Index:
    """The `n` of `candidates` whom the criteria would most likely name, as far as the record tells.

    Those who smoke or were seen to quit come first, then other former smokers; within each at random.
    """
    rank = np.where(known["smokes"] | known["seen_to_quit"], 0, 1)
    chance = np.random.default_rng(seed).random(len(known))
    return known.index[np.lexsort((chance, rank))[:n]].sort_values()


def by_risk(patients: pd.Index, risk: np.ndarray, n: int) -> pd.Index:
    """The `n` people with the highest risk."""
    return patients[np.argsort(-risk, kind="stable")[:n]].sort_values()


def orders(patients: pd.Index | np.ndarray, at: str, code: str = SCAN) -> pd.DataFrame:
    """One order for each of these people on a day, as `Hospital.advance` takes them."""
    return pd.DataFrame({"patient_id": np.asarray(patients, np.int64), "date": at, "code": code})


def scans(hospital: Hospital) -> pd.DataFrame:
    """Every scan that was carried out: a row each, with ``patient_id``, ``day`` (day number) and what came of it.

    ``found``: a cancer was found that day; ``false_alarm``: a second look, and no cancer; ``biopsy`` and ``harmed`` (a
    pneumothorax): of those falsely alarmed.
    """
    procedures = hospital.emr.procedures
    done = procedures.filter(procedures.code.isin([SCAN, SECOND_LOOK, BIOPSY]))
    done = done.select("patient_id", "encounter_id", "time", "code", "reason_code").execute()
    harms = hospital.emr.conditions.filter(lambda c: c.code == PNEUMOTHORAX)
    harms = harms.select("encounter_id").execute()["encounter_id"]
    made = done[done["code"] == SCAN].drop_duplicates("encounter_id").reset_index(drop=True)
    day = made["time"].to_numpy().astype("M8[D]").astype(np.int64)
    diagnosed = answer_key(hospital, DISEASE)["diagnosed"].reindex(made["patient_id"]).to_numpy()
    # What belongs to a scan has no reason; what belongs to a diagnosis names it.
    own = done[done["reason_code"].isna() | (done["reason_code"] == "")]
    with_code = {code: own.loc[own["code"] == code, "encounter_id"] for code in (SECOND_LOOK, BIOPSY)}
    found = diagnosed == day
    alarm = made["encounter_id"].isin(with_code[SECOND_LOOK]).to_numpy() & ~found
    return pd.DataFrame(
        {
            "patient_id": made["patient_id"],
            "day": day,
            "found": found,
            "false_alarm": alarm,
            "biopsy": alarm & made["encounter_id"].isin(with_code[BIOPSY]).to_numpy(),
            "harmed": alarm & made["encounter_id"].isin(harms).to_numpy(),
        }
    )
