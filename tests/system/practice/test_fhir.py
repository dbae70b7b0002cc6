"""A model is asked what it was taught: one patient's FHIR record gives the features the database gave."""

import json
from copy import deepcopy
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from asking import AT
from fhir.resources.R4B import get_fhir_model_class

from lhs_helpers.learning import cohort, features
from lhs_helpers.system import fhir
from lhs_helpers.system.fhir_features import FeatureReader, Refused
from lhs_helpers.system.fhir_writer import hook_requests
from lhs_helpers.system.reasons import contributions, main_reasons

NOW = datetime.fromisoformat(AT)


def row_of(reader, call, at=NOW):
    asked = fhir.HookRequest.model_validate(call)
    return reader.row(asked.prefetch.patient, reader.events(asked.prefetch, asked.context.patientId), at)


@pytest.fixture(scope="module")
def reader(learned):
    return FeatureReader(learned.columns, learned.task)


def test_the_service_and_the_database_make_the_same_features(emr, learned, reader):
    people = cohort(emr, learned.task, AT)
    expected = features(emr.as_of(AT), people, learned.task, learned.columns)
    calls = hook_requests(emr, people["patient_id"].to_list(), AT)
    found = np.array([row_of(reader, calls[patient]) for patient in people["patient_id"]])
    np.testing.assert_array_equal(found, expected.to_numpy())
    # Every kind of feature is put to the test, and no column of zeros passes for agreement.
    assert {"condition", "observation", "medication", "encounter", "person"} <= set(learned.columns["kind"])
    assert (np.nan_to_num(expected.to_numpy()) != 0).any(axis=0).mean() > 0.9


def test_what_happens_or_is_recorded_later_changes_nothing(reader, calls):
    call = next(iter(calls.values()))
    before, late = row_of(reader, call), deepcopy(call)
    observations = late["prefetch"]["observations"]["entry"]
    for time, issued in (("2018-01-02", "2018-01-02"), ("2017-06-01", "2017-12-20")):
        planted = deepcopy(observations[0])
        planted["resource"] |= {"effectiveDateTime": time, "issued": issued}
        planted["resource"]["valueQuantity"] = {"value": 240, "code": "mm[Hg]"}
        observations.append(planted)
    np.testing.assert_array_equal(row_of(reader, late), before)


def test_codes_are_known_by_their_object_identifiers_too(reader, calls):
    call = next(iter(calls.values()))
    text = json.dumps(call)
    for url, identifier in {"http://loinc.org": "6.1", "http://snomed.info/sct": "6.96"}.items():
        assert f'"{url}"' in text
        text = text.replace(f'"{url}"', f'"urn:oid:2.16.840.1.113883.{identifier}"')
    np.testing.assert_array_equal(row_of(reader, json.loads(text)), row_of(reader, call))


def test_an_outcome_without_a_date_is_an_outcome_and_no_feature(learned, reader, calls):
    call = deepcopy(next(iter(calls.values())))
    before = row_of(reader, call)
    code = {"coding": [{"system": "http://snomed.info/sct", "code": learned.task.target[0].split(":")[1]}]}
    subject = {"reference": f"Patient/{call['context']['patientId']}"}
    undated = {"resource": {"resourceType": "Condition", "code": code, "subject": subject}}
    bundle = call["prefetch"]["conditions"] or {"resourceType": "Bundle", "entry": []}
    call["prefetch"]["conditions"] = bundle | {"entry": [*bundle["entry"], undated]}
    asked = fhir.HookRequest.model_validate(call)
    events = reader.events(asked.prefetch, asked.context.patientId)
    assert reader.concerns(asked.prefetch.patient, events, NOW) == "has the outcome on record"
    np.testing.assert_array_equal(row_of(reader, call), before)


def test_components_count_as_observations(learned, reader, calls):
    pressure = learned.columns.query("code == 'LOINC:8480-6' and statistic == 'last'")
    column = pressure.index[0]
    call = deepcopy(next(iter(calls.values())))
    panel = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "effectiveDateTime": "2017-11-30T10:00:00Z",
        "component": [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
                "valueQuantity": {"value": 187, "code": "mm[Hg]"},
            }
        ],
    }
    call["prefetch"]["observations"]["entry"].append({"resource": panel})
    assert row_of(reader, call)[column] == 187
    panel["status"] = "entered-in-error"
    assert row_of(reader, call)[column] != 187


def test_another_unit_is_refused_and_not_converted_in_silence(reader, calls, learned):
    code = learned.columns.query("kind == 'observation' and statistic == 'last'").dropna(subset="unit")[
        "code"
    ]
    call = deepcopy(next(iter(calls.values())))
    planted = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code.iloc[0].split(":")[1]}]},
        "effectiveDateTime": "2017-11-30",
        "valueQuantity": {"value": 1, "code": "furlong"},
    }
    call["prefetch"]["observations"]["entry"].append({"resource": planted})
    with pytest.raises(Refused, match=f"{code.iloc[0]} comes in furlong, and the model learned it in"):
        row_of(reader, call)


def test_what_we_write_is_fhir(calls):
    for call in list(calls.values())[:5]:
        get_fhir_model_class("Patient").model_validate(call["prefetch"]["patient"])
        for key, bundle in call["prefetch"].items():
            if key != "patient" and bundle is not None:
                for entry in bundle["entry"][:20]:
                    kind = get_fhir_model_class(entry["resource"]["resourceType"])
                    kind.model_validate(entry["resource"])


def test_the_prefetch_asks_for_what_the_model_needs_and_no_more(learned, reader):
    templates = reader.templates()
    assert templates["patient"] == "Patient/{{context.patientId}}"
    assert "http://loinc.org|8480-6" in templates["observations"]
    assert "72166-2" in templates["observations"], "smoking, asked in words"
    few = learned.columns[learned.columns["kind"].isin(["person", "observation"])]
    assert set(FeatureReader(few, learned.task).templates()) == {"patient", "observations", "conditions"}, (
        "conditions too: who has the outcome already is not concerned"
    )


@pytest.mark.parametrize("algorithm", ["logistic regression", "gradient boosting"])
def test_reasons_add_up_to_the_log_odds(make_release, learned, tmp_path, algorithm):
    given = make_release(tmp_path / "r", algorithm)
    parts, base = contributions(given.model, learned.X_new)
    p = given.model.predict_proba(learned.X_new)[:, 1].astype(float)
    np.testing.assert_allclose(parts.sum(axis=1) + base, np.log(p / (1 - p)), atol=2e-3)


def test_the_strongest_reason_is_named_first_with_its_value(make_release, learned, tmp_path):
    draw = np.random.default_rng(0)
    X = pd.DataFrame({name: draw.random(4_000) for name in learned.columns["name"]}, dtype=np.float32)
    from lhs_helpers.learning import train

    y = draw.random(4_000) < 1 / (1 + np.exp(6 - 8 * X["Age (years)"]))
    given = make_release(tmp_path / "r", model=train(X, y, "logistic regression"))
    high, low = X[:1].assign(**{"Age (years)": 1.0}), X[:1].assign(**{"Age (years)": 0.0})
    assert main_reasons(given, high.to_numpy()[0])[0] == ("Age (years): 1", "raises")
    assert main_reasons(given, low.to_numpy()[0])[0] == ("Age (years): 0", "lowers")


def test_a_model_that_can_not_say_why_does_not_guess(make_release, learned, tmp_path):
    assert main_reasons(make_release(tmp_path / "r", "random forest"), learned.X_new.to_numpy()[0]) is None
