"""Large bodies for a server, many at once, without holding any of them here either."""

import hashlib
import http.client
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tests.kit.server import Server
from tests.kit.wire import CREDENTIALS

MIB = 1024 * 1024


@dataclass(frozen=True)
class Content:
    """So many MiB that are made as they are sent."""

    mebibytes: int
    block: bytes

    @classmethod
    def new(cls, mebibytes: int) -> "Content":
        """Content that nobody has seen before."""
        return cls(mebibytes, secrets.token_bytes(MIB))

    @property
    def size(self) -> int:
        return self.mebibytes * MIB

    @cached_property
    def digest(self) -> str:
        state = hashlib.sha256()
        for piece in self.pieces(0, self.mebibytes):
            state.update(piece)
        return f"sha256:{state.hexdigest()}"

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The MiB from ``start`` up to ``stop``; each is another one, for compression must not help."""
        for number in range(start, stop):
            yield number.to_bytes(8) + self.block[8:]


def push(server: Server, repo: str, content: Content, chunks: int) -> None:
    """Push by POST, so many PATCHes, and PUT; with none at all, by POST and PUT."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=600)
    location = _ask(connection, "POST", f"/v2/{repo}/blobs/uploads/", 202)
    for number in range(chunks):
        start, stop = (content.mebibytes * edge // chunks for edge in (number, number + 1))
        location = _ask(connection, "PATCH", location, 202, content, start, stop)
    rest = content.mebibytes if chunks else 0
    _ask(connection, "PUT", f"{location}?digest={content.digest}", 201, content, rest, content.mebibytes)
    connection.close()


def pull(server: Server, repo: str, content: Content, pause: float) -> None:
    """Pull and compare; after the first MiB, read nothing for so many seconds, as slow clients do."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=600)
    connection.request("GET", f"/v2/{repo}/blobs/{content.digest}", headers=CREDENTIALS)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    state = hashlib.sha256()
    while piece := answer.read(MIB):
        if pause:
            time.sleep(pause)
            pause = 0
        state.update(piece)
    assert f"sha256:{state.hexdigest()}" == content.digest
    connection.close()


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    status: int,
    content: Content | None = None,
    start: int = 0,
    stop: int = 0,
) -> str:
    headers = {**CREDENTIALS, "Content-Length": str((stop - start) * MIB)}
    connection.request(method, path, content.pieces(start, stop) if content else b"", headers)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == status, body
    return answer.headers["Location"]
