"""Which release is in use: champion and challenger by alias, and whether it is off, silent or live.

    registry.json    versions, aliases, state, and who changed what, when and why
    releases/        one folder per version; a release is added once and never changed

The file is written under a temporary name and renamed: a service that reads it sees the old one or the new one.
"""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.system.frames import serialised
from lhs_helpers.system.release import Release, load

FILE = "registry.json"
ALIASES = ("champion", "challenger")
STATES = {
    "off": "nothing is computed; clinicians decide without it",
    "silent": "risks are computed and logged, and no card is shown",
    "live": "cards are shown",
}
EMPTY: dict[str, Any] = {"state": "silent", "aliases": {}, "versions": {}, "history": []}


class Registry:
    """The releases of one task at one site. It starts silent: a model is watched before it speaks.

    Parameters
    ----------
    folder : Path or str
        New, empty, or that of a registry.

    Raises
    ------
    LHSError
        When the folder holds something else, or the file is damaged.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        if not (self.folder / FILE).exists():
            if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
                raise LHSError(f"{folder} holds other things and no {FILE}; give a new folder.")
            (self.folder / "releases").mkdir(parents=True, exist_ok=True)
            self._write(EMPTY)
        self._read()

    @property
    def state(self) -> str:
        """off, silent or live."""
        return self._read()["state"]

    @property
    def history(self) -> pd.DataFrame:
        """What was changed: ``date``, ``change``, ``version`` and ``why``, oldest first."""
        return pd.DataFrame(self._read()["history"], columns=["date", "change", "version", "why"])

    @property
    def versions(self) -> list[str]:
        """Every version that was added, oldest first."""
        return list(self._read()["versions"])

    def version(self, alias: str) -> str | None:
        """The version behind champion or challenger; None when there is none."""
        return self._read()["aliases"].get(_alias(alias))

    def release(self, alias: str = "champion") -> Release:
        """The release behind an alias, checked as `load` does, and against the identity it was added with."""
        content = self._read()
        version = content["aliases"].get(_alias(alias))
        if version is None:
            raise LHSError(f"{self.folder} has no {alias} yet; add a release and promote it.")
        return load(self.folder / "releases" / version, identity=content["versions"][version])

    def add(self, release: Release, *, date: str, why: str) -> None:
        """Copy a release into the registry; it becomes the challenger."""
        content = self._read()
        version = release.version
        if version in content["versions"]:
            raise LHSError(f"{self.folder} has a version {version} already; a release is never changed.")
        if not version or version.startswith(".") or not set(version) <= _NAME:
            raise LHSError(f"The version {version!r} can not name a folder; use letters, digits, dots and -.")
        place = self.folder / "releases" / version
        unfinished = place.with_name(f".{version}.{os.getpid()}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)  # left by a run that was killed before it was listed
        shutil.copytree(release.folder, unfinished)
        os.rename(unfinished, place)
        load(place, identity=release.identity)
        content["versions"][version] = release.identity
        content["aliases"]["challenger"] = version
        self._change(content, date, "added as challenger", version, why)

    def promote(self, *, date: str, why: str) -> None:
        """The challenger becomes the champion."""
        content = self._read()
        challenger = content["aliases"].pop("challenger", None)
        if challenger is None:
            raise LHSError(f"{self.folder} has no challenger to promote; add a release first.")
        content["aliases"]["champion"] = challenger
        self._change(content, date, "promoted", challenger, why)

    def roll_back(self, *, date: str, why: str) -> None:
        """The champion before this one is champion again; it can be done again, back to the first.

        Going back twice goes two versions back, not back and forth.
        """
        content = self._read()
        line = _line_of_champions(content["history"])
        if len(line) < 2:
            raise LHSError(f"{self.folder} has no earlier champion to go back to; switch it off instead.")
        content["aliases"]["champion"] = line[-2]
        self._change(content, date, "rolled back to", line[-2], why)

    def set_state(self, state: str, *, date: str, why: str) -> None:
        """Switch off (care is handed back to the clinicians alone), run silently, or show cards."""
        content = self._read()
        if state not in STATES:
            raise LHSError(f"There is no state {state!r}; choose one of {', '.join(STATES)}.")
        if state != "off" and "champion" not in content["aliases"]:
            raise LHSError(f"{self.folder} has no champion, so it can not be {state}; promote a release.")
        content["state"] = state
        self._change(content, date, f"set to {state}", content["aliases"].get("champion"), why)

    def _change(self, content: dict, date: str, change: str, version: str | None, why: str) -> None:
        if not why.strip():
            raise LHSError("A change needs a reason: why=...")
        content["history"].append({"date": str(date), "change": change, "version": version, "why": why})
        self._write(content)

    def _read(self) -> dict[str, Any]:
        path = self.folder / FILE
        try:
            content = json.loads(path.read_bytes())
            if content["state"] not in STATES or not set(content["aliases"]) <= set(ALIASES):
                raise ValueError
            _ = content["versions"], content["history"]
        except (OSError, ValueError, KeyError, TypeError):
            raise LHSError(f"{path} is damaged or can not be read; restore it.") from None
        return content

    def _write(self, content: dict[str, Any]) -> None:
        path = self.folder / FILE
        unfinished = path.with_name(f".{FILE}.{os.getpid()}.unfinished")
        try:
            with unfinished.open("wb") as out:
                out.write(serialised(content))
                out.flush()
                os.fsync(out.fileno())
            os.replace(unfinished, path)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink()
            raise LHSError(f"{path} could not be written ({error.strerror}).") from None


_NAME = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")


def _alias(alias: str) -> str:
    if alias not in ALIASES:
        raise LHSError(f"There is no alias {alias!r}; choose one of {', '.join(ALIASES)}.")
    return alias


def _line_of_champions(history: list[dict]) -> list[str]:
    """The champions that led to the present one; what was rolled back is no part of it."""
    line: list[str] = []
    for step in history:
        if step["change"] == "promoted":
            line.append(step["version"])
        elif step["change"] == "rolled back to":
            line.pop()
    return line
