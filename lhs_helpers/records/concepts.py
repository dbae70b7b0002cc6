"""Concept sets: what is meant by a word, in the codes of every system, so that one question fits every source."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lhs_helpers.errors import LHSError

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

FOLDER = Path(__file__).with_name("concept_sets")
COLUMNS = ["system", "code", "is_family", "description", "source"]


def concept_set(name: str | Path, emr: "EMR") -> tuple[str, ...]:
    """The codes of a record that mean what the set means, for ``target``, ``required`` or ``excluded`` of a `Task`.

    A code belongs to the set when it is listed, or begins with a family of it: *I63* of ICD-10-CM stands for I63.9 and
    all its like. Dots and capitals make no difference. What the record does not use is not in the answer, which may be
    empty.

    Parameters
    ----------
    name : one of `concept_sets`, such as "stroke", or the path of a TOML file of your own of the same form.
    emr : the record, whose table `concepts` is looked through.

    Raises
    ------
    LHSError
        When there is no such set, or its file can not be read.
    """
    listed = concept_list(name)
    codes = pd.Series(sorted(set(emr.concepts.code.execute().dropna())), dtype="str")
    system = codes.str.partition(":")[0].str.lower()
    bare = codes.str.partition(":")[2].map(_bare)
    belongs = pd.Series(False, index=codes.index)
    for row in listed.itertuples():
        same = bare.str.startswith(_bare(row.code)) if row.is_family else bare == _bare(row.code)
        belongs |= same & (system == row.system.lower())
    return tuple(codes[belongs])


def concept_sets() -> pd.Series:
    """The sets of the package: what each means, by name."""
    said = {path.stem: _read(path)["meaning"] for path in sorted(FOLDER.glob("*.toml"))}
    return pd.Series(said, name="meaning", dtype="str").rename_axis("concept set")


def concept_list(name: str | Path) -> pd.DataFrame:
    """Every code and family of a set: ``system``, ``code``, ``is_family``, ``description`` and ``source``."""
    path = name if isinstance(name, Path) else FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(file.stem for file in sorted(FOLDER.glob("*.toml")))
        raise LHSError(
            f"There is no concept set {str(name)!r}; choose of {known}, or give the path of a TOML file."
        )
    rows = []
    for block in _read(path)["codes"]:
        systems = block["system"] if isinstance(block["system"], list) else [block["system"]]
        for kind in ("code", "family"):
            rows += [
                (system, code, kind == "family", said, block["source"])
                for system in systems
                for code, said in block.get(kind, {}).items()
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _bare(code: str) -> str:
    return code.replace(".", "").lower()


def _read(path: Path) -> dict:
    """A set as its file says it; an LHSError names what is not as it should be."""
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LHSError(f"{path} can not be read as a concept set ({str(error).rstrip('.')}).") from None
    for key in ("name", "meaning", "codes"):
        if not held.get(key):
            raise LHSError(f"{path} lacks {key}; a concept set has a name, a meaning and [[codes]].")
    for block in held["codes"]:
        if not (block.get("system") and block.get("source") and (block.get("code") or block.get("family"))):
            raise LHSError(
                f"{path}: each [[codes]] has a system, a source, and a table code or family; one has not."
            )
    return held
