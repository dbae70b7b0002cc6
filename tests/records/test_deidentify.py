"""A de-identified copy: no identifier survives, what medicine needs does, and the check finds what is planted."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital
from lhs_helpers.records import deidentify as module
from lhs_helpers.records.deidentify import deidentify, survivors
from lhs_helpers.records.emr import EMR

from .small_emr import person, row, write_small_emr

SECRET = "a secret of this test, kept nowhere else"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hospital")
    return Hospital(folder, patients=300, seed=1, start="2014-01-01", workers=1).advance("2016-01-01")


@pytest.fixture(scope="module")
def copy(hospital, tmp_path_factory):
    return deidentify(hospital, tmp_path_factory.mktemp("copy"), SECRET)


def spans(emr: EMR) -> pd.Series:
    """Of each person: seconds between first and last event, and how many there are, in order of size."""
    rows = emr.sql("""SELECT epoch(max(time)) - epoch(min(time)) AS s, count(*) AS n, sum(value) AS v FROM events
        GROUP BY patient_id ORDER BY n, s""")
    return rows


def test_the_copy_is_sound_and_nothing_survives(hospital, copy):
    assert copy.check().empty
    assert survivors(hospital, copy) == []
    assert not set(copy.people.source_id.execute()) & set(hospital.people.source_id.execute())


def test_what_medicine_needs_is_as_it_was(hospital, copy):
    for query in (
        "SELECT code, count(*) AS n, round(sum(value), 2) AS v FROM observations GROUP BY code ORDER BY code",
        "SELECT code, status, count(*) AS n FROM conditions GROUP BY ALL ORDER BY ALL",
        "SELECT class, count(*) AS n, sum(epoch(stop) - epoch(time)) AS s FROM encounters GROUP BY ALL ORDER BY ALL",
    ):
        pd.testing.assert_frame_equal(copy.sql(query), hospital.sql(query))
    pd.testing.assert_frame_equal(spans(copy)[["s", "n"]], spans(hospital)[["s", "n"]])


def test_everybody_is_shifted_by_their_own_whole_days(hospital, copy):
    key = hospital.sql("SELECT patient_id, birth_date, count(*) AS n FROM patients GROUP BY ALL")
    births = np.sort(copy.people.birth_date.execute().to_numpy())
    assert not np.array_equal(births, np.sort(key.birth_date.to_numpy()))
    times = [emr.sql("SELECT time FROM observations").time for emr in (hospital, copy)]
    assert times[1].max() < times[0].max()
    clock = [set(rows.dt.strftime("%H:%M:%S")) for rows in times]
    assert clock[0] == clock[1]


def test_the_same_secret_gives_the_same_copy_and_another_another(hospital, copy, tmp_path):
    again = deidentify(hospital, tmp_path / "again", SECRET)
    assert again.manifest == copy.manifest
    other = deidentify(hospital, tmp_path / "other")
    assert not set(other.people.patient_id.execute()) & set(copy.people.patient_id.execute())
    assert SECRET not in "".join(
        path.read_bytes().decode("latin-1") for path in again.folder.rglob("*") if path.is_file()
    )


def test_free_text_rare_words_and_places_are_removed(tmp_path):
    extra = {
        "patients": [person(7, "1900-01-01", "male", "registered", "2015-01-01") | {"race": "martian"}],
        "observations": [
            row(4, 104, "2017-06-06 11:06", "LOINC:72166-2", text="call Mr Finn at 555-0100"),
            row(7, None, "1985-05-05", "LOINC:8480-6", value=120.0, unit="mm[Hg]"),
            row(7, None, "2016-05-05", "LOINC:8480-6", value=130.0, unit="mm[Hg]"),
        ],
        "conditions": [row(4, 104, "2017-06-06 11:10", "Text:son of the mayor", status="active")],
        "concepts": [
            {
                "code": "Text:son of the mayor",
                "system": "Text",
                "description": "son of the mayor",
                "kind": "condition",
            }
        ],
    }
    source = EMR(write_small_emr(tmp_path / "source", extra))
    copy = deidentify(source, tmp_path / "copy", SECRET)
    assert copy.check().empty and survivors(source, copy) == []
    assert set(copy.observations.text.execute().dropna()) == {"removed"}
    assert "Text:removed" in set(copy.conditions.code.execute())
    assert copy.people.race.execute().isna().all()  # nobody's word is shared by ten
    ages = copy.sql("""SELECT max(date_diff('year', birth_date, time::DATE)) AS a FROM events
        JOIN (SELECT patient_id, birth_date FROM people) USING (patient_id)""").a[0]
    assert ages <= 90
    held = "".join(path.read_bytes().decode("latin-1") for path in copy.folder.rglob("*") if path.is_file())
    for said in ("555-0100", "mayor", "martian", "person-", "practice"):
        assert said not in held


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (("'patient_id': 'new_id'", "'patient_id': 'row.patient_id'"), "numbers of patients"),
        (("'encounter_id': NUMBER", "'encounter_id': 'row.encounter_id' or NUMBER"), "numbers of encounters"),
        (("'source_id': f", "'source_id': 'row.source_id' or f"), "identifiers of the source"),
        (("'site': 'new_site'", "'site': 'row.site'"), "names of sites"),
        (("'text': f", "'text': 'row.text' or f"), "texts that few people share"),
        (("shift = '{} - to_days(days::INTEGER)'", "shift = '{}'"), "courses that have not moved"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_identifier_that_would_survive_stops_the_copy(small_emr, tmp_path, monkeypatch, broken, says):
    import ast
    import inspect

    source = ast.unparse(ast.parse(inspect.getsource(module._copied)))
    assert broken[0] in source
    names = dict(vars(module))
    exec(source.replace(*broken), names)
    monkeypatch.setattr(module, "_copied", names["_copied"])
    with pytest.raises(LHSError, match=says):
        deidentify(small_emr, tmp_path / "copy", SECRET)
    assert not (tmp_path / "copy").exists() or not any((tmp_path / "copy").iterdir())


def test_a_short_secret_and_a_full_folder_get_a_sentence(small_emr, tmp_path):
    with pytest.raises(LHSError, match="16 or more"):
        deidentify(small_emr, tmp_path / "copy", "short")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    with pytest.raises(LHSError, match="is not empty"):
        deidentify(small_emr, tmp_path / "full", SECRET)
