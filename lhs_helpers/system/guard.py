"""What stands before the service: who may ask, how much they may send, and what is written about it.

Nothing of a request reaches the log but its method, a known route, the status and the time it took: a path,
a query or a message of an exception could hold a patient.
"""

import hmac
import json
import logging
import time
import traceback
from pathlib import Path
from typing import Any

log = logging.getLogger("lhs.service")
LOCAL = ("127.0.0.1", "localhost", "::1")


class Guard:
    """An ASGI layer around the service.

    Parameters
    ----------
    token : str or None
        Every call needs ``Authorization: Bearer <token>``; None: calls of this computer only.
    most : int
        Bytes that a body may have.
    routes : tuple of str
        The paths that may be named in the log.
    """

    def __init__(self, app: Any, token: str | None, most: int, routes: tuple[str, ...]):
        self.app, self.most, self.routes = app, most, routes
        self.token = None if token is None else token.encode()

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def answer(message: dict) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        refusal = self._refusal(scope)
        try:
            if refusal:
                await self._say(answer, *refusal)
            else:
                body = await self._body(receive)
                if body is None:
                    sentence = f"The body is larger than {self.most:,} bytes; send less."
                    await self._say(answer, 413, sentence)
                else:
                    await self.app(scope, _once(body, receive), answer)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.error("failed: %s at %s:%s", type(error).__name__, Path(where.filename).name, where.lineno)
            if status == 500:
                await self._say(answer, 500, "The service failed; nothing was computed. Its log says where.")
        finally:
            route = scope["path"] if scope["path"] in self.routes else "(unknown path)"
            milliseconds = 1000 * (time.perf_counter() - began)
            method = scope["method"] if scope["method"] in ("GET", "POST") else "(other method)"
            log.info("%s %s %s %.1f ms", method, route, status, milliseconds)

    def _refusal(self, scope: dict) -> tuple[int, str] | None:
        headers = dict(scope["headers"])
        if self.token is not None:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given, self.token):
                return 401, "This service needs its token: Authorization: Bearer <token>."
        elif _host(headers.get(b"host", b"").decode("latin-1")) not in LOCAL:
            # A web page elsewhere can make a browser here call this service under a name of its own.
            return 400, "Without a token, only localhost may be asked."
        if scope["method"] == "POST":
            kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
            if kind != b"application/json":
                return 415, "Send the body as Content-Type: application/json."
        return None

    async def _body(self, receive: Any) -> bytes | None:
        """The body; None when it is too large, and then the rest of it is not read."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                break
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.most:
                return None
            more = message.get("more_body", False)
        return b"".join(parts)

    async def _say(self, send: Any, status: int, sentence: str) -> None:
        body = json.dumps({"error": sentence}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _once(body: bytes, receive: Any) -> Any:
    """A `receive` that gives the body that was read already, and then what comes."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> dict:
        return waiting.pop() if waiting else await receive()

    return again


def _host(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header
