"""`lhs serve`: a CDS Hooks 2.0 service that answers the hook patient-view with a card.

It serves a release, or a registry, whose champion and state it looks up at every call: who switches off there
is obeyed at the next patient. By default it listens to this computer only; anything else needs a token.
"""

import gc
import logging
import os
import re
import socket
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from starlette.exceptions import HTTPException
from threadpoolctl import threadpool_limits

from lhs_helpers import __version__
from lhs_helpers.errors import LHSError
from lhs_helpers.system import fhir
from lhs_helpers.system.cards import card
from lhs_helpers.system.feedback import Journal
from lhs_helpers.system.fhir_features import FeatureReader, Refused
from lhs_helpers.system.guard import LOCAL, Guard
from lhs_helpers.system.registry import FILE as REGISTRY_FILE
from lhs_helpers.system.registry import Registry
from lhs_helpers.system.release import Release, load

MOST_BYTES = 5_000_000
Short = Annotated[str, StringConstraints(max_length=1_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Suggestion(_Body):
    id: Short


class Reason(_Body):
    system: Short | None = None
    code: Short
    display: Short | None = None


class OverrideReason(_Body):
    reason: Reason | None = None
    userComment: Annotated[str, StringConstraints(max_length=4_000)] | None = None


class Feedback(_Body):
    card: UUID
    outcome: Literal["accepted", "overridden"]
    acceptedSuggestions: Annotated[list[Suggestion], Field(max_length=100)] = []
    overrideReason: OverrideReason | None = None
    outcomeTimestamp: datetime

    @model_validator(mode="after")
    def _which(self) -> "Feedback":
        if self.outcome == "accepted" and not self.acceptedSuggestions:
            raise ValueError("an accepted card names its acceptedSuggestions")
        if not 1900 < self.outcomeTimestamp.year < 2200:
            raise ValueError("the outcomeTimestamp lies in no year of clinical use")
        return self


class FeedbackRequest(_Body):
    """The body of a call of the feedback endpoint (CDS Hooks 2.0)."""

    feedback: Annotated[list[Feedback], Field(min_length=1, max_length=1_000)]


class Deployment:
    """What is in use now: a release in a fixed state, or the champion of a registry in the registry's state.

    Parameters
    ----------
    source : Path
        The folder of a release or of a registry.
    silent : bool
        Compute and log, and show nothing, whatever the registry says.
    """

    def __init__(self, source: Path, silent: bool = False):
        self.silent, self.registry, self._seen = silent, None, None
        if (source / REGISTRY_FILE).exists():
            self.registry = Registry(source)
            self.task = self.registry.release().task  # a registry holds the releases of one task
        else:
            self._use(load(source))
            self.task = self.release.task
            self.state = "silent" if silent else "live"
        self.id = re.sub(r"[^a-z0-9]+", "-", self.task.name.lower()).strip("-") or "risk"
        self.current()

    def current(self) -> tuple[Release, FeatureReader, str]:
        """Release, its feature reader, and the state."""
        if self.registry is not None:
            there = os.stat(self.registry.folder / REGISTRY_FILE)
            seen = (there.st_mtime_ns, there.st_ino)  # the file is replaced at every change
            if seen != self._seen:
                self._use(self.registry.release())
                state = self.registry.state
                self.state = "silent" if self.silent and state == "live" else state
                self._seen = seen
        return self.release, self.reader, self.state

    def _use(self, release: Release) -> None:
        self.release, self.reader = release, FeatureReader(release.features, release.task)


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
    app = FastAPI(title="LHS risk service", version=__version__, docs_url=None, redoc_url=None)
    paths = ("/cds-services", f"/cds-services/{deployment.id}", f"/cds-services/{deployment.id}/feedback")
    app.add_middleware(Guard, token=token, most=most_bytes, routes=paths)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: Any) -> JSONResponse:
        known = {404: "There is nothing here; GET /cds-services lists what is.", 405: "Not with this method."}
        sentence = known.get(error.status_code, str(error.detail))
        return JSONResponse({"error": sentence}, error.status_code, headers=getattr(error, "headers", None))

    @app.exception_handler(Refused)
    async def _refused(request: Request, error: Refused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, error.status)

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

    @app.post("/cds-services/{service_id}", **_documented(fhir.HookRequest))
    async def patient_view(service_id: str, request: Request) -> JSONResponse:
        """The card for one patient, or none."""
        _refuse_unknown(service_id, deployment.id)
        release, reader, state = deployment.current()
        asked = _read(fhir.HookRequest, await request.body())
        if state == "off":
            return JSONResponse({"cards": []})
        moment = now or datetime.now()
        entry, cards = _answer(release, reader, asked, moment, state == "live")
        about = {
            "received_at": datetime.now(UTC).isoformat(),
            "person": book.person(asked.context.patientId),
            "release": release.identity,
            "version": release.version,
            "state": state,
        }
        book.write_risk(about | entry)
        return JSONResponse({"cards": cards})

    @app.post("/cds-services/{service_id}/feedback", **_documented(FeedbackRequest))
    async def feedback(service_id: str, request: Request) -> JSONResponse:
        """Takes what clinicians made of cards; answers when it is on the disk."""
        _refuse_unknown(service_id, deployment.id)
        given = _read(FeedbackRequest, await request.body()).feedback
        received, version = datetime.now(UTC).isoformat(), deployment.current()[0].version
        entries = [_entry(one) | {"received_at": received, "version": version} for one in given]
        try:
            await run_in_threadpool(book.write_feedback, entries)
        except OSError:
            sentence = "The feedback could not be stored: the disk is full or fails. Send it again later."
            return JSONResponse({"error": sentence}, 503)
        return JSONResponse({"received": len(entries)})

    return app


def _answer(
    release: Release, reader: FeatureReader, asked: fhir.HookRequest, at: datetime, shown: bool
) -> tuple[dict[str, Any], list[dict]]:
    """What goes into the journal, and the cards."""
    patient_id, patient = asked.context.patientId, asked.prefetch.patient
    if "patient" not in asked.prefetch.model_fields_set:
        raise Refused(412, "The prefetch lacks 'patient', which this model needs.")
    if patient is None:
        raise Refused(404, "The patient is unknown to the client: its prefetch of 'patient' is null.")
    if patient.id != patient_id:
        raise Refused(422, "The prefetched patient is somebody else than the patient of the context.")
    events = reader.events(asked.prefetch, patient_id)
    row = reader.row(patient, events, at)
    because = reader.concerns(patient, events, at)
    entry = {"card": None, "risk": None, "alert": False, "because": because}
    if because is not None:
        return entry, []
    risk = release.risk_of_row(row)
    alert = risk >= release.threshold
    cards = [card(release, patient_id, row, risk, at)] if alert and shown else []
    return entry | {"risk": risk, "alert": alert, "card": cards[0]["uuid"] if cards else None}, cards


def _entry(given: Feedback) -> dict[str, Any]:
    override = given.overrideReason or OverrideReason()
    return {
        "card": str(given.card),
        "outcome": given.outcome,
        "reason": override.reason.code if override.reason else None,
        "comment": override.userComment,
        "accepted": len(given.acceptedSuggestions),
        "at": _utc(given.outcomeTimestamp).isoformat(),
    }


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _read(model: type[BaseModel], body: bytes) -> Any:
    """The body as `model`, or a sentence that says where it does not fit; what it held is not repeated."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        status = 400 if first["type"] == "json_invalid" else 422
        raise Refused(status, f"The request can not be used: {where}: {first['msg']}.{more}") from None


def _refuse_unknown(asked: str, known: str) -> None:
    if asked != known:
        raise Refused(404, f"There is no such service; this one is {known!r}.")


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise LHSError(f"at is {text!r}; give a day such as '2019-01-01'.") from None


def _documented(model: type[BaseModel]) -> dict[str, Any]:
    """The body's schema for /openapi.json: the body is read by hand, so that errors become sentences."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    content = {"application/json": {"schema": _inlined(schema)}}
    return {"openapi_extra": {"requestBody": {"required": True, "content": content}}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    parts = schema.pop("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return put(parts[value["$ref"].rpartition("/")[2]])
            return {key: put(part) for key, part in value.items()}
        return [put(part) for part in value] if isinstance(value, list) else value

    return put(schema)


def run(
    source: Path | str,
    journal: Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    workers: int = 1,
    silent: bool = False,
    at: str | None = None,
) -> None:
    """Serve until Ctrl-C; port 0 takes a free one. See `service` for the rest.

    Raises
    ------
    LHSError
        When `host` is not this computer and there is no token, or the release is refused.
    """
    if host not in LOCAL and not token:
        raise LHSError(
            f"Serving on {host} needs a token of at least 16 characters: set LHS_TOKEN. Or leave --host out, and "
            "only this computer is served."
        )
    if token is not None and len(token) < 16:
        raise LHSError("The token has fewer than 16 characters; make a longer one.")
    settings = {"source": str(source), "journal": str(journal), "token": token, "silent": silent, "at": at}
    application = service(**settings)  # what is refused is refused here, with its sentence
    if workers > 1 and not hasattr(socket, "SO_REUSEPORT"):
        raise LHSError("This system can not share a port among processes; leave --workers out.")
    with _listening(host, port, workers > 1) as place:
        port = place.getsockname()[1]
        print(f"http://{host}:{port}/cds-services   Stop with Ctrl-C.", flush=True)
        start = get_context("spawn").Process
        others = [start(target=_work, args=(settings, host, port), daemon=True) for _ in range(workers - 1)]
        for other in others:
            other.start()
        try:
            _serve(application, place)
        finally:
            for other in others:
                other.terminate()
                other.join()


def _listening(host: str, port: int, shared: bool) -> socket.socket:
    """A socket to answer at; who calls before the service is ready waits, and is not turned away.

    `shared`: other workers have one at the same port, and the system deals out the callers. Of a single socket
    the first worker would take them all.
    """
    place = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Head and body of an answer are two writes: without this the second waits 40 ms for the first's receipt.
        place.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if shared:
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        place.bind((host, port))
    except OSError as error:
        place.close()
        raise LHSError(
            f"Can not serve on {host}, port {port}: {error.strerror}. Choose another port."
        ) from None
    place.listen(2048)
    return place


def _work(settings: dict[str, Any], host: str, port: int) -> None:
    application = service(**settings)  # first, so that nobody waits at a socket that is not served yet
    with _listening(host, port, shared=True) as place:
        _serve(application, place)


def _serve(application: FastAPI, place: socket.socket) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # What is loaded now stays; the garbage collector need not look at it again at every call.
    gc.freeze()
    # Its own log of calls would hold what was asked for, patients and all; the guard writes a log without.
    config = uvicorn.Config(application, access_log=False, log_level="warning", server_header=False)
    with threadpool_limits(1):  # one patient at a time: threads would only wait for one another
        uvicorn.Server(config).run(sockets=[place])
