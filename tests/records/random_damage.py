"""Random damage to the files of an export: bytes, lines, cells, types, and what resources hold."""

import csv
import gzip
import io
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

BYTES = [
    b"\x00",
    b"\n",
    b"\r",
    b'"',
    b",",
    b";",
    b"\t",
    b"\\",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"{",
    b"]",
    b"9",
]
CELLS = [
    "", " ", "x", "0", "-1", "1e999", "nan", "-inf", "12,3", "1_000", "1.0", "0x1F", "99999999999999999999",
    "9223372036854775808", "１２", "2017-02-31", "2016-02-29", "1582-10-10", "0000-00-00", "9999-12-31", "-0044-03-15",
    "10000-01-01", "2017-06-06T24:00:00Z", "2017-06-06T23:59:60Z", "2017-06-06T11:00:00+26:00", "2017-06-06 11:00",
    "2017-06-06T11:00:00.123456789Z", "06/06/2017", "infinity", "epoch", "NULL", "None", "true", '"', "''", "{}", "%",
    "a:b", "a//b", "\x00", "\x1a", "\u202e", "\u0661", "𝔘", "👩‍⚕️", "e\u0301", "\ufeff", "line\nbreak",
    "carriage\rreturn",     "' OR 1=1 --", "$1", "\\N", "../../etc", "x" * 300, "y" * 70_000,
]  # fmt: skip
THINGS: list = [*CELLS, None, True, 0, -1.5, 1e308, 10**400, [], {}, [[]], [None], {"reference": 7}, {"coding": {}},
                {"coding": [None, 1, {"code": []}]}, [{}] * 3, {"value": "x"}, "\ud800"]  # fmt: skip


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


# Damage to the bytes of any file


def bytes_changed(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(draw.randint(1, 8)):
        if content:
            place = draw.randrange(len(content))
            width = draw.choice([0, 1, 1, 1, 5])
            content[place : place + width] = draw.choice([*BYTES, bytes([draw.randrange(256)])])
    path.write_bytes(content)


def cut(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draw.randint(0, len(content))])


def a_piece_lost_or_doubled(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    first, last = sorted(draw.randint(0, len(content)) for _ in range(2))
    path.write_bytes(content[:first] + content[first:last] * draw.choice([0, 2, 3]) + content[last:])


def encoded(path: Path, draw: random.Random) -> None:
    text = path.read_bytes().decode("latin-1").replace("Practice", "Zoë", draw.randint(0, 1))
    path.write_bytes(
        text.encode(draw.choice(["latin-1", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7"]))
    )


def compressed(path: Path, draw: random.Random) -> None:
    content = gzip.compress(path.read_bytes())
    path.write_bytes(content[: draw.choice([len(content), draw.randint(0, len(content))])])


def other_line_ends(path: Path, draw: random.Random) -> None:
    path.write_bytes(
        path.read_bytes().replace(b"\n", draw.choice([b"\r\n", b"\r", b"\n\n", b"\r\r\n", b" \n", b""]))
    )


def other_delimiter(path: Path, draw: random.Random) -> None:
    path.write_bytes(
        path.read_bytes().replace(b",", draw.choice([b";", b"\t", b"|", b" , ", b":", b'","', b",,"]))
    )


def taken_away(path: Path, draw: random.Random) -> None:
    path.unlink()
    if draw.random() < 0.3:
        path.mkdir()


def exchanged(path: Path, draw: random.Random) -> None:
    other = draw.choice([file for file in files(path.parent) if file != path] or [path])
    other.write_bytes(path.read_bytes())


# Damage to the cells of a table


def changed_rows(rows: list[list], draw: random.Random, cells: list) -> list[list]:
    """One change to rows of cells, the first of which is the header."""
    rows = [list(row) for row in rows]
    row, column = draw.randrange(len(rows)), draw.randrange(max(1, len(rows[0])))
    kind = draw.choice(
        ["cell", "cell", "cell", "cell", "row", "lost", "swap", "drop", "name", "cells", "blank"]
    )
    if kind == "cell" and column < len(rows[row]):
        rows[row][column] = draw.choice(cells)
    elif kind == "cells":
        for each in rows[1:]:
            each[column : column + 1] = [draw.choice(cells)]
    elif kind == "row":
        rows.insert(draw.randint(1, len(rows)), list(rows[row]))
    elif kind == "lost":
        del rows[row]
    elif kind == "blank":
        rows.insert(row, [])
    elif kind == "swap":
        other = draw.randrange(max(1, len(rows[0])))
        for each in rows[draw.choice([0, 1]) :]:
            if max(column, other) < len(each):
                each[column], each[other] = each[other], each[column]
    elif kind == "drop":
        for each in rows[draw.choice([0, 0, 1]) :]:
            del each[column : column + 1]
    elif column < len(rows[0]):
        rows[0][column] = draw.choice([*rows[0], "line", "a", "", '"', "é", "whole"])
    return rows


def rows_changed(path: Path, draw: random.Random) -> None:
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("latin-1").replace("\x00", ""), newline="")))
    for _ in range(draw.randint(1, 3)):
        rows = changed_rows(rows, draw, CELLS) if rows else rows
    with path.open("w", newline="", encoding=draw.choice(["utf-8", "utf-8", "utf-16"])) as file:
        csv.writer(
            file, quoting=draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), lineterminator="\n"
        ).writerows(rows)


TYPES = [
    pa.string(), pa.int8(), pa.float32(), pa.bool_(), pa.timestamp("ns", tz="Asia/Tokyo"), pa.date64(), pa.binary(),
    pa.decimal128(30, 3), pa.list_(pa.string()), pa.time64("us"), pa.duration("s"), pa.null(), pa.large_string(),
]  # fmt: skip


def parquet_changed(path: Path, draw: random.Random) -> None:
    table = pq.read_table(path)
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(table.num_columns) if table.num_columns else 0
        kind = draw.choice(["type", "type", "cells", "drop", "name", "twice", "lost", "order"])
        if not table.num_columns:
            return
        name, column = table.column_names[place], table.column(place)
        if kind == "type":
            type_ = draw.choice(TYPES)
            try:
                column = column.cast(type_)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                column = pa.nulls(table.num_rows, type_)
            table = table.set_column(place, name, column)
        elif kind == "cells":
            cells = [draw.choice([*CELLS, None, str(cell)]) for cell in column.to_pylist()]
            table = table.set_column(place, name, pa.array(cells, pa.string()))
        elif kind == "drop":
            table = table.remove_column(place)
        elif kind == "name":
            renamed = draw.choice([*table.column_names, "file", "row", "line", "", "whole", "x"])
            table = table.rename_columns(
                [renamed if i == place else n for i, n in enumerate(table.column_names)]
            )
        elif kind == "twice":
            table = pa.concat_tables([table, table.slice(0, draw.randint(0, table.num_rows))])
        elif kind == "lost":
            table = table.slice(draw.randint(0, table.num_rows))
        else:
            table = table.select(draw.sample(range(table.num_columns), table.num_columns))
    pq.write_table(table, path)


# Damage to what resources hold


def things_changed(path: Path, draw: random.Random) -> None:
    texts = path.read_text().splitlines() if path.suffix == ".ndjson" else [path.read_text()]
    values = [json.loads(text) for text in texts]
    for _ in range(draw.randint(1, 4)):
        value = draw.choice(values)
        while True:
            keys = list(value) if isinstance(value, dict) else range(len(value))
            key = draw.choice(keys) if keys else None
            if (
                key is not None
                and isinstance(value[key], dict | list)
                and value[key]
                and draw.random() < 0.85
            ):
                value = value[key]
                continue
            break
        if key is not None:
            if draw.random() < 0.2:
                del value[key]
            else:
                value[key] = draw.choice(THINGS)
        elif isinstance(value, list):
            value.append(draw.choice(THINGS))
    if draw.random() < 0.1:
        values.append(draw.choice(values))
    path.write_text("\n".join(json.dumps(value) for value in values) + "\n")


def deep(path: Path, draw: random.Random) -> None:
    depth = draw.choice([100, 5_000, 200_000])
    path.write_bytes(path.read_bytes() + b"[" * depth + b"]" * draw.choice([0, depth]) + b"\n")


ANY = [bytes_changed, bytes_changed, cut, a_piece_lost_or_doubled, encoded, compressed, other_line_ends, taken_away,
       exchanged]  # fmt: skip
OWN = {
    ".csv": [other_delimiter, *[rows_changed] * 6],
    ".ndjson": [*[things_changed] * 6, deep, other_delimiter],
    ".json": [*[things_changed] * 6, deep],
    ".parquet": [parquet_changed] * 25,
}


def damage(source: Path, draw: random.Random) -> list[str]:
    """One to three kinds of damage to files of an export; what was done."""
    done = []
    for _ in range(draw.choice([1, 1, 2, 3])):
        if not (paths := files(source)):
            break
        path = draw.choice(paths)
        harm = draw.choice(ANY + OWN[path.suffix])
        try:
            harm(path, draw)
        except (ValueError, LookupError, OSError, RecursionError, csv.Error, pa.ArrowException):
            continue  # an earlier damage left nothing that could be damaged so
        done.append(f"{harm.__name__} {path.relative_to(source)}")
    return done
