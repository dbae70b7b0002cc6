"""A disease file that is wrong is refused, with the file and the key that is wrong."""

import pytest
from pydantic import TypeAdapter

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital
from lhs_helpers.patients.chart import concepts
from lhs_helpers.patients.codes import Code
from lhs_helpers.patients.diseases import FOLDER, Disease, load_diseases, read_file
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.measures import table
from lhs_helpers.patients.world import World

GOOD = (FOLDER / "stroke.toml").read_text(encoding="utf-8")
FRAMINGHAM = next(line for line in GOOD.splitlines() if line.startswith('source = "Framingham'))


def test_every_figure_of_every_disease_has_a_source_and_says_how_sure_it_is():
    for disease in load_diseases():
        figures = [
            disease.incidence or disease.threshold,
            disease.visits,
            *disease.relative_risk,
            *disease.treatment,
            *disease.sign,
            *disease.shift,
            *disease.type,
        ]
        assert all(len(figure.source) > 10 and figure.sure for figure in figures)


def test_shares_of_stages_add_up_and_types_leave_those_of_all_cases_as_they_are():
    for disease in load_diseases():
        if disease.stages:
            assert sum(disease.stages.shares) == pytest.approx(1, abs=0.002)
            by_type = [[t.share * share for share in t.stages or disease.stages.shares] for t in disease.type]
            for share, parts in zip(disease.stages.shares, zip(*by_type, strict=True), strict=False):
                assert sum(parts) == pytest.approx(share, abs=0.005), disease.key


def test_what_moves_in_a_disease_is_measured():
    known = set(table().measure)
    for disease in load_diseases():
        assert {part.measure for part in [*disease.shift, *disease.sign]} <= known, disease.key


def test_diseases_come_after_those_that_cause_them():
    order = [disease.key for disease in load_diseases()]
    assert order.index("hypertension") < order.index("atrial_fibrillation") < order.index("stroke")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('unit = "per 100000 person-years"', 'unit = "per mille"', "incidence: unit 'per mille'"),
        ('unit = "per 100000 person-years"', 'unit = "per 1000 person-years"', "above 1 per person-year"),
        ("women = [4.0, ", "women = [-4.0, ", "a rate is below 0"),
        ("women = [4.0, ", "women = [", "same length"),
        ('code = "SNOMED:230690007"', 'code = "230690007"', "code: '230690007' is not a code"),
        ('code = "SNOMED:230690007"', 'code = "SNOMED:230960007"', "its last digit does not fit"),
        ('code = "SNOMED:230690007"', 'code = "SNOMED:C34"', "SNOMED has none of this form"),
        ('code = "SNOMED:230690007"', 'code = "LOINC:8302-3"', "its last digit does not fit"),
        ('code = "SNOMED:230690007"', 'code = "RxNorm:aspirin"', "RxNorm has none of this form"),
        ('kind = "event"', 'kind = "mood"', "kind"),
        ("share = 0.14", "share = 1.4", "fatality.share"),
        ("[recurrence]", "[reccurence]", "reccurence"),
        ('sure = "verified"', "", "sure: is missing (every figure"),
        (FRAMINGHAM, "", "relative_risk.1.source: is missing (every figure"),
        ("[fatality]", "[fatality", "not valid TOML"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path, old, new, says):
    assert old in GOOD
    path = tmp_path / "stroke.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LHSError, match="stroke.toml") as error:
        read_file(path, Disease, key="stroke")
    assert says in str(error.value)


def test_an_unknown_disease_is_answered_with_the_known_ones():
    with pytest.raises(LHSError, match="no disease 'plague'.*stroke"):
        load_diseases(["plague"])


def test_a_disease_without_its_causes_is_refused():
    with pytest.raises(LHSError, match="stroke.toml names atrial_fibrillation"):
        load_diseases(["stroke", "type_2_diabetes"])


@pytest.mark.parametrize(
    "key", ["obesity", "hypertension", "respiratory_infection", "breast_cancer", "stroke"]
)
def test_a_hospital_of_few_diseases_is_sound(tmp_path, key):
    """A disease and those it depends on: with or without treatments, cancers, events, screening."""
    everybody, wanted = {d.key: d for d in load_diseases()}, [key]
    for name in wanted:
        wanted += [r.of for r in everybody[name].relative_risk if r.of in everybody and r.of not in wanted]
    made = Hospital(
        tmp_path / "h", patients=150, seed=1, start="2015-01-01", diseases=sorted(set(wanted)), workers=1
    )
    made.advance("2015-04-01")
    assert made.emr.check().empty and made.emr.manifest["tables"]["observations"]["rows"] > 0


def test_a_hospital_without_diseases_gets_a_sentence(tmp_path):
    with pytest.raises(LHSError, match="list of diseases is empty"):
        Hospital(tmp_path / "h", diseases=[])


def test_every_code_of_a_hospital_is_one_of_its_system():
    codes = concepts(World(Draws(0)))["code"].to_pylist()
    assert len(codes) > 150
    assert TypeAdapter(list[Code]).validate_python(codes) == codes
