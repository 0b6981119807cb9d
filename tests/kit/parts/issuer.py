"""An issuer of workload tokens on loopback: discovery and keys over real HTTP, and tokens in the shapes that matter.

with issuer() as ci:
    token = ci.sign(github(ci.url, clock()))
    ci.rotate()                              another key signs, and is published
    ci.behave(redirect("https://other.test"))    what it answers from now on
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

AUDIENCE = "https://registry.test"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"

Key = RSAKey | ECKey | OKPKey | OctKey
Answer = tuple[int, dict[str, str], bytes]
Behaviour = Callable[[str, Answer], Answer]
"""From a path and the right answer to the one that is given."""


class _AnyAlgorithm(JWSRegistry):
    def get_alg(self, name: str) -> Any:
        return self.algorithms[{"EdDSA": "Ed25519"}.get(name, name)]


class Issuer:
    """Serves what it publishes, and signs whatever it is asked to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.keys: dict[str, Key] = {}
        self.current = ""
        self._behaviour: Behaviour = lambda _path, answer: answer
        self.rotate()

    def rotate(self, key: Key | None = None) -> str:
        """Sign with another key, which is published beside those before it; its id."""
        self.current = f"key-{len(self.keys) + 1}"
        self.keys[self.current] = key or ECKey.generate_key("P-256")
        return self.current

    def behave(self, behaviour: Behaviour | None = None) -> None:
        """Answer in this way from now on, or rightly again."""
        self._behaviour = behaviour or (lambda _path, answer: answer)

    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) | {"kid": id, "use": "sig"} for id, key in self.keys.items()]}

    def sign(self, claims: Mapping[str, Any], *, alg: str | None = None, key: Key | None = None, **header: Any) -> str:
        """A token with these claims; ``header`` is added to what its header has, None takes something out."""
        key = key or self.keys[self.current]
        full = {"alg": alg or _algorithm(key), "kid": self.current, "typ": "JWT"} | header
        kept = {name: value for name, value in full.items() if value is not None}
        registry = _AnyAlgorithm(algorithms=[kept["alg"]], strict_check_header=False)
        return jws.serialize_compact(kept, json.dumps(dict(claims)), key, registry=registry)

    def answer(self, path: str) -> Answer:
        """What is at the path."""
        self.asked.append(path)
        json_type = {"Content-Type": "application/json"}
        found: Answer = 404, {}, b""
        if path == DISCOVERY:
            document = {"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}"}
            found = 200, json_type, json.dumps(document).encode()
        elif path == KEYS:
            found = 200, json_type, json.dumps(self.jwks()).encode()
        return self._behaviour(path, found)


def _algorithm(key: Key) -> str:
    match key:
        case RSAKey():
            return "RS256"
        case ECKey():
            return {"P-256": "ES256", "P-384": "ES384"}[key.curve_name]
        case OKPKey():
            return "EdDSA"
        case OctKey():
            return "HS256"


@contextmanager
def issuer() -> Iterator[Issuer]:
    """An issuer at a loopback address of its own."""
    made: list[Issuer] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = made[0].answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.append(Issuer(f"http://127.0.0.1:{server.server_port}"))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made[0]
        finally:
            server.shutdown()
            thread.join()


# --- what it may answer instead


def redirect(to: str) -> Behaviour:
    return lambda _path, _answer: (302, {"Location": to}, b"")


def down(status: int = 503) -> Behaviour:
    return lambda _path, _answer: (status, {}, b"")


def with_document(**fields: Any) -> Behaviour:
    """The discovery document with these fields changed."""

    def behave(path: str, answer: Answer) -> Answer:
        if path != DISCOVERY:
            return answer
        return answer[0], answer[1], json.dumps(json.loads(answer[2]) | fields).encode()

    return behave


# --- tokens, as their issuers make them


def github(iss: str, now: float, *, with_ids: bool = True, event: str = "push", **changed: Any) -> dict[str, Any]:
    """A GitHub Actions token; ``with_ids`` is the form of ``sub`` since July 2026."""
    ref = "refs/pull/7/merge" if event == "pull_request" else "refs/heads/main"
    repository = "acme@11/shop@123" if with_ids else "acme/shop"
    what = "pull_request" if event == "pull_request" else f"ref:{ref}"
    return {
        "iss": iss,
        "aud": AUDIENCE,
        "sub": f"repo:{repository}:{what}",
        "repository": "acme/shop",
        "repository_id": "123",
        "repository_owner": "acme",
        "repository_owner_id": "11",
        "ref": ref,
        "ref_type": "branch",
        "ref_protected": "true",
        "event_name": event,
        "environment": None,
        "job_workflow_ref": f"acme/shop/.github/workflows/ci.yaml@{ref}",
        "run_id": "9001",
        "jti": "a-token",
        "iat": int(now),
        "nbf": int(now) - 300,
        "exp": int(now) + 300,
    } | changed


def gitlab(iss: str, now: float, *, kind: str = "branch", **changed: Any) -> dict[str, Any]:
    """A GitLab CI token of a ``branch``, a ``tag``, or a merge request from a ``fork`` that runs in our project."""
    fork = kind == "fork"
    path, project = ("mallory/shop", "666") if fork else ("acme/shop", "42")
    ref, ref_type = {"branch": ("main", "branch"), "tag": ("v1", "tag"), "fork": ("patch", "branch")}[kind]
    return {
        "iss": iss,
        "aud": AUDIENCE,
        "sub": f"project_path:{path}:ref_type:{ref_type}:ref:{ref}",
        "project_path": path,
        "project_id": project,
        "namespace_path": path.partition("/")[0],
        "namespace_id": "99" if fork else "7",
        "job_project_path": "acme/shop",
        "job_project_id": "42",
        "job_namespace_path": "acme",
        "job_namespace_id": "7",
        "ref": ref,
        "ref_type": ref_type,
        "ref_path": f"refs/{'tags' if ref_type == 'tag' else 'heads'}/{ref}",
        "ref_protected": "false" if fork else "true",
        "pipeline_source": "merge_request_event" if fork else "push",
        "runner_id": 5,
        "groups_direct": ["acme", "acme/build"],
        "jti": "a-token",
        "iat": int(now),
        "nbf": int(now) - 5,
        "exp": int(now) + 3600,
    } | changed


def kubernetes(iss: str, now: float, *, namespace: str = "build", name: str = "ci", **changed: Any) -> dict[str, Any]:
    """A projected service account token."""
    return {
        "iss": iss,
        "aud": [AUDIENCE],
        "sub": f"system:serviceaccount:{namespace}:{name}",
        "kubernetes.io": {
            "namespace": namespace,
            "serviceaccount": {"name": name, "uid": f"uid-of-{namespace}-{name}"},
            "pod": {"name": "ci-0", "uid": "uid-of-pod"},
            "node": {"name": "node-1", "uid": "uid-of-node"},
            "warnafter": int(now) + 3600,
        },
        "jti": "a-token",
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + 3600,
    } | changed


def kubernetes_legacy(iss: str) -> dict[str, Any]:
    """A token from a secret: it never ends, and names nobody that it is for."""
    return {
        "iss": iss,
        "aud": AUDIENCE,  # which it has not: all the more must the missing exp be found
        "sub": "system:serviceaccount:build:ci",
        "kubernetes.io/serviceaccount/namespace": "build",
        "kubernetes.io/serviceaccount/secret.name": "ci-token-x",
        "kubernetes.io/serviceaccount/service-account.name": "ci",
        "kubernetes.io/serviceaccount/service-account.uid": "uid-of-build-ci",
    }
