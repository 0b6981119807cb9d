"""The verdict as JSON: the scan's report, who judged it, and what was decided about each finding. Pure."""

import json
from typing import Any

from wharfinger.scanning import report
from wharfinger.scanning.excuses import excuser
from wharfinger.scanning.findings import instant
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
        "refused_by": list(decision.refused_by),
        "judged": judged(verdict),
        "terms": {
            "fail_on": terms.fail_on,
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


def judged(verdict: Verdict) -> dict[str, Any]:
    """Who judged, by which advisories, cataloguer and policy, and when: every report that has room for it says it."""
    judge, policy = verdict.judge, verdict.judge.policy
    return {
        "where": judge.where,
        "registry": judge.registry or None,
        "images": [
            {
                "image": each.digest,
                "advisories": each.advisories,
                "cataloguer": each.cataloguer,
                "judged_at": f"{each.at:%Y-%m-%dT%H:%M:%SZ}",
            }
            for each in judge.images
        ],
        "gate": None
        if policy is None
        else {
            "outcome": policy.outcome,
            "rules": list(policy.rules),
            "refused_by": list(verdict.decision.gates),
            "policies": list(policy.ids),
        },
        "notes": list(judge.notes),
    }


def _judgement(each: Judgement) -> dict[str, Any]:
    suppressed, published, known_since = each.finding.suppressed, each.finding.published, each.finding.known_since
    return {
        "image": each.image.digest,
        "platform": each.image.platform,
        "id": each.finding.id,
        "purl": each.finding.purl,
        "package": each.finding.package,
        "version": each.finding.version,
        "fixed": each.finding.fixed,
        "severity": each.level.value,
        "published": None if published is None else published.isoformat(),
        "known_since": None if known_since is None else instant(known_since),
        "fails": each.fails,
        "rule": each.rule.value,
        "reason": each.reason,
        "remedy": each.remedy or None,
        "suppressed_by": None if suppressed is None else excuser(suppressed),
        "refused_by": list(each.by),
        "gate_rules": list(each.gates),
    }


def _doubt(each: Doubt) -> dict[str, Any]:
    return {
        "image": each.image.digest,
        "platform": each.image.platform,
        "rule": each.rule.value,
        "answer": each.answer,
        "reason": each.reason,
        "remedy": each.remedy or None,
        "refused_by": list(each.by),
        "gate_rules": list(each.gates),
    }


def _unmatched(each: Unmatched) -> dict[str, Any]:
    return {
        "statement": each.statement.where,
        "vulnerability": each.statement.vulnerabilities[0],
        "product": each.product,
        "reason": each.reason,
        "nearest": each.nearest or None,
    }
