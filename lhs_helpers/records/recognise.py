"""What a folder seems to hold, for the sentence to somebody who gave another than they meant."""

import re
from pathlib import Path

NAMES = {"synthea": "a Synthea export", "omop": "an OMOP database", "mimic": "MIMIC-IV", "fhir": "a FHIR export",
         "meds": "a MEDS dataset"}  # fmt: skip
PACKED = re.compile(r"\.(zip|tar|tgz|tar\.\w+|7z|rar)$")


def packed(source: Path) -> str:
    """A clause for somebody who gave an archive."""
    return "; unpack it first" if source.is_file() and PACKED.search(source.name.lower()) else ""


def hint(source: Path | str, kind: str) -> str:
    """A clause on where the export may be, or how it must be unpacked; empty when nothing is recognised."""
    source = Path(source)
    try:
        inside = sorted(path for path in source.iterdir() if path.is_dir())
        found = {place: recognise(place) for place in (source, *inside)}
        if kind in ("mimic", "meds"):  # whose files lie in folders of a folder
            found[source.parent] = recognise(source.parent) if recognise(source.parent) == kind else None
        if found[source] == kind:  # the one that was meant, and it lacks something
            return ""
        likely = sorted((place for place in found if found[place]), key=lambda place: found[place] != kind)
        if likely:
            what = found[likely[0]]
            where = "it" if likely[0] == source else str(likely[0])
            return f" ({where} looks like {NAMES[what]}: lhs import {what} {likely[0]})"
        names = sorted(path.name for path in source.iterdir())
    except OSError:
        return ""
    archive = next((name for name in names if PACKED.search(name.lower())), None)
    if archive:
        return f" ({archive} must be unpacked first)"
    sheet = next((name for name in names if re.search(r"\.(xlsx?|ods)$", name.lower())), None)
    return f" ({sheet} is a workbook: save each sheet as CSV)" if sheet else ""


def recognise(folder: Path) -> str | None:
    """The kind of export that a folder seems to hold, by the names of its files."""
    names = {
        path.name.lower().split(".")[0]
        for path in folder.iterdir()
        if re.search(r"\.(csv|parquet)", path.name.lower())
    }
    if "person" in names:
        return "omop"
    if "admissions" in names or (folder / "hosp").is_dir():
        return "mimic"
    if "patients" in names:
        return "synthea"
    if any(
        re.search(r"\.(ndjson|json)(\.gz)?$", path.name.lower()) and path.name != "manifest.json"
        for path in folder.iterdir()
    ):
        return "fhir"
    return "meds" if next((folder / "data").glob("**/*.parquet"), None) else None
