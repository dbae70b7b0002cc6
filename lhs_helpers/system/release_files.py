"""The folder of a release: every file hashed in the manifest, and read only when nothing was altered."""

import hashlib
import importlib
import json
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from lhs_helpers import __version__
from lhs_helpers.errors import LHSError
from lhs_helpers.system.frames import serialised
from lhs_helpers.system.model_file import SKOPS, XGBOOST

FORMAT = 1
MANIFEST = "manifest.json"
MODELS = (SKOPS, XGBOOST)
ALWAYS = (
    "task.json",
    "features.json",
    "metrics.json",
    "risk_groups.json",
    "probe.json",
    "model_card.json",
    "model_card.md",
)
SOMETIMES = ("plan.json", "tripod_ai.json")
LIBRARIES = {"scikit-learn": "sklearn", "skops": "skops", "xgboost": "xgboost", "numpy": "numpy"}


def write_files(folder: Path, about: Mapping[str, str], files: Mapping[str, bytes]) -> None:
    """Write `files` and their manifest under a temporary name, then rename the folder."""
    manifest = dict(about) | {
        "format": FORMAT,
        "made_with": _versions() | {"python": platform.python_version()},
        "files": {file: hashlib.sha256(content).hexdigest() for file, content in sorted(files.items())},
    }
    manifest |= {"identity": _identity(manifest)}
    _write_folder(folder, dict(files) | {MANIFEST: serialised(manifest)})


def _versions() -> dict[str, str]:
    there = {library: importlib.import_module(module).__version__ for library, module in LIBRARIES.items()}
    return {"lhs_helpers": __version__} | there


def _identity(manifest: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in manifest.items() if key != "identity"}
    return hashlib.sha256(serialised(rest)).hexdigest()


def checked_files(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest and content of every file of a release that is whole, unaltered and not from the future."""
    path = folder / MANIFEST
    if not folder.is_dir():
        what = f"{folder} is a file" if folder.exists() else f"There is no folder {folder}"
        raise LHSError(f"{what}; give the folder of a release.")
    if not path.is_file():
        raise LHSError(f"{folder} is no release: it has no {MANIFEST}. Give the folder that `release` wrote.")
    content = _content(path)
    try:
        manifest = json.loads(content)
        if "content_hash" in manifest:
            raise LHSError(f"{folder} holds records and no release; give the folder that `release` wrote.")
        form, made_with, hashes = manifest["format"], dict(manifest["made_with"]), dict(manifest["files"])
    except (ValueError, KeyError, TypeError):
        raise LHSError(f"{path} was altered or damaged; ask for the release anew.") from None
    _refuse_newer(folder, form, made_with)
    if content != serialised(manifest) or manifest.get("identity") != _identity(manifest):
        raise LHSError(f"{path} was altered or damaged; ask for the release anew.")
    there = {entry.name for entry in folder.iterdir()} - {MANIFEST}
    for file in sorted(set(hashes) - there):
        raise LHSError(f"{folder} lacks the file {file}; ask for the release anew.")
    for file in sorted(there - set(hashes)):
        raise LHSError(
            f"{folder} holds {file}, which does not belong to the release; remove it, or ask for the release anew."
        )
    unknown = set(hashes) - {*ALWAYS, *SOMETIMES, *MODELS}
    if unknown or len(set(MODELS) & set(hashes)) != 1 or not set(ALWAYS) <= set(hashes):
        raise LHSError(f"{folder} does not hold the files of a release (format {FORMAT}); ask for it anew.")
    files = {file: _content(folder / file) for file in hashes}
    for file, known in hashes.items():
        if hashlib.sha256(files[file]).hexdigest() != known:
            raise LHSError(
                f"{folder / file} was altered after the release: its SHA-256 is not the one in {MANIFEST}. "
                "Do not use it; ask for the release anew."
            )
    return manifest, files


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LHSError(f"{path} can not be read ({error.strerror}); ask for the release anew.") from None


def _refuse_newer(folder: Path, form: Any, made_with: Mapping[str, str]) -> None:
    here = _versions()
    try:
        newer = [
            library
            for library, version in here.items()
            if Version(made_with[library]).release[:2] > Version(version).release[:2]
        ]
    except (KeyError, InvalidVersion, TypeError):
        raise LHSError(f"{folder / MANIFEST} was altered or damaged; ask for the release anew.") from None
    if newer:
        raise LHSError(
            f"{folder} was made with {newer[0]} {made_with[newer[0]]}, newer than the {here[newer[0]]} here; "
            "update it, or ask for a release made with an older one."
        )
    if form != FORMAT:
        raise LHSError(
            f"{folder} has the format {form!r}, and this version reads {FORMAT}; update the package."
        )


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.unfinished")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise LHSError(f"{folder} is not empty; a release is never written over: give a new folder.")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for file, content in files.items():
            with (unfinished / file).open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
        if folder.exists():
            folder.rmdir()
        os.rename(unfinished, folder)
    except OSError as error:
        raise LHSError(f"{folder} could not be written ({error.strerror}); give another folder.") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
