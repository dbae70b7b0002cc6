# ruff: noqa: E501  (headers of real exports are long)
"""Exports written by hand: Ann, who dies, and Bob, who lives, as each format tells of them."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lhs_helpers.records.emr import EMR

SAMPLES = Path(__file__).parents[2] / "../shared/samples"
TABLES = (
    "patients",
    "encounters",
    "conditions",
    "observations",
    "medications",
    "procedures",
    "immunizations",
)

# Columns of 2022.
SYNTHEA = {
    "patients": """Id,BIRTHDATE,DEATHDATE,FIRST,RACE,ETHNICITY,GENDER
ann,1950-05-05,2018-06-10,Ann,white,nonhispanic,F
bob,1990-12-24,,Bob,black,hispanic,M
""",
    "organizations": """Id,NAME
org,Practice
""",
    "encounters": """Id,START,STOP,PATIENT,ORGANIZATION,ENCOUNTERCLASS,CODE,DESCRIPTION,REASONCODE,REASONDESCRIPTION
a1,2016-04-04T09:00:00Z,2016-04-04T09:30:00Z,ann,org,wellness,162673000,Check-up,,
a2,2018-03-01T22:00:00Z,2018-03-03T10:00:00Z,ann,org,snf,50849002,Emergency,230690007,Stroke
b1,2017-06-06T11:00:00Z,2017-06-06T11:30:00Z,bob,org,urgentcare,162673000,Check-up,,
""",
    "conditions": """START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION
2016-04-04,,ann,a1,38341003,Hypertension
2018-02-27,2018-05-01,ann,a2,230690007,Stroke
""",
    "observations": """DATE,PATIENT,ENCOUNTER,CATEGORY,CODE,DESCRIPTION,VALUE,UNITS,TYPE
2016-04-04T09:05:00Z,ann,a1,vital-signs,8480-6,Systolic blood pressure,162.0,mm[Hg],numeric
2017-06-06T11:05:00Z,bob,b1,vital-signs,8480-6,Systolic blood pressure,118.0,mm[Hg],numeric
2017-06-06T11:06:00Z,bob,b1,survey,72166-2,Tobacco smoking status,Never smoker,,text
2017-12-24T00:00:00Z,bob,,,QALY,QALY,26.5,a,numeric
""",
    "medications": """START,STOP,PATIENT,PAYER,ENCOUNTER,CODE,DESCRIPTION,REASONCODE,REASONDESCRIPTION
2017-06-06T11:20:00Z,2018-12-01T00:00:00Z,bob,,b1,860975,Metformin,44054006,Diabetes
""",
    "procedures": """START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION,BASE_COST,REASONCODE,REASONDESCRIPTION
2018-03-01T22:30:00Z,2018-03-01T22:45:00Z,ann,a2,303653007,CT of head,10.0,230690007,Stroke
""",
    "immunizations": """DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,BASE_COST
2017-06-06T11:25:00Z,bob,b1,140,Influenza,10.0
""",
}

OMOP = {
    "person": """person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime,race_concept_id,ethnicity_concept_id,care_site_id,person_source_value,gender_source_value,race_source_value
1,8532,1950,5,5,,8527,38003564,7,ann,F,white
2,8507,1990,12,24,1990-12-24 00:00:00,8516,38003563,7,bob,M,black
""",
    "care_site": """care_site_id,care_site_name
7,Practice
""",
    "death": """person_id,death_date,death_datetime
1,2018-06-10,2018-06-10 00:00:00
""",
    "observation_period": """observation_period_id,person_id,observation_period_start_date,observation_period_end_date
1,1,2015-01-01,2018-06-10
2,2,2015-01-01,2017-12-31
3,2,2019-01-01,2019-06-30
""",
    "visit_occurrence": """visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_start_datetime,visit_end_date,visit_end_datetime,care_site_id,visit_source_value,visit_source_concept_id
11,1,9202,2016-04-04,2016-04-04 09:00:00,2016-04-04,2016-04-04 09:30:00,7,x,0
12,1,9201,2018-03-01,2018-03-01 22:00:00,2018-03-03,2018-03-03 10:00:00,7,,0
13,2,9203,2017-06-06,2017-06-06 11:00:00,2017-06-06,2017-06-06 11:30:00,,,0
""",
    "condition_occurrence": """condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_start_datetime,condition_end_date,condition_end_datetime,visit_occurrence_id,condition_source_value,condition_source_concept_id
21,1,320128,2016-04-04,,,,11,I10,0
22,1,381591,2018-03-01,2018-03-01 22:10:00,2018-05-01,,12,I63,0
23,2,0,2017-06-06,,,,13,E11,0
""",
    "drug_exposure": """drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_exposure_start_datetime,drug_exposure_end_date,drug_exposure_end_datetime,visit_occurrence_id,drug_source_value,drug_source_concept_id
31,2,40164929,2017-06-06,2017-06-06 11:20:00,2018-12-01,,13,metformin,0
32,1,40164929,2018-05-05,,2019-05-05,,,metformin,0
33,2,40213152,2017-06-06,,2017-06-06,,13,140,0
""",
    "procedure_occurrence": """procedure_occurrence_id,person_id,procedure_concept_id,procedure_date,procedure_datetime,visit_occurrence_id,procedure_source_value,procedure_source_concept_id
41,1,4125350,2018-03-01,2018-03-01 22:30:00,12,303653007,0
""",
    "measurement": """measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,value_as_number,value_as_concept_id,unit_concept_id,unit_source_value,visit_occurrence_id,measurement_source_value,measurement_source_concept_id,value_source_value
51,1,3004249,2016-04-04,2016-04-04 09:05:00,162.0,0,8876,mmHg,11,8480-6,0,162
52,2,3004249,2017-06-06,2017-06-06 11:05:00,118,,8876,mmHg,13.0,8480-6,0,118
53,2,3004410,2017-06-06,2017-06-06 11:06:00,,45884084,,,13,4548-4,0,pos
""",
    "observation": """observation_id,person_id,observation_concept_id,observation_date,value_as_number,value_as_string,value_as_concept_id,unit_concept_id,visit_occurrence_id,observation_source_value,observation_source_concept_id
61,2,43054909,2017-06-06,,Never smoker,0,0,13,72166-2,0
62,2,4214956,2017-06-06,,,0,0,13,history,0
""",
    "concept": """concept_id,concept_name,domain_id,vocabulary_id,concept_code
320128,Essential hypertension,Condition,SNOMED,59621000
381591,Cerebrovascular disease,Condition,SNOMED,62914000
40164929,metformin 500 MG,Drug,RxNorm,860975
40213152,"influenza, seasonal",Drug,CVX,140
4125350,CT of head,Procedure,SNOMED,303653007
3004249,Systolic blood pressure,Measurement,LOINC,8480-6
3004410,Hemoglobin A1c,Measurement,LOINC,4548-4
45884084,Positive,Meas Value,LOINC,LA6576-8
8876,millimeter mercury column,Unit,UCUM,mm[Hg]
43054909,Tobacco smoking status,Observation,LOINC,72166-2
9201,Inpatient Visit,Visit,Visit,IP
9202,Outpatient Visit,Visit,Visit,OP
9203,Emergency Room Visit,Visit,Visit,ER
""",
}

MIMIC = {
    "hosp/patients": """subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod
101,F,70,2150,2011 - 2013,2153-06-10
102,M,30,2160,2014 - 2016,
""",
    "hosp/admissions": """subject_id,hadm_id,admittime,dischtime,deathtime,admission_type,insurance,race
101,201,2152-03-01 22:00:00,2152-03-03 10:00:00,,EW EMER.,Medicare,WHITE
101,202,2153-06-01 10:00:00,2153-06-10 08:00:00,2153-06-10 07:45:00,URGENT,Medicare,WHITE
102,203,2161-01-06 11:00:00,2161-01-07 11:30:00,,EU OBSERVATION,Other,ASIAN
""",
    "hosp/diagnoses_icd": """subject_id,hadm_id,seq_num,icd_code,icd_version
101,201,1,I639,10
101,202,1,4019,9
102,203,1,E8120,9
""",
    "hosp/d_icd_diagnoses": """icd_code,icd_version,long_title
I639,10,"Cerebral infarction, unspecified"
4019,9,Unspecified essential hypertension
""",
    "hosp/procedures_icd": """subject_id,hadm_id,seq_num,chartdate,icd_code,icd_version
101,201,1,2152-03-02,8703,9
101,202,1,2153-06-02,02H633Z,10
""",
    "hosp/prescriptions": """subject_id,hadm_id,starttime,stoptime,drug_type,drug,ndc
101,201,2152-03-01 23:00:00,2152-03-03 10:00:00,MAIN,Aspirin,00904404073
101,202,2153-06-09 08:00:00,2153-06-11 08:00:00,MAIN,Insulin,0
""",
    "hosp/d_labitems": """itemid,label,fluid,category
50912,Creatinine,Blood,Chemistry
""",
    "hosp/labevents": """labevent_id,subject_id,hadm_id,specimen_id,itemid,charttime,storetime,value,valuenum,valueuom
1,101,201,9,50912,2152-03-02 06:00:00,2152-03-02 07:10:00,1.1,1.1,mg/dL
2,101,,9,50912,2152-06-02 06:00:00,2152-06-02 07:10:00,___,,mg/dL
""",
    "hosp/omr": """subject_id,chartdate,seq_num,result_name,result_value
102,2161-03-01,1,Blood Pressure,120/80
102,2161-03-01,1,Weight (Lbs),180.5
102,2161-03-01,1,eGFR,>60
""",
    "icu/icustays": """subject_id,hadm_id,stay_id,first_careunit,last_careunit,intime,outtime,los
101,202,301,Medical ICU,Medical ICU,2153-06-02 10:00:00,2153-06-05 10:00:00,3
""",
}


def _reference(kind: str, name: str) -> dict:
    return {"reference": f"{kind}/{name}"}


def _concept(system: str, code: str, display: str) -> dict:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
RXNORM, CVX = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/cvx"


def fhir() -> list[dict]:
    """The resources of Ann and Bob."""
    ann, bob = _reference("Patient", "ann"), _reference("Patient", "bob")
    a1, a2, b1 = (_reference("Encounter", name) for name in ("a1", "a2", "b1"))

    def encounter(name: str, who: dict, class_: str, start: str, end: str) -> dict:
        return {
            "resourceType": "Encounter",
            "id": name,
            "status": "finished",
            "class": {"code": class_},
            "type": [_concept(SNOMED, "162673000", "Check-up")],
            "subject": who,
            "period": {"start": start, "end": end},
            "serviceProvider": _reference("Organization", "org"),
        }

    metformin = _concept(RXNORM, "860975", "Metformin")
    return [
        {"resourceType": "Patient", "id": "ann", "gender": "female", "birthDate": "1950-05-05",
         "deceasedDateTime": "2018-06-10"},
        {"resourceType": "Patient", "id": "bob", "gender": "male", "birthDate": "1990-12"},
        {"resourceType": "Organization", "id": "org", "name": "Practice"},
        encounter("a1", ann, "AMB", "2016-04-04T09:00:00Z", "2016-04-04T09:30:00Z"),
        encounter("a2", ann, "IMP", "2018-03-01T22:00:00Z", "2018-03-03T10:00:00Z"),
        encounter("b1", bob, "EMER", "2017-06-06T13:00:00+02:00", "2017-06-06T13:30:00+02:00"),
        {"resourceType": "Condition", "id": "c1", "subject": ann, "encounter": a2,
         "code": _concept(SNOMED, "230690007", "Stroke"), "onsetDateTime": "2018-03-01T22:10:00Z",
         "recordedDate": "2018-03-02", "abatementDateTime": "2018-05-01"},
        {"resourceType": "Observation", "id": "o1", "status": "final", "subject": ann, "encounter": a1,
         "code": _concept(LOINC, "85354-9", "Blood pressure panel"),
         "effectiveDateTime": "2016-04-04T09:05:00Z",
         "component": [
             {"code": _concept(LOINC, "8480-6", "Systolic"), "valueQuantity": {"value": 162, "code": "mm[Hg]"}},
             {"code": _concept(LOINC, "8462-4", "Diastolic"), "valueQuantity": {"value": 95, "code": "mm[Hg]"}},
         ]},
        {"resourceType": "Observation", "id": "o2", "status": "final", "subject": bob, "encounter": b1,
         "code": _concept(LOINC, "4548-4", "HbA1c"), "effectiveDateTime": "2017-06-06T11:05:00Z",
         "issued": "2017-06-07T08:00:00Z", "valueQuantity": {"value": 7.9, "unit": "%"}},
        {"resourceType": "Observation", "id": "o3", "status": "final", "subject": bob,
         "code": _concept(LOINC, "72166-2", "Smoking"), "effectiveDateTime": "2017-06",
         "valueCodeableConcept": _concept(SNOMED, "266919005", "Never smoker")},
        {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", "subject": bob,
         "encounter": b1, "medicationReference": _reference("Medication", "met"),
         "authoredOn": "2017-06-06T11:20:00Z",
         "dispenseRequest": {"validityPeriod": {"end": "2018-12-01"}}},
        {"resourceType": "Medication", "id": "met", "code": metformin},
        {"resourceType": "MedicationRequest", "id": "m2", "status": "active", "intent": "order", "subject": ann,
         "medicationCodeableConcept": metformin, "authoredOn": "2018-05-05",
         "reasonReference": [_reference("Condition", "c1")]},
        {"resourceType": "MedicationRequest", "id": "m3", "status": "active", "intent": "order", "subject": ann,
         "contained": [{"resourceType": "Medication", "id": "in", "code": metformin}],
         "medicationReference": {"reference": "#in"}, "authoredOn": "2018-05-06"},
        {"resourceType": "Procedure", "id": "p1", "status": "completed", "subject": ann, "encounter": a2,
         "code": _concept(SNOMED, "303653007", "CT of head"),
         "performedPeriod": {"start": "2018-03-01T22:30:00Z"}},
        {"resourceType": "Immunization", "id": "i1", "status": "completed", "patient": bob, "encounter": b1,
         "vaccineCode": _concept(CVX, "140", "Influenza"), "occurrenceDateTime": "2017-06-06"},
        {"resourceType": "Location", "id": "l1"},
    ]  # fmt: skip


MEDS = [
    # subject, time, code, number, text: a dataset that does not say what kind its events are
    (1, None, "GENDER//F", None, None),
    (1, "1950-05-05", "MEDS_BIRTH", None, None),
    (1, "2016-04-04 09:00", "LAB//50912//mg/dL", 1.1, None),
    (1, "2018-03-01 22:00", "HOSPITAL_ADMISSION//EW EMER.", None, None),
    (1, "2018-03-01 22:10", "ICD10CM/I63", None, None),
    (1, "2018-03-01 22:30", "PROCEDURE//ICD//9//8703", None, None),
    (1, "2018-06-10", "MEDS_DEATH", None, None),
    (2, None, "GENDER//M", None, None),
    (2, "1990-12-24", "MEDS_BIRTH", None, None),
    (2, "2017-06-06 11:20", "RxNorm/860975", None, None),
    (2, "2017-06-06 11:25", "CVX/140", None, None),
    (2, "2017-06-06 11:26", "smoking", None, "never"),
    (2, "2017-06-06 11:27", "triage", None, None),
]


def write_csv(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def write_fhir(folder: Path, resources: list[dict] | None = None) -> Path:
    """As a bulk export: a file for each type, a resource a line."""
    folder.mkdir(parents=True, exist_ok=True)
    for resource in fhir() if resources is None else resources:
        with (folder / f"{resource['resourceType']}.ndjson").open("a") as file:
            file.write(json.dumps(resource) + "\n")
    return folder


def write_meds_rows(folder: Path, rows: list[tuple] = MEDS) -> Path:
    names = ["subject_id", "time", "code", "numeric_value", "text_value"]
    frame = pd.DataFrame(rows, columns=names).astype({"numeric_value": "float32", "text_value": "string"})
    frame["time"] = pd.to_datetime(frame["time"], format="mixed").astype("datetime64[us]")
    (folder / "data/train").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "data/train/0.parquet")
    return folder


def accounted(emr: EMR) -> EMR:
    """Hold a reader to its promise: rows in = kept + rejected, each rejected row with its reason."""
    rows = emr.manifest["parameters"]["rows"]
    assert all(count["in"] == count["kept"] + count["rejected"] for count in rows.values())
    assert all(count["rejected"] == sum(count["reasons"].values()) for count in rows.values())
    assert emr.rejected.count().execute() == sum(count["rejected"] for count in rows.values())
    rejected = emr.rejected.execute()
    assert rejected[["file", "row", "reason"]].notna().all(axis=None)
    return emr


def rejected(emr: EMR) -> list[tuple]:
    """File, row and column of each rejected row."""
    rows = emr.rejected.execute().astype(object)
    rows = rows.where(rows.notna(), None).sort_values(["file", "row"])
    return list(rows[["file", "row", "column"]].itertuples(index=False, name=None))


def assert_same(first: EMR, second: EMR) -> None:
    for table in TABLES:
        was, now = (getattr(emr, table).execute() for emr in (first, second))
        order = [name for name in ("patient_id", "time", "code", "status", "value", "text") if name in was]
        was, now = (rows.sort_values(order, ignore_index=True) for rows in (was, now))
        pd.testing.assert_frame_equal(now, was)


def notes(emr: EMR) -> str:
    return "\n".join(emr.manifest["notes"])
