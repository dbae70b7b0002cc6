"""A record, written as a dataset of MEDS, the Medical Event Data Standard 0.4.

https://github.com/Medical-Event-Data-Standard/meds: one row per measurement, sorted by subject and time, in files
that no subject spans.
"""

import base64
import json
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from lhs_helpers import __version__
from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.store import new_folder

MEDS_VERSION = "0.4.1"
TIME, STRING = pa.timestamp("us"), pa.string()
KEY = {"subject_id": pa.int64()}
VALUES = {"numeric_value": pa.float32(), "text_value": pa.large_string(), "unit": STRING}
DATA = pa.schema({**KEY, "time": TIME, "code": STRING, **VALUES, "recorded_at": TIME, "kind": STRING})
CODES = pa.schema({"code": STRING, "description": STRING, "parent_codes": pa.list_(STRING)})
SPLITS = pa.schema({**KEY, "split": STRING})

MEASUREMENTS = """person AS (SELECT * FROM people
    JOIN (SELECT patient_id, min(recorded_at) AS known FROM patients GROUP BY patient_id) USING (patient_id)),
registered AS (SELECT * FROM patients WHERE status = 'registered'),
fact AS (SELECT patient_id, NULL::TIMESTAMP AS time, known AS recorded_at, name, word
        FROM (UNPIVOT person ON sex, race, ethnicity INTO NAME name VALUE word)
    UNION ALL SELECT patient_id, time, recorded_at, name, word
        FROM (UNPIVOT registered ON education, insurance, site INTO NAME name VALUE word)),
measurement AS NOT MATERIALIZED (
    SELECT patient_id AS subject_id, time,
        CASE WHEN kind = 'death' THEN 'MEDS_DEATH' WHEN kind = 'left' THEN 'LEFT'
            WHEN kind IN ('condition_end', 'medication_stop') THEN code || '//END' ELSE code END AS code,
        value::FLOAT AS numeric_value, text AS text_value, unit, recorded_at, kind FROM events
    UNION ALL BY NAME SELECT patient_id AS subject_id, birth_date::TIMESTAMP AS time, 'MEDS_BIRTH' AS code,
        known AS recorded_at FROM person WHERE birth_date IS NOT NULL
    UNION ALL BY NAME SELECT patient_id AS subject_id, time, 'REGISTERED' AS code, recorded_at FROM registered
    UNION ALL BY NAME SELECT patient_id AS subject_id, time, upper(name) || '//' || word AS code,
        recorded_at FROM fact)"""

# Eight in ten people, one and one: by their numbers alone, so that every export splits them in the same way.
SUBJECTS = """SELECT *, (row_number() OVER (PARTITION BY split ORDER BY subject_id) - 1) // {size} AS shard
FROM (SELECT DISTINCT subject_id, CASE WHEN md5('lhs split ' || subject_id) < 'cccc' THEN 'train'
    WHEN md5('lhs split ' || subject_id) < 'e666' THEN 'tuning' ELSE 'held_out' END AS split FROM measurement)"""

# The range spares reading other people's partitions. Ordered by all columns: the same record, the same bytes.
SHARD = """SELECT measurement.* FROM measurement
    SEMI JOIN (SELECT * FROM meds_subject WHERE split = '{split}' AND shard = {shard}) USING (subject_id)
WHERE subject_id BETWEEN {first} AND {last}
ORDER BY subject_id, time NULLS FIRST, code <> 'MEDS_BIRTH', code = 'MEDS_DEATH', code,
    numeric_value, text_value, unit, recorded_at"""

# Parents are named as in the vocabularies of OMOP, whose names of systems are ours.
VOCABULARY = """, concept AS (SELECT code, min(description) AS description FROM concepts GROUP BY code),
described AS (SELECT code, description, CASE WHEN split_part(code, ':', 1)
            IN ('SNOMED', 'LOINC', 'RxNorm', 'CVX', 'ICD9CM', 'ICD10CM') THEN [replace(code, ':', '/')] END AS parents
        FROM concept
    UNION ALL SELECT code || '//END', description || ' (end)', [code] FROM concept
    UNION ALL SELECT DISTINCT upper(name) || '//' || word, name || ': ' || word, NULL FROM fact
    UNION ALL VALUES ('MEDS_BIRTH', 'Birth', NULL), ('MEDS_DEATH', 'Death', NULL),
        ('REGISTERED', 'Registered, also anew or with other facts', NULL), ('LEFT', 'Left the catchment', NULL))
SELECT code, description, parents AS parent_codes
FROM (SELECT DISTINCT code FROM measurement) LEFT JOIN described USING (code) ORDER BY code"""


def write_meds(emr: EMR, folder: Path | str, shard_size: int = 10_000) -> dict[str, int]:
    """Write a record as a MEDS dataset: data/<split>/<number>.parquet, and what describes it in metadata/.

    Rows are the record's events with their codes (the end of a disease or drug has //END behind its code);
    MEDS_BIRTH and MEDS_DEATH; SEX//, RACE// and ETHNICITY// without a time, as last known; at each
    registration REGISTERED, EDUCATION//, INSURANCE// and SITE//; LEFT. Not written: reasons, and of
    encounters the class, the end and which rows belong to them. The splits train, tuning and held_out (8 to
    1 to 1) depend on nothing but a person's number.

    Three columns are ours. `kind`, what an event is, as a code alone does not say whether it is a diagnosis or
    a procedure. `unit`, as one code can come in several. `recorded_at`, as a prediction in MEDS may
    use all rows up to its time, but a result has the time of its sample: it was known later. Readers that
    can not leave out what was recorded later need an export of `emr.as_of(time)`. What is known of people
    without a time, and their birth, is recorded at their first registration.

    Parameters
    ----------
    emr : any record; of `emr.as_of(time)`, what was known then.
    folder : a new or empty folder. It is filled at the end: a run that was stopped leaves no dataset.
    shard_size : most people in one file. One file is sorted at a time, so this bounds the memory needed.

    Returns
    -------
    dict
        Rows by file name, e.g. {"data/train/0.parquet": 3100}.

    Raises
    ------
    LHSError
        When the folder holds something or can not be written, `shard_size` is below 1, or an event has no
        patient, time or code.
    """
    if shard_size < 1:
        raise LHSError(f"write_meds was given shard_size={shard_size}; expected is 1 person or more.")
    _refuse_incomplete(emr)
    rows = {}
    with new_folder(folder) as unfinished:
        for file, query, schema in tqdm(_files(emr, shard_size), desc="MEDS", disable=None, leave=False):
            rows[file] = _copy(emr, query, unfinished / file, schema)
        description = json.dumps(_description(emr), indent=1) + "\n"
        (unfinished / "metadata" / "dataset.json").write_text(description, encoding="utf-8")
    return rows


def _refuse_incomplete(emr: EMR) -> None:
    query = "SELECT count(*) AS n FROM events WHERE patient_id IS NULL OR time IS NULL OR code IS NULL"
    if found := emr.sql(query).n[0]:
        raise LHSError(
            f"{found:,} events have no patient, no time or no code, and MEDS needs all three; "
            f"`lhs check {emr.folder}` shows one."
        )


def _files(emr: EMR, shard_size: int) -> list[tuple[str, str, pa.Schema]]:
    """Name, query and columns of each Parquet file. The queries read the table meds_subject, made here."""
    sql, views = emr.duckdb.raw_sql, f"WITH {emr.views()}, {MEASUREMENTS}"
    sql(f"CREATE OR REPLACE TEMP TABLE meds_subject AS {views} {SUBJECTS.format(size=shard_size)}")
    shards = sql("""SELECT split, shard, min(subject_id) AS first, max(subject_id) AS last
        FROM meds_subject GROUP BY ALL ORDER BY ALL""").df()
    files = [
        ("data/{split}/{shard}.parquet".format_map(row), f"{views} {SHARD.format_map(row)}", DATA)
        for row in shards.to_dict("records")
    ]
    files.append(("metadata/codes.parquet", f"{views} {VOCABULARY}", CODES))
    splits = "SELECT subject_id, split FROM meds_subject ORDER BY subject_id"
    return [*files, ("metadata/subject_splits.parquet", splits, SPLITS)]


def _copy(emr: EMR, query: str, path: Path, schema: pa.Schema) -> int:
    """Stream the rows of a query into a Parquet file, which says its columns are those of `schema`.

    Parquet has one kind of text where Arrow has several, and MEDS asks for Arrow's large_string.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    target = str(path).replace("'", "''")
    said = base64.b64encode(schema.serialize()).decode()
    options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{'ARROW:schema': '{said}'}}"
    return emr.duckdb.raw_sql(f"COPY ({query}) TO '{target}' ({options})").fetchone()[0]


def _description(emr: EMR) -> dict:
    known = "" if emr.known_at is None else f", as known at {emr.known_at}"
    return {
        "dataset_name": emr.manifest["source"],
        "dataset_version": emr.manifest["content_hash"] + known,
        "etl_name": "lhs_helpers",
        "etl_version": __version__,
        "meds_version": MEDS_VERSION,
        "code_modifier_columns": ["unit"],
        "other_extension_columns": ["recorded_at", "kind"],
        "notes": emr.manifest["notes"],
    }
