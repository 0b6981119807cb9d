"""What GitHub Actions offers a job that may have tokens: a URL and a bearer, in the environment, by which to ask.

with github_actions(ci) as actions:
    for name, value in actions.environment.items(): monkeypatch.setenv(name, value)
    actions.asked            the audiences that tokens were asked for
    actions.answer = ...     what it answers instead: a status, headers, a body
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.kit.parts.issuer import Issuer, github

BEARER = "what-the-runner-has"


@dataclass
class GithubActions:
    """One job's offer; the tokens are those of ``issuer``, with ``claims`` changed."""

    issuer: Issuer
    claims: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    answer: tuple[int, dict[str, str], bytes] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def answered(self, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        if authorization != f"Bearer {BEARER}":
            return 401, {}, b""
        (audience,) = parse_qs(urlsplit(path).query)["audience"]
        self.asked.append(audience)
        if self.answer is not None:
            return self.answer
        token = self.issuer.sign(github(self.issuer.url, time.time(), **({"aud": audience} | self.claims)))
        return 200, {"Content-Type": "application/json"}, json.dumps({"value": token}).encode()


@contextmanager
def github_actions(issuer: Issuer) -> Iterator[GithubActions]:
    """The offer, on loopback."""
    made: list[GithubActions] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = made[0].answered(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/token?api-version=2.0"
        environment = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER}
        made.append(GithubActions(issuer, environment=environment))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made[0]
        finally:
            server.shutdown()
            thread.join()
