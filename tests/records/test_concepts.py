"""A word means the same on every source: named lists of codes, in every system."""

import re

import pytest
from stdnum import verhoeff

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task, cohort
from lhs_helpers.patients.diseases import load_diseases
from lhs_helpers.records.concepts import concept_list, concept_set, concept_sets
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.mimic_reader import read_mimic
from lhs_helpers.records.omop_reader import read_omop

from .small_emr import STROKE, write_small_emr
from .tiny_exports import MIMIC, OMOP, write_csv

LOOKED_UP = ("ATC", "ICD9CM", "ICD10CM")  # whose sources say when and where each code was last looked up
FORM = {
    "SNOMED": r"[1-9]\d{5,17}",
    "RxNorm": r"[1-9]\d{0,7}",
    "NDC": r"\d{11}",
    "ICD9CM": r"\d{3}(\.\d{1,2})?",
    "ICD10CM": r"[A-Z]\d\d(\.\d{1,4})?",
    "ICD10": r"[A-Z]\d\d(\.\d)?",
    "ICD10GM": r"[A-Z]\d\d(\.\d{1,2})?",
    "ATC": r"[A-Z]\d\d[A-Z]{2}(\d\d)?",
}


@pytest.mark.parametrize("name", concept_sets().index)
def test_every_code_has_the_form_of_its_system(name):
    listed = concept_list(name)
    assert not listed.duplicated(["system", "code"]).any()
    for row in listed.itertuples():
        assert re.fullmatch(FORM[row.system], row.code), row
        assert row.system != "SNOMED" or verhoeff.is_valid(row.code), row
        assert row.description and row.source
        assert row.system not in LOOKED_UP or re.search(r"; looked up \d{4}-\d\d-\d\d in", row.source), row


def test_sets_do_not_share_codes():
    seen = {}
    for name in concept_sets().index:
        for row in concept_list(name).itertuples():
            assert seen.setdefault((row.system, row.code), name) == name, row


@pytest.mark.parametrize(
    ("name", "disease"),
    [
        ("stroke", "Stroke"), ("atrial_fibrillation", "Atrial fibrillation"), ("lung_cancer", "Lung cancer"),
        ("hypertension", "Hypertension"), ("diabetes", "Type 2 diabetes"), ("heart_failure", "Heart failure"),
        ("myocardial_infarction", "Myocardial infarction"), ("copd", "COPD"),
        ("chronic_kidney_disease", "Chronic kidney disease"),
    ],
)  # fmt: skip
def test_the_simulated_diseases_are_in_their_sets(name, disease):
    codes = {d.name: d.code for d in load_diseases()}
    listed = concept_list(name)
    assert codes[disease] in set(listed.system + ":" + listed.code)


def test_one_word_finds_each_source_s_own_code(tmp_path):
    sources = {
        "ours": EMR(write_small_emr(tmp_path / "small")),
        "mimic": read_mimic(write_csv(tmp_path / "m", MIMIC), tmp_path / "mimic"),
    }
    assert concept_set("stroke", sources["ours"]) == (STROKE,)
    assert concept_set("stroke", sources["mimic"]) == ("ICD10CM:I63.9",)
    assert concept_set("hypertension", sources["mimic"]) == ("ICD9CM:401.9",)
    assert concept_set("metformin", sources["ours"]) == ("RxNorm:860975",)
    assert concept_set("statin", sources["ours"]) == ()
    task = Task("Stroke", concept_set("stroke", sources["ours"]), window_days=365)
    assert cohort(sources["ours"], task, "2017-12-01").label.sum() == 1


def test_where_omop_has_concepts_their_codes_are_used(tmp_path):
    """Concept 320128 is SNOMED 59621000; the export itself says I10."""
    emr = read_omop(write_csv(tmp_path / "o", OMOP), tmp_path / "omop")
    assert concept_set("hypertension", emr) == ("SNOMED:59621000",)
    assert concept_set("metformin", emr) == ("RxNorm:860975",)


def test_a_family_ends_where_its_letters_do(tmp_path):
    codes = ["ICD10CM:I63.9", "ICD10CM:I639", "ICD10CM:i63", "ICD10CM:I69.3", "ICD10CM:I6", "ICD9CM:434.91",
             "ICD9CM:434.90", "SNOMED:I63.9", "ICD10:I64", "ICD10CM:I64"]  # fmt: skip
    concepts = [{"code": code, "system": code.split(":")[0]} for code in codes]
    emr = EMR(write_small_emr(tmp_path / "small", {"concepts": concepts}))
    assert set(concept_set("stroke", emr)) == {
        STROKE, "ICD10CM:I63.9", "ICD10CM:I639", "ICD10CM:i63", "ICD9CM:434.91", "ICD10:I64"
    }  # fmt: skip


def test_type_1_diabetes_before_its_symptoms_is_not_meant(tmp_path):
    """E10.A is younger than the other codes of its family, and names people without symptoms."""
    meant = {"ICD10CM:E10.9", "ICD10CM:E10.65", "ICD10CM:E10", "ICD10GM:E10.90"}
    codes = [*meant, "ICD10CM:E10.A2", "ICD10CM:E10A0"]
    concepts = [{"code": code, "system": code.split(":")[0]} for code in codes]
    emr = EMR(write_small_emr(tmp_path / "small", {"concepts": concepts}))
    assert {code for code in concept_set("diabetes", emr) if code.startswith("ICD")} == meant


def test_a_set_of_one_s_own_is_a_file(small_emr, tmp_path):
    own = tmp_path / "flu.toml"
    own.write_text(
        'name = "Flu shot"\nmeaning = "Against influenza."\n[[codes]]\nsystem = "CVX"\nsource = "CDC"\n'
        '[codes.code]\n"140" = "Influenza, seasonal"\n'
    )
    assert concept_set(own, small_emr) == ("CVX:140",)
    with pytest.raises(LHSError, match="There is no concept set 'gout'; choose of anticoagulant"):
        concept_set("gout", small_emr)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "can not be read as a concept set"),
        ('name = "x"\nmeaning = "y"', "lacks codes"),
        ('name = "x"\nmeaning = "y"\n[[codes]]\nsystem = "CVX"\n[codes.code]\n"1" = "a"', "a source"),
        ('name = "x"\nmeaning = "y"\n[[codes]]\nsystem = "CVX"\nsource = "s"', "code or family"),
    ],
)
def test_a_file_that_is_no_set_is_refused(small_emr, tmp_path, text, said):
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(LHSError, match=said):
        concept_set(own, small_emr)
