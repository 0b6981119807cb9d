"""The verdict as JSON: the scan's report, and what was decided about each finding. Pure."""

import json
from typing import Any

from wharfinger.scanning import report
from wharfinger.scanning.gate.deciding import Doubt, Judgement
from wharfinger.scanning.gate.verdict import Verdict
from wharfinger.scanning.vex.applying import Unmatched


def text(verdict: Verdict) -> str:
    """The document as it is printed."""
    return json.dumps(document(verdict), indent=2, ensure_ascii=False) + "\n"


def document(verdict: Verdict) -> dict[str, Any]:
    """The document: the same verdict, the same bytes."""
    decision = verdict.decision
    terms = decision.terms
    return {
        "schema": 1,
        "answer": decision.answer,
        "terms": {
            "fail_on": terms.fail_on.value,
            "fixed_only": terms.fixed_only,
            "grace_days": None if terms.grace is None else terms.grace.total_seconds() / 86400,
            "kev": terms.kev,
            "not_assessed": terms.not_assessed,
            "partial": terms.partial,
            "unknown_as": decision.unknown_as.value,
        },
        "judgements": [_judgement(each) for each in decision.judgements],
        "doubts": [_doubt(each) for each in decision.doubts],
        "unmatched": [_unmatched(each) for each in verdict.unmatched],
        "scan": report.document(verdict.scan),
    }


def _judgement(each: Judgement) -> dict[str, Any]:
    return {
        "image": each.image.digest,
        "platform": each.image.platform,
        "id": each.finding.id,
        "purl": each.finding.purl,
        "package": each.finding.package,
        "version": each.finding.version,
        "fixed": each.finding.fixed,
        "severity": each.level.value,
        "fails": each.fails,
        "rule": each.rule.value,
        "reason": each.reason,
        "remedy": each.remedy or None,
    }


def _doubt(each: Doubt) -> dict[str, Any]:
    return {
        "image": each.image.digest,
        "platform": each.image.platform,
        "rule": each.rule.value,
        "answer": each.answer,
        "reason": each.reason,
        "remedy": each.remedy or None,
    }


def _unmatched(each: Unmatched) -> dict[str, Any]:
    return {
        "statement": each.statement.where,
        "vulnerability": each.statement.vulnerabilities[0],
        "product": each.product,
        "reason": each.reason,
        "nearest": each.nearest or None,
    }
