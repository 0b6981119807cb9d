"""A file of exceptions, as ``wharf exception list --json`` prints them; YAML of the same form is read too. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from wharfinger.access import yaml_tree
from wharfinger.access.policy_reading import Reading
from wharfinger.access.yaml_plain import plain
from wharfinger.errors import RequestInvalid
from wharfinger.scanning import affected, excuses
from wharfinger.scanning.excuses import Excuse
from wharfinger.select import parsing

BYTES_AT_MOST = 8 * 1024 * 1024
EXCEPTIONS_AT_MOST = 10_000


def parse(raw: bytes, name: str) -> Sequence[Excuse]:
    """Those of the file that are approved. Raises RequestInvalid, which names the file and the exception."""
    if len(raw) > BYTES_AT_MOST:
        raise RequestInvalid(f"{name}: more than {BYTES_AT_MOST} bytes")
    match _data(raw, name):
        case [*found] | {"exceptions": [*found]} if len(found) <= EXCEPTIONS_AT_MOST:
            read = [_named(each, f"{name}: exception {number}") for number, each in enumerate(found, start=1)]
            return [each for each in read if each is not None]
    raise RequestInvalid(f"{name}: want a list of up to {EXCEPTIONS_AT_MOST} exceptions")


def _data(raw: bytes, name: str) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return _yaml(raw, name)


def _yaml(raw: bytes, name: str) -> object:
    try:
        tree = yaml_tree.read(raw.decode(), name)
    except UnicodeDecodeError as error:
        raise RequestInvalid(f"{name}: this is no text in UTF-8") from error
    reading = Reading()
    found = None if tree is None else plain(reading, tree, "")
    reading.finish()
    return found


def _named(fields: object, where: str) -> Excuse | None:
    """The exception, if it is approved; what is wrong with it is said with its place."""
    try:
        return _read(fields)
    except RequestInvalid as error:
        raise RequestInvalid(f"{where}: {error.message}") from error


def _read(fields: Any) -> Excuse | None:
    match fields:
        case {
            "state": str(state),
            "id": int() | str() as id,
            "vulnerability": str(vulnerability),
            "package": str(package),
            "repositories": repositories,
            "reason": str(reason),
            "requested_by": str(requested_by),
            "expires_at": int() | float() | str() as until,
        }:
            if state != "approved":
                return None
            decided_by = _optional(fields, "decided_by")
            if not decided_by or decided_by == requested_by:
                raise RequestInvalid("nobody else than who asked for it has approved it")
            return Excuse(
                id=int(_number(id)),
                vulnerability=excuses.vulnerability(vulnerability),
                affected=affected.parse(package),
                repositories=parsing.parse(repositories, "repositories", of="repository"),
                digest=_optional(fields, "digest"),
                reason=reason,
                requested_by=requested_by,
                approved_by=decided_by,
                until=_number(until),
            )
    raise RequestInvalid("want what wharf exception list --json prints")


def _optional(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise RequestInvalid(f"{name} is no text")


def _number(value: float | str) -> float:
    try:
        number = float(value)
    except ValueError as error:
        raise RequestInvalid(f"{str(value)[:40]!r} is no number") from error
    if not 0 <= number < 1e11:
        raise RequestInvalid(f"{str(value)[:40]!r} is no number here")
    return number
