"""A VEX document of whichever format it is. Pure."""

import json
from collections.abc import Callable, Iterator, Sequence

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.vex import csaf, cyclonedx, openvex
from wharfinger.scanning.vex.fields import Fields
from wharfinger.scanning.vex.statements import Statement

BYTES_AT_MOST = 64 * 1024 * 1024
STATEMENTS_AT_MOST = 200_000

Parser = Callable[[Fields, str], Iterator[Statement]]


def parse(raw: bytes, name: str) -> Sequence[Statement]:
    """The statements of a document; ``name`` is its file's. Raises RequestInvalid, which names the file."""
    try:
        return _parse(raw, name)
    except RequestInvalid as error:
        raise RequestInvalid(f"{name}: {error.message}") from error


def author(raw: bytes) -> str:
    """Who a document that was parsed says has written it; empty where it does not say."""
    match json.loads(raw):
        case {"@context": str(), "author": str(name)}:
            return name
        case {"document": {"publisher": {"name": str(name)}}}:
            return name
        case {"bomFormat": "CycloneDX", "metadata": {"authors": [{"name": str(name)}, *_]}}:
            return name
        case {"bomFormat": "CycloneDX", "metadata": {"supplier": {"name": str(name)}}}:
            return name
    return ""


def _parse(raw: bytes, name: str) -> Sequence[Statement]:
    if len(raw) > BYTES_AT_MOST:
        raise RequestInvalid(f"more than {BYTES_AT_MOST} bytes")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RequestInvalid("it is not JSON") from error
    statements: list[Statement] = []
    for statement in _parser(document)(document, name):
        statements.append(statement)
        if len(statements) > STATEMENTS_AT_MOST:
            raise RequestInvalid(f"more than {STATEMENTS_AT_MOST} statements")
    return statements


def _parser(document: object) -> Parser:
    match document:
        case {"@context": str(context)} if context.startswith(openvex.CONTEXT):
            return openvex.parse
        case {"document": {"category": "csaf_vex"}}:
            return csaf.parse
        case {"bomFormat": "CycloneDX"}:
            return cyclonedx.parse
    raise RequestInvalid("it is none of OpenVEX, CSAF of the category csaf_vex, and CycloneDX as JSON")
