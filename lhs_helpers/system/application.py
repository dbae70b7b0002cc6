"""The service as an ASGI application: CDS Hooks 2.0 discovery, the hook patient-view, and feedback."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lhs_helpers import __version__
from lhs_helpers.errors import LHSError
from lhs_helpers.system import fhir
from lhs_helpers.system.bodies import FeedbackRequest, documented, feedback_entry, read_body
from lhs_helpers.system.deployment import Deployment, answer
from lhs_helpers.system.feedback import Journal
from lhs_helpers.system.fhir_events import Refused
from lhs_helpers.system.guard import Guard, log

MOST_BYTES = 5_000_000


def service(
    source: Path | str,
    journal: Path | str,
    *,
    token: str | None = None,
    silent: bool = False,
    at: str | None = None,
    most_bytes: int = MOST_BYTES,
) -> FastAPI:
    """The service as an ASGI application.

    Parameters
    ----------
    source : Path or str
        The folder of a release or of a registry.
    journal : Path or str
        Where risks and feedback are written down.
    token : str, optional
        What callers must send; without it only calls addressed to localhost are answered.
    silent : bool
        Compute and log, and show no card.
    at : str, optional
        The day that is "now", for records that end in the past; else this computer's clock.
    most_bytes : int
        Largest body that is read.

    Raises
    ------
    LHSError
        When the release is refused, or `at` is no date.
    """
    deployment, book = Deployment(Path(source), silent), Journal(journal)
    now = None if at is None else _day(at)
    # No pages of documentation: they would load scripts from elsewhere.
    app = FastAPI(
        title="LHS risk service", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    paths = ("/cds-services", f"/cds-services/{deployment.id}", f"/cds-services/{deployment.id}/feedback")
    app.add_middleware(Guard, token=token, most=most_bytes, routes=paths)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: Any) -> JSONResponse:
        known = {
            404: "There is nothing here; GET /cds-services lists what is.",
            405: "Not with this method: GET /cds-services lists the services, and POST asks them.",
        }
        sentence = known.get(error.status_code, str(error.detail))
        return JSONResponse({"error": sentence}, error.status_code, headers=getattr(error, "headers", None))

    @app.exception_handler(Refused)
    async def _refused(request: Request, error: Refused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, error.status)

    @app.exception_handler(OSError)
    async def _not_written(request: Request, error: Any) -> JSONResponse:
        log.error("the journal can not be written: %s", error.strerror)
        sentence = "It could not be written down, so it does not count: the disk is full or fails. Send it again later."
        return JSONResponse({"error": sentence}, 503)

    @app.get(paths[0])
    async def discovery() -> dict[str, Any]:
        """The services that can be called now: one, or none when it is switched off."""
        release, reader, state = deployment.current()
        if state == "off":
            return {"services": []}
        about = {
            "hook": "patient-view",
            "id": deployment.id,
            "title": f"Risk: {release.task.name}",
            "description": f"{release.task} Release {release.version}. "
            f"{release.card['UsesAndDirections']['IntendedUseAndWorkflow']}",
            "prefetch": reader.templates(),
        }
        return {"services": [about]}

    @app.post("/cds-services/{service_id}", **documented(fhir.HookRequest))
    async def patient_view(service_id: str, request: Request) -> JSONResponse:
        """The card for one patient, or none."""
        _refuse_unknown(service_id, deployment.id)
        release, reader, state = deployment.current()
        asked = read_body(fhir.HookRequest, await request.body())
        if state == "off":
            return JSONResponse({"cards": []})
        moment = now or datetime.now()
        entry, cards = answer(release, reader, asked, moment, state == "live")
        about = {
            "received_at": datetime.now(UTC).isoformat(),
            "person": book.person(asked.context.patientId),
            "release": release.identity,
            "version": release.version,
            "state": state,
        }
        book.write_risk(about | entry)
        return JSONResponse({"cards": cards})

    @app.post("/cds-services/{service_id}/feedback", **documented(FeedbackRequest))
    async def feedback(service_id: str, request: Request) -> JSONResponse:
        """Takes what clinicians made of cards; answers when it is on the disk."""
        _refuse_unknown(service_id, deployment.id)
        given = read_body(FeedbackRequest, await request.body()).feedback
        received, version = datetime.now(UTC).isoformat(), deployment.version
        entries = [feedback_entry(one) | {"received_at": received, "version": version} for one in given]
        await run_in_threadpool(book.write_feedback, entries)
        return JSONResponse({"received": len(entries)})

    return app


def _refuse_unknown(asked: str, known: str) -> None:
    if asked != known:
        raise Refused(404, f"There is no such service; this one is {known!r}.")


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise LHSError(f"at is {text!r}; give a day such as '2019-01-01'.") from None
