"""The command `lhs`: what it prints, its exit codes, and that a mistake or a stop breaks nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lhs_helpers.cli import app
from lhs_helpers.records.emr import EMR

ROOT = Path(__file__).parents[1]
SMALL = ["--patients", "600", "--years", "1", "--seed", "5", "--workers", "1"]


def lhs(*arguments: str | Path):
    """The result of one command: .exit_code, .stdout, .stderr."""
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def hospital(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "hospital"
    result = lhs("generate", folder, *SMALL)
    assert result.exit_code == 0 and "observations" in result.stdout, result.output
    return folder


def test_a_generated_hospital_passes_its_check(hospital):
    result = lhs("check", hospital)
    assert result.exit_code == 0 and "every rule holds" in result.stdout


def test_the_same_command_again_changes_nothing(hospital):
    before = EMR(hospital).manifest
    assert lhs("generate", hospital, *SMALL).exit_code == 0
    assert EMR(hospital).manifest == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
@pytest.mark.parametrize("kind", ["encounters", "observations", "truth/lives", "state"])
def test_a_disk_that_is_full_gets_a_sentence_and_the_same_command_goes_on(hospital, tmp_path, kind):
    """No file may grow beyond the size that this one needs: what a full disk does, at a place of our choice."""
    import resource

    need = max(path.stat().st_size for path in (hospital / kind).iterdir())
    command = [sys.executable, "-m", "lhs_helpers.cli", "generate", tmp_path / "h", *SMALL]
    full = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (need - 1, need - 1)),
    )
    assert full.returncode == 2 and "could not be written" in full.stderr, full.stderr
    assert len(full.stderr.strip().splitlines()) == 1 and str(tmp_path / "h") in full.stderr
    assert lhs("generate", tmp_path / "h", *SMALL).exit_code == 0
    assert EMR(tmp_path / "h").manifest["content_hash"] == EMR(hospital).manifest["content_hash"]
    assert not [path for path in (tmp_path / "h").rglob("*") if path.suffix in (".tmp", ".unfinished")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--patients", "-5"], "patients is -5"),
        (["--years", "0"], "years is 0"),
        (["--seed", "-1"], "seed is -1"),
        (["--start", "2014-05-01"], "1 January"),
        (["--disease", "plague"], "no disease 'plague'"),
        (["--workers", "0"], "workers is 0"),
    ],
)
def test_bad_parameters_get_one_sentence_exit_code_2_and_leave_nothing(tmp_path, arguments, says):
    result = lhs("generate", tmp_path / "new", *arguments)
    assert result.exit_code == 2 and says in result.stderr and "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()


def obey_permissions() -> None:
    """In a process about to start: root, too, may write only where the folder says so (capabilities(7), prctl(2))."""
    import ctypes

    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0):
        raise PermissionError


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
@pytest.mark.skipif(
    sys.platform != "linux" and getattr(os, "geteuid", int)() == 0, reason="root may write everywhere"
)
@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_folder_one_may_not_write_to(tmp_path, below):
    tmp_path.chmod(0o500)
    command = [sys.executable, "-m", "lhs_helpers.cli", "generate", tmp_path / "new" / below, *SMALL]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=obey_permissions)
    assert result.returncode == 2 and "Can not write" in result.stderr, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and str(tmp_path / "new") in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_where_a_folder_is_needed(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        result = lhs("generate", place, *SMALL)
        assert result.exit_code == 2 and "Traceback" not in result.output, result.output


def test_a_folder_that_is_no_record_can_not_be_checked(tmp_path):
    result = lhs("check", tmp_path)
    assert result.exit_code == 2 and "manifest.json" in result.stderr


def test_a_corrupt_partition_is_named(hospital, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", hospital, copy], check=True)
    partition = next((copy / "observations").iterdir())
    partition.write_bytes(b"PAR1 no longer a Parquet file")
    result = lhs("check", copy)
    assert result.exit_code in (1, 2) and partition.name in result.output and "Traceback" not in result.output


def test_a_deleted_partition_fails_the_check(hospital, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", hospital, copy], check=True)
    partition = next((copy / "observations").iterdir())
    partition.unlink()
    result = lhs("check", copy)
    assert result.exit_code == 1 and partition.name in result.stdout


@pytest.mark.parametrize("form", ["synthea", "omop", "meds"])
def test_a_hospital_goes_to_another_form_and_back(hospital, tmp_path, form):
    written = lhs("export", form, hospital, tmp_path / "export")
    assert written.exit_code == 0, written.output
    read = lhs("import", form, tmp_path / "export", tmp_path / "back")
    assert read.exit_code == 0, read.output
    assert "kept + 0 rejected" in read.stdout and "Note: " in read.stdout
    people = [EMR(folder).people.count().execute() for folder in (hospital, tmp_path / "back")]
    assert people[0] == people[1] > 600


def test_a_hospital_goes_to_meds(hospital, tmp_path):
    written = lhs("export", "meds", hospital, tmp_path / "meds")
    assert written.exit_code == 0 and "data/train/0.parquet" in written.stdout, written.output
    assert (tmp_path / "meds/metadata/dataset.json").is_file()
    again = lhs("export", "meds", hospital, tmp_path / "meds")
    assert again.exit_code == 2 and "is not empty" in again.stderr


@pytest.mark.parametrize("form", ["synthea", "omop", "fhir", "mimic", "meds"])
def test_an_export_that_is_not_there_gets_a_sentence(tmp_path, form):
    result = lhs("import", form, tmp_path / "nowhere", tmp_path / "records")
    assert result.exit_code == 2 and "nowhere" in result.stderr and "Traceback" not in result.output


def test_a_hospital_is_deidentified_with_a_secret_kept_elsewhere(hospital, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("sixteen characters and more")
    result = lhs("deidentify", hospital, tmp_path / "copy", "--secret-file", secret)
    assert result.exit_code == 0 and "does not make records anonymous" in result.stdout, result.output
    assert lhs("check", tmp_path / "copy").exit_code == 0
    inside = tmp_path / "copy/secret"
    inside.write_text(secret.read_text())
    again = lhs("deidentify", hospital, tmp_path / "copy", "--secret-file", inside)
    assert again.exit_code == 2 and "keep the secret elsewhere" in again.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("kind", ["omop", "synthea"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_import_is_completed_by_a_second_run(hospital, tmp_path, kind, how):
    source, folder = tmp_path / "export", tmp_path / "records"
    assert lhs("export", kind, hospital, source).exit_code == 0
    assert lhs("import", kind, source, tmp_path / "whole").exit_code == 0
    command = [sys.executable, "-m", "lhs_helpers.cli", "import", kind, source, folder]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while run.poll() is None and not any(folder.glob("encounters/*.parquet")):
        time.sleep(0.005)
    run.send_signal(how)
    _, said = run.communicate(timeout=60)
    assert run.returncode != 0 and "Traceback" not in said, said
    assert lhs("check", folder).exit_code == 2  # not finished: nothing that looks like a record
    assert lhs("import", kind, source, folder).exit_code == 0
    assert lhs("check", folder).exit_code == 0
    assert EMR(folder).manifest == EMR(tmp_path / "whole").manifest


@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_leaves_a_run_that_goes_on(tmp_path, workers):
    command = [sys.executable, "-m", "lhs_helpers.cli", "generate", str(tmp_path / "h")]
    command += ["--patients", "9000", "--years", "2", "--seed", "5", "--workers", workers]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while running.poll() is None and not list(tmp_path.glob("h/observations/*.parquet")):
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)  # a terminal sends it to all processes of a command
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130, complaint
    assert "goes on where it stood" in complaint and "Traceback" not in complaint
    assert not (tmp_path / "h" / "manifest.json").exists()
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert EMR(tmp_path / "h").check().empty


@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C")
@pytest.mark.parametrize("kind", ["synthea", "meds"])
def test_ctrl_c_leaves_no_export_and_the_same_command_works_again(tmp_path, kind):
    patients = ["--patients", "4000", "--years", "2", "--seed", "5", "--workers", "1"]
    assert lhs("generate", tmp_path / "h", *patients).exit_code == 0
    command = [
        sys.executable,
        "-m",
        "lhs_helpers.cli",
        "export",
        kind,
        str(tmp_path / "h"),
        str(tmp_path / "e"),
    ]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while running.poll() is None and not (tmp_path / "e/.unfinished").exists():
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in complaint, complaint
    assert list((tmp_path / "e").iterdir()) == []
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
