"""The verdict as SARIF 2.1.0. What passes is in it too, as a note, and what is suppressed as suppressed. Pure."""

import hashlib
from typing import Any

from wharfinger import sarif
from wharfinger.scanning.excuses import excuser
from wharfinger.scanning.findings import Severity
from wharfinger.scanning.gate.deciding import Doubt, Judgement
from wharfinger.scanning.gate.document import judged
from wharfinger.scanning.gate.verdict import RULES, Verdict

SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.NONE: "0.0",
}
"""What GitHub sorts by."""
FILE = "image"
"""What is not in a file must be shown in one: GitHub takes no result without a place."""


def document(verdict: Verdict) -> dict[str, Any]:
    """The log of one run: a rule for each vulnerability, and one for each kind of doubt."""
    decision = verdict.decision
    worst: dict[str, Judgement] = {}
    for each in decision.judgements:
        known = worst.get(each.finding.id)
        if known is None or each.level.rank > known.level.rank:
            worst[each.finding.id] = each
    rules = [_rule(worst[id]) for id in sorted(worst)]
    rules += [_doubtful(kind) for kind in sorted({doubt.rule.value for doubt in decision.doubts})]
    results = [_result(each) for each in decision.judgements] + [_doubt(each) for each in decision.doubts]
    properties = {"answer": decision.answer, "target": verdict.scan.target, "judged": judged(verdict)}
    return sarif.log("wharf gate", rules, results, properties=properties)


def _rule(each: Judgement) -> dict[str, Any]:
    finding = each.finding
    return {
        "id": finding.id,
        "shortDescription": {"text": finding.summary[:1000] or f"{finding.id} in {finding.package}"},
        "defaultConfiguration": {"level": "error" if each.fails else "note"},
        "properties": {"security-severity": SCORES[each.level], "tags": ["security", "vulnerability"]},
    }


def _doubtful(kind: str) -> dict[str, Any]:
    return {
        "id": kind,
        "shortDescription": {"text": RULES[kind]},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["security"]},
    }


def _result(each: Judgement) -> dict[str, Any]:
    finding = each.finding
    remedy = f" To make it pass: {each.remedy}." if each.remedy else ""
    level = "error" if each.fails else "note"
    fields = {
        "ruleId": finding.id,
        "level": level,
        "message": {"text": f"{finding.package} {finding.version}: {each.reason}.{remedy}"},
        "locations": [_place(each, _path(each))],
        "partialFingerprints": {"wharfGate/v1": _fingerprint(each.image.platform, finding.id, finding.package)},
        "properties": _properties(each) | {"purl": finding.purl},
    }
    if finding.suppressed is None:
        return fields
    said = {"kind": "external", "status": "accepted", "justification": finding.suppressed}
    return fields | {"suppressions": [said | {"properties": {"by": excuser(finding.suppressed)}}]}


def _properties(each: Judgement | Doubt) -> dict[str, Any]:
    known = {"rule": each.rule.value, "platform": each.image.platform}
    return known | {"refusedBy": list(each.by), "gateRules": list(each.gates)}


def _doubt(each: Doubt) -> dict[str, Any]:
    level = {"fail": "error", "undecided": "warning", "pass": "note"}[each.answer]
    return {
        "ruleId": each.rule.value,
        "level": level,
        "message": {"text": f"{each.reason}."},
        "locations": [_place(each, FILE)],
        "partialFingerprints": {"wharfGate/v1": _fingerprint(each.image.platform, each.rule.value, each.reason)},
        "properties": _properties(each),
    }


def _place(each: Judgement | Doubt, path: str) -> dict[str, Any]:
    name = f"{each.image.platform or 'image'}@{each.image.digest}"
    return {
        "physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": 1}},
        "logicalLocations": [{"fullyQualifiedName": name}],
    }


def _path(each: Judgement) -> str:
    """Where the package was found, as a relative URI; only of plain paths, since others are shown in the message."""
    for package in each.image.packages:
        if package.purl == each.finding.purl and package.paths:
            path = min(package.paths).lstrip("/").partition("!")[0]
            return path if _is_plain(path) else FILE
    return FILE


def _is_plain(path: str) -> bool:
    return bool(path) and path.isascii() and all(each.isalnum() or each in "/._-+@" for each in path)


def _fingerprint(*parts: str) -> str:
    """Without the version: a finding stays the same while the package is updated to another that has it too."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
