# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Bring your own: Synthea, OMOP, FHIR, MEDS, MIMIC-IV
#
# On this page you turn exports of five kinds into the same folder of records, and put one question to all of
# them: who of those who come to a visit is told within two years that the blood pressure is too high?
# Afterwards you can do the same with an export of your own, know how to see what was lost on the way, and have a
# question that does not depend on whose codes a source uses.
#
# **Time:** 30 minutes to read and try; the page itself runs in less than a minute.
# **What to know first:** {doc}`04-reading-a-record` (the tables of a record) and
# {doc}`05-from-records-to-a-question` (tasks, cohorts, features).
#
# ```{warning}
# Every export on this page is **synthetic**: it is written here, from the synthetic hospital, in the form of the
# format whose name it bears. No row is of a real person, also not in the part on MIMIC-IV. No model here is
# for care.
# ```

# %%
import json
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from lhs_helpers.learning import IndexRule, Task, cohort, features, vocabulary
from lhs_helpers.patients import cached_hospital
from lhs_helpers.records import concepts
from lhs_helpers.records.concepts import concept_list, concept_set, concept_sets
from lhs_helpers.records.fhir_reader import read_fhir
from lhs_helpers.records.meds import write_meds
from lhs_helpers.records.meds_reader import read_meds
from lhs_helpers.records.mimic_reader import read_mimic
from lhs_helpers.records.omop_reader import read_omop
from lhs_helpers.records.omop_writer import write_omop
from lhs_helpers.records.synthea_reader import read_synthea
from lhs_helpers.records.synthea_writer import write_synthea
from lhs_helpers.system.fhir_writer import hook_requests

place = tempfile.TemporaryDirectory()
exports, records = (Path(place.name) / name for name in ("exports", "records"))
hospital = cached_hospital(patients=300, years=6, seed=17, start="2012-01-01")
original = hospital.emr
original

# %% [markdown]
# ## One word, many codes
#
# *Hypertension* is 59621000 in SNOMED CT, I10 and its like in ICD-10-CM, 401 to 405 in ICD-9-CM. A task that names one of
# these is a task for one hospital. A {term}`concept set` is a list of codes with their sources, in a file that a
# clinician can read and correct. The package brings a dozen:

# %%
concept_sets().to_frame()

# %% [markdown]
# A line of a set is a code, or a *family*: everything that begins like it.

# %%
listed = concept_list("hypertension")
listed[["system", "code", "is_family", "description"]]

# %% [markdown]
# `concept_set` asks a record which of its own codes belong. Here it is one code; another source will answer with
# others.

# %%
codes = concept_set("hypertension", original)
assert codes == ("SNOMED:59621000",)
codes

# %% [markdown]
# ## The question
#
# Everybody aged 30 to 79, at their first visit in the period, without the diagnosis so far: does it come within two
# years? This is all there is to it, for any source:

# %%
ANY_VISIT = IndexRule.visit("wellness", "ambulatory", "emergency", "inpatient")


def ask(emr, at=("2014-01-01", "2016-01-01")):
    """The people of the question, what became of them, and what was known of each."""
    target = concept_set("hypertension", emr)
    task = Task("Hypertension", target, 730, min_age=30, max_age=79, index=ANY_VISIT)
    people = cohort(emr, task, at)
    columns = vocabulary(emr, people, task, min_share=0.05)
    return people, features(emr, people, task, columns)


people, X = ask(original)
print(
    f"{len(people)} people, {people['label'].sum()} of them diagnosed within two years; {X.shape[1]} features"
)
assert len(people) > 100 and 3 < people["label"].sum() < len(people) / 3

# %% [markdown]
# ## Synthea
#
# A Synthea export is a folder of CSV files: `patients.csv`, `encounters.csv`, `conditions.csv` and so on. Here we
# write one; with your own, begin at `read_synthea`, or on the command line with
# `lhs import synthea MY-EXPORT MY-RECORDS`.

# %%
write_synthea(original, exports / "synthea")
synthea = read_synthea(exports / "synthea", records / "synthea")
from_synthea, X_synthea = ask(synthea)

# %% [markdown]
# The reader says of each file how many rows it found, kept and rejected. The three always add up. The reasons stand
# beside them, and every rejected row is in the table `rejected`. What a format can not say stands in the notes:

# %%
for note in synthea.manifest["notes"][:6]:
    print("-", note)

# %% [markdown]
# Is it the same question, then? The people have new numbers, so compare what can be compared.


# %%
def same_course(a, b):
    """Whether two cohorts have the same index dates, ages and outcomes, person by person."""
    facts = ["index_time", "age", "sex", "label"]
    a, b = (part[facts].sort_values(facts).reset_index(drop=True) for part in (a, b))
    return len(a) == len(b) and (a == b).all(axis=None)


print(f"the same people and outcomes: {same_course(people, from_synthea)}")
print(f"people: {len(people)} in the original, {len(from_synthea)} from Synthea")

# %% [markdown]
# ## OMOP
#
# The Common Data Model of OHDSI is a set of tables, as files or in a database (`read_omop` takes both). Its codes are
# numbers that the table `concept` explains; where that table is there, its standard codes are used.

# %%
write_omop(original, exports / "omop")
omop = read_omop(exports / "omop", records / "omop")
from_omop, X_omop = ask(omop)
print(f"the same people and outcomes: {same_course(people, from_omop)}")

# %% [markdown]
# ## MEDS
#
# The Medical Event Data Standard is one long table: subject, time, code, value.

# %%
write_meds(original, exports / "meds")
meds = read_meds(exports / "meds", records / "meds")
from_meds, X_meds = ask(meds)
print(f"the same people and outcomes: {same_course(people, from_meds)}")

# %% [markdown]
# ## FHIR
#
# A bulk export is a file for each type of resource, one resource a line. We have no writer of whole exports. But the
# service that answers with a risk needs patients as FHIR, so there is a helper that writes what a hospital's system
# would send for a patient: sorted by type and numbered, that makes an export. We write the people of the question.
# Visits come without their class, so all are ambulatory.

# %%
calls = hook_requests(original, people["patient_id"].tolist(), original.period[1])
lines = {}
for call in calls.values():
    for answer in call["prefetch"].values():
        for entry in (answer or {}).get(
            "entry", [{"resource": answer}] if answer else []
        ):
            own = lines.setdefault(entry["resource"]["resourceType"], [])
            own.append(json.dumps({"id": f"n{len(own)}"} | entry["resource"]))
(exports / "fhir").mkdir(parents=True)
for kind, resources in lines.items():
    (exports / "fhir" / f"{kind}.ndjson").write_text("\n".join(resources))

# %%
fhir = read_fhir(exports / "fhir", records / "fhir")
from_fhir, X_fhir = ask(fhir)
print(f"the same people and outcomes: {same_course(people, from_fhir)}")

# %% [markdown]
# The rejected requests are ends of drugs: the helper writes each end as a request of its own, without a start, and the
# reader does not guess which drug was meant to end.
#
# ## MIMIC-IV
#
# MIMIC-IV holds real stays in one hospital in Boston; it needs training and a signed agreement, its demo of 100
# patients does not. Only adults who came to the hospital are in it, diagnoses are ICD codes given at discharge, and each
# person's dates are shifted on their own. Here are the emergency visits and stays of our hospital in its form, with
# three diagnoses:

# %%
ICD10 = {
    "SNOMED:59621000": "I10",
    "SNOMED:44054006": "E119",
    "SNOMED:230690007": "I639",
}
hosp = exports / "mimic" / "hosp"
hosp.mkdir(parents=True)

adults = original.people.filter(original.people.birth_date < "1994-01-01").execute()
adults["anchor_age"] = 2012 - pd.to_datetime(adults["birth_date"]).dt.year
adults = adults.assign(
    subject_id=adults["patient_id"],
    gender=adults["sex"].str[0].str.upper(),
    anchor_year=2012,
    dod=None,
)
adults[["subject_id", "gender", "anchor_age", "anchor_year", "dod"]].to_csv(
    hosp / "patients.csv", index=False
)

stays = original.encounters.filter(
    original.encounters["class"].isin(["inpatient", "emergency"])
).execute()
stays = stays[stays["patient_id"].isin(adults["patient_id"])]
stays = stays.assign(
    subject_id=stays["patient_id"],
    hadm_id=stays["encounter_id"],
    admission_type="EW EMER.",
)
stays = stays.rename(columns={"time": "admittime", "stop": "dischtime"})
stays[["subject_id", "hadm_id", "admittime", "dischtime", "admission_type"]].to_csv(
    hosp / "admissions.csv", index=False
)

told = original.conditions.filter(original.conditions.code.isin(list(ICD10))).execute()
told = told.merge(stays[["patient_id", "hadm_id", "dischtime"]], on="patient_id").query(
    "time <= dischtime"
)
told = told.drop_duplicates(["hadm_id", "code"]).assign(
    subject_id=lambda t: t["patient_id"], icd_version=10, seq_num=1
)
told["icd_code"] = told["code"].map(ICD10)
told[["subject_id", "hadm_id", "seq_num", "icd_code", "icd_version"]].to_csv(
    hosp / "diagnoses_icd.csv", index=False
)

# %%
mimic = read_mimic(exports / "mimic", records / "mimic")
print(concept_set("hypertension", mimic))

# %% [markdown]
# The word of the task found the ICD code by itself. Somebody who never came to the hospital is not in this record, and
# a diagnosis made in the practice stands in it only once a stay was coded. So the first visit in 2014 or 2015 is an
# admission now, and fewer outcomes are seen: it is the same sentence, but another question.

# %%
from_mimic, X_mimic = ask(mimic)
print(
    f"{len(from_mimic)} people, {from_mimic['label'].sum()} of them diagnosed within two years"
)
assert 0 < len(from_mimic) < len(people)

# %% [markdown]
# ## Side by side

# %%
asked = {
    "our hospital": (people, X),
    "Synthea": (from_synthea, X_synthea),
    "OMOP": (from_omop, X_omop),
    "MEDS": (from_meds, X_meds),
    "FHIR": (from_fhir, X_fhir),
    "MIMIC-IV": (from_mimic, X_mimic),
}
rows = {
    source: {
        "people": len(who),
        "outcomes": who["label"].sum(),
        "same course": same_course(people, who),
        "features": x.shape[1],
        "mean age (years)": who["age"].mean(),
    }
    for source, (who, x) in asked.items()
}
side_by_side = pd.DataFrame(rows).T
assert (
    side_by_side["same course"].iloc[:5].all()
    and not side_by_side["same course"].iloc[5]
)
side_by_side

# %% [markdown]
# Four formats carried the whole question: the same people, on the same days, with the same outcomes, and as many
# features. MIMIC's form changed it. **The code ran without a word of complaint all the same**: that a task runs on a
# source does not say that it means there what you think. Look at who is in a record before you look at any risk.
#
# ## When a row can not be used
#
# Real exports are damaged in small ways. Break three lines of a copy of `conditions.csv`: a day that no calendar has, a
# patient whom nobody knows, a line cut short.

# %%
damaged = exports / "damaged"
shutil.copytree(exports / "synthea", damaged)
path = damaged / "conditions.csv"
lines = path.read_text().splitlines()
lines[1] = lines[1].replace(lines[1][:10], "2014-02-31")
lines[2] = lines[2].replace(lines[2].split(",")[2], "nobody")
lines[3] = lines[3][:25]
path.write_text("\n".join(lines) + "\n")
broken = read_synthea(damaged, records / "damaged")

# %%
rejected = broken.rejected.execute()
assert len(rejected) == 3 and set(rejected["file"]) == {"conditions.csv"}
assert round(len(lines) - 1, -2) == 4_600
rejected

# %% [markdown]
# Three rows are out, each with its file, row and reason; the other rows are in. Whether three in some 4,600 matter
# is for you to say, and the number is there to say it with. What can not be in any record is found by `check`
# (on the command line, `lhs check MY-RECORDS`):

# %%
print(f"{len(synthea.check())} rules are broken in the record from Synthea")
assert synthea.check().empty

# %% [markdown]
# ## Exercises
#
# ```{exercise-start} Another word
# :label: ex17-word
# ```
# Which codes does each of the six records use for *diabetes*? Store them as `diabetes`, a dictionary from the name of
# the source (as in `asked`) to a tuple of codes, and run `check_diabetes(diabetes)`.


# %%
sources = {
    "our hospital": original,
    "Synthea": synthea,
    "OMOP": omop,
    "MEDS": meds,
    "FHIR": fhir,
    "MIMIC-IV": mimic,
}


def check_diabetes(diabetes):
    assert diabetes is not None and set(diabetes) == set(sources), (
        "one entry for each source"
    )
    assert all(len(codes) == 1 for codes in diabetes.values()), (
        "each of these records has one such code"
    )
    for source, codes in diabetes.items():
        names = sources[source].concepts.execute().set_index("code")["description"]
        assert codes[0] in names.index, f"{codes[0]} does not occur in {source}"
        name = names[codes[0]]  # not every source names its codes
        assert pd.isna(name) or "iabetes" in name, f"{codes[0]} is {name}"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex17-word
# :class: dropdown
# ```

# %%
diabetes = {source: concept_set("diabetes", emr) for source, emr in sources.items()}
check_diabetes(diabetes)
diabetes

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise-start} A set of your own
# :label: ex17-own
# ```
# Write a concept set for *anaemia*: a TOML file with a name, a meaning, and the SNOMED CT code 271737000 with its
# source, in the form of the set that is printed here. Store its path as `own` (a `Path`), and run `check_own(own)`.

# %%
print((concepts.FOLDER / "metformin.toml").read_text())


# %%
def check_own(own):
    assert own is not None, "store the path of your file as own"
    assert own.is_file(), "write the file, and give its path"
    assert concept_set(own, original) == ("SNOMED:271737000",), (
        "it should find one code in our hospital"
    )


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex17-own
# :class: dropdown
# ```

# %%
own = Path(place.name) / "anaemia.toml"
own.write_text(
    """
name = "Anaemia"
meaning = "Of any cause."
[[codes]]
system = "SNOMED"
source = "SNOMED CT, International Edition"
[codes.code]
"271737000" = "Anaemia"
"""
)
check_own(own)
concept_list(own)

# %% [markdown]
# ```{solution-end}
# ```

# %%
place.cleanup()

# %% [markdown]
# ## What we have seen
#
# - A reader turns an export of any of five kinds into the same folder of records; rows in are rows kept plus rows
#   rejected, and the rejected ones are there with their reasons.
# - A concept set lets one task find each source's own codes, SNOMED CT in one record and ICD-10-CM in the other.
# - Through Synthea, OMOP, MEDS and FHIR the same question had the same people and outcomes. Through MIMIC's
#   form it ran as well, and was another question.
#
# ## Limits
#
# - These exports come from our own hospital, which records more cleanly than any real one. The readers are tested on
#   small real exports as well, and on some forty kinds of damage; your export will have the forty-first.
# - The concept sets are short, and those of drugs list few packages: look at what yours leave out
#   (`emr.concepts`) before you count.
# - A code means what local habit makes it mean. No list of codes knows that.
#
# ## What next
#
# {doc}`18-real-time-real-drift` reads real tests day by day. If your records are in a database already, page
# {doc}`19-when-one-machine-is-not-enough` asks its questions there. Before you copy anything for teaching, read what
# {doc}`de-identification <../book/getting-started/privacy>` does and does not achieve.
