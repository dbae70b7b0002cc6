"""What the service writes down for the next cycle: risks it gave, and what clinicians made of the cards.

Two files of JSON lines. Feedback is on the disk before the client hears that it was taken, so whatever kills the
service, nothing acknowledged is lost. A line cut short by a kill was not acknowledged; readers skip and count it.

No name, identifier or value of a patient is in them. A person is a keyed hash (HMAC-SHA256): who holds the key
file can recompute it for the patients of the own record and join risks to outcomes; nobody else can.
"""

import hashlib
import hmac
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lhs_helpers.errors import LHSError

FEEDBACK, RISKS, KEY = "feedback.jsonl", "risks.jsonl", "person.key"
FEEDBACK_COLUMNS = ["card", "outcome", "reason", "comment", "accepted", "at", "received_at", "version"]
RISK_COLUMNS = ["received_at", "person", "card", "release", "version", "state", "risk", "alert", "because"]


class Journal:
    """The folder that a service writes to; several processes may write to the same one.

    Raises
    ------
    LHSError
        When the folder can not be written.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise LHSError(f"{folder} is a file; the journal needs a folder, new or of an earlier journal.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._key = _key(self.folder / KEY)
            self._files = {name: _opened(self.folder / name) for name in (FEEDBACK, RISKS)}
        except OSError as error:
            raise LHSError(f"{folder} can not be written ({error.strerror}); give another folder.") from None
        self._lock = threading.Lock()

    def person(self, patient_id: str) -> str:
        """The keyed hash that stands for a patient."""
        return hmac.new(self._key, patient_id.encode(), hashlib.sha256).hexdigest()[:32]

    def write_risk(self, entry: Mapping[str, Any]) -> None:
        """Append one risk that was given; handed to the system, which survives a kill of this process."""
        self._append(RISKS, [entry])

    def write_risks(self, entries: list[Mapping[str, Any]]) -> None:
        """Append the risks of a list of patients."""
        self._append(RISKS, entries)

    def write_feedback(self, entries: list[Mapping[str, Any]]) -> None:
        """Append feedback; on the disk when this returns."""
        self._append(FEEDBACK, entries)
        os.fsync(self._files[FEEDBACK])

    def _append(self, name: str, entries: list[Mapping[str, Any]]) -> None:
        lines = "".join(json.dumps(entry, ensure_ascii=True) + "\n" for entry in entries).encode()
        with self._lock:
            if not os.fstat(self._files[name]).st_nlink:
                # Somebody has deleted the file: what is written to it would be lost when this process ends.
                deleted, self._files[name] = self._files[name], _opened(self.folder / name)
                os.close(deleted)
            written = os.write(self._files[name], lines)
            if written < len(lines):
                # The disk is full. What stands there is ended, so that the next line stays readable.
                os.write(self._files[name], b"\n")
                raise OSError(28, "No space left on device")


def read_feedback(folder: Path | str) -> pd.DataFrame:
    """What clinicians said, one row per card and answer, as it came.

    Returns
    -------
    DataFrame
        ``card`` (joins to `read_risks`), ``outcome`` (accepted or overridden), ``reason`` (code of the override
        reason), ``comment``, ``accepted`` (number of suggestions), ``at`` and ``received_at`` (UTC), ``version``.
        ``.attrs["unreadable"]``: lines that were cut short by a kill or a full disk.
    """
    return _read(Path(folder) / FEEDBACK, FEEDBACK_COLUMNS, ["at", "received_at"])


def read_risks(folder: Path | str) -> pd.DataFrame:
    """The risks that the service gave, one row per call.

    Returns
    -------
    DataFrame
        ``received_at`` (UTC), ``person`` (keyed hash), ``card`` (missing when none was shown), ``release``
        (identity), ``version``, ``state`` (silent or live), ``risk``, ``alert`` (risk at or above the threshold),
        ``because`` (why the task does not concern the patient, else missing).
        ``.attrs["unreadable"]`` as of `read_feedback`.
    """
    return _read(Path(folder) / RISKS, RISK_COLUMNS, ["received_at"])


def _read(path: Path, columns: list[str], times: list[str]) -> pd.DataFrame:
    rows, unreadable = [], 0
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
            rows.append([row[column] for column in columns])
        except (ValueError, KeyError, TypeError):
            unreadable += bool(line.strip())
    frame = pd.DataFrame(rows, columns=columns)
    for column in times:
        frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601").astype(
            "datetime64[us, UTC]"
        )
    frame.attrs = {"unreadable": unreadable}
    return frame


def _opened(path: Path) -> int:
    """A file open for appending; a last line that was cut short is ended first."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    end = os.lseek(file, 0, os.SEEK_END)
    if end:
        os.lseek(file, end - 1, os.SEEK_SET)
        if os.read(file, 1) != b"\n":
            os.write(file, b"\n")
    return file


def _key(path: Path) -> bytes:
    """The key of this journal, made once; only its owner may read it."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(os.urandom(32))
    except FileExistsError:
        pass
    key = path.read_bytes()
    if len(key) != 32:
        raise LHSError(f"{path} is damaged: it has {len(key)} bytes where 32 are expected; restore it.")
    return key
