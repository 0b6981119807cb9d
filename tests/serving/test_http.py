"""What the application relies on of the HTTP server under it; docs/internals/server.md tells why each matters."""

import contextlib
import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.serving.conftest import Running, Start, eventually

Talk = Callable[[bytes], socket.socket]


@pytest.fixture
def talk(running: Running) -> Iterator[Talk]:
    """Opens a connection and says the given words on it, whether they are HTTP or not."""
    with contextlib.ExitStack() as opened:

        def talk(words: bytes) -> socket.socket:
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=20))
            connection.sendall(words)
            return connection

        yield talk


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "host: x", *headers, "", ""]).encode() + body


def test_a_body_comes_in_pieces_of_bounded_size(running: Running) -> None:
    connection = running.connect()
    connection.request("PUT", "/upload", body=bytes(32 << 20))
    told = json.loads(connection.getresponse().read())
    assert told["size"] == 32 << 20
    assert told["largest"] <= 1 << 20


def test_the_client_is_told_to_go_on_only_when_the_body_is_asked_for(talk: Talk) -> None:
    wanted = talk(request("PUT /upload", "content-length: 5", "expect: 100-continue", "connection: close"))
    assert wanted.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wanted.sendall(b"hello")
    assert b'"size": 5' in answer(wanted)

    refused = answer(talk(request("PUT /refuse", "content-length: 5", "expect: 100-continue")))
    assert refused.startswith(b"HTTP/1.1 413 ")


def test_a_refusal_reaches_a_client_that_is_still_sending_if_the_rest_is_read(talk: Talk) -> None:
    connection = talk(request("PUT /refuse-and-drain", f"content-length: {64 << 20}"))
    for _ in range(64):
        connection.sendall(bytes(1 << 20))
    assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("how", ["closed", "half closed", "reset"])
@pytest.mark.parametrize("length", ["content-length: 1000", "transfer-encoding: chunked"])
def test_a_body_that_is_cut_off_is_a_disconnect(running: Running, talk: Talk, how: str, length: str) -> None:
    (running.data / "disconnected").unlink(missing_ok=True)
    connection = talk(request("PUT /upload", length, body=b"5\r\nhello\r\n"))
    if how == "half closed":
        connection.shutdown(socket.SHUT_WR)
    else:
        linger = struct.pack("ii", how == "reset", 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.close()
    eventually((running.data / "disconnected").exists)


def test_chunks_that_are_none_are_a_disconnect(running: Running, talk: Talk) -> None:
    (running.data / "disconnected").unlink(missing_ok=True)
    talk(request("PUT /upload", "transfer-encoding: chunked", body=b"hello\r\n"))
    eventually((running.data / "disconnected").exists)


@pytest.mark.parametrize(
    "headers",
    [["content-length: 3", "content-length: 5"], ["content-length: -5"], ["content-length: 5, 6"], ["no colon"]],
)
def test_a_request_of_two_readings_is_refused(talk: Talk, headers: list[str]) -> None:
    assert answer(talk(request("PUT /upload", *headers, body=b"hello"))).startswith(b"HTTP/1.1 400 ")


def test_a_chunked_body_with_a_length_ends_the_connection(talk: Talk) -> None:
    body = b"5\r\nhello\r\n0\r\n\r\nGET /pid HTTP/1.1\r\nhost: x\r\n\r\n"
    told = answer(talk(request("PUT /upload", "transfer-encoding: chunked", "content-length: 3", body=body)))
    assert b'"size": 5' in told
    assert told.count(b"HTTP/1.1") == 1


def test_a_path_comes_as_it_was_sent_and_decoded(talk: Talk) -> None:
    path = "/a%2e%2e/%2e%2e//b%00c/%2f"
    told = answer(talk(request(f"GET {path}?n=1", "connection: close"))).partition(b"\r\n\r\n")[2]
    assert json.loads(told) == {"path": "/a../..//b\0c//", "raw_path": path}


@pytest.mark.parametrize(("size", "status"), [(64 << 10, 200), (1 << 20, 431)])
def test_headers_may_be_long_but_not_without_end(talk: Talk, size: int, status: int) -> None:
    told = answer(talk(request("GET /any", f"a: {'x' * size}", "connection: close")))
    assert told.startswith(f"HTTP/1.1 {status} ".encode())


def test_more_than_99_headers_are_refused(talk: Talk) -> None:
    told = answer(talk(request("GET /any", *(f"a{number}: x" for number in range(100)), "connection: close")))
    assert told.startswith(b"HTTP/1.1 431 ")


def test_head_has_the_length_and_no_body(talk: Talk) -> None:
    told = answer(talk(request("HEAD /big", "connection: close")))
    head, _, body = told.partition(b"\r\n\r\n")
    assert f"content-length: {64 << 20}".encode() in head
    assert body == b""


def test_https_is_version_1_2_or_later_of_tls_and_1_1_of_http(start: Start, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    tls.set_alpn_protocols(["h2", "http/1.1"])
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    running = start(tls=tls, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "cert.pem")
    connection = running.connect()
    connection.connect()
    assert isinstance(connection.sock, ssl.SSLSocket)
    assert (connection.sock.version(), connection.sock.selected_alpn_protocol()) == ("TLSv1.2", "http/1.1")
    connection.request("PUT", "/upload", body=bytes(8 << 20))
    assert json.loads(connection.getresponse().read())["size"] == 8 << 20
    assert running.stop() == 0
