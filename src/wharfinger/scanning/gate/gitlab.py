"""The verdict as GitLab's container scanning report, of the schema that GitLab has under this version. Pure."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from wharfinger import __version__
from wharfinger.scanning.excuses import Excuser, excuser
from wharfinger.scanning.findings import Severity
from wharfinger.scanning.gate.deciding import Judgement
from wharfinger.scanning.gate.verdict import Verdict

VERSION = "15.0.7"
NAME_AT_MOST = 255
_SPACE = uuid.UUID("0c7f7a38-5d0f-5a55-8a0c-8dd5b1c4e7d2")
_SEVERITIES: Mapping[Severity, str] = {
    Severity.CRITICAL: "Critical",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
    Severity.NONE: "Info",
    Severity.UNKNOWN: "Unknown",
}

_ORIGINS: Mapping[Excuser, str] = {"exception": "Exception", "VEX": "VEX"}


def document(verdict: Verdict, moment: datetime) -> dict[str, Any]:
    """The report. ``moment`` is when the scan was made, in UTC. What is suppressed is flagged as such."""
    time = moment.strftime("%Y-%m-%dT%H:%M:%S")
    tool = {
        "id": "wharfinger",
        "name": "wharf gate",
        "version": __version__,
        "vendor": {"name": "Wharfinger"},
    }
    return {
        "version": VERSION,
        "scan": {
            "analyzer": tool,
            "scanner": tool,
            "type": "container_scanning",
            "start_time": time,
            "end_time": time,
            "status": "success",
            "messages": [{"level": level, "value": value} for level, value in _messages(verdict)],
        },
        "vulnerabilities": [_vulnerability(each, verdict.scan.target) for each in verdict.decision.judgements],
    }


def _messages(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Who judged and what came of it, and every doubt."""
    for line in (*verdict.judge.words, f"{verdict.scan.target} {verdict.headline}"):
        yield "info", line
    for doubt in verdict.decision.doubts:
        yield "warn", f"{doubt.rule}: {doubt.reason}"


def _vulnerability(each: Judgement, target: str) -> dict[str, Any]:
    finding = each.finding
    fields: dict[str, Any] = {
        "id": str(uuid.uuid5(_SPACE, f"{each.image.digest}\0{finding.id}\0{finding.purl}")),
        "name": (finding.summary or finding.id)[:NAME_AT_MOST],
        "description": f"{finding.id} in {finding.package} {finding.version}: {each.reason}.",
        "severity": _SEVERITIES[finding.severity],
        "identifiers": [_identifier(id) for id in dict.fromkeys((finding.id, *finding.aliases))],
        "links": [{"url": identifier["url"]} for identifier in [_identifier(finding.id)] if "url" in identifier],
        "location": {
            "dependency": {"package": {"name": finding.package}, "version": finding.version},
            "operating_system": _system(each),
            "image": target,
        },
    }
    if finding.fixed is not None:
        fields["solution"] = f"Update {finding.package} to {finding.fixed}."
    if finding.suppressed is not None:
        # The format has one flag for what nobody need look at; whether it is false or a risk taken, its origin says.
        origin, said = _ORIGINS[excuser(finding.suppressed)], finding.suppressed
        fields["flags"] = [{"type": "flagged-as-likely-false-positive", "origin": origin, "description": said}]
    return fields


def _system(each: Judgement) -> str:
    found = each.image.catalogue.distribution
    return f"{found.id}:{found.version}" if found is not None and found.id else "unknown"


def _identifier(id: str) -> dict[str, str]:
    kind = "cve" if id.startswith("CVE-") else "ghsa" if id.startswith("GHSA-") else "osv"
    url = f"https://www.cve.org/CVERecord?id={id}" if kind == "cve" else f"https://osv.dev/vulnerability/{id}"
    return {"type": kind, "name": id, "value": id, "url": url}
