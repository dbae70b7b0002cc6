"""A record, written as Synthea's CSV export."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.store import new_folder

COLUMNS_2022 = {
    "organizations": "Id NAME ADDRESS CITY STATE ZIP LAT LON PHONE REVENUE UTILIZATION",
    "patients": "Id BIRTHDATE DEATHDATE SSN DRIVERS PASSPORT PREFIX FIRST LAST SUFFIX MAIDEN MARITAL RACE ETHNICITY "
    "GENDER BIRTHPLACE ADDRESS CITY STATE COUNTY ZIP LAT LON HEALTHCARE_EXPENSES HEALTHCARE_COVERAGE",
    "encounters": "Id START STOP PATIENT ORGANIZATION PROVIDER PAYER ENCOUNTERCLASS CODE DESCRIPTION "
    "BASE_ENCOUNTER_COST TOTAL_CLAIM_COST PAYER_COVERAGE REASONCODE REASONDESCRIPTION",
    "conditions": "START STOP PATIENT ENCOUNTER CODE DESCRIPTION",
    "observations": "DATE PATIENT ENCOUNTER CATEGORY CODE DESCRIPTION VALUE UNITS TYPE",
    "medications": "START STOP PATIENT PAYER ENCOUNTER CODE DESCRIPTION BASE_COST PAYER_COVERAGE DISPENSES TOTALCOST "
    "REASONCODE REASONDESCRIPTION",
    "procedures": "START STOP PATIENT ENCOUNTER CODE DESCRIPTION BASE_COST REASONCODE REASONDESCRIPTION",
    "immunizations": "DATE PATIENT ENCOUNTER CODE DESCRIPTION BASE_COST",
}
COLUMNS_CURRENT = COLUMNS_2022 | {
    "organizations": COLUMNS_2022["organizations"] + " NPI",
    "patients": "Id BIRTHDATE DEATHDATE SSN DRIVERS PASSPORT PREFIX FIRST MIDDLE LAST SUFFIX MAIDEN MARITAL RACE "
    "ETHNICITY GENDER BIRTHPLACE ADDRESS CITY STATE COUNTY FIPS ZIP LAT LON HEALTHCARE_EXPENSES HEALTHCARE_COVERAGE "
    "INCOME",
    "conditions": "START STOP PATIENT ENCOUNTER SYSTEM CODE DESCRIPTION",
    "procedures": "START STOP PATIENT ENCOUNTER SYSTEM CODE DESCRIPTION BASE_COST REASONCODE REASONDESCRIPTION",
}
COLUMNS = {"2022": COLUMNS_2022, "current": COLUMNS_CURRENT}

MADE_ID = "md5('lhs {kind} ' || {column})::UUID"  # the same record, the same identifiers
MOMENT = "strftime({column}, '%Y-%m-%dT%H:%M:%SZ')"
DAY = "strftime({column}, '%Y-%m-%d')"
BARE = "substr({column}, strpos({column}, ':') + 1)"  # a code without its system


def write_synthea(emr: EMR, folder: Path | str, columns: str = "2022") -> dict[str, int]:
    """Write a record as the CSV files of a Synthea export, with the headers of 2022 or of today.

    Rows stream from the record's partitions, in their order; identifiers are made from the record's integers.

    What the format can not say is not in them, and `read_synthea` gives back:

    - of people: other identifiers; no education, insurance, site or status "left";
      only the last version of each; registered at the first encounter; a death at the end of its day;
    - conditions begin and end on days: at the start of the encounter if it is on that day, else at midnight;
    - recorded_at is the end of the encounter, or the time of what happened after it;
    - times to the second; no system of codes other than the usual ones (the current columns tell it for
      conditions and procedures); an end without a beginning is left out, and counted on the screen.

    Parameters
    ----------
    emr : any record; of `emr.as_of(time)`, what was known then.
    folder : a new or empty folder.
    columns : "2022" or "current"; columns that a record has nothing for are empty.

    Returns
    -------
    dict
        Rows by file name.

    Raises
    ------
    LHSError
        When `columns` is neither, the folder holds something, or can not be written.
    """
    if columns not in COLUMNS:
        raise LHSError(f"write_synthea was given columns={columns!r}; expected is '2022' or 'current'.")
    views, rows = emr.views(), {}
    with new_folder(folder) as unfinished, _in_order(emr):
        for file, names in COLUMNS[columns].items():
            query = f"WITH {views}, {LABELS} {_query(file, names.split())}"
            target = str(unfinished / f"{file}.csv").replace("'", "''")
            copied = emr.duckdb.raw_sql(f"COPY ({query}) TO '{target}' (FORMAT csv, HEADER)")
            rows[f"{file}.csv"] = copied.fetchone()[0]
        for table, status in (("conditions", "resolved"), ("medications", "stop")):
            _report_lost(emr, f"WITH {views} {LOST.format(table=table, status=status)}", table)
    return rows


@contextmanager
def _in_order(emr: EMR) -> Iterator[None]:
    """Keep rows in their order: joins of several threads do not, nor does a join that looks up the smaller table."""
    sql = emr.duckdb.raw_sql
    sql("SET threads = 1; SET disabled_optimizers = 'join_order,build_side_probe_side'")
    try:
        yield
    finally:
        sql("RESET threads; RESET disabled_optimizers")


def _report_lost(emr: EMR, query: str, table: str) -> None:
    lost = emr.duckdb.raw_sql(query).fetchone()[0]
    if lost:
        print(f"{table}.csv: {lost:,} ends without a beginning can not be said, and are left out.")


LABELS = """label AS (SELECT code, any_value(description) AS description FROM concepts GROUP BY code),
reason AS (SELECT code AS reason_code, description AS reason_description FROM label)"""
# An end is that of the beginning just before it.
PAIRED = """(SELECT *, CASE WHEN lead(status) OVER course = '{status}' THEN lead(time) OVER course END AS ended
    FROM {table} WINDOW course AS (PARTITION BY patient_id, code ORDER BY time, status))"""
LOST = f"""SELECT count(*) FILTER (status = '{{status}}')
    - count(*) FILTER (status <> '{{status}}' AND ended IS NOT NULL) FROM {PAIRED}"""

ROW = {
    "START": MOMENT.format(column="time"),
    "DATE": MOMENT.format(column="time"),
    "PATIENT": MADE_ID.format(kind="patient", column="patient_id"),
    "ENCOUNTER": MADE_ID.format(kind="encounter", column="encounter_id"),
    "CODE": BARE.format(column="code"),
    "DESCRIPTION": "description",
    "SYSTEM": "replace(split_part(code, ':', 1), 'SNOMED', 'SNOMED-CT')",
}
REASON = {"REASONCODE": BARE.format(column="reason_code"), "REASONDESCRIPTION": "reason_description"}
ORDER = "ORDER BY patient_id, time, code"

# Per file: what its columns hold (those not named are empty), and of which rows.
CONTENT: dict[str, tuple[dict[str, str], str]] = {
    "organizations": (
        {"Id": MADE_ID.format(kind="site", column="site"), "NAME": "site"},
        "FROM (SELECT DISTINCT site FROM encounters WHERE site IS NOT NULL) ORDER BY site",
    ),
    "patients": (
        {
            "Id": ROW["PATIENT"],
            "BIRTHDATE": DAY.format(column="birth_date"),
            "DEATHDATE": DAY.format(column="death_time"),
            "RACE": "race",
            "ETHNICITY": "replace(ethnicity, 'not hispanic', 'nonhispanic')",
            "GENDER": "upper(sex[1])",
        },
        "FROM people ORDER BY patient_id",
    ),
    "encounters": (
        ROW
        | REASON
        | {
            "Id": ROW["ENCOUNTER"],
            "STOP": MOMENT.format(column="stop"),
            "ORGANIZATION": MADE_ID.format(kind="site", column="site"),
            "ENCOUNTERCLASS": "class",
        },
        "FROM encounters LEFT JOIN label USING (code) LEFT JOIN reason USING (reason_code)",
    ),
    "conditions": (
        ROW | {"START": DAY.format(column="time"), "STOP": DAY.format(column="ended")},
        f"FROM {PAIRED.format(table='conditions', status='resolved')} LEFT JOIN label USING (code) "
        f"WHERE status = 'active' {ORDER}",
    ),
    "observations": (
        ROW
        | {
            "VALUE": "coalesce(value::VARCHAR, text)",
            "UNITS": "unit",
            "TYPE": "CASE WHEN value IS NULL THEN 'text' ELSE 'numeric' END",
        },
        "FROM observations LEFT JOIN label USING (code)",
    ),
    "medications": (
        ROW | REASON | {"STOP": MOMENT.format(column="ended")},
        f"FROM {PAIRED.format(table='medications', status='stop')} LEFT JOIN label USING (code) "
        f"LEFT JOIN reason USING (reason_code) WHERE status = 'start' {ORDER}",
    ),
    "procedures": (
        ROW | REASON,
        "FROM procedures LEFT JOIN label USING (code) LEFT JOIN reason USING (reason_code)",
    ),
    "immunizations": (ROW, "FROM immunizations LEFT JOIN label USING (code)"),
}


def _query(file: str, names: list[str]) -> str:
    held, rows = CONTENT[file]
    cells = [f'{held.get(name, "NULL")} AS "{name}"' for name in names]
    return f"SELECT {', '.join(cells)} {rows}"
