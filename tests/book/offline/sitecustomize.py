"""Python imports this first when its folder is on PYTHONPATH; from then on nothing leaves this computer.

That holds for the processes that a page starts, too. What was asked for is noted in the file $LHS_NETWORK_LOG,
so that a page which swallows the error is found all the same.
"""

import os
import socket

HERE = ("127.", "localhost", "::1", "0.0.0.0")


def _refuse(host: object) -> None:
    if host in (None, "", b"") or str(host).startswith(HERE):
        return
    with open(os.environ["LHS_NETWORK_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{host}\n")
    raise OSError(f"The network is blocked, and {host} was asked for. A page runs offline.")


def _guard(ask):
    def guarded(self, address, *rest):
        if self.family != getattr(socket, "AF_UNIX", None):
            _refuse(address[0])
        return ask(self, address, *rest)

    return guarded


def _guarded_lookup(host, *rest, _ask=socket.getaddrinfo, **options):
    _refuse(host.decode() if isinstance(host, bytes) else host)
    return _ask(host, *rest, **options)


socket.socket.connect = _guard(socket.socket.connect)
socket.socket.connect_ex = _guard(socket.socket.connect_ex)
socket.getaddrinfo = _guarded_lookup
