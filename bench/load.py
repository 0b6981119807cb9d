"""Many small requests: by wrk, and for HEAD by a loop of our own."""

import json
import re
import select
import socket
import time
from collections.abc import Mapping
from urllib.parse import quote
from urllib.request import Request, urlopen

from bench.servers import Server
from tests.kit.parts.process import run
from tests.kit.parts.tools import tool

ACCEPTED = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
WARM_UP = 1
PATIENCE = 60


class LoadFailed(Exception):
    """The load was not answered as it should have been, so its figure would mean nothing."""


def get(server: Server, path: str, connections: int, seconds: int) -> float:
    """Successful GETs a second of ``path``, each connection asking again as soon as it has an answer."""
    _wrk(server, path, connections, WARM_UP)
    while (rate := _wrk(server, path, connections, seconds)) == 0 and seconds < PATIENCE:
        seconds *= 2
    if rate == 0:
        raise LoadFailed(f"{server.name} {path}: no answer in {seconds} seconds")
    return rate


def _wrk(server: Server, path: str, connections: int, seconds: int) -> float:
    headers = [word for name, value in _headers(server, path).items() for word in ("-H", f"{name}: {value}")]
    said = run(
        [
            tool("wrk"), "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s",
            "--timeout", f"{PATIENCE}s", *headers, f"http://{server.host}{path}",
        ]
    )  # fmt: skip
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    if rate is None or "Non-2xx" in said or "Socket errors" in said:
        raise LoadFailed(f"{server.name} {path}:\n{said}")
    return float(rate[1])


def head(server: Server, path: str, connections: int, seconds: float) -> float:
    """Successful HEADs a second. wrk cannot: it waits for the body that the Content-Length speaks of."""
    lines = [f"HEAD {path} HTTP/1.1", f"Host: {server.host}", *(f"{n}: {v}" for n, v in _headers(server, path).items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    address, _, port = server.host.partition(":")
    sockets = [socket.create_connection((address, int(port))) for _ in range(connections)]
    try:
        _ask(sockets, request, WARM_UP)
        return _ask(sockets, request, seconds)
    finally:
        for one in sockets:
            one.close()


def _ask(sockets: list[socket.socket], request: bytes, seconds: float) -> float:
    by_number = {one.fileno(): one for one in sockets}
    received = dict.fromkeys(by_number, b"")
    with select.epoll() as waiting:
        for number, one in by_number.items():
            waiting.register(number, select.EPOLLIN)
            one.sendall(request)
        answered, open_questions, began = 0, len(sockets), time.perf_counter()
        while open_questions:
            for number, _ in waiting.poll(PATIENCE):
                received[number] += by_number[number].recv(4096)
                if not received[number].endswith(b"\r\n\r\n"):
                    continue
                if not received[number].startswith(b"HTTP/1.1 200 "):
                    raise LoadFailed(received[number].decode("latin-1"))
                received[number] = b""
                answered += 1
                if time.perf_counter() - began < seconds:
                    by_number[number].sendall(request)
                else:
                    open_questions -= 1
        return answered / (time.perf_counter() - began)


def _headers(server: Server, path: str) -> Mapping[str, str]:
    """What a client sends; to us with a token for this path, obtained just before, as clients do."""
    if server.account is None:
        return {"Accept": ACCEPTED}
    repository = re.search(r"^/v2/(.+)/(?:manifests|blobs|tags)/", path)
    scope = f"repository:{repository[1]}:pull" if repository else "registry:catalog:*"
    asked = Request(f"http://{server.host}/token?scope={quote(scope)}", headers=dict(server.headers))
    with urlopen(asked, timeout=PATIENCE) as answer:
        return {"Accept": ACCEPTED, "Authorization": f"Bearer {json.load(answer)['token']}"}
