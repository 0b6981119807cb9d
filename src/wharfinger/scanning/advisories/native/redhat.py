"""Red Hat's VEX (CSAF, a file for each CVE): what of Enterprise Linux is not mended, and what is done about it. Pure.

What is mended is in the errata, which OSV has. A product is a release, by its CPE, with a component: a package by name,
or ``nodejs:18/nodejs`` for one in a module stream.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from wharfinger.scanning.advisories.native.native import Affected, Native, first
from wharfinger.scanning.advisories.ratings import in_words
from wharfinger.scanning.advisories.records import Advisory, Record, RecordInvalid
from wharfinger.scanning.findings import Rating, State

PRODUCTS_AT_MOST = 200_000
LEVELS_AT_MOST = 32

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_RELEASE = re.compile(r"cpe:/[oa]:redhat:enterprise_linux:([0-9]{1,3})(?::.*)?")
_COMPONENT = re.compile(r"(?:(?P<stream>[a-z0-9][\w.+-]*:[\w.+-]+)/)?(?P<name>[A-Za-z0-9][\w.+-]{0,199})")
_OPEN: Mapping[str, State] = {"known_affected": "affected", "under_investigation": "under-investigation"}


class _Helper(msgspec.Struct, gc=False):
    cpe: str = ""


class _Product(msgspec.Struct, gc=False):
    product_id: str
    product_identification_helper: _Helper | None = None


class _Branch(msgspec.Struct):
    product: _Product | None = None
    branches: list["_Branch"] = []


class _Relationship(msgspec.Struct, gc=False):
    full_product_name: _Product
    product_reference: str = ""
    relates_to_product_reference: str = ""


class _Tree(msgspec.Struct):
    branches: list[_Branch] = []
    relationships: list[_Relationship] = []


class _Remediation(msgspec.Struct, gc=False):
    category: str = ""
    details: str = ""
    product_ids: list[str] = []


class _Vulnerability(msgspec.Struct):
    cve: str = ""
    product_status: dict[str, list[str]] = {}
    remediations: list[_Remediation] = []


class _Document(msgspec.Struct):
    document: dict[str, Any]
    product_tree: _Tree = msgspec.field(default_factory=_Tree)
    vulnerabilities: list[_Vulnerability] = []


_DECODER = msgspec.json.Decoder(_Document)


def recognise(data: bytes) -> Native | None:
    """A VEX of Red Hat, by its category and its publisher; those of others are no advisories about a distribution."""
    if b'"csaf_vex"' not in data or b"redhat.com" not in data:
        return None
    try:
        found = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordInvalid(f"not as Red Hat writes VEX: {error}") from error
    publisher = found.document.get("publisher")
    if not isinstance(publisher, dict) or publisher.get("namespace") != "https://www.redhat.com":
        return None
    return Native("Red Hat VEX", [_record(found, each) for each in found.vulnerabilities if _CVE.fullmatch(each.cve)])


def _record(found: _Document, vulnerability: _Vulnerability) -> Record:
    components = _components(found.product_tree)
    states = {id: _state(each) for each in vulnerability.remediations for id in each.product_ids}
    affected = Affected()
    said: dict[tuple[str, str, str | None], State] = {}
    for status, state in _OPEN.items():
        for id in vulnerability.product_status.get(status, ()):
            if id in components:
                said.setdefault(components[id], states.get(id) or state)
    for (release, name, stream), state in sorted(said.items(), key=str):
        affected.add(f"Red Hat:enterprise_linux:{release}", name, None, state, stream)
    severity = found.document.get("aggregate_severity")
    level = in_words(severity.get("text")) if isinstance(severity, dict) else None
    ratings = () if level is None else (Rating("Red Hat", level, None, "distribution"),)
    advisory = Advisory(f"RHVEX-{vulnerability.cve}", covers=(vulnerability.cve,), ratings=ratings)
    return Record(advisory, intervals=tuple(affected.intervals), problems=first(affected.problems))


def _components(tree: _Tree) -> Mapping[str, tuple[str, str, str | None]]:
    """From a product's id to the release, the package and its module stream, for what is of Enterprise Linux itself."""
    if len(tree.relationships) > PRODUCTS_AT_MOST:
        raise RecordInvalid(f"more than {PRODUCTS_AT_MOST} products")
    releases = {id: match[1] for id, cpe in _platforms(tree.branches) if (match := _RELEASE.fullmatch(cpe))}
    found = {}
    for each in tree.relationships:
        release = releases.get(each.relates_to_product_reference)
        match = _COMPONENT.fullmatch(each.product_reference.removesuffix(".src"))
        if release is not None and match is not None:
            found[each.full_product_name.product_id] = (release, match["name"], match["stream"])
    return found


def _platforms(branches: list[_Branch], level: int = 0) -> Iterator[tuple[str, str]]:
    if level > LEVELS_AT_MOST:
        raise RecordInvalid("products within products that do not end")
    for branch in branches:
        if branch.product is not None and branch.product.product_identification_helper is not None:
            yield branch.product.product_id, branch.product.product_identification_helper.cpe
        yield from _platforms(branch.branches, level + 1)


def _state(remediation: _Remediation) -> State | None:
    """What is meant to be done; None where that is no statement about it."""
    details = remediation.details.strip().lower()
    if remediation.category == "no_fix_planned":
        return "wont-fix"
    if remediation.category != "none_available":
        return None
    if details == "fix deferred":
        return "deferred"
    return "under-investigation" if details == "under investigation" else "affected"
