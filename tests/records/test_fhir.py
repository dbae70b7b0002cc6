"""FHIR R4: bulk files and bundles, the same record; and whatever a resource holds, no traceback."""

import gzip
import json
import os

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lhs_helpers.errors import LHSError
from lhs_helpers.records.fhir_extract import EXTRACT, coded, identifier, moment
from lhs_helpers.records.fhir_reader import read_fhir

from .tiny_exports import SAMPLES, accounted, assert_same, fhir, notes, rejected, write_fhir

SAMPLE = SAMPLES / "fhir_ndjson"


@pytest.fixture
def source(tmp_path):
    return write_fhir(tmp_path / "fhir")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return accounted(read_fhir(write_fhir(folder / "fhir"), folder / "emr"))


def test_an_export_becomes_a_sound_record(whole):
    assert whole.check().empty and rejected(whole) == []
    people = whole.people.execute().set_index("source_id")
    assert people.loc["ann"].death_time == pd.Timestamp("2018-06-10 23:59:59")
    assert people.loc["bob"].birth_date == pd.Timestamp("1990-12-01")
    assert "Location (1)" in notes(whole)


def test_encounters_have_our_classes_utc_and_the_name_of_their_site(whole):
    visits = whole.encounters.order_by("time").execute()
    assert visits["class"].to_list() == ["ambulatory", "emergency", "inpatient"]
    assert visits.time[1] == pd.Timestamp("2017-06-06 11:00") and set(visits.site) == {"Practice"}


def test_an_encounter_that_ends_on_its_day_does_not_end_before_it_starts(source):
    path = source / "Encounter.ndjson"
    path.write_text(path.read_text().replace("2016-04-04T09:30:00Z", "2016-04-04"))
    emr = accounted(read_fhir(source, source.parent / "emr"))
    assert emr.check().empty and rejected(emr) == []
    assert emr.encounters.order_by("time").execute().stop[0] == pd.Timestamp("2016-04-04 09:00")


def test_components_are_observations_and_the_panel_is_none(whole):
    rows = whole.sql("SELECT code, value, text, unit FROM observations ORDER BY time, code")
    assert rows.code.to_list() == ["LOINC:8462-4", "LOINC:8480-6", "LOINC:72166-2", "LOINC:4548-4"]
    assert rows.value.dropna().to_list() == [95, 162, 7.9] and rows.text[2] == "Never smoker"
    assert rows.unit.to_list()[:2] == ["mm[Hg]", "mm[Hg]"]
    counts = whole.manifest["parameters"]["rows"]
    assert counts["Observation"]["in"] == 3 and counts["Observation.component"]["in"] == 2


def test_what_is_recorded_later_is_known_later(whole):
    known = whole.sql("SELECT code, recorded_at FROM events WHERE kind IN ('observation', 'condition')")
    known = known.set_index("code").recorded_at
    assert known["LOINC:4548-4"] == pd.Timestamp("2017-06-07 08:00")
    assert known["SNOMED:230690007"] == pd.Timestamp("2018-03-02")


def test_a_medication_is_inline_contained_or_referred_to(whole):
    rows = whole.sql("SELECT * FROM medications ORDER BY time, status")
    assert set(rows.code) == {"RxNorm:860975"} and (rows.status == "start").sum() == 3
    assert rows.reason_code.dropna().to_list() == ["SNOMED:230690007"]  # followed to the condition
    assert rows.time[rows.status == "stop"].to_list() == [pd.Timestamp("2018-12-01")]


def bundle(resources: list[dict], full: bool = False) -> str:
    """A bundle whose entries refer to each other by the URL of the entry, when `full`."""
    text = json.dumps(resources)
    if full:
        for resource in resources:
            kind, name = resource["resourceType"], resource["id"]
            text = text.replace(f'"{kind}/{name}"', f'"urn:uuid:0-{name}"')
    entries = [
        {"fullUrl": f"urn:uuid:0-{held['id']}" if full else f"http://x/{held['id']}", "resource": held}
        for held in json.loads(text)
    ]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}, indent=1)


def test_bundles_in_any_order_are_the_same_record(tmp_path, whole):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/all.json").write_text(bundle(fhir(), full=True))
    assert_same(accounted(read_fhir(tmp_path / "one", tmp_path / "emr1")), whole)
    (tmp_path / "two").mkdir()
    last = fhir()[2:]
    (tmp_path / "two/a.json").write_text(bundle(last))
    (tmp_path / "two/b.json.gz").write_bytes(gzip.compress(bundle(fhir()[:2]).encode()))
    assert_same(accounted(read_fhir(tmp_path / "two", tmp_path / "emr2")), whole)


def test_gzip_byte_order_marks_and_empty_lines_do_not_matter(source, whole):
    for path in list(source.iterdir()):
        content = b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n\r\n")
        (source / f"{path.stem}.000.ndjson.gz").write_bytes(gzip.compress(content))
        path.unlink()
    assert_same(accounted(read_fhir(source, source.parent / "emr")), whole)


def test_a_rejected_resource_says_its_file_and_line(source, whole):
    with (source / "Observation.ndjson").open("a") as file:
        file.write('{"resourceType": "Observation", "id": "o9", "subj\n')
        file.write('{"id": "o10"}\n')
    emr = accounted(read_fhir(source, source.parent / "emr"))
    assert rejected(emr) == [("Observation.ndjson", 4, "CONTENT"), ("Observation.ndjson", 5, "CONTENT")]
    assert_same(emr, whole)


def test_resources_twice_are_rejected_by_their_identifier(source, whole):
    for path in source.iterdir():
        path.write_text(path.read_text() * 2)
    emr = accounted(read_fhir(source, source.parent / "emr"))
    assert_same(emr, whole)
    counts = emr.manifest["parameters"]["rows"]
    assert all(count["kept"] == count["rejected"] for count in counts.values())


def test_a_death_without_a_date_is_said(source):
    path = source / "Patient.ndjson"
    path.write_text(path.read_text().replace('"deceasedDateTime": "2018-06-10"', '"deceasedBoolean": true'))
    emr = read_fhir(source, source.parent / "emr")
    assert "1 people are said to be dead without a date" in notes(emr)


def test_the_best_known_coding_is_taken():
    codings = [
        {"system": "http://example.org/local", "code": "x"},
        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I63"},
        {"system": "http://snomed.info/sct", "code": "230690007", "display": "Stroke"},
    ]
    assert coded({"coding": codings}) == ("SNOMED:230690007", "Stroke")
    assert coded({"coding": codings[:1]}) == ("local:x", None)
    assert coded({"text": "a stroke"}) == ("Text:a stroke", "a stroke")
    assert coded({"coding": "x"}) == coded([]) == coded(None) == (None, None)


def test_references_are_what_they_point_to():
    for said in ("Patient/7", "http://x/fhir/Patient/7", "urn:uuid:7", "Patient/7/_history/2"):
        assert identifier({"reference": said}, {}) == "7"
    assert identifier({"reference": "Organization?identifier=https://x|7"}, {}) == "7"
    assert identifier({"reference": "urn:uuid:a"}, {"urn:uuid:a": "7"}) == "7"
    assert identifier({"display": "somebody"}, {}) is None


def test_a_year_or_month_is_its_first_day():
    assert moment("2016") == "2016-01-01" and moment("2016-05") == "2016-05-01"
    assert moment("2016-05-04T03:02:01Z") == "2016-05-04T03:02:01Z" and moment({}) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_a_resource_holds_it_becomes_rows_of_text(data):
    resource = dict(data.draw(st.sampled_from(fhir())))
    for field in data.draw(st.lists(st.sampled_from(sorted(resource)), max_size=3)):
        if field != "resourceType":
            resource[field] = data.draw(ANYTHING)
    if extract := EXTRACT.get(resource["resourceType"]):
        for _, row in extract(resource, {}):
            assert all(cell is None or isinstance(cell, str) for cell in row.values())


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    if not SAMPLE.is_dir():
        pytest.skip(f"the sample of a real export is not at {os.path.relpath(SAMPLE)}")
    return accounted(read_fhir(SAMPLE, tmp_path_factory.mktemp("sample")))


def test_every_resource_of_the_sample_is_accounted_for(sample):
    assert sample.check().empty
    for kind, count in sample.manifest["parameters"]["rows"].items():
        lines = (SAMPLE / f"{kind}.000.ndjson").read_text().splitlines()
        assert len(lines) == count["in"]
    rows = sample.manifest["parameters"]["rows"]
    assert sample.procedures.count().execute() == rows["Procedure"]["kept"] == 631
    started = sample.sql("SELECT count(*) AS n FROM medications WHERE status = 'start'").n[0]
    assert started == rows["MedicationRequest"]["kept"]
    assert rejected(sample) == [("Encounter.000.ndjson", 15, "START"), ("Encounter.000.ndjson", 23, "START")]


def test_a_task_runs_on_the_sample(sample):
    from lhs_helpers.learning import features, vocabulary
    from lhs_helpers.learning.cohort import cohort
    from lhs_helpers.learning.task import Task

    task = Task("Death", ("death",), window_days=3650, target_kind="death", min_age=0)
    people = cohort(sample, task, "1971-06-01")
    matrix = features(sample, people, task, vocabulary(sample, people, task))
    assert len(matrix) == len(people) > 0 and people.label.any()


def test_resources_without_an_id_are_told_apart_by_what_they_say(tmp_path):
    """FHIR asks for an id in an export, not in a bundle; without one, only what is the same twice is a repetition."""
    resources = [dict(resource) for resource in fhir()]
    for resource in resources:
        if resource["resourceType"] in ("Observation", "Condition", "Immunization"):
            del resource["id"]
    again = [resource for resource in resources if resource["resourceType"] == "Immunization"]
    whole = read_fhir(write_fhir(tmp_path / "whole"), tmp_path / "a")
    emr = read_fhir(write_fhir(tmp_path / "bare", resources + again), tmp_path / "b")
    rows = emr.manifest["parameters"]["rows"]
    assert rows["Observation"] == whole.manifest["parameters"]["rows"]["Observation"]
    assert rows["Immunization"]["kept"] == 1 and rows["Immunization"]["rejected"] == 1


def test_a_bundle_cut_short_is_named_where_no_patient_is_left(tmp_path):
    bundle = {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in fhir()]}
    (tmp_path / "fhir").mkdir()
    (tmp_path / "fhir/all.json").write_text(json.dumps(bundle, indent=1)[:-20])
    with pytest.raises(LHSError, match="Patient; all.json, line 1, is no JSON: it was cut short or damaged"):
        read_fhir(tmp_path / "fhir", tmp_path / "emr")
