"""A statement as plain data that is kept, and back. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wharfinger.scanning.vex import purls
from wharfinger.scanning.vex.statements import Named, Product, Statement


def plain(statement: Statement) -> dict[str, Any]:
    """The data that :func:`statement` reads."""
    return {
        "vulnerabilities": list(statement.vulnerabilities),
        "products": [
            {"named": _plain(product.named), "parts": [_plain(part) for part in product.parts]}
            for product in statement.products
        ],
        "status": statement.status,
        "why": statement.why,
        "where": statement.where,
        "moment": statement.moment,
    }


def statement(fields: Mapping[str, Any]) -> Statement:
    """The statement that was kept."""
    return Statement(
        vulnerabilities=tuple(fields["vulnerabilities"]),
        products=tuple(
            Product(_named(each["named"]), tuple(_named(part) for part in each["parts"])) for each in fields["products"]
        ),
        status=fields["status"],
        why=fields["why"],
        where=fields["where"],
        moment=fields["moment"],
    )


def placed(said: Statement, where: str) -> Statement:
    """The same, of which people are told that it is there."""
    return replace(said, where=where)


def _plain(named: Named) -> list[str | None]:
    return [named.text, None if named.purl is None else named.purl.text]


def _named(fields: list[str | None]) -> Named:
    text, purl = fields
    return Named(text or "", None if purl is None else purls.parse(purl))
