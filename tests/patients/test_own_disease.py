"""A reader's own disease is lived like any other, and changes nothing for those who do not have it."""

import pandas as pd
import pytest

from lhs_helpers.patients import Hospital
from lhs_helpers.patients.diseases import FOLDER, known_diseases

PLACE = {"patients": 1500, "seed": 2, "start": "2014-01-01", "workers": 1}
GOUT = """
name = "Gout"
code = "SNOMED:90560007"
description = "Gout (disorder)"
kind = "chronic"

[incidence]
unit = "per 1000 person-years"
age = [20, 40, 60, 80]
women = [0.5, 2, 6, 12]
men = [2, 8, 15, 20]
source = "made up for a test"
sure = "assumption"

[[treatment]]
code = "RxNorm:197319"
description = "allopurinol 100 MG Oral Tablet"
kind = "medication"
share = 0.8
source = "made up for a test"
sure = "assumption"

[visits]
found_at_visit = 0.5
followups_per_year = 1
source = "made up for a test"
sure = "assumption"
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[Hospital, Hospital]:
    folder = tmp_path_factory.mktemp("own")
    file = folder / "gout.toml"
    file.write_text(GOUT, encoding="utf-8")
    made = [
        Hospital(folder / "with", **PLACE, diseases=[*known_diseases(), str(file)]),
        Hospital(folder / "without", **PLACE),
    ]
    for hospital in made:
        hospital.advance("2016-01-01")
    return tuple(made)


def test_it_is_found_and_treated(both):
    emr = both[0].emr
    ill = set(emr.conditions.filter(lambda c: c.code == "SNOMED:90560007").execute().patient_id)
    treated = set(emr.medications.filter(lambda m: m.code == "RxNorm:197319").execute().patient_id)
    assert len(ill) > 20 and treated <= ill and len(treated) > 0.5 * len(ill)
    assert emr.check().empty


def test_no_other_disease_begins_or_is_found_on_another_day(both):
    lives = [h.truth.lives().query("disease != 'gout'").astype({"disease": str}) for h in both]
    ill = set(both[0].truth.lives().query("disease == 'gout'").patient_id)
    with_, without = (t[~t.patient_id.isin(ill)].reset_index(drop=True) for t in lives)
    keys = ["patient_id", "disease"]
    pd.testing.assert_frame_equal(
        *(t.sort_values(keys, ignore_index=True) for t in (with_, without)), check_categorical=False
    )
    latent = [t.set_index(keys).onset for t in lives]
    common = latent[0].index.intersection(latent[1].index)
    assert (latent[0][common] == latent[1][common]).all() and len(common) > 1000


@pytest.mark.parametrize("table", ["encounters", "conditions", "observations", "medications", "procedures"])
def test_who_does_not_have_it_has_the_same_record(both, table):
    ill = set(both[0].truth.lives().query("disease == 'gout'").patient_id)
    with_, without = (getattr(h.emr, table).execute() for h in both)
    with_, without = (
        t[~t.patient_id.isin(ill)].sort_values(list(t), ignore_index=True) for t in (with_, without)
    )
    pd.testing.assert_frame_equal(with_, without)


def test_a_readers_own_version_of_a_disease_has_its_own_mean_risk(tmp_path):
    text = (FOLDER / "stroke.toml").read_text(encoding="utf-8")
    file = tmp_path / "stroke.toml"
    file.write_text(text.replace("value = 5\n", "value = 15\n", 1), encoding="utf-8")
    from lhs_helpers.patients.draws import Draws
    from lhs_helpers.patients.world import World

    names = [str(file) if name == "stroke" else name for name in known_diseases()]
    own, usual = World(Draws(1), names).tables["stroke"], World(Draws(1)).tables["stroke"]
    assert own[:, 75].mean() > 1.2 * usual[:, 75].mean()
