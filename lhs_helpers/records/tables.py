"""The tables of a record: what each column holds, and how it is stored.

Clinical tables carry two times: `time`, when something happened, and `recorded_at`, when the record knew it.
Times have microseconds and no zone. Codes carry their system as a prefix: "SNOMED:230690007", "LOINC:8480-6".
"""

import pyarrow as pa

from lhs_helpers.errors import LHSError

WORD = pa.dictionary(pa.int32(), pa.string())  # few distinct values, repeated often
TIME = pa.timestamp("us")


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


# Append-only: a death, a departure, a new insurance is a new row; the latest row is what is known.
PATIENTS = _schema(
    patient_id=pa.int64(),
    source_id=pa.string(),
    birth_date=pa.date32(),
    sex=WORD,
    race=WORD,
    ethnicity=WORD,
    education=WORD,
    insurance=WORD,
    site=WORD,
    status=WORD,
    time=TIME,
    recorded_at=TIME,
)

ENCOUNTERS = _schema(
    patient_id=pa.int64(),
    encounter_id=pa.int64(),
    time=TIME,
    stop=TIME,
    **{"class": WORD},
    code=WORD,
    reason_code=WORD,
    site=WORD,
    recorded_at=TIME,
)


def _clinical(**columns: pa.DataType) -> pa.Schema:
    return _schema(
        patient_id=pa.int64(), encounter_id=pa.int64(), time=TIME, code=WORD, **columns, recorded_at=TIME
    )


SCHEMAS: dict[str, pa.Schema] = {
    "patients": PATIENTS,
    "encounters": ENCOUNTERS,
    "conditions": _clinical(status=WORD),
    "observations": _clinical(value=pa.float64(), text=WORD, unit=WORD),
    "medications": _clinical(status=WORD, reason_code=WORD),
    "procedures": _clinical(reason_code=WORD),
    "immunizations": _clinical(),
    "concepts": _schema(code=pa.string(), system=WORD, description=pa.string(), unit=WORD, kind=WORD),
    # What a reader could not use: which file and row of the source, what it held, why it was left out.
    "rejected": _schema(file=WORD, row=pa.int64(), column=WORD, found=pa.string(), reason=WORD),
}

# What the words may be. Other columns of words (race, education, insurance, ...) are the source's own.
ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("patients", "sex"): ("female", "male"),
    ("patients", "status"): ("registered", "left", "died"),
    ("encounters", "class"): ("wellness", "ambulatory", "emergency", "inpatient"),
    ("conditions", "status"): ("active", "resolved"),
    ("medications", "status"): ("start", "stop"),
}

TIMED = tuple(table for table, schema in SCHEMAS.items() if "recorded_at" in schema.names)


def conform(table: str, data: pa.Table) -> pa.Table:
    """`data` with the columns of `table`, in order and in its types; columns it lacks are added, empty.

    Text that is dictionary-encoded already stays as it is, whatever the width of its indices.

    Raises
    ------
    LHSError
        When the table is unknown, a column is not one of its columns, or values do not fit the type.
    """
    if table not in SCHEMAS:
        raise LHSError(f"There is no record table {table!r}; the tables are {', '.join(SCHEMAS)}.")
    schema = SCHEMAS[table]
    unknown = [name for name in data.column_names if name not in schema.names]
    if unknown:
        raise LHSError(
            f"Table {table} has no column {unknown[0]!r}; its columns are {', '.join(schema.names)}."
        )
    columns = [_column(table, field, data) for field in schema]
    return pa.table(dict(zip(schema.names, columns, strict=True)))


def _column(table: str, field: pa.Field, data: pa.Table) -> pa.ChunkedArray | pa.Array:
    if field.name not in data.column_names:
        return pa.nulls(data.num_rows, field.type)
    column = data.column(field.name)
    if column.type == field.type or (_is_word(column.type) and _is_word(field.type)):
        return column
    if pa.types.is_timestamp(column.type) and column.type.tz:
        raise LHSError(zone_sentence(f"Column {field.name!r} of {table}"))
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise LHSError(
            f"Column {field.name!r} of {table} holds {column.type}, expected is {field.type} ({reason})."
        ) from None


def _is_word(type_: pa.DataType) -> bool:
    return pa.types.is_dictionary(type_) and pa.types.is_string(type_.value_type)


def zone_sentence(column: str) -> str:
    """What a reader is told of times with a zone."""
    return (
        f"{column} holds times with a zone. Times of a record have none: they are those of the clock on the wall, "
        "by which a day begins and ends. Store them as the local time of the hospital "
        "(in SQL: time AT TIME ZONE 'America/Chicago')."
    )
