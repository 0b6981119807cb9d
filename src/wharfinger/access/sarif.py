"""Findings as SARIF 2.1.0, for the places where others are looked at. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from wharfinger import sarif
from wharfinger.access.findings import RULES, Severity

LEVELS: Mapping[str, str] = {"high": "error", "medium": "warning", "low": "note", "note": "none"}
SCORES: Mapping[str, str] = {"high": "8.0", "medium": "5.5", "low": "2.0", "note": "0.0"}
"""What GitHub sorts by."""
FILE = "policy.yaml"
"""What is not in a file must be shown in one: GitHub takes no result without a place."""


def document(findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The log of one run. ``findings`` have rule, id, subject, severity, reason and commands, as the API tells them."""
    rules = sorted({str(finding["rule"]) for finding in findings})
    return sarif.log("wharf access review", [_rule(rule, findings) for rule in rules], [_result(f) for f in findings])


def _rule(rule: str, findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    worst = max(Severity[str(f["severity"]).upper()] for f in findings if f["rule"] == rule).word
    return {
        "id": rule,
        "shortDescription": {"text": RULES.get(rule, rule)},
        "defaultConfiguration": {"level": LEVELS[worst]},
        "properties": {"security-severity": SCORES[worst], "tags": ["security", "access"]},
    }


def _result(finding: Mapping[str, Any]) -> dict[str, Any]:
    severity, commands = str(finding["severity"]), [str(each) for each in finding["commands"]]
    kind: dict[str, Any] = {"kind": "informational"} if LEVELS[severity] == "none" else {}
    fix = f" To put it right: {' && '.join(commands)}" if commands else ""
    place = {"artifactLocation": {"uri": FILE}, "region": {"startLine": 1}}
    return {
        "ruleId": finding["rule"],
        "level": LEVELS[severity],
        "message": {"text": f"{finding['reason']}.{fix}"},
        "locations": [
            {"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": str(finding["subject"])}]}
        ],
        "partialFingerprints": {"wharfFinding/v1": finding["id"]},
        "properties": {"severity": severity, "commands": commands},
        **kind,
    }
