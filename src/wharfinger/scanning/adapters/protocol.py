"""Harbor's scanner adapter protocol, 1.0 to 1.2: what is sent, and what may come back. Pure.

https://github.com/goharbor/pluggable-scanner-spec. What comes back is a stranger's: whatever is not as the protocol has
it is an AdapterFault, texts are cut, and lists have an end.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wharfinger.scanning.findings import Severity

METADATA = (
    "application/vnd.scanner.adapter.metadata+json; version=1.1",
    "application/vnd.scanner.adapter.metadata+json; version=1.0",
)
REQUEST = "application/vnd.scanner.adapter.scan.request+json; version="
VULNERABILITIES = (
    "application/vnd.security.vulnerability.report; version=1.1",
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
)
"""Reports that are read here, the better first. A vendor's own (`…vuln.report.raw`) is not."""
SBOM = "application/vnd.security.sbom.report+json; version=1.0"
SBOM_FORMATS = ("application/vnd.cyclonedx+json", "application/spdx+json")
AUTHORIZATION = "harbor.scanner-adapter/registry-authorization-type"
"""The property by which an adapter says that it wants Basic or Bearer for the registry; Basic unless it says so."""

ITEMS_AT_MOST = 100_000
CAPABILITIES_AT_MOST = 100
TEXT_AT_MOST = 300
SECONDS_BETWEEN = 5.0
SECONDS_BETWEEN_AT_MOST = 300.0

_ID = re.compile(r"[\x21-\x7e]{1,200}")
_CVSS3 = re.compile(r"CVSS:3\.[01]/[A-Za-z:/]{10,120}")
_CVSS2 = re.compile(r"\(?[A-Za-z:/]{10,120}\)?")
_LEVELS: Mapping[str, Severity] = {
    "negligible": Severity.LOW,
    "low": Severity.LOW,
    "medium": Severity.MEDIUM,
    "high": Severity.HIGH,
    "critical": Severity.CRITICAL,
}


class AdapterFault(Exception):
    """What came back is not what the protocol has."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What kinds of artifacts a scanner takes, and what it makes of them. ``type`` is None before 1.2."""

    type: str | None
    consumes: tuple[str, ...]
    produces: tuple[str, ...]
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a scanner says of itself."""

    name: str
    vendor: str
    version: str
    capabilities: tuple[Capability, ...]
    properties: Mapping[str, str]

    @property
    def speaks_of_types(self) -> bool:
        """Whether it is of protocol 1.2, and a request says what is wanted."""
        return any(each.type is not None for each in self.capabilities)

    @property
    def wants_bearer(self) -> bool:
        return self.properties.get(AUTHORIZATION, "").lower() == "bearer"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: the kind of report, and the format of a bill of materials where there is to be one."""

    report: str
    sbom: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A vulnerability of a package, as a scanner reports it."""

    id: str
    package: str
    version: str
    fixed: str | None
    severity: Severity
    vectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a scanner says of an image."""

    generated_at: str
    name: str
    version: str
    items: tuple[Item, ...]


def metadata(content: bytes) -> Metadata:
    """What a scanner says of itself. Raises AdapterFault."""
    fields = _object(content)
    scanner = fields.get("scanner")
    found = fields.get("capabilities")
    if not isinstance(scanner, dict) or not isinstance(found, list):
        raise AdapterFault("its metadata has no scanner or no capabilities")
    properties = fields.get("properties")
    return Metadata(
        _text(scanner.get("name")),
        _text(scanner.get("vendor")),
        _text(scanner.get("version")),
        tuple(_capability(each) for each in found[:CAPABILITIES_AT_MOST] if isinstance(each, dict)),
        {_text(k): _text(v) for k, v in list(properties.items())[:100]} if isinstance(properties, dict) else {},
    )


def _capability(fields: dict[str, Any]) -> Capability:
    more = fields.get("additional_attributes")
    kind = fields.get("type")
    return Capability(
        _text(kind) if kind else None,
        _types(fields.get("consumes_mime_types")),
        _types(fields.get("produces_mime_types")),
        _types(more.get("sbom_media_types")) if isinstance(more, dict) else (),
    )


def _types(value: object) -> tuple[str, ...]:
    return tuple(_tidy(each) for each in value[:100] if isinstance(each, str)) if isinstance(value, list) else ()


def _tidy(mime: str) -> str:
    """The type with one space before each parameter, as it is written here."""
    return "; ".join(part.strip() for part in mime[:TEXT_AT_MOST].split(";"))


def choose(about: Metadata, media_type: str, *, sbom: bool) -> Wanted | None:
    """What to ask for about such a manifest; None where the scanner does not take it, or makes nothing that is read."""
    able = [each for each in about.capabilities if media_type in each.consumes]
    kinds = {kind for each in able if each.type in {None, "vulnerability"} for kind in each.produces}
    report = next((kind for kind in VULNERABILITIES if kind in kinds), None)
    if report is None:
        return None
    formats = {name for each in able if each.type == "sbom" and SBOM in each.produces for name in each.formats}
    return Wanted(report, next((name for name in SBOM_FORMATS if name in formats), None) if sbom else None)


def reads_none(about: Metadata) -> bool:
    """Whether nothing of what the scanner makes is read here."""
    return not any(kind in VULNERABILITIES for each in about.capabilities for kind in each.produces)


def request(
    about: Metadata, wanted: Wanted, registry: str, authorization: str, artifact: Mapping[str, str]
) -> tuple[str, bytes]:
    """The content type and the body of a request for a scan."""
    fields: dict[str, Any] = {
        "registry": {"url": registry, "authorization": authorization},
        "artifact": dict(artifact),
    }
    if not about.speaks_of_types:
        return f"{REQUEST}1.0", json.dumps(fields).encode()
    enabled: list[dict[str, Any]] = [{"type": "vulnerability", "produces_mime_types": [wanted.report]}]
    if wanted.sbom is not None:
        formats = {"sbom_media_types": [wanted.sbom]}
        enabled.append({"type": "sbom", "produces_mime_types": [SBOM], "parameters": formats})
    return f"{REQUEST}1.1", json.dumps(fields | {"enabled_capabilities": enabled}).encode()


def accepted(content: bytes) -> str:
    """The id of the scan that was accepted. Raises AdapterFault."""
    id = _object(content).get("id")
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise AdapterFault("it accepted a scan and gave no id for it")
    return id


def report_path(id: str, sbom: str | None = None) -> str:
    """Where the report of a scan is, or its bill of materials in a format."""
    query = f"?sbom_media_type={quote(sbom, safe='')}" if sbom else ""
    return f"/scan/{quote(id, safe='')}/report{query}"


def wait(headers: Mapping[str, str]) -> float:
    """How long a report is not worth asking for: what the scanner says, within bounds."""
    text = headers.get("refresh-after") or headers.get("retry-after") or ""
    seconds = float(text) if re.fullmatch(r"[0-9]{1,6}", text) else SECONDS_BETWEEN
    return min(max(seconds, 1.0), SECONDS_BETWEEN_AT_MOST)


def report(content: bytes) -> Report:
    """What a scanner says of an image. Raises AdapterFault."""
    fields = _object(content)
    found = fields.get("vulnerabilities")
    if not isinstance(found, list | None):
        raise AdapterFault("its report has vulnerabilities that are no list")
    if len(found or ()) > ITEMS_AT_MOST:
        raise AdapterFault(f"its report has more than {ITEMS_AT_MOST} vulnerabilities")
    scanner = fields.get("scanner")
    by = scanner if isinstance(scanner, dict) else {}
    items = {_item(each) for each in found or ()}
    ordered = sorted(items, key=lambda each: (each.id, each.package, each.version, each.fixed or "", each.severity))
    return Report(_text(fields.get("generated_at")), _text(by.get("name")), _text(by.get("version")), tuple(ordered))


def _item(fields: object) -> Item:
    if not isinstance(fields, dict):
        raise AdapterFault("its report has a vulnerability that is no object")
    id, package = _text(fields.get("id")), _text(fields.get("package"))
    if not id or not package:
        raise AdapterFault("its report has a vulnerability without an id or a package")
    severity = _LEVELS.get(_text(fields.get("severity")).lower(), Severity.UNKNOWN)
    fixed = _text(fields.get("fix_version")) or None
    return Item(id, package, _text(fields.get("version")), fixed, severity, _vectors(fields.get("preferred_cvss")))


def _vectors(fields: object) -> tuple[str, ...]:
    if not isinstance(fields, dict):
        return ()
    three, two = _text(fields.get("vector_v3")), _text(fields.get("vector_v2"))
    return (three,) * bool(_CVSS3.fullmatch(three)) + (two,) * bool(_CVSS2.fullmatch(two))


def bill(content: bytes) -> dict[str, Any]:
    """The bill of materials in a report of one. Raises AdapterFault."""
    found = _object(content).get("sbom")
    if not isinstance(found, dict) or not found:
        raise AdapterFault("its report has no bill of materials")
    return found


def said(content: bytes) -> str:
    """What an adapter says is wrong, as far as it may be shown."""
    try:
        error = _object(content).get("error")
    except AdapterFault:
        return ""
    return _text(error.get("message")) if isinstance(error, dict) else ""


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise AdapterFault("what it answers is not JSON") from error
    if not isinstance(found, dict):
        raise AdapterFault("what it answers is no JSON object")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value[:TEXT_AT_MOST] if letter.isprintable()).strip()


def to_json(found: Report) -> dict[str, Any]:
    """The report as it is kept."""
    return {
        "generated_at": found.generated_at,
        "name": found.name,
        "version": found.version,
        "items": [[i.id, i.package, i.version, i.fixed, i.severity.value, list(i.vectors)] for i in found.items],
    }


def from_json(fields: Mapping[str, Any]) -> Report:
    """What :func:`to_json` made."""
    rows: Sequence[Any] = fields["items"]
    items = tuple(Item(id, name, v, fix, Severity(level), tuple(vectors)) for id, name, v, fix, level, vectors in rows)
    return Report(fields["generated_at"], fields["name"], fields["version"], items)
