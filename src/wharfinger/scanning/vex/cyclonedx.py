"""CycloneDX with vulnerabilities and their analysis, in a document of their own or in a bill of materials. Pure."""

from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.vex import purls
from wharfinger.scanning.vex.fields import Fields, items, mapping, named, objects, text
from wharfinger.scanning.vex.statements import Named, Product, Statement, Status

DEPTH_AT_MOST = 30
_STATES: Mapping[str, Status] = {
    "not_affected": "not_affected",
    "false_positive": "not_affected",
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "exploitable": "affected",
    "in_triage": "under_investigation",
}
_AFFECTS: Mapping[str, Status | None] = {"affected": None, "unaffected": "not_affected", "unknown": None, "": None}


def parse(document: Fields, name: str) -> Iterator[Statement]:
    """The statements of a document; ``name`` is its file's. Raises RequestInvalid."""
    known: dict[str, Named] = {}
    metadata = mapping(document.get("metadata"), "metadata")
    _components([metadata["component"]] if "component" in metadata else [], "metadata.component", known, 0)
    _components(document.get("components"), "components", known, 0)
    for where, fields in objects(document.get("vulnerabilities"), "vulnerabilities"):
        yield from _statements(fields, where, known, name, metadata)


def _statements(
    fields: Fields, where: str, known: Mapping[str, Named], name: str, metadata: Fields
) -> Iterator[Statement]:
    analysis = mapping(fields.get("analysis"), f"{where}.analysis")
    state = text(analysis.get("state"), f"{where}.analysis.state")
    if not state:
        return  # somebody's findings, about which nobody has said anything
    if state not in _STATES:
        raise RequestInvalid(f"{where}.analysis.state: {state[:40]!r} is none of {', '.join(_STATES)}")
    ids = [text(fields.get("id"), f"{where}.id")]
    ids += [text(each.get("id"), place) for place, each in objects(fields.get("references"), f"{where}.references")]
    vulnerabilities = tuple(dict.fromkeys(filter(None, ids)))
    if not vulnerabilities:
        raise RequestInvalid(f"{where}: it names no vulnerability")
    keys = ("lastUpdated", "firstIssued")
    moment = next((text(analysis[key], f"{where}.{key}") for key in keys if analysis.get(key)), "")
    why = _why(analysis, where)
    moment = moment or text(metadata.get("timestamp"), "metadata.timestamp")
    for place, affected in objects(fields.get("affects"), f"{where}.affects"):
        for product, status in _products(affected, place, known, _STATES[state]):
            yield Statement(vulnerabilities, (Product(product),), status, why, f"{name}: {place}", moment)


def _why(analysis: Fields, where: str) -> str:
    justification = text(analysis.get("justification"), f"{where}.justification").replace("_", " ")
    return "; ".join(filter(None, (justification, text(analysis.get("detail"), f"{where}.detail"))))


def _products(
    affected: Fields, where: str, known: Mapping[str, Named], status: Status
) -> Iterator[tuple[Named, Status]]:
    """What is affected; single versions are told apart, and a range is nothing that is compared with."""
    ref = text(affected.get("ref"), f"{where}.ref")
    product = _named(ref, known)
    versions = list(objects(affected.get("versions"), f"{where}.versions"))
    if not versions:
        yield product, status
    for place, fields in versions:
        own = _AFFECTS.get(text(fields.get("status"), f"{place}.status"))
        version = text(fields.get("version"), f"{place}.version")
        if version and product.purl is not None:
            yield Named(f"{product.text} {version}", _with_version(product, version)), own or status
        else:
            yield Named(f"{product.text}, versions {text(fields.get('range'), place)}"), own or status


def _with_version(product: Named, version: str) -> purls.Purl:
    assert product.purl is not None
    own = product.purl
    return purls.Purl(own.text, own.type, own.namespace, own.name, version, own.qualifiers)


def _named(ref: str, known: Mapping[str, Named]) -> Named:
    if ref in known:
        return known[ref]
    # A link into another document, by what stands behind its number sign: urn:cdx:SERIAL/VERSION#REF
    linked = unquote(ref.partition("#")[2]) if ref.startswith("urn:cdx:") else ref
    return known.get(linked) or named(linked)


def _components(value: object, where: str, known: dict[str, Named], depth: int) -> None:
    if depth > DEPTH_AT_MOST:
        raise RequestInvalid(f"{where}: components more than {DEPTH_AT_MOST} deep")
    for place, item in items(value, where):
        fields = mapping(item, place)
        purl = text(fields.get("purl"), f"{place}.purl")
        ref = text(fields.get("bom-ref"), f"{place}.bom-ref")
        if ref:
            known[ref] = named(purl) if purl else named(ref)
        _components(fields.get("components"), f"{place}.components", known, depth + 1)
