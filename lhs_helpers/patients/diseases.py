"""The diseases of a hospital: read from their files, checked, put in order."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from lhs_helpers.errors import LHSError
from lhs_helpers.patients.disease_form import COURSES, MEASURES, Disease, Part

FOLDER = Path(__file__).parent / "diseases"


def read_file(path: Path, form: type[Part], **extra) -> Part:
    """A TOML file in one of the forms above; an LHSError names the file and the key that is wrong."""
    try:
        return form.model_validate(tomllib.loads(path.read_text(encoding="utf-8")) | extra)
    except FileNotFoundError:
        if path.parent != FOLDER:
            raise LHSError(f"There is no file {path}.") from None
        raise LHSError(
            f"There is no disease '{path.stem}'. Known diseases: {', '.join(known_diseases())}."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise LHSError(f"{path.name} is not valid TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            what = "is missing (every figure says where it comes from, and how sure it is)"
        raise LHSError(f"{path.name}, {key}: {what}{'' if what.endswith('?') else '.'}") from None


def known_diseases() -> list[str]:
    """The names of the diseases that come with this package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def packaged() -> tuple[Disease, ...]:
    """All diseases that come with this package, each after those it depends on."""
    return tuple(_ordered([FOLDER / f"{name}.toml" for name in known_diseases()]))


def load_diseases(names: list[str] | None = None) -> list[Disease]:
    """The named diseases (all when None), each after those it depends on.

    A name that ends in .toml is the path of a file of your own. LHSError if one is unknown, wrong, or missing.
    """
    if names is not None and not names:
        raise LHSError(f"The list of diseases is empty; name at least one of: {', '.join(known_diseases())}.")
    return list(packaged()) if names is None else _ordered([disease_file(name) for name in names])


def _ordered(paths: list[Path]) -> list[Disease]:
    found = {path.stem: read_file(path, Disease, key=path.stem) for path in paths}
    _check_names(found)
    ordered: list[Disease] = []
    while len(ordered) < len(found):
        done = {disease.key for disease in ordered}
        ready = [d for key, d in found.items() if key not in done and _needs(d, found) <= done]
        if not ready:
            raise LHSError(
                f"The diseases {', '.join(sorted(set(found) - done))} depend on each other in a circle."
            )
        ordered += ready
    return ordered


def disease_file(name: str) -> Path:
    """Where the file of a disease is: in this package, or where a name that ends in .toml says."""
    return Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"


def _check_names(found: dict[str, Disease]) -> None:
    """What a file names must exist: diseases, courses, measures and kinds of visit, or an LHSError names it."""
    diseases = {*known_diseases(), *found}
    risks = diseases | {*COURSES, "smoking", "race", "frailty", "attends"}
    for key, disease in found.items():
        named = [("relative_risk.of", risk.of, risks) for risk in disease.relative_risk]
        named += [("sign.measure", sign.measure, MEASURES) for sign in disease.sign]
        named += [("shift.measure", shift.measure, MEASURES) for shift in disease.shift]
        for treatment in disease.treatment:
            named += [("treatment.course", treatment.course, COURSES)] if treatment.course else []
            named += [("treatment.relative_risk", of, diseases) for of in treatment.relative_risk]
        if disease.threshold:
            named.append(("threshold.of", disease.threshold.of, {*COURSES, "smoking"}))
            named += (
                [("threshold.unless", disease.threshold.unless, diseases)] if disease.threshold.unless else []
            )
        for where, name, known in named:
            if name not in known:
                raise LHSError(f"{key}.toml, {where}: '{name}' is not one of: {', '.join(sorted(known))}.")


def _needs(disease: Disease, found: dict[str, Disease]) -> set[str]:
    files = {*known_diseases(), *found}
    needs = {risk.of for risk in disease.relative_risk if risk.of in files}
    if missing := needs - set(found):
        raise LHSError(
            f"{disease.key}.toml names {', '.join(sorted(missing))} as a risk: load that disease too, or none by name."
        )
    return needs
