"""HTTP by hand, for what no well-behaved client does: stop in the middle, say one thing and send another, go away."""

import http.client
import json
import socket
import struct
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.kit.server import ACCOUNT, Server

BLOCK = bytes(range(256)) * 256
CREDENTIALS = {"Authorization": "Basic " + b64encode(":".join(ACCOUNT).encode()).decode()}


@dataclass(frozen=True)
class Answer:
    """A response that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The OCI code of a refusal."""
        refusal: dict[str, Any] = json.loads(self.body)
        code: str = refusal["errors"][0]["code"]
        return code


class Wire:
    """One connection to the server."""

    def __init__(self, server: Server, *, timeout: float = 30) -> None:
        self._socket = socket.create_connection((server.host, server.port), timeout)
        self._host = f"{server.host}:{server.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> None:
        """Send the head of a request as the administrator; ``headers`` say how the body comes."""
        lines = {"Host": self._host, **CREDENTIALS, **(headers or {})}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.send(head.encode() + b"\r\n")

    def send(self, content: bytes) -> None:
        """Send bytes of the body as they are."""
        self._socket.sendall(content)

    def chunk(self, content: bytes) -> None:
        """Send a piece of a body with Transfer-Encoding: chunked; an empty one ends it."""
        self.send(b"%x\r\n%s\r\n" % (len(content), content))

    def flood(self, size: int) -> int:
        """Send up to ``size`` bytes until the other side has had enough of it; how many."""
        sent = 0
        try:
            while sent < size:
                sent += self._socket.send(BLOCK[: size - sent])
        except (ConnectionError, TimeoutError):
            pass
        return sent

    def answer(self, method: str = "GET") -> Answer:
        """Read the response. Raises TimeoutError when none comes, and ConnectionError when none will."""
        response = http.client.HTTPResponse(self._socket, method=method)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def is_closed(self, seconds: float = 20) -> bool:
        """Whether the server closes the connection within so many seconds."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    def close(self) -> None:
        """Say that nothing more comes, as a program does that ends."""
        self._socket.close()

    def reset(self) -> None:
        """Go away without a word, as a machine does that loses its network."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def eventually(seconds: float = 10) -> "Attempts":
    """``for _ in eventually(): if done: break`` — raises TimeoutError when it is not done by then."""
    return Attempts(time.monotonic() + seconds)


class Attempts:
    """Tries with a little time in between."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._first = True

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> None:
        if not self._first:
            if time.monotonic() > self._deadline:
                raise TimeoutError("it did not come true in time")
            time.sleep(0.05)
        self._first = False
