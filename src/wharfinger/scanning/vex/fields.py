"""Fields of somebody's JSON, each checked where it is read. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.vex import purls
from wharfinger.scanning.vex.statements import Named
from wharfinger.spec.digest import encodable

Fields = Mapping[str, Any]


def mapping(value: object, where: str) -> Fields:
    """An object; nothing is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RequestInvalid(f"{where}: want an object")
    return value


def items(value: object, where: str) -> Iterator[tuple[str, Any]]:
    """The items of a list, each with its place; nothing is an empty one."""
    if value is None:
        return
    if not isinstance(value, list):
        raise RequestInvalid(f"{where}: want a list")
    for number, item in enumerate(value):
        yield f"{where}[{number}]", item


def objects(value: object, where: str) -> Iterator[tuple[str, Fields]]:
    """The objects of a list, each with its place."""
    for place, item in items(value, where):
        yield place, mapping(item, place)


def text(value: object, where: str) -> str:
    """A text; nothing is an empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RequestInvalid(f"{where}: want a text")
    return encodable(value.strip())


def named(value: str) -> Named:
    """What a text names: a purl if it is one, else words."""
    if not value.startswith("pkg:"):
        return Named(value)
    return Named(value, purls.parse(value))
