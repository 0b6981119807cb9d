"""OpenVEX 0.2.0, and the earlier form in which vulnerabilities and products are plain texts. Pure."""

from collections.abc import Iterator

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.vex.fields import Fields, items, mapping, named, objects, text
from wharfinger.scanning.vex.statements import SUPPRESSING, Named, Product, Statement, Status

CONTEXT = "https://openvex.dev/ns"
_STATUSES: dict[str, Status] = {
    "not_affected": "not_affected",
    "fixed": "fixed",
    "affected": "affected",
    "under_investigation": "under_investigation",
}


def parse(document: Fields, name: str) -> Iterator[Statement]:
    """The statements of a document; ``name`` is its file's. Raises RequestInvalid."""
    written = text(document.get("timestamp"), "timestamp")
    for where, fields in objects(document.get("statements"), "statements"):
        yield _statement(fields, where, f"{name}: {where}", written)


def _statement(fields: Fields, where: str, shown: str, written: str) -> Statement:
    status = text(fields.get("status"), f"{where}.status")
    if status not in _STATUSES:
        raise RequestInvalid(f"{where}.status: {status[:40]!r} is none of {', '.join(_STATUSES)}")
    found = Statement(
        vulnerabilities=_vulnerabilities(fields.get("vulnerability"), f"{where}.vulnerability"),
        products=tuple(_products(fields.get("products"), f"{where}.products")),
        status=_STATUSES[status],
        why=_why(fields, where),
        where=shown,
        moment=text(fields.get("last_updated") or fields.get("timestamp"), f"{where}.timestamp") or written,
    )
    if not found.vulnerabilities:
        raise RequestInvalid(f"{where}: it names no vulnerability")
    return found


def _why(fields: Fields, where: str) -> str:
    suppressing = fields.get("status") in SUPPRESSING
    keys = ("justification", "impact_statement") if suppressing else ("action_statement", "status_notes")
    said = [text(fields.get(key), f"{where}.{key}") for key in keys]
    return "; ".join(part.replace("_", " ") if n == 0 else part for n, part in enumerate(said) if part)


def _vulnerabilities(value: object, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    fields = mapping(value, where)
    own = [text(fields.get("name"), f"{where}.name"), text(fields.get("@id"), f"{where}.@id").rpartition("/")[2]]
    aliases = [text(alias, place) for place, alias in items(fields.get("aliases"), f"{where}.aliases")]
    return tuple(dict.fromkeys(each for each in (*own, *aliases) if each))


def _products(value: object, where: str) -> Iterator[Product]:
    for place, item in items(value, where):
        fields = {"@id": item} if isinstance(item, str) else mapping(item, place)
        parts = [
            _named({"@id": part} if isinstance(part, str) else mapping(part, inner), inner)
            for inner, part in items(fields.get("subcomponents"), f"{place}.subcomponents")
        ]
        yield Product(_named(fields, place), tuple(parts))


def _named(fields: Fields, where: str) -> Named:
    identifiers = mapping(fields.get("identifiers"), f"{where}.identifiers")
    return named(text(identifiers.get("purl"), f"{where}.purl") or text(fields.get("@id"), f"{where}.@id"))
