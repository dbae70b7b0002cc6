"""A headless Chromium, driven by its own protocol (Chrome DevTools) over one connection."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--headless=new",
    "--no-sandbox",  # Chromium refuses to start as root with it
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",  # a free one; it is then written into the profile
    "--remote-allow-origins=*",
]
PATIENCE = 30


def installed() -> str | None:
    """The program's path, where there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class _ShowsPage(_Quiet):
    def send_error(self, code: int, *_: object) -> None:
        page = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page)


class Server:
    """A folder on a free port of this computer."""

    _handler = _Quiet

    def __init__(self, folder: Path):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(self._handler, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class NotFoundServer(Server):
    """The same, with the folder's own page where there is no file, as servers of published books do."""

    _handler = _ShowsPage


class Browser:
    """One tab. `visit` a page, then `ask` it in JavaScript; `resize` between, as a reader would."""

    def __init__(self, program: str):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [program, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ
            | {"TMPDIR": self._profile.name},  # what Chromium forgets to delete goes with the profile
        )
        self._number, self._events = 0, []
        self._socket = self._connect()
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)
        self.call("Network.setCacheDisabled", cacheDisabled=True)

    def _connect(self):
        from websocket import create_connection

        chosen = Path(self._profile.name, "DevToolsActivePort")
        _wait(lambda: chosen.exists() and chosen.read_text(), "Chromium did not start")
        asked = HTTPConnection("127.0.0.1", int(chosen.read_text().split()[0]), timeout=PATIENCE)
        asked.request("GET", "/json/list")
        tab = next(t for t in json.load(asked.getresponse()) if t["type"] == "page")
        return create_connection(tab["webSocketDebuggerUrl"], timeout=PATIENCE)

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._profile.cleanup()

    def call(self, method: str, **parameters: object) -> dict:
        """Send one command and return its result; what happens meanwhile is kept as events."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while (answer := self._read()).get("id") != self._number:
            pass
        if "error" in answer:
            raise RuntimeError(f"Chromium refused {method}: {answer['error']['message']}")
        return answer["result"]

    def _read(self) -> dict:
        message = json.loads(self._socket.recv())
        if "method" in message:
            self._events.append((message["method"], message["params"]))
        return message

    def ask(self, script: str, patience: float = PATIENCE) -> object:
        """The value of a JavaScript expression; a promise is awaited."""
        self._socket.settimeout(patience)
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        self._socket.settimeout(PATIENCE)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"JavaScript failed: {_exception(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def resize(self, width: int, height: int = 900) -> None:
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **screen)

    def visit(self, url: str) -> list[str]:
        """Load a page, as a reader who comes for the first time, until it asks for nothing more.

        Returns the errors of its console, and the requests that failed or went to another server.
        """
        host = urlsplit(url).netloc
        self.call("Storage.clearDataForOrigin", origin=f"http://{host}", storageTypes="all")
        self._events.clear()
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            return [f"{url} does not load: {failed}"]
        _wait(self._at_rest, f"{url} keeps loading")
        self.ask("window.MathJax?.startup?.promise?.then(() => true)")
        return [problem for event in self._events for problem in _problems(*event, host)]

    def _at_rest(self) -> bool:
        """The document now shown has loaded and asked for nothing for half a second.

        It may be another than the one asked for: a page that sends its reader on is left before it is at rest.
        """
        shown = self.call("Page.getFrameTree")["frameTree"]["frame"]["loaderId"]
        reached = {
            told["name"]
            for method, told in self._events
            if method == "Page.lifecycleEvent" and told["loaderId"] == shown
        }
        return {"load", "networkIdle"} <= reached


def _problems(method: str, told: dict, host: str) -> list[str]:
    """What one event says that a reader's console would show, or the reader's network."""
    if method == "Runtime.exceptionThrown":
        return [f"exception: {_exception(told['exceptionDetails'])}"]
    if method == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
        return ["console error: " + " ".join(str(a.get("value", a.get("description"))) for a in told["args"])]
    if method == "Log.entryAdded" and told["entry"]["level"] == "error":
        return [f"console error: {told['entry']['text']} {told['entry'].get('url', '')}"]
    if method == "Network.responseReceived" and told["response"]["status"] >= 400:
        return [f"request failed with {told['response']['status']}: {told['response']['url']}"]
    if method == "Network.loadingFailed" and not told.get("canceled"):
        return [f"request failed: {told['errorText']}"]
    if method == "Network.requestWillBeSent":
        asked = urlsplit(told["request"]["url"])
        if asked.scheme in ("http", "https", "ws", "wss") and asked.netloc != host:
            return [f"request to another server: {told['request']['url']}"]
    return []


def _exception(details: dict) -> str:
    return details.get("exception", {}).get("description") or details["text"]


def _wait(ready, complaint: str) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{complaint} within {PATIENCE} s")
        time.sleep(0.05)
