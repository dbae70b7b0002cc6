"""A disease file that is wrong is refused, with the file and the key that is wrong."""

import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients.diseases import FOLDER, Disease, load_diseases, read_file

GOOD = (FOLDER / "stroke.toml").read_text(encoding="utf-8")


def test_every_figure_of_every_disease_has_a_source_and_says_how_sure_it_is():
    for disease in load_diseases():
        figures = [
            disease.incidence,
            disease.visits,
            *disease.relative_risk,
            *disease.treatment,
            *disease.sign,
        ]
        assert all(len(figure.source) > 10 and figure.sure for figure in figures)


def test_diseases_come_after_those_that_cause_them():
    order = [disease.key for disease in load_diseases()]
    assert order.index("hypertension") < order.index("atrial_fibrillation") < order.index("stroke")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('unit = "per 100000 person-years"', 'unit = "per mille"', "incidence: unit 'per mille'"),
        ('unit = "per 100000 person-years"', 'unit = "per 1000 person-years"', "above 1 per person-year"),
        ("women = [4.7, ", "women = [-4.7, ", "a rate is below 0"),
        ("women = [4.7, ", "women = [", "same length"),
        ('code = "SNOMED:230690007"', 'code = "230690007"', "code: '230690007' is not a code"),
        ('kind = "event"', 'kind = "mood"', "kind"),
        ("share = 0.14", "share = 1.4", "fatality.share"),
        ("[recurrence]", "[reccurence]", "reccurence"),
        ('sure = "verified"', "", "sure: Field required"),
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
