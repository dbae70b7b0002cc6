"""How fast exports become records, and whether memory stays flat: once, and twenty times, the same export.

    .venv/bin/python benchmarks/readers.py --people 1500 --times 1 5 20

Each import runs in a process of its own, of which are told: rows a second by the clock; rows a second of processor
time, which other work on the machine hardly changes; and the most memory that it held at once. The exports are made
here, of a small hospital whose people are copied: Synthea CSV, OMOP, its observations as FHIR in bulk, MEDS; and
the record of the Synthea export, to be de-identified.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from lhs_helpers.patients import Hospital
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.meds import write_meds
from lhs_helpers.records.omop_writer import write_omop
from lhs_helpers.records.synthea import read_synthea, write_synthea

IMPORT = """
import re, sys, time
from importlib import import_module
kind, source, folder = sys.argv[1:]
if kind == "deidentify":
    from lhs_helpers.records.deidentify import deidentify
    from lhs_helpers.records.emr import EMR
    read = lambda source, folder: deidentify(EMR(source), folder, "only for timing, no secret")
else:
    read = getattr(import_module(f"lhs_helpers.records.{kind}_reader"), f"read_{kind}")
began, worked = time.perf_counter(), time.process_time()
emr = read(source, folder)
seconds, worked = time.perf_counter() - began, time.process_time() - worked
counts = emr.manifest["parameters"].get("rows", {}).values()
rows = sum(count["in"] for count in counts) or sum(table["rows"] for table in emr.manifest["tables"].values())
# Not getrusage: that would count what the process that started this one had needed.
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())
print("measured", rows, seconds, worked, int(peak[1]) / 1024)
"""
KINDS = ["synthea", "omop", "fhir", "meds", "deidentify"]
SHARED = ("organizations", "concept", "care_site")  # the same for all copies
OWN = {
    "synthea": ({"Id", "PATIENT", "ENCOUNTER"}, """nullif("{}", '') || '-' || copy"""),
    "omop": ({"person_id", "visit_occurrence_id"}, """nullif("{}", '')::BIGINT + 100000000 * copy"""),
}


def copies(kind: str, csv: Path, target: Path, times: int) -> Path:
    """The export `times` over, each copy with people and encounters of its own."""
    target.mkdir(parents=True)
    references, changed = OWN[kind]
    for path in csv.glob("*.csv"):
        header = path.read_text(encoding="utf-8").split("\n", 1)[0].split(",")
        numbers = 1 if path.stem in SHARED else times
        own = references | ({f"{path.stem}_id"} if numbers > 1 else set())
        cells = ", ".join(
            f'{changed.format(name)} AS "{name}"' if name in own and numbers > 1 else f'"{name}"'
            for name in header
        )
        duckdb.execute(f"""COPY (SELECT {cells} FROM range({numbers}) AS t(copy),
            read_csv('{path}', all_varchar = true)) TO '{target / path.name}' (FORMAT csv, HEADER)""")
    return target


def meds(emr: EMR, target: Path, times: int) -> Path:
    """A MEDS dataset `times` over, each copy with subjects of its own."""
    once = target.with_name("meds-written")
    if not once.exists():
        write_meds(emr, once)
    for path in (once / "data").glob("**/*.parquet"):
        place = target / path.relative_to(once).parent
        place.mkdir(parents=True, exist_ok=True)
        for copy in range(times):
            duckdb.execute(f"""COPY (SELECT * REPLACE (subject_id + 100000000 * {copy} AS subject_id)
                FROM read_parquet('{path}')) TO '{place / f"{path.stem}-{copy}.parquet"}' (FORMAT parquet)""")
    shutil.copytree(once / "metadata", target / "metadata")
    return target


def fhir(emr: EMR, target: Path, times: int) -> Path:
    """People, encounters and observations as a bulk export."""
    target.mkdir(parents=True)
    moment = "strftime({}, '%Y-%m-%dT%H:%M:%SZ')"
    kinds = {
        "Patient": "SELECT patient_id, birth_date::VARCHAR, sex FROM people",
        "Encounter": f"""SELECT encounter_id, patient_id, {moment.format("time")}, {moment.format("stop")}
            FROM encounters""",
        "Observation": f"""SELECT row_number() OVER (), patient_id, encounter_id, split_part(code, ':', 2),
            {moment.format('time')}, value, unit FROM observations WHERE value IS NOT NULL""",
    }  # fmt: skip
    for kind, query in kinds.items():
        rows = emr.sql(query).to_numpy().tolist()
        with (target / f"{kind}.ndjson").open("w") as file:
            for copy in range(times):
                file.writelines(json.dumps(resource(kind, row, copy)) + "\n" for row in rows)
    return target


def resource(kind: str, row: list, copy: int) -> dict:
    def to(what: str, number: object) -> dict:
        return {"reference": f"{what}/{number}-{copy}"}

    own = {"resourceType": kind, "id": f"{row[0]}-{copy}", "meta": {"profile": [f"http://hl7.org/{kind}"]}}
    if kind == "Patient":
        return own | {"birthDate": row[1], "gender": row[2]}
    if kind == "Encounter":
        period = {"start": row[2], "end": row[3]}
        return own | {"subject": to("Patient", row[1]), "class": {"code": "AMB"}, "period": period}
    code = {"coding": [{"system": "http://loinc.org", "code": row[3], "display": row[3]}], "text": row[3]}
    encounter = {"encounter": to("Encounter", int(row[2]))} if row[2] == row[2] else {}
    value = {"value": row[5], "unit": row[6], "system": "http://unitsofmeasure.org", "code": row[6]}
    return own | encounter | {
        "status": "final",
        "subject": to("Patient", row[1]),
        "code": code,
        "effectiveDateTime": row[4],
        "valueQuantity": value,
    }  # fmt: skip


def measure(kind: str, source: Path, folder: Path) -> tuple[int, float, float, float]:
    command = [sys.executable, "-c", IMPORT, kind, str(source), str(folder)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows, seconds, worked, memory = said.split("measured", 1)[1].split()
    return int(rows), float(seconds), float(worked), float(memory)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=1500)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument(
        "--place", type=Path, help="where exports are kept, and found again; else they are deleted"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        bench(given.people, given.times, given.kinds, given.place or Path(scratch), Path(scratch))


def bench(people: int, times: list[int], kinds: list[str], place: Path, scratch: Path) -> None:
    emr = Hospital(place / "hospital", patients=people, seed=1, start="2015-01-01").advance("2018-01-01")
    for kind in kinds:
        for number in times:
            source = place / f"{kind}-{number}"
            if not source.exists():
                make(kind, emr, place, source, number)
            rows, seconds, worked, memory = measure(kind, source, scratch / f"{source.name}-emr")
            print(
                f"{kind:>8} {number:>3}x {rows:>12,} rows in {seconds:6.1f} s: {rows / seconds:>9,.0f} a second, "
                f"{rows / worked:>9,.0f} of processor time; at most {memory:,.0f} MB",
                flush=True,
            )


def make(kind: str, emr: EMR, place: Path, source: Path, times: int) -> None:
    if kind in ("fhir", "meds"):
        {"fhir": fhir, "meds": meds}[kind](emr, source, times)
        return
    if kind == "deidentify":
        export = place / f"synthea-{times}"
        if not export.exists():
            make("synthea", emr, place, export, times)
        read_synthea(export, source)
        return
    once = place / f"{kind}-written"
    if not once.exists():
        {"synthea": write_synthea, "omop": write_omop}[kind](emr, once)
    copies(kind, once, source, times)


if __name__ == "__main__":
    main()
