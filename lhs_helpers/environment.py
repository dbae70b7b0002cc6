"""Does this computer have what the guide needs? What is installed is compared with what pyproject.toml asks.

Only the standard library and `packaging` are imported: the check must run where everything else is broken.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from lhs_helpers.errors import LHSError

DISTRIBUTION = "lhs-helpers"


@dataclass(frozen=True)
class Part:
    """One thing the guide needs: its name, the range asked for, the version found, and what needs it."""

    name: str
    wanted: SpecifierSet
    found: str | None
    extra: str | None = None

    @property
    def fits(self) -> bool:
        return self.found is not None and self.wanted.contains(self.found, prereleases=True)

    def __str__(self) -> str:
        asked = f" (asked for: {self.wanted})" if str(self.wanted) else ""
        if self.found is None:
            return f"{self.name}: not installed{asked}"
        return f"{self.name} {self.found}" + ("" if self.fits else f": outside the range{asked}")


def inventory() -> list[Part]:
    """Python and every library that pyproject.toml names for this system, with the version that is installed.

    Raises
    ------
    LHSError
        When the package itself is not installed, so that nothing says what it needs.
    """
    try:
        asked = [Requirement(line) for line in requires(DISTRIBUTION) or []]
        python = SpecifierSet(metadata(DISTRIBUTION)["Requires-Python"])
    except PackageNotFoundError:
        raise LHSError(
            f"The package {DISTRIBUTION} is not installed for {sys.executable}. In the project's folder, run "
            "`make book`, or: python -m pip install -r requirements.lock; python -m pip install --no-deps -e ."
        ) from None
    extras = [None, *metadata(DISTRIBUTION).get_all("Provides-Extra", [])]
    parts = [Part("Python", python, platform.python_version())]
    for extra in extras:
        for requirement in asked:
            if _is_for(requirement, extra):
                parts.append(
                    Part(requirement.name, requirement.specifier, _installed(requirement.name), extra)
                )
    return parts


def report(parts: list[Part]) -> str:
    """The inventory in words, with what to type for each thing that is missing or out of range."""
    lines = []
    for extra in dict.fromkeys(part.extra for part in parts):
        mine = [part for part in parts if part.extra == extra]
        bad = [part for part in mine if not part.fits]
        title = "Needed" if extra is None else f"Optional: {extra}"
        lines.append(f"{title} ({len(mine) - len(bad)} of {len(mine)} fit)")
        lines += [f"  {'ok     ' if part.fits else 'REPAIR '} {part}" for part in mine]
        if bad:
            lines.append(f"  To repair: {_repair(bad)}")
    return "\n".join(lines)


def complete(parts: list[Part]) -> bool:
    """Whether everything that is not optional is there, in its range."""
    return all(part.fits for part in parts if part.extra is None)


def _is_for(requirement: Requirement, extra: str | None) -> bool:
    """Whether `requirement` belongs to `extra` (None: to everybody) on this system."""
    if requirement.marker is None:
        return extra is None
    alone = requirement.marker.evaluate({"extra": ""})
    return alone if extra is None else not alone and requirement.marker.evaluate({"extra": extra})


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _repair(bad: list[Part]) -> str:
    if any(part.name == "Python" for part in bad):
        return "install a Python that fits, delete the folder .venv, and run `make book` again"
    return "python -m pip install " + " ".join(f'"{part.name}{part.wanted}"' for part in bad)
