"""A teaching copy of a record: without names, addresses and free text, dates shifted, identifiers re-keyed.

It lowers the risk that somebody is recognised; it does not make records anonymous. Who knows enough of a person (a
rare disease, the order of events) may still find them: give copies only to people who may see them.
"""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from lhs_helpers.errors import LHSError
from lhs_helpers.records.chunked_import import MEMORY
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.store import new_folder, write_manifest, write_partition
from lhs_helpers.records.tables import SCHEMAS

ROWS_PER_PART = 500_000
BATCH = 50_000  # rows handed over at a time
OLDEST = 90  # years; HIPAA's Safe Harbor takes all ages above 89 as one
SHORTEST_SECRET = 16  # characters
TIMED = ("patients", "encounters", "conditions", "observations", "medications", "procedures", "immunizations")
COMMON_WORDS = ("race", "ethnicity", "education", "insurance")
FREE_SYSTEMS = ("Text", "Source")  # prefixes of codes that were words in the source
REMOVED, OTHER = "removed", "other"
NOTES = (
    "A de-identified copy: it lowers the risk that somebody is recognised, and does not make records anonymous.",
    "Each person's dates are shifted by their own span of 1 to 364 days into the past: times between two events of "
    "a person are right, calendar days, weekdays and comparisons between people are not.",
    f"Who was older than {OLDEST} at their last event was born later here, so that they are {OLDEST} then; what "
    "they had before that birth is left out.",
    "Patients, encounters and source identifiers have new names, made with a secret that is not in this folder.",
    "Sites are numbered; those with few people are one, called other. Words for race, ethnicity, education and "
    "insurance, and texts of observations, that few people share are removed, and so are codes that were words.",
    "The table of rejected rows, which holds what the source held, and the notes of the source are left out.",
)

# A keyed hash in two steps, as HMAC has it; 60 bits of it are a number.
KEYED = "sha256(getvariable('outer_key') || sha256(getvariable('inner_key') || '{kind}' || ' ' || {value}))"
NUMBER = f"('0x' || {KEYED}[:15])::BIGINT"
PREPARE = f"""
CREATE TEMP TABLE last_event AS SELECT patient_id, max(time) AS last_time, count(*) AS n
    FROM (SELECT patient_id, time FROM events UNION ALL SELECT patient_id, time FROM patients) GROUP BY patient_id;
CREATE TEMP TABLE person_key AS SELECT patient_id, {NUMBER.format(kind="patient", value="patient_id")} AS new_id,
    {NUMBER.format(kind="days", value="patient_id")} % 364 + 1 AS days, last_time, n,
    greatest(birth_date, (last_time - INTERVAL '{OLDEST} years')::DATE) AS birth, birth > birth_date AS is_capped
    FROM last_event LEFT JOIN people USING (patient_id);
CREATE TEMP TABLE common_text AS SELECT code, text FROM
    (SELECT DISTINCT code, text, patient_id FROM observations WHERE text IS NOT NULL)
    GROUP BY code, text HAVING count(*) >= {{few}};
CREATE TEMP TABLE rare_code AS SELECT code FROM (SELECT DISTINCT code, patient_id FROM
        (SELECT code, patient_id FROM events UNION ALL SELECT reason_code, patient_id FROM encounters
        UNION ALL SELECT reason_code, patient_id FROM medications
        UNION ALL SELECT reason_code, patient_id FROM procedures)
        WHERE split_part(code, ':', 1) IN {FREE_SYSTEMS})
    GROUP BY code HAVING count(*) < {{few}};
CREATE TEMP TABLE site_name AS SELECT site, CASE WHEN n < {{few}} THEN '{OTHER}' ELSE 'site ' || row_number() OVER
        (PARTITION BY n < {{few}} ORDER BY {KEYED.format(kind="site", value="site")}) END AS new_site
    FROM (SELECT site, count(DISTINCT patient_id) AS n FROM (SELECT site, patient_id FROM patients UNION ALL
        SELECT site, patient_id FROM encounters) WHERE site IS NOT NULL GROUP BY site);
"""
COMMON_WORD = """CREATE TEMP TABLE common_{word} AS SELECT {word} FROM patients WHERE {word} IS NOT NULL
    GROUP BY {word} HAVING count(DISTINCT patient_id) >= {few}"""


def deidentify(source: EMR, folder: Path | str, secret: str | None = None, few: int = 10) -> EMR:
    """Write a de-identified copy of a record into `folder`, and open it.

    Parameters
    ----------
    source : any record.
    folder : a new or empty folder. It is filled at the end, after `survivors` found nothing.
    secret : 16 characters or more, from which the new identifiers and shifts are made: the same secret gives the
        same people the same names again, and who has it can find out who they are. Keep it elsewhere. Without
        one, a random secret is used and forgotten.
    few : words and texts that fewer people share are removed.

    Returns
    -------
    EMR
        What was done is in `.manifest["notes"]`.

    Raises
    ------
    LHSError
        When the secret is short, an identifier would survive, the folder holds something or can not be written.
    """
    if secret is not None and len(secret) < SHORTEST_SECRET:
        raise LHSError(
            f"The secret has {len(secret)} characters; give {SHORTEST_SECRET} or more, all random."
        )
    source = _small(source)
    _prepare(source, secret or secrets.token_hex(32), few)
    with new_folder(folder) as unfinished:
        files: dict[str, dict[str, dict]] = {}
        known: list[datetime] = []
        for table, part, rows in tqdm(_parts(source), desc="de-identify", disable=None, leave=False):
            name = f"{table}-{part:05}"
            files.setdefault(table, {})[name] = write_partition(unfinished, table, name, rows)
            if table in TIMED:
                known += pc.min_max(rows["recorded_at"]).as_py().values()
        write_manifest(
            unfinished,
            source=f"{source.manifest['source']}, de-identified",
            period=(min(known).date(), max(known).date() + timedelta(days=1)),
            parameters={
                "few": few,
                "people_older": _one(source, "SELECT count_if(is_capped) FROM person_key")[0],
            },
            notes=list(NOTES),
            files=files,
        )
        found = survivors(source, EMR(unfinished), few)
        if found:
            raise LHSError(f"An identifier would survive, and nothing was written: {found[0]}")
    return EMR(folder)


def _small(emr: EMR) -> EMR:
    """All of a record, on a connection of its own that holds little in memory."""
    emr = EMR(emr.folder)
    emr.duckdb.raw_sql(
        f"SET memory_limit = '{MEMORY}'; SET threads = 1; SET preserve_insertion_order = false"
    )
    return emr


def _one(emr: EMR, query: str) -> tuple:
    return emr.duckdb.raw_sql(query).fetchone()


def _prepare(source: EMR, secret: str, few: int) -> None:
    sql = source.duckdb.raw_sql
    for half in ("inner", "outer"):
        key = hashlib.sha256(f"lhs {half} {secret}".encode()).hexdigest()
        sql(f"SET VARIABLE {half}_key = '{key}'")
    for name in ("people", "events"):
        sql(f"CREATE TEMP VIEW {name} AS WITH {source.views()} SELECT * FROM {name}")
    for statement in PREPARE.format(few=few).split(";\n"):
        if statement.strip():
            sql(statement)
    for word in COMMON_WORDS:
        sql(COMMON_WORD.format(word=word, few=few))
    people, names = _one(source, "SELECT count(*), count(DISTINCT new_id) FROM person_key")
    if people != names:
        raise LHSError("Two people would get the same new identifier; use another secret.")
    rows = max(1, _one(source, "SELECT coalesce(sum(n), 0) FROM person_key")[0])
    sql(f"""CREATE TEMP TABLE part_key AS SELECT *, ntile({-(-int(rows) // ROWS_PER_PART)}) OVER (ORDER BY new_id)
        AS part FROM person_key""")


def _parts(source: EMR) -> Iterator[tuple[str, int, pa.Table]]:
    """Every table in parts of people, in the order of their new identifiers; each is read once."""
    sql = source.duckdb.raw_sql
    for table in TIMED:
        held: list[pa.Table] = []
        for batch in sql(_copied(table)).to_arrow_reader(BATCH):
            rows = pa.table(batch)
            for part in pc.unique(rows["part"]).to_pylist():
                if held and held[0]["part"][0].as_py() != part:
                    yield table, held[0]["part"][0].as_py(), pa.concat_tables(held).drop_columns("part")
                    held = []
                held.append(rows.filter(pc.field("part") == part))
        if held:
            yield table, held[0]["part"][0].as_py(), pa.concat_tables(held).drop_columns("part")
    known = f"""SELECT concepts.* FROM concepts WHERE code NOT IN (SELECT code FROM rare_code)
        UNION ALL BY NAME SELECT 'Text:{REMOVED}' AS code, 'Text' AS system, 'Words that few people share, removed'
        AS description, kind FROM (SELECT any_value(kind) AS kind FROM concepts SEMI JOIN rare_code USING (code)
        HAVING count(*) > 0) ORDER BY code"""
    concepts = sql(known).to_arrow_table()
    if len(concepts):
        yield "concepts", 1, concepts


def _copied(table: str) -> str:
    """SQL for the rows of a table, part by part: each column as it may be seen."""
    shift = "{} - to_days(days::INTEGER)"
    seen = {
        "patient_id": "new_id",
        "encounter_id": NUMBER.format(kind="encounter", value="row.encounter_id"),
        "source_id": f"({KEYED.format(kind='source', value='row.patient_id')})[:16]",
        "birth_date": f"({shift.format('birth')})::DATE",
        "site": "new_site",
        "text": f"CASE WHEN row.text IS NOT NULL THEN coalesce(common_text.text, '{REMOVED}') END",
    }
    seen |= {time: shift.format(f"row.{time}") for time in ("time", "stop", "recorded_at")}
    for code in ("code", "reason_code"):
        seen[code] = f"""CASE WHEN row.{code} IN (SELECT code FROM rare_code) THEN 'Text:{REMOVED}'
            ELSE row.{code} END"""
    seen |= {word: f"common_{word}.{word}" for word in COMMON_WORDS}
    names = SCHEMAS[table].names
    joins = ["LEFT JOIN site_name ON site_name.site = row.site"] if "site" in names else []
    if "text" in names:
        joins.append("LEFT JOIN common_text ON common_text.code = row.code AND common_text.text = row.text")
    joins += [
        f"LEFT JOIN common_{word} ON common_{word}.{word} = row.{word}"
        for word in COMMON_WORDS
        if word in names
    ]
    cells = ", ".join(f'{seen.get(name, f"""row."{name}" """)} AS "{name}"' for name in names)
    # Of people made younger, what lies before their new birth is left out; that they are registered is kept.
    rows = f'SELECT row.* FROM "{table}" AS row' if table != "patients" else (
        "SELECT row.* REPLACE (greatest(row.time, birth::TIMESTAMP) AS time, "
        "greatest(row.recorded_at, birth::TIMESTAMP) AS recorded_at) "
        "FROM patients AS row JOIN person_key USING (patient_id)"
    )  # fmt: skip
    order = ", ".join(f'"{name}"' for name in dict.fromkeys(["patient_id", "time", "recorded_at", *names]))
    return f"""SELECT * FROM (SELECT part, {cells} FROM ({rows}) AS row JOIN part_key USING (patient_id)
        {" ".join(joins)} WHERE row.time >= birth) ORDER BY part, {order}"""


def survivors(source: EMR, copy: EMR, few: int = 10) -> list[str]:
    """What identifies people in `source` and stands in `copy` all the same, a sentence each; none when all is well.

    Looked for are the numbers of patients and encounters, source identifiers in any text, names of sites, texts
    and words that fewer than `few` people share, ages above 90, and people whose birth and events have not moved.
    """
    was, now = _small(source).sql, _small(copy).sql
    found = []

    def compare(what: str, query: str, other: str | None = None) -> None:
        both = was(query).iloc[:, 0].dropna()
        both = both[both.isin(now(other or query).iloc[:, 0])]
        if len(both):
            found.append(f"{what}: {len(both):,} of the source, for example {min(both)!r}.")

    compare("numbers of patients", "SELECT DISTINCT patient_id FROM patients")
    compare("numbers of encounters", "SELECT DISTINCT encounter_id FROM encounters")
    words = " UNION ".join(
        f'SELECT DISTINCT "{field.name}" AS word FROM "{table}"'
        for table, schema in SCHEMAS.items()
        for field in schema
        if pa.types.is_dictionary(field.type) or pa.types.is_string(field.type)
    )
    compare("identifiers of the source", "SELECT DISTINCT source_id FROM patients", words)
    sites = "SELECT DISTINCT site FROM patients UNION SELECT DISTINCT site FROM encounters"
    compare(
        "names of sites",
        f"SELECT * FROM ({sites}) WHERE site <> '{OTHER}' AND NOT starts_with(site, 'site ')",
        sites,
    )
    rare = f"""SELECT code || ' ' || text FROM observations WHERE text <> '{REMOVED}'
        GROUP BY ALL HAVING count(DISTINCT patient_id) < {few}"""
    compare("texts that few people share", rare, "SELECT DISTINCT code || ' ' || text FROM observations")
    for word in COMMON_WORDS:
        rare = f"SELECT {word} FROM patients GROUP BY ALL HAVING count(DISTINCT patient_id) < {few}"
        compare(f"words for {word} that few people share", rare, f"SELECT DISTINCT {word} FROM patients")
    course = """SELECT concat_ws(' ', birth_date, min(time), max(time), count(*)) FROM events
        JOIN (SELECT patient_id, birth_date FROM people) USING (patient_id) GROUP BY patient_id, birth_date"""
    before, after = (ask(course).iloc[:, 0].drop_duplicates() for ask in (was, now))
    same = before.isin(after).sum()
    # In a crowd, a few who have moved stand where somebody else stood.
    if same > len(before) / 100:
        found.append(f"courses that have not moved: {same:,} of {len(before):,} people.")
    old = now(f"""SELECT count(*) AS n FROM events JOIN (SELECT patient_id, birth_date FROM people) USING (patient_id)
        WHERE time > birth_date + INTERVAL '{OLDEST} years 2 days'""").n[0]
    if old:
        found.append(f"ages above {OLDEST} years: {old:,} events.")
    if copy.rejected.count().execute():
        found.append("rejected rows, with what the source held.")
    return found
