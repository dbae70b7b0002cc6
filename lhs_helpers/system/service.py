"""`lhs serve`: a CDS Hooks 2.0 service that answers the hook patient-view with a card.

It serves a release, or a registry, whose champion and state it looks up at every call: who switches off there
is obeyed at the next patient. By default it listens to this computer only; anything else needs a token.
"""

import errno
import gc
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from lhs_helpers.errors import LHSError
from lhs_helpers.system.application import service
from lhs_helpers.system.guard import LOCAL

__all__ = ["run", "service", "serving"]


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
    if token is not None and (len(token) < 16 or not token.isascii()):
        fault = "is not plain ASCII" if len(token) >= 16 else "has fewer than 16 characters"
        raise LHSError(f"The token {fault}; make a longer one of letters and digits.")
    settings = {"source": str(source), "journal": str(journal), "token": token, "silent": silent, "at": at}
    application = service(**settings)  # what is refused is refused here, with its sentence
    if workers > 1 and not hasattr(socket, "SO_REUSEPORT"):
        raise LHSError("This system can not share a port among processes; leave --workers out.")
    # A port that is shared would be shared with another service, too, and callers dealt out between the two.
    _listening(host, port, shared=False).close()
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


@contextmanager
def serving(source: Path | str, journal: Path | str, **settings: Any) -> Iterator[str]:
    """The service in a thread of this process, at a free port of this computer: for trying it.

    Yields its address, and stops it at the end. `settings` are those of `service`.
    """
    application = service(source, journal, **settings)
    with _listening("127.0.0.1", 0, shared=False) as place:
        config = uvicorn.Config(application, access_log=False, log_config=None, server_header=False)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [place]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{place.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


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
        other = (
            "port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "host, an address of this computer"
        )
        raise LHSError(
            f"Can not serve on {host}, port {port}: {error.strerror}. Choose another {other}."
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
