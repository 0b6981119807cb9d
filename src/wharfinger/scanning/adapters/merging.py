"""What other scanners say of an image, laid over what is known here: every finding says who has found it. Pure.

A vulnerability of a package that both name is one finding. Another's rating stands beside ours and never above it; it
counts where ours is unknown. What only another has found is a finding, too, with its word for everything.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from packageurl import PackageURL

from wharfinger.scanning.adapters.protocol import Item, Report
from wharfinger.scanning.findings import Severity

OURS = "wharfinger"

Image = Mapping[str, Any]
Named = tuple[str, str]


def merge(image: Image, reports: Sequence[tuple[str, Report]]) -> dict[str, Any]:
    """An image of ``docs/scan.schema.json`` with the reports of scanners by name; every finding has ``scanners``."""
    findings: list[dict[str, Any]] = [
        {**each, "ratings": list(each["ratings"]), "scanners": [OURS]} for each in image["findings"]
    ]
    names = _names(image)
    known: dict[tuple[str, str, str], dict[str, Any]] = {}
    for finding in findings:
        _know(known, finding)
    for scanner, report in reports:
        for item in report.items:
            found = _find(known, names, item)
            if found is None:
                found = _new(item, names)
                findings.append(found)
                _know(known, found)
            _add(found, scanner, item)
    return {**image, "findings": sorted(findings, key=_order)}


def counts(findings: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many there are of each severity."""
    found = dict.fromkeys((each.value for each in Severity), 0)
    for finding in findings:
        found[finding["severity"]] += 1
    return found


class _Names:
    """Which package another scanner means: by the name of a binary of its source, or a language's spelling."""

    def __init__(self, packages: Iterable[Mapping[str, Any]]) -> None:
        self.purls: dict[Named, str] = {}
        self.sources: dict[Named, Named] = {}
        for each in packages:
            key = _spelt(each["name"]), each["version"]
            self.purls.setdefault(key, each["purl"])
            if each["source"]:
                self.sources[key] = _spelt(each["source"]["name"]), each["source"]["version"]


def _names(image: Image) -> _Names:
    return _Names(image["packages"])


def _spelt(name: str) -> str:
    """The name in the one spelling of PEP 503: version and vulnerability agree as well where two are taken for one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _know(known: dict[tuple[str, str, str], dict[str, Any]], finding: dict[str, Any]) -> None:
    for id in (finding["id"], *finding["aliases"]):
        known.setdefault((id, _spelt(finding["package"]), finding["version"]), finding)


def _find(known: Mapping[tuple[str, str, str], dict[str, Any]], names: _Names, item: Item) -> dict[str, Any] | None:
    meant = _spelt(item.package), item.version
    candidates = (meant, names.sources.get(meant, meant))
    return next((known[item.id, *each] for each in candidates if (item.id, *each) in known), None)


def _new(item: Item, names: _Names) -> dict[str, Any]:
    purl = names.purls.get((_spelt(item.package), item.version))
    return {
        "id": item.id,
        "aliases": [],
        "advisories": [],
        "purl": purl or str(PackageURL("generic", None, item.package, item.version or None)),
        "package": item.package,
        "version": item.version,
        "fixed": None,
        "state": "affected",
        "severity": Severity.UNKNOWN.value,
        "ratings": [],
        "kev": False,
        "suppressed": None,
        "scanners": [],
    }


def _add(finding: dict[str, Any], scanner: str, item: Item) -> None:
    theirs = {"source": scanner, "severity": item.severity.value, "vector": next(iter(item.vectors), None)}
    if theirs not in finding["ratings"]:
        finding["ratings"] = sorted([*finding["ratings"], theirs], key=_rating_order)
    if scanner not in finding["scanners"]:
        finding["scanners"] = [*finding["scanners"], scanner]
    if finding["fixed"] is None and item.fixed is not None:
        finding["fixed"], finding["state"] = item.fixed, "fixed"
    if OURS not in finding["scanners"] or finding["severity"] == Severity.UNKNOWN.value:
        told = [Severity(each["severity"]) for each in finding["ratings"]]
        finding["severity"] = max(told, key=lambda each: each.rank).value


def _rating_order(rating: Mapping[str, Any]) -> tuple[str, str, str]:
    return rating["source"], rating["vector"] or "", rating["severity"]


def _order(finding: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return finding["package"], finding["version"], finding["id"], finding["purl"]
