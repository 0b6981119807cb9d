"""A scanner adapter by Harbor's specification, as strict as the specification and the adapter for Trivy are.

It is a real HTTP server on loopback. It pulls the image from the registry that a request names, with the credential in
it, as adapters do; what it then reports is what a test has put into it.
"""

import base64
import itertools
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

OCI = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
GENERIC = "application/vnd.security.vulnerability.report; version=1.1"
HARBOR = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
RAW = "application/vnd.scanner.adapter.vuln.report.raw"
SBOM = "application/vnd.security.sbom.report+json; version=1.0"
ERROR = "application/vnd.scanner.adapter.error+json; version=1.0"
CYCLONEDX = "application/vnd.cyclonedx+json"


@dataclass
class Adapter:
    """What the adapter is and says; tests change it. ``version`` is the protocol's."""

    url: str = ""
    version: str = "1.2"
    bearer: bool = False
    credential: str = ""
    polls: int = 1
    vulnerabilities: list[dict[str, Any]] = field(default_factory=list)
    refuses: tuple[int, str] | None = None
    fails: str = ""
    forgets: bool = False
    produces: tuple[str, ...] = ()
    requests: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    pulled: list[int] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def metadata(self) -> dict[str, Any]:
        kinds = {"1.0": [HARBOR, RAW], "1.1": [HARBOR, GENERIC], "1.2": [GENERIC]}[self.version]
        able: dict[str, Any] = {
            "consumes_mime_types": [OCI, DOCKER],
            "produces_mime_types": list(self.produces) or kinds,
        }
        properties = {"harbor.scanner-adapter/scanner-type": "os-package-vulnerability"}
        if self.bearer:
            properties["harbor.scanner-adapter/registry-authorization-type"] = "Bearer"
        capabilities = [able]
        if self.version == "1.2":
            bill = {"sbom_media_types": ["application/spdx+json", CYCLONEDX]}
            capabilities = [
                {"type": "vulnerability", **able},
                {
                    "type": "sbom",
                    "consumes_mime_types": [OCI, DOCKER],
                    "produces_mime_types": [SBOM],
                    "additional_attributes": bill,
                },
            ]
        scanner = {"name": "Trivy", "vendor": "Aqua Security", "version": "0.55.2"}
        return {"scanner": scanner, "capabilities": capabilities, "properties": properties}

    def scan(self, kind: str, fields: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
        """The answer to a request for a scan."""
        if self.refuses is not None:
            status, message = self.refuses
            return status, ERROR, {"error": {"message": message}}
        wanted = "1.1" if self.version == "1.2" else "1.0"
        if kind != f"application/vnd.scanner.adapter.scan.request+json; version={wanted}":
            return 400, ERROR, {"error": {"message": f"unexpected content type {kind}"}}
        for each in fields.get("enabled_capabilities", []):
            if not each.get("produces_mime_types") or each["type"] not in {"vulnerability", "sbom"}:
                return 422, ERROR, {"error": {"message": "invalid scan type"}}
            if each["type"] == "sbom" and not each["parameters"]["sbom_media_types"]:
                return 422, ERROR, {"error": {"message": "missing SBOM media type"}}
        if not urlsplit(fields["registry"]["url"]).scheme or not fields["artifact"]["digest"]:
            return 422, ERROR, {"error": {"message": "invalid registry_url"}}
        self.requests.append(fields)
        self.pulled.append(self._pull(fields))
        id = f"scan/{next(self.ids)} of {len(self.requests)}".replace(" ", "-")
        self.waiting[id] = self.polls
        return 202, "application/vnd.scanner.adapter.scan.response+json; version=1.0", {"id": id}

    def report(self, id: str, accept: str, format: str) -> tuple[int, str, dict[str, Any]]:
        """The answer to a question for a report; 302 while there is none."""
        if id not in self.waiting or self.forgets or self.fails:
            status, message = (500, self.fails) if self.fails else (404, f"cannot find scan job: {id}")
            return status, ERROR, {"error": {"message": message}}
        if self.waiting[id] > 0:
            self.waiting[id] -= 1
            return 302, "", {}
        about = {"generated_at": "2026-11-28T00:00:00Z", "artifact": self.requests[-1]["artifact"]}
        about["scanner"] = self.metadata()["scanner"]
        if accept == SBOM:
            if format != CYCLONEDX:
                return 400, ERROR, {"error": {"message": "missing SBOM media type"}}
            bill = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": []}
            return 200, SBOM, {**about, "media_type": format, "sbom": bill}
        if accept not in {HARBOR, GENERIC}:
            return 415, ERROR, {"error": {"message": f"unsupported media type: {accept}"}}
        return 200, accept, {**about, "severity": "High", "vulnerabilities": self.vulnerabilities}

    def _pull(self, fields: dict[str, Any]) -> int:
        """Pull the manifest as adapters do: by the token protocol where the credential is for that."""
        url, authorization = fields["registry"]["url"], fields["registry"]["authorization"]
        artifact = fields["artifact"]
        path = f"{url}/v2/{artifact['repository']}/manifests/{artifact['digest']}"
        accept = {"Accept": artifact["mime_type"]}
        with httpx2.Client(trust_env=False) as http:
            try:
                if authorization.startswith("Basic "):
                    challenge = http.get(path, headers=accept).headers.get("www-authenticate", "")
                    asked = dict(re.findall(r'(realm|service|scope)="([^"]*)"', challenge))
                    token = http.get(asked.pop("realm"), params=asked, headers={"Authorization": authorization}).json()
                    authorization = f"Bearer {token['token']}"
                return http.get(path, headers={"Authorization": authorization, **accept}).status_code
            except httpx2.ConnectError:
                return 0  # the registry of most tests is in this process and on no port


class _Handler(BaseHTTPRequestHandler):
    adapter: Adapter

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.adapter.asked.append(f"GET {url.path}")
        if not self._admitted():
            return
        if url.path == "/api/v1/metadata":
            # The type of the adapter for Trivy, whose metadata has types and whose content type is of 1.0.
            kind = "application/vnd.scanner.adapter.metadata+json; version=1.0"
            self._answer(200, kind, self.adapter.metadata())
            return
        head, _, tail = url.path.partition("/scan/")
        if head == "/api/v1" and tail.endswith("/report"):
            id = tail.removesuffix("/report").replace("%2F", "/")
            format = parse_qs(url.query).get("sbom_media_type", [""])[0]
            self._answer(*self.adapter.report(id, self.headers.get("Accept", ""), format))
            return
        self._answer(404, ERROR, {"error": {"message": "no such path"}})

    def do_POST(self) -> None:
        self.adapter.asked.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._admitted():
            self._answer(*self.adapter.scan(self.headers.get("Content-Type", ""), json.loads(body)))

    def _admitted(self) -> bool:
        shown = self.headers.get("Authorization", "")
        if self.adapter.credential in {"", shown}:
            return True
        self._answer(401, ERROR, {"error": {"message": "who are you?"}})
        return False

    def _answer(self, status: int, kind: str, fields: dict[str, Any]) -> None:
        body = json.dumps(fields).encode() if fields else b""
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.path)
            self.send_header("Refresh-After", "7")
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def basic(name: str, password: str) -> str:
    """The header for them."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


@contextmanager
def adapter(port: int = 0) -> Iterator[Adapter]:
    """An adapter that runs; on the given port where it is to come back."""
    known = Adapter()
    handler = type("Handler", (_Handler,), {"adapter": known})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    known.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
