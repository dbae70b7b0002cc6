"""The command `lhs`. Heavy imports stand inside the commands, so that `lhs --help` answers at once."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.core import TyperGroup

from lhs_helpers import __version__
from lhs_helpers.errors import LHSError


class Group(TyperGroup):
    """A group whose commands fail with one sentence and exit code 2, not with a traceback."""

    def invoke(self, ctx: typer.Context) -> object:
        try:
            return super().invoke(ctx)
        except LHSError as error:
            typer.echo(f"lhs: {error}", err=True)
            raise typer.Exit(2) from error
        except (KeyboardInterrupt, RuntimeError) as stop:
            if isinstance(stop, RuntimeError) and "Query interrupted" not in str(stop):  # DuckDB's Ctrl-C
                raise
            typer.echo("lhs: stopped. Nothing is broken: the same command goes on where it stood.", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def lhs() -> None:
    """Tools of the LHS Quick Guide."""


@app.command("check-env")
def check_env() -> None:
    """Say what is installed, what is missing, and how to repair it (exit code 1 when it must be)."""
    from lhs_helpers.environment import complete, inventory, report

    parts = inventory()
    typer.echo(f"LHS Quick Guide {__version__}\n{report(parts)}")
    if not complete(parts):
        raise typer.Exit(1)


@app.command()
def generate(
    folder: Annotated[Path, typer.Argument(help="New or empty folder, or one of an earlier, stopped run.")],
    patients: Annotated[int, typer.Option(help="People living in the catchment on the first day.")] = 30_000,
    years: Annotated[int, typer.Option(help="Recorded years.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    start: Annotated[str, typer.Option(help="1 January of the first recorded year.")] = "2014-01-01",
    workers: Annotated[int | None, typer.Option(help="Processes; all cores when not given.")] = None,
    disease: Annotated[list[str] | None, typer.Option(help="Only these diseases; may be repeated.")] = None,
) -> None:
    """Make a synthetic hospital and let it live: Parquet tables, a manifest, and the answer key beside them.

    A run that was stopped goes on where it stood when the same command is given again.
    """
    from time import perf_counter

    from lhs_helpers.patients import Hospital

    if years < 1:
        raise LHSError(f"years is {years}: give at least 1.")
    began = perf_counter()
    hospital = Hospital(
        folder, patients=patients, seed=seed, start=start, workers=workers, diseases=disease or None
    )
    emr = hospital.advance(f"{int(start[:4]) + years}-01-01")
    seconds, tables = perf_counter() - began, emr.manifest["tables"]
    for table, part in tables.items():
        typer.echo(f"{table:>15} {part['rows']:>14,}")
    rows = sum(part["rows"] for part in tables.values())
    typer.echo(f"{'in all':>15} {rows:>14,} rows in {seconds:.1f} s ({rows / seconds:,.0f} a second)")
    typer.echo(
        f"{folder}: content {emr.manifest['content_hash'][:16]}. Synthetic: for learning, not for care."
    )


@app.command()
def check(folder: Annotated[Path, typer.Argument(help="A folder of records.")]) -> None:
    """Look for what can not be in a record; exit code 1 when something is found."""
    from lhs_helpers.records.emr import EMR

    broken = EMR(folder).check()
    for rule in broken.itertuples():
        typer.echo(f"{rule.table}: {rule.rule} ({rule.rows:,}). {rule.example}")
    if len(broken):
        raise typer.Exit(1)
    typer.echo(f"{folder}: every rule holds.")


@app.command("import")
def import_(
    kind: Annotated[
        Literal["synthea", "omop", "fhir", "mimic", "meds"], typer.Argument(help="What the export is.")
    ],
    source: Annotated[Path, typer.Argument(help="The folder of the export.")],
    folder: Annotated[Path, typer.Argument(help="New or empty folder for the records.")],
) -> None:
    """Turn an export into a folder of records; says what was kept, what was rejected and why."""
    from importlib import import_module

    reader = import_module(f"lhs_helpers.records.{kind}_reader")
    emr = getattr(reader, f"read_{kind}")(source, folder)
    for note in emr.manifest["notes"]:
        typer.echo(f"Note: {note}")
    typer.echo(f"{emr}")


@app.command("export")
def export(
    kind: Annotated[Literal["synthea", "omop", "meds"], typer.Argument(help="The form to write.")],
    folder: Annotated[Path, typer.Argument(help="A folder of records.")],
    target: Annotated[Path, typer.Argument(help="New or empty folder for the export.")],
    columns: Annotated[
        Literal["2022", "current"], typer.Option(help="Columns of which edition; only of synthea.")
    ] = "2022",
) -> None:
    """Write a folder of records as another program's export."""
    from lhs_helpers.records.emr import EMR
    from lhs_helpers.records.meds import write_meds
    from lhs_helpers.records.omop_writer import write_omop
    from lhs_helpers.records.synthea import write_synthea

    emr = EMR(folder)
    if kind == "synthea":
        written = write_synthea(emr, target, columns=columns)
    else:
        written = {"omop": write_omop, "meds": write_meds}[kind](emr, target)
    for file, rows in written.items():
        typer.echo(f"{file:>33} {rows:>14,}")


@app.command()
def serve(
    release: Annotated[Path, typer.Argument(help="A folder of a release, or of a registry of releases.")],
    journal: Annotated[Path, typer.Option(help="Where risks and feedback are written down.")] = Path(
        "lhs-journal"
    ),
    host: Annotated[str, typer.Option(help="Anything but this computer needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65_535)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="LHS_TOKEN", help="What callers must send. Set LHS_TOKEN: a command line is seen."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
    silent: Annotated[bool, typer.Option(help="Compute and log; show no card.")] = False,
    at: Annotated[str | None, typer.Option(help="The day that is now, for records of the past.")] = None,
) -> None:
    """Answer CDS Hooks calls with the risks of a release. Synthetic: for learning, not for care."""
    from lhs_helpers.system.service import run

    run(release, journal, host=host, port=port, token=token, workers=workers, silent=silent, at=at)


@app.command()
def deidentify(
    source: Annotated[Path, typer.Argument(help="A folder of records.")],
    folder: Annotated[Path, typer.Argument(help="New or empty folder for the copy.")],
    secret_file: Annotated[
        Path | None,
        typer.Option(
            help="A file with 16 characters or more, kept elsewhere: the same gives the same names again."
        ),
    ] = None,
) -> None:
    """Make a copy for teaching: no names, texts and places, dates shifted, identifiers re-keyed."""
    from lhs_helpers.records.deidentify import deidentify
    from lhs_helpers.records.emr import EMR

    secret = None
    if secret_file is not None:
        inside = {source.resolve(), folder.resolve()} & set(secret_file.resolve().parents)
        if inside:
            raise LHSError(
                f"{secret_file} lies in {inside.pop()}; keep the secret elsewhere than the records."
            )
        try:
            secret = secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise LHSError(f"{secret_file} can not be read; give a text file with the secret.") from None
    copy = deidentify(EMR(source), folder, secret)
    for note in copy.manifest["notes"]:
        typer.echo(f"Note: {note}")
    typer.echo(f"{copy}")


if __name__ == "__main__":
    app()
