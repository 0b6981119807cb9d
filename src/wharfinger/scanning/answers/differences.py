"""Differences written down: as JSON for programs, as Markdown for a comment on a pull request. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wharfinger.scanning.answers.comparing import Comparison, Differences, FindingChange, PackageChange
from wharfinger.scanning.answers.told import Told
from wharfinger.scanning.findings import Severity
from wharfinger.scanning.gate.markdown import plain

ROWS_AT_MOST = 100
"""A comment of GitHub has 65,536 characters at most; the rest is counted."""


def text(found: Differences) -> str:
    """The JSON as it is printed."""
    return json.dumps(document(found), indent=2, ensure_ascii=False) + "\n"


def document(found: Differences) -> dict[str, Any]:
    """The JSON: the same images with the same advisories, the same bytes."""
    return {
        "schema": 1,
        "before": _told(found.before),
        "after": _told(found.after),
        "summary": found.summary,
        "notes": list(found.notes),
        "images": [_pair(each) for each in found.pairs],
    }


def _told(told: Told) -> Mapping[str, Any]:
    return {"target": told.target, "advisories": sorted(told.advisories)}


def _pair(pair: Comparison) -> Mapping[str, Any]:
    return {
        "platform": pair.platform,
        "before": {"digest": pair.before.digest, "status": pair.before.status},
        "after": {"digest": pair.after.digest, "status": pair.after.status},
        "summary": pair.summary,
        "staying": {each.value: pair.staying[each] for each in Severity if pair.staying.get(each)},
        "findings": [_finding(each) for each in pair.findings],
        "packages": [_package(each) for each in pair.packages],
    }


def _finding(change: FindingChange) -> Mapping[str, Any]:
    finding = change.finding
    return {
        "change": change.kind,
        "id": finding.id,
        "aliases": list(finding.aliases),
        "severity": finding.severity.value,
        "purl": finding.purl,
        "package": finding.package,
        "before": list(change.before),
        "after": list(change.after),
        "fixed": finding.fixed,
        "kev": finding.kev,
        "layers": list(change.layers),
        "suppressed": finding.suppressed,
        "doubt": change.doubt or None,
    }


def _package(change: PackageChange) -> Mapping[str, Any]:
    return {
        "change": change.kind,
        "type": change.type,
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "layer": change.layer,
    }


def markdown(found: Differences) -> str:
    """The comment."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Differences) -> Iterator[str]:
    yield f"### {plain(found.after.target)} {plain(found.summary)}"
    yield ""
    yield f"Compared with {plain(found.before.target)}."
    for note in found.notes:
        yield f"- {plain(note)}"
    for pair in found.pairs:
        if len(found.pairs) > 1:
            yield ""
            yield f"#### {plain(pair.platform)}: {plain(pair.summary)}"
        yield from _tables(pair)


def _tables(pair: Comparison) -> Iterator[str]:
    for title, kind in (("Added", "gained"), ("Fixed", "lost")):
        rows = [_row(each) for each in pair.findings if each.kind == kind]
        headings = ("Severity", "Vulnerability", "Package", "Before", "After", "Fixed in", "Layer", "")
        yield from _table(f"**{title}: {len(rows)}**", headings, rows)
    changed = [
        (each.kind, each.type, each.name, each.before or "–", each.after or "–", short(each.layer))
        for each in pair.packages
    ]
    folded = f"<details><summary>Packages: {len(changed)}</summary>"
    yield from _table(folded, ("Change", "Kind", "Package", "Before", "After", "Layer"), changed)
    if changed:
        yield ""
        yield "</details>"


def _row(each: FindingChange) -> Sequence[str]:
    finding = each.finding
    versions = [", ".join(versions) or "–" for versions in (each.before, each.after)]
    place = ", ".join(map(short, each.layers))
    return (finding.severity.value, finding.id, finding.package, *versions, finding.fixed or "–", place, said(each))


def said(change: FindingChange) -> str:
    """What keeps a change from being counted."""
    if change.doubt:
        return f"in doubt: {change.doubt}"
    return "" if change.finding.suppressed is None else f"does no harm: {change.finding.suppressed}"


def short(digest: str) -> str:
    """A digest as people tell it from others."""
    return digest.partition(":")[2][:12]


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield title
    yield ""
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    for row in rows[:ROWS_AT_MOST]:
        yield f"| {' | '.join(map(plain, row))} |"
    if len(rows) > ROWS_AT_MOST:
        yield ""
        yield f"And {len(rows) - ROWS_AT_MOST} more."
