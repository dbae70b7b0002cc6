"""The CSV files of an export: found, opened whatever their dress, and read in chunks that fit in memory.

Rows are numbered as a spreadsheet does: the header is row 1, and a quoted value may span lines. A line that has
more or fewer values than the header is handed back beside the rows, never dropped.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from lhs_helpers.errors import LHSError
from lhs_helpers.records.recognise import packed

CHUNK_ROWS, CHUNK_BYTES = 120_000, 16 << 20  # more are faster, and need more memory
BLOCK = 1 << 20  # bytes parsed at a time (larger is slower), and the longest row that can be read
# Columns added to those of a file: where a row stands, and whom it is of (see `pairs`).
OURS = ("LINE", "PAIR")
LONGEST_HEADER = 1 << 16
DELIMITERS = ",;\t|"
SHOWN = 200  # characters of a broken line that the table `rejected` keeps
Broken = tuple[int, str, str]  # row, what it holds, what is wrong with it


def find_files(source: Path | str, export: str, ending: str = r"\.csv(\.gz)?") -> dict[str, Path]:
    """The files of a folder by name, whatever its letter case: "patients" for Patients.CSV or patients.csv.gz.

    Parameters
    ----------
    source : the folder.
    export : what is expected in it, for the sentence when it is not there: "a Synthea export".
    ending : what names end with, as a regular expression.

    Raises
    ------
    LHSError
        When there is no such folder, a folder stands where a file belongs, or two files have one name.
    """
    source = Path(source)
    if not source.is_dir():
        found = "is a file" if source.exists() else "does not exist"
        raise LHSError(f"{source} {found}{packed(source)}; give the folder that holds the files of {export}.")
    files: dict[str, Path] = {}
    for path in sorted(source.iterdir()):
        name = re.fullmatch(f"(.+?){ending}", path.name.lower())
        if not name:
            continue
        require_file(path)
        if name[1] in files:
            raise LHSError(f"{source} holds both {files[name[1]].name} and {path.name}; leave one of them.")
        files[name[1]] = path
    return files


def require_file(path: Path) -> None:
    """Raise LHSError when something else stands where a file belongs."""
    if not path.is_file():
        found = "a folder" if path.is_dir() else "a link to nothing" if path.is_symlink() else "no file"
        raise LHSError(f"{path} is {found} where a file is expected; put the file in its place.")


@dataclass
class CSVFile:
    """A CSV file with its header read: `columns` in capital letters, and what was odd about it in `notes`."""

    path: Path
    columns: list[str] = field(default_factory=list)
    delimiter: str = ","
    has_rows: bool = False
    notes: list[str] = field(default_factory=list)
    quoted: bool = True  # whether a quotation mark holds a value together

    def __post_init__(self) -> None:
        try:
            with self.path.open("rb") as file:
                self.is_gzip = file.read(2) == b"\x1f\x8b"
            with (gzip.open if self.is_gzip else open)(self.path, "rb") as file:
                line = file.readline(LONGEST_HEADER)
                self.has_rows = bool(file.read(1))
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from None
        if line.startswith(b"PK\x03\x04"):
            raise LHSError(f"{self.path} is a ZIP archive or a workbook; unpack it, or save it as CSV.")
        if b"\x00" in line or line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise LHSError(f"{self.path} is UTF-16 or no text; save it as CSV in UTF-8.")
        header, *more = re.split(rb"[\r\n]+", line, maxsplit=1)
        self.has_rows |= any(more)  # lines may end with carriage returns alone
        self._read_header(header.decode("utf-8-sig", errors="replace").strip())
        if self.has_rows and not self.columns:
            raise LHSError(
                f"{self.path} begins with an empty line where the names of its columns belong; take that line out."
            )
        if not self.is_gzip and self.has_rows and not self._ends_with_line():
            self.notes.append(f"{self.path.name} does not end with a line end: it may have been cut short.")

    @property
    def name(self) -> str:
        """The name by which its rows are counted and rejected."""
        return self.path.name

    def _read_header(self, line: str) -> None:
        self.delimiter = max(DELIMITERS, key=line.count)
        names = next(csv.reader([line], delimiter=self.delimiter), [])
        self.columns = [name.strip().upper() or f"COLUMN_{i}" for i, name in enumerate(names, 1)]
        self.columns = [f"{name}_" if name in OURS else name for name in self.columns]
        twice = [name for name in self.columns if self.columns.count(name) > 1]
        if twice:
            raise LHSError(f"{self.path} has the column {twice[0]} twice; remove or rename one of them.")
        if self.delimiter != "," and self.columns:
            self.notes.append(f"{self.path.name} is separated by {self.delimiter!r}, not by commas.")

    def _ends_with_line(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) in b"\r\n"

    def _unreadable(self, error: Exception, row: int = 1) -> LHSError:
        """The sentence for a file that can not be read to its end."""
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        if "straddling" in reason:
            reason = f"a row is longer than {BLOCK >> 20} MB: a quotation mark is opened and not closed"
        return LHSError(
            f"{self.path} can not be read beyond row {row:,} ({reason}); "
            "it was cut short or damaged: get it again, or take it away."
        )

    def chunks(self) -> Iterator[tuple[pa.Table, list[Broken]]]:
        """The rows as tables of text with their row number in `line`, and the broken lines among them.

        Lines that are not UTF-8 are read as Latin-1, which `notes` tell at the end.

        Raises
        ------
        LHSError
            When the file can not be read to its end: a gzip file cut short, a quotation mark never closed.
        """
        broken: list[Broken] = []
        batches: list[pa.Table] = []
        row = 2
        try:
            text = _UTF8(pa.input_stream(str(self.path), compression="gzip" if self.is_gzip else None))
            for batch in self._batches(text, broken) if self.has_rows else ():
                line, row = _number(row, batch.num_rows, [number for number, *_ in broken])
                cells = [_trimmed(column) for column in batch.columns]
                batches.append(pa.table([pa.array(line), *cells], names=["line", *self.columns]))
                if is_chunk(batches, len(broken)):
                    # Parsing may be ahead of the rows: broken lines beyond them belong to a later chunk.
                    passed = [entry for entry in broken if entry[0] < row]
                    yield pa.concat_tables(batches), passed
                    del broken[: len(passed)]
                    batches.clear()
        except (OSError, pa.ArrowInvalid) as error:
            raise self._unreadable(error, row) from None
        if batches or broken:
            word = pa.dictionary(pa.int32(), pa.string())
            empty = pa.table(
                {"line": pa.array([], pa.int64())} | {n: pa.array([], word) for n in self.columns}
            )
            yield pa.concat_tables([empty, *batches]), broken
        note = f"{self.name} holds lines that are not UTF-8; they were read as Latin-1."
        if text.is_latin and note not in self.notes:
            self.notes.append(note)

    def _batches(self, text: "_UTF8", broken: list[Broken]) -> Iterator[pa.RecordBatch]:
        """The rows, block by block; lines with too many or too few values are appended to `broken`."""

        def note(row: pacsv.InvalidRow) -> str:
            lines = row.text.strip().count("\n") + 1
            over = f", over {lines} lines: a quotation mark may not be closed" if lines > 1 else ""
            reason = f"the line has {row.actual_columns} values where {row.expected_columns} are expected"
            broken.append((row.number, row.text[:SHOWN], reason + over))
            return "skip"

        return pacsv.open_csv(
            text,
            # Row numbers are known only when one thread parses.
            read_options=pacsv.ReadOptions(
                use_threads=False, block_size=BLOCK, column_names=self.columns, skip_rows=1
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self.delimiter,
                quote_char='"' if self.quoted else False,
                newlines_in_values=self.quoted,
                ignore_empty_lines=False,
                invalid_row_handler=note,
            ),
            convert_options=pacsv.ConvertOptions(
                # Words repeat: each is trimmed and looked up once per block, not once per row.
                column_types={name: pa.dictionary(pa.int32(), pa.string()) for name in self.columns},
                strings_can_be_null=True,
                null_values=[""],
            ),
        )


def is_chunk(batches: list[pa.Table], broken: int) -> bool:
    """Whether rows are enough to be judged together."""
    rows, size = sum(batch.num_rows for batch in batches), sum(batch.nbytes for batch in batches)
    return rows + broken >= CHUNK_ROWS or size >= CHUNK_BYTES


def _trimmed(column: pa.DictionaryArray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(column.indices, pc.utf8_trim_whitespace(column.dictionary))


class _UTF8(io.RawIOBase):
    """The bytes of a file, made UTF-8: lines that are not are taken for Latin-1, in which everything is text."""

    def __init__(self, raw: pa.NativeFile):
        self.raw = raw
        self.ready, self.open_line = b"", b""
        self.is_latin = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self.ready) < size and (block := self.raw.read(size)):
            if block.isascii() and not self.open_line:
                self.ready += block
            else:
                self._add(self.open_line + block)
        if len(self.ready) < size:
            self.ready, self.open_line = self.ready + self._utf8(self.open_line), b""
        given, self.ready = self.ready[:size], self.ready[size:]
        return given

    def _add(self, content: bytes) -> None:
        cut = content.rfind(b"\n") + 1 or len(content)
        self.ready, self.open_line = self.ready + self._utf8(content[:cut]), content[cut:]

    def _utf8(self, content: bytes) -> bytes:
        try:
            content.decode()
            return content
        except UnicodeDecodeError:
            return b"".join(self._line(line) for line in content.splitlines(keepends=True))

    def _line(self, line: bytes) -> bytes:
        try:
            line.decode()
            return line
        except UnicodeDecodeError:
            self.is_latin = True
            return line.decode("latin-1").encode()


def _number(row: int, rows: int, broken: list[int]) -> tuple[np.ndarray, int]:
    """The numbers of the next `rows` whole rows from `row` on, stepping over broken ones; and what follows."""
    skipped = np.array([number for number in broken if number >= row], dtype=np.int64)
    numbers = np.arange(row, row + rows + len(skipped))
    numbers = numbers[~np.isin(numbers, skipped)][:rows] if len(skipped) else numbers
    return numbers, int(numbers[-1]) + 1 if rows else row
