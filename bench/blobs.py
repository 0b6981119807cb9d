"""Large blobs, pushed and pulled by a client that moves bytes as fast as the machine can.

It sends from memory by sendfile and throws away what it receives, and never hashes while the time is taken.
"""

import hashlib
import http.client
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from bench.load import LoadFailed
from bench.servers import Server

REPOSITORY = "bench/blobs"
TIMEOUT = 300
BUFFER = 1024 * 1024


class Content:
    """Random bytes in memory, of which there can be a new version at any time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
        for _ in range(0, size, BUFFER):
            os.write(self.descriptor, os.urandom(BUFFER))
        os.truncate(self.descriptor, size)
        self.digest = ""
        self.renew()

    def renew(self) -> None:
        """Become other bytes: no registry has them yet."""
        os.pwrite(self.descriptor, os.urandom(64), 0)
        with os.fdopen(os.dup(self.descriptor), "rb") as file:
            file.seek(0)
            self.digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


@dataclass(frozen=True)
class Answer:
    """What came back, without its body."""

    status: int
    location: str


def push(server: Server, contents: Sequence[Content]) -> float:
    """Push all at once, one connection each; bytes a second until the last is acknowledged."""
    return _at_once(contents, lambda content: _push(server, content))


def pull(server: Server, contents: Sequence[Content]) -> float:
    """Pull all at once, one connection each; bytes a second until the last byte has come."""
    return _at_once(contents, lambda content: _pull(server, content))


def _at_once(contents: Sequence[Content], each: Callable[[Content], None]) -> float:
    with ThreadPoolExecutor(len(contents)) as threads:
        began = time.perf_counter()
        for done in [threads.submit(each, content) for content in contents]:
            done.result()
        return sum(content.size for content in contents) / (time.perf_counter() - began)


def _push(server: Server, content: Content) -> None:
    """POST, PATCH with everything, PUT: as Docker, containerd and crane do."""
    connection = _connect(server)
    try:
        started = _request(server, connection, "POST", f"/v2/{REPOSITORY}/blobs/uploads/", 202)
        sent = _send(server, connection, started.location, content)
        digest = urlencode({"digest": content.digest})
        glue = "&" if "?" in sent.location else "?"
        _request(server, connection, "PUT", f"{sent.location}{glue}{digest}", 201)
    finally:
        connection.close()


def _connect(server: Server) -> http.client.HTTPConnection:
    """A connection whose calls wait in the system for as long as they may, not in Python."""
    connection = http.client.HTTPConnection(server.host)
    connection.connect()
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        connection.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", TIMEOUT, 0))
    return connection


def _request(server: Server, connection: http.client.HTTPConnection, method: str, path: str, status: int) -> Answer:
    connection.request(method, path, headers={**server.headers, "Content-Length": "0"})
    return _answer(connection, status)


def _send(server: Server, connection: http.client.HTTPConnection, path: str, content: Content) -> Answer:
    connection.putrequest("PATCH", path)
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(content.size), **server.headers}
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    sent = 0
    while sent < content.size:
        sent += os.sendfile(connection.sock.fileno(), content.descriptor, sent, content.size - sent)
    return _answer(connection, 202)


def _answer(connection: http.client.HTTPConnection, status: int) -> Answer:
    response = connection.getresponse()
    body = response.read()
    if response.status != status:
        raise LoadFailed(f"{response.status}, not {status}: {body[:500]!r}")
    url = urlsplit(response.headers.get("Location", ""))
    return Answer(response.status, url.path + (f"?{url.query}" if url.query else ""))


def _pull(server: Server, content: Content) -> None:
    connection = _connect(server)
    try:
        connection.request("GET", f"/v2/{REPOSITORY}/blobs/{content.digest}", headers=server.headers)
        response = connection.getresponse()
        if response.status != 200 or response.length != content.size:
            raise LoadFailed(f"{server.name}: {response.status} with {response.length} bytes, not {content.size}")
        buffer = memoryview(bytearray(BUFFER))
        received = 0
        while count := response.readinto(buffer):
            received += count
        if received != content.size:
            raise LoadFailed(f"{server.name}: {received} bytes, not {content.size}")
    finally:
        connection.close()
