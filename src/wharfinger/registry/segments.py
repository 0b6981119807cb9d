"""The objects of the journal as bytes: a header, and a line of JSON for each record; gzip around it. Pure.

    segment-000000000042        changes, in the order of their numbers
    snapshot-000000000043-0001  part of a description of everything
    complete-000000000043       and that this was all of it

``zcat`` shows what is in one. A header has the checksum of what follows, and the number of the segment before, so that
what is damaged or missing is noticed before anything is rebuilt from the rest.
"""

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wharfinger.errors import JournalDamaged

VERSION = 1
IDENTITY = "identity"

Record = dict[str, Any]

_NAME = re.compile(r"(segment|snapshot|complete)-(\d{12})(?:-(\d{6}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Header:
    """What an object of the journal says of itself.

    ``previous`` is the number of the segment before it, of a part its place, of a ``complete`` how many parts it has.
    """

    identity: str
    number: int
    previous: int
    at: float


@dataclass(frozen=True, slots=True)
class Name:
    """What an object's name says."""

    kind: str
    number: int
    part: int = 0


def segment(number: int) -> str:
    return f"segment-{number:012}"


def part(number: int, place: int) -> str:
    return f"snapshot-{number:012}-{place:06}"


def complete(number: int) -> str:
    return f"complete-{number:012}"


def names(found: Iterable[str]) -> list[Name]:
    """What these names say, in their order; those that are none of the journal's are left out."""
    matches = (_NAME.fullmatch(name) for name in found)
    return [Name(match[1], int(match[2]), int(match[3] or 0)) for match in matches if match]


def text(name: Name) -> str:
    """The other way."""
    return part(name.number, name.part) if name.kind == "snapshot" else f"{name.kind}-{name.number:012}"


def encode(header: Header, records: Sequence[Record] = ()) -> bytes:
    """The object with these records. The same records make the same bytes."""
    body = b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)
    first = {"journal": VERSION, **asdict(header), "records": len(records), "sha256": hashlib.sha256(body).hexdigest()}
    return gzip.compress(json.dumps(first).encode() + b"\n" + body, compresslevel=3, mtime=0)


def decode(name: str, content: bytes) -> tuple[Header, list[Record]]:
    """What is in the object. Raises JournalDamaged for anything that :func:`encode` did not make."""
    try:
        first, _, body = gzip.decompress(content).partition(b"\n")
        fields = json.loads(first)
        version = fields["journal"]
        header = Header(str(fields["identity"]), int(fields["number"]), int(fields["previous"]), float(fields["at"]))
        if version == VERSION and fields["sha256"] != hashlib.sha256(body).hexdigest():
            raise JournalDamaged(f"{name} of the journal is damaged: its checksum is another", name=name)
        records = [json.loads(line) for line in body.splitlines()] if version == VERSION else []
    except (ValueError, KeyError, TypeError, EOFError, OSError, zlib.error) as error:
        raise JournalDamaged(f"{name} of the journal is damaged: {type(error).__name__}", name=name) from error
    if version != VERSION:
        raise JournalDamaged(f"{name} of the journal is of version {version}: use the program that wrote it", name=name)
    return header, records
