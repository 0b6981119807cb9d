"""What is said when whoever answers is no registry, or nobody does."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer

import pytest
import trustme

from tests.cli.server import Wharf
from tests.kit.parts.process import free_port
from wharfinger.cli import client

HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}


@contextmanager
def running(server: TCPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(status: int, headers: dict[str, str], body: bytes) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def said_about(wharf: Wharf, address: str) -> str:
    return wharf.refused("login", address, "--username", "ci", "--password-stdin", stdin="secret")


def test_nobody_listens(stranger: Wharf) -> None:
    address = f"127.0.0.1:{free_port()}"
    assert said_about(stranger, address) == f"cannot connect to http://{address}: Connection refused"


def test_no_such_host(stranger: Wharf) -> None:
    assert said_about(stranger, "nowhere.invalid").startswith("cannot connect to https://nowhere.invalid: ")


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (404, HTML, b"<h1>Not found</h1>", "is not a Wharfinger registry: it answered 404"),
        (200, HTML, b"<h1>Hello</h1>", "is not a Wharfinger registry"),
        (200, JSON, b"{", "is not JSON"),
        (500, JSON, b"[]", "is not a Wharfinger registry"),
        (500, JSON, b'{"errors": "x"}', "is not a Wharfinger registry"),
        (301, {"Location": "https://elsewhere.example/"}, b"", "sends on to https://elsewhere.example/"),
        (429, JSON, b'{"errors": [{"code": "X", "message": "come back\\u001b[2J"}]}', "come back\ufffd[2J"),
    ],
)
def test_somebody_else_answers(
    stranger: Wharf, status: int, headers: dict[str, str], body: bytes, expected: str
) -> None:
    with running(answering(status, headers, body)) as address:
        assert expected in said_about(stranger, address)


def test_what_answers_does_not_speak_http(stranger: Wharf) -> None:
    class Hangup(BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(b"220 smtp.example ESMTP\r\n")

    with running(TCPServer(("127.0.0.1", 0), Hangup)) as address:
        assert "does not speak HTTP" in said_about(stranger, address)


def test_it_takes_too_long(stranger: Wharf, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()

    class Slow(BaseRequestHandler):
        def handle(self) -> None:
            may_end.wait(10)

    monkeypatch.setattr(client, "TIMEOUT", 0.2)
    with running(TCPServer(("127.0.0.1", 0), Slow)) as address:
        assert "did not answer within 0.2 seconds" in said_about(stranger, address)
        may_end.set()


def test_a_certificate_nobody_vouches_for_is_refused_until_somebody_does(
    stranger: Wharf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = answering(404, HTML, b"")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # it complains of clients that hang up
    with running(server) as address:
        assert "TLS: " in said_about(stranger, f"https://{address}")
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert "is not a Wharfinger registry" in said_about(stranger, f"https://{address}")


def test_https_where_there_is_none(stranger: Wharf) -> None:
    with running(answering(404, HTML, b"")) as address:
        assert said_about(stranger, f"https://{address}").startswith(f"cannot connect to https://{address}: TLS: ")
