"""Asks one adapter: what it is, to scan, and for its report. What it is sent and answers is in ``protocol.py``."""

import base64
from collections.abc import Mapping

from wharfinger.access.fetch import Answer, Fetch
from wharfinger.errors import Unreachable
from wharfinger.meta.scanners import ScannerRow
from wharfinger.scanning.adapters import protocol
from wharfinger.scanning.adapters.protocol import AdapterFault, Metadata, Report, Wanted

SECONDS = 30.0
METADATA_AT_MOST = 256 * 1024
REPORT_AT_MOST = 24 * 1024 * 1024
API = "/api/v1"


class NotScanned(Exception):
    """The scan will not be: what the adapter says of it. ``for_good`` when asking again would change nothing."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.for_good = for_good


class NotReady(Exception):
    """There is no report yet, and none to be expected for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no report yet, ask in {seconds:g} seconds")
        self.seconds = seconds


class AdapterClient:
    """Raises Unreachable where the adapter does not answer, or as no adapter does: nothing is asked then."""

    def __init__(self, fetch: Fetch, scanner: ScannerRow) -> None:
        self._fetch = fetch
        self._scanner = scanner

    async def metadata(self) -> Metadata:
        """What the scanner says of itself."""
        answer = await self._send("GET", "/metadata", accept=", ".join(protocol.METADATA), size=METADATA_AT_MOST)
        if answer.status == 406:  # an adapter of 1.0 may compare letter for letter
            answer = await self._send("GET", "/metadata", accept=protocol.METADATA[-1], size=METADATA_AT_MOST)
        self._require(answer, 200)
        try:
            return protocol.metadata(answer.content)
        except AdapterFault as fault:
            raise Unreachable(f"{self._scanner.url}: {fault}") from fault

    async def scan(self, about: Metadata, wanted: Wanted, authorization: str, artifact: Mapping[str, str]) -> str:
        """Ask for a scan; its id. Raises NotScanned."""
        kind, body = protocol.request(about, wanted, self._scanner.registry, authorization, artifact)
        answer = await self._send("POST", "/scan", content=body, kind=kind, size=METADATA_AT_MOST)
        if answer.status in {400, 422, 501}:
            raise NotScanned(self._why(answer, "refuses to scan it"), for_good=True)
        self._require(answer, 202)
        try:
            return protocol.accepted(answer.content)
        except AdapterFault as fault:
            raise Unreachable(f"{self._scanner.url}: {fault}") from fault

    async def report(self, id: str, wanted: Wanted) -> Report:
        """The report of a scan. Raises NotReady and NotScanned."""
        content = await self._report(protocol.report_path(id), wanted.report)
        try:
            return protocol.report(content)
        except AdapterFault as fault:
            raise NotScanned(str(fault)) from fault

    async def sbom(self, id: str, format: str) -> dict[str, object]:
        """The bill of materials of a scan. Raises NotReady and NotScanned."""
        content = await self._report(protocol.report_path(id, format), protocol.SBOM)
        try:
            return protocol.bill(content)
        except AdapterFault as fault:
            raise NotScanned(str(fault)) from fault

    async def _report(self, path: str, accept: str) -> bytes:
        answer = await self._send("GET", path, accept=accept, size=REPORT_AT_MOST)
        if answer.status == 302:
            raise NotReady(protocol.wait(answer.headers))
        if answer.status == 404:
            raise NotScanned("it knows nothing any more of the scan that it was asked for")
        if answer.status in {400, 406, 415, 500, 501}:
            raise NotScanned(self._why(answer, "has failed"), for_good=answer.status == 501)
        self._require(answer, 200)
        return answer.content

    async def _send(
        self, method: str, path: str, *, size: int, accept: str = "", content: bytes | None = None, kind: str = ""
    ) -> Answer:
        headers = {"Accept": accept or "application/json, */*", **self._authorization()}
        if kind:
            headers["Content-Type"] = kind
        url = self._scanner.url + API + path
        return await self._fetch.send(
            method, url, content=content, headers=headers, private=self._scanner.private, size=size
        )

    def _authorization(self) -> Mapping[str, str]:
        match self._scanner.auth:
            case "bearer":
                return {"Authorization": f"Bearer {self._scanner.secret}"}
            case "basic":
                return {"Authorization": f"Basic {base64.b64encode(self._scanner.secret.encode()).decode()}"}
            case _:
                return {}

    def _require(self, answer: Answer, status: int) -> None:
        if answer.status in {401, 403}:
            raise Unreachable(f"{self._scanner.url} does not take what it was shown for a credential ({answer.status})")
        if answer.status != status:
            raise Unreachable(self._why(answer, "answered"))

    def _why(self, answer: Answer, what: str) -> str:
        said = protocol.said(answer.content)
        return f"{self._scanner.url} {what} ({answer.status}{f': {said}' if said else ''})"
