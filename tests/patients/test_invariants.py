"""What must hold in every hospital, whatever its seed, size and years."""

import tempfile

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from lhs_helpers.patients import Hospital
from lhs_helpers.patients.measures import table

# Few and many people, early and late, short and long: 24 worlds, and every rule is held against each of them.
WORLDS = settings(max_examples=24, deadline=None)
SIZES = [1, 30, 400, 400, 2500]


def some_hospital(folder: str, seed: int, patients: int, start: int, months: int) -> Hospital:
    made = Hospital(folder, patients=patients, seed=seed, start=f"{start}-01-01", workers=1)
    year, month = start + months // 12, 1 + months % 12
    made.advance(f"{year}-{month:02d}-01")
    return made


@WORLDS
@given(st.integers(0, 10**9), st.sampled_from(SIZES), st.integers(1990, 2040), st.integers(1, 30))
def test_every_hospital_is_sound(seed, patients, start, months):
    with tempfile.TemporaryDirectory() as folder:
        made = some_hospital(folder, seed, patients, start, months)
        assert made.emr.check().to_dict("records") == []
        values_are_physiological(made)
        treatments_follow_their_reasons(made)
        stops_follow_starts(made)
        lives_are_in_order(made)
        a_cancer_is_written_once_and_its_type_with_it(made)


def values_are_physiological(made: Hospital) -> None:
    seen = made.emr.observations.execute().dropna(subset="value")
    limits = table().set_index("code")
    low, high = (seen.code.map(limits[name]).astype(float) for name in ("low", "high"))
    assert ((seen.value >= low) & (seen.value <= high)).all()


def treatments_follow_their_reasons(made: Hospital) -> None:
    known = made.emr.conditions.execute().groupby(["patient_id", "code"]).time.min()
    drugs = made.emr.medications.execute()
    reason = pd.MultiIndex.from_frame(drugs[["patient_id", "reason_code"]])
    diagnosed = known.reindex(reason).to_numpy()
    assert not np.isnat(diagnosed).any() and (diagnosed <= drugs.time.to_numpy()).all()


def stops_follow_starts(made: Hospital) -> None:
    drugs = made.emr.medications.execute()
    begun = drugs[drugs.status == "start"].groupby(["patient_id", "code"]).time.min()
    stopped = drugs[drugs.status == "stop"]
    began = begun.reindex(pd.MultiIndex.from_frame(stopped[["patient_id", "code"]])).to_numpy()
    assert (began < stopped.time.to_numpy()).all()


def lives_are_in_order(made: Hospital) -> None:
    lives = made.truth.lives()
    assert not (lives.diagnosed < lives.onset).any()
    born = made.emr.people.execute().set_index("patient_id").birth_date
    onset = lives[lives.patient_id.isin(born.index)]
    assert (onset.onset >= pd.to_datetime(onset.patient_id.map(born))).all()


def a_cancer_is_written_once_and_its_type_with_it(made: Hospital) -> None:
    codes = made.emr.conditions.execute()
    lung = codes[codes.code == "SNOMED:363358000"]
    assert not lung.patient_id.duplicated().any()
    types = codes[codes.code.isin(["SNOMED:254637007", "SNOMED:254632001"])]
    assert set(zip(types.patient_id, types.time, strict=True)) <= set(
        zip(lung.patient_id, lung.time, strict=True)
    )


def test_some_stop_what_they_were_given_and_are_prescribed_it_no_more(tmp_path):
    drugs = some_hospital(tmp_path / "h", 1, 3000, 2015, 24).emr.medications.execute()
    drugs = drugs.set_index(["patient_id", "code"])
    stopped, begun = drugs[drugs.status == "stop"], drugs[drugs.status == "start"]
    assert 20 < len(stopped) < 0.2 * len(begun)
    assert not stopped.set_index("time", append=True).index.has_duplicates
    last = [rows.time.groupby(level=["patient_id", "code"]).max() for rows in (stopped, begun)]
    later = last[1].reindex(last[0].index) > last[0]
    assert later.mean() < 0.1  # those who got it again, for another reason
