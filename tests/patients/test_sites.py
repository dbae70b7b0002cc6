"""Sites differ in whom they serve and in what they write down; what they miss stands in the answer key."""

import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital, Site
from lhs_helpers.records.emr import EMR

SMALL = {"patients": 2500, "seed": 6, "start": "2014-01-01", "workers": 1}
HYPERTENSION = "SNOMED:59621000"


def lived(folder, site) -> Hospital:
    made = Hospital(folder, **SMALL, site=site)
    made.advance("2015-01-01")
    return made


def test_a_site_has_the_mix_that_it_says(tmp_path):
    people = lived(tmp_path / "h", Site(name="east", races=(0.2, 0.2, 0.5, 0.05, 0.05))).emr.people.execute()
    assert 0.45 < (people.race == "black").mean() < 0.55
    assert people.site.eq("east").all()


def test_what_is_not_written_down_is_missing_in_the_record_and_stands_in_the_answer_key(tmp_path):
    full = lived(tmp_path / "full", "clinic")
    poor = lived(tmp_path / "poor", Site(name="clinic", recorded={"everybody": 0.9, "black": 0.4}))
    known = [
        set(h.emr.conditions.filter(lambda c: c.code == HYPERTENSION).execute().patient_id)
        for h in (full, poor)
    ]
    assert known[1] < known[0]
    race = full.emr.people.execute().set_index("patient_id").race
    kept = {r: len(known[1] & set(race.index[race == r])) / len(known[0] & set(race.index[race == r]))
            for r in ("white", "black")}  # fmt: skip
    assert 0.85 < kept["white"] < 0.95 and 0.25 < kept["black"] < 0.55
    truth = [h.truth.lives().query("disease == 'hypertension'").diagnosed.notna().sum() for h in (full, poor)]
    assert truth[0] == truth[1]


def glucose(folder) -> int:
    emr = EMR(folder)
    return emr.observations.filter(emr.observations.code == "LOINC:2345-7").count().execute()


def test_a_far_away_site_is_visited_less_and_a_poor_one_tests_less(tmp_path):
    sites = {"usual": "a", "far": Site(name="a", visits=0.5), "poor": Site(name="a", tests=0.5)}
    rows = {name: lived(tmp_path / name, site).emr.manifest["tables"] for name, site in sites.items()}
    visits = {name: tables["encounters"]["rows"] for name, tables in rows.items()}
    tests = {name: glucose(tmp_path / name) for name in sites}
    assert visits["far"] < 0.75 * visits["usual"]
    assert visits["poor"] == visits["usual"] and tests["poor"] < 0.6 * tests["usual"]


@pytest.mark.parametrize(
    ("site", "says"),
    [
        ({"races": (0.5, 0.2)}, "races needs 5 shares"),
        ({"uninsured": 0.9, "public": 0.9}, "more than 1"),
        ({"recorded": {"martian": 0.5}}, "recorded names martian"),
        ({"visits": 0}, "visits"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_site_that_makes_no_sense_gets_a_sentence(tmp_path, site, says):
    with pytest.raises(LHSError, match=says):
        Hospital(tmp_path / "h", **SMALL, site=site)
