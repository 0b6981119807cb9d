"""An OpenID Connect provider on loopback that can be made to lie: the one thing an honest one cannot be asked to do.

It is strict where a real provider is: codes count once, PKCE and the client's secret are checked.
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "wharf:tests", "s3cret/%"

Claims = dict[str, Any]


@dataclass
class Issuer:
    """What the provider says. Tests change it; ``spoil`` changes a token's claims, ``sign`` how it is signed."""

    url: str
    now: Callable[[], float]
    person: Claims = field(default_factory=lambda: {"sub": "anna-1", "preferred_username": "anna"})
    key: ECKey | RSAKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one"}))
    spoil: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[["Issuer", Claims], str] = lambda self, claims: self.signed(claims)
    document: Claims = field(default_factory=dict)
    answer: Claims = field(default_factory=dict)
    client: str = "basic"
    refuse: str = ""
    huge: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    asked_to_authorize: list[dict[str, str]] = field(default_factory=list)

    def signed(self, claims: Claims, alg: str = "ES256", **header: Any) -> str:
        """A token that is right."""
        return jwt.encode({"alg": alg, "kid": self.key.kid, **header}, claims, self.key, algorithms=[alg])

    @property
    def keys(self) -> list[Any]:
        return [self.key.as_dict(private=False, kid="one")]

    def discovery(self) -> Claims:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            **self.document,
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent: whoever comes is logged in already."""
        self.asked_to_authorize.append(query)
        back = {"state": query["state"], **self.answer}
        if self.refuse:
            return f"{query['redirect_uri']}?{urlencode({'error': self.refuse, **back})}"
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, **back})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        """The answer at the token endpoint."""
        named = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        shown_by = {
            "basic": (unquote(named[0]), unquote(named[2])),
            "form": (form.get("client_id"), form.get("client_secret")),
            "public": (form.get("client_id"), SECRET if not authorization and "client_secret" not in form else ""),
        }
        asked = self.codes.pop(form.get("code", ""), None)
        shown = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if shown_by[self.client] != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        if (
            asked is None
            or base64.urlsafe_b64encode(shown).rstrip(b"=").decode() != asked["code_challenge"]
            or asked["code_challenge_method"] != "S256"
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": int(self.now()),
            "exp": int(self.now()) + 300,
            "nonce": asked["nonce"],
            **self.person,
        }
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.sign(self, self.spoil(claims))}


@contextmanager
def issuer(now: Callable[[], float]) -> Iterator[Issuer]:
    """One that runs meanwhile."""
    made: list[Issuer] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            parts, it = urlsplit(self.path), made[0]
            it.asked.append(parts.path)
            match parts.path:
                case "/.well-known/openid-configuration":
                    self._json(200, it.discovery())
                case "/keys":
                    self._json(200, {"keys": it.keys, "padding": "x" * (300_000 if it.huge else 0)})
                case "/authorize":
                    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                    self.send_response(302)
                    self.send_header("location", it.authorize(query))
                    self.send_header("content-length", "0")
                    self.end_headers()
                case _:
                    self.send_response(302)
                    self.send_header("location", f"{it.url}/keys")
                    self.send_header("content-length", "0")
                    self.end_headers()

        def do_POST(self) -> None:
            made[0].asked.append(self.path)
            text = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            self._json(*made[0].token(form, self.headers.get("authorization", "")))

        def _json(self, status: int, fields: Claims) -> None:
            body = json.dumps(fields).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.append(Issuer(f"http://127.0.0.1:{server.server_port}", now))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
