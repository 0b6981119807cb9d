"""The chain of the audit trail, as arithmetic: what a record's hash is, and how a head is signed.

Documented for whoever checks it with another program in ``docs/internals/audit.md``. Everything that is hashed is a
sequence of fields: ``-`` for one that is absent, else its length in bytes, ``:``, and the bytes, each field followed by
``,``. Text is UTF-8, a whole number its decimal digits, a time the sixteen hexadecimal digits of its IEEE 754 double.
"""

import hashlib
import struct

from wharfinger.meta.audit import Record
from wharfinger.meta.chain import REMOVED, Checkpoint

VERSION = "wharf-audit-1"
BEGINNING = "0" * 64
"""What stands for the hash before the first record."""

_BODY = (
    "last_at",
    "count",
    "outcome",
    "account",
    "repository",
    "tag",
    "digest",
    "address",
    "client",
    "rule",
    "request",
    "detail",
)


def body_hash(record: Record) -> str:
    """The hash of all that a record says beside when and what; of a removed one, as it was kept."""
    if record.outcome == REMOVED:
        return record.detail
    return _hash(VERSION, "body", *(getattr(record, name) for name in _BODY))


def record_hash(previous: str, number: int, record: Record) -> str:
    """The hash of a record at its place: after the one whose hash is ``previous``."""
    return _hash(VERSION, "record", previous, number, record.at, record.action, body_hash(record))


def signed_bytes(checkpoint: Checkpoint) -> bytes:
    """What is signed of a checkpoint: all but the key and the signature."""
    return _encoded(VERSION, "checkpoint", checkpoint.kind, checkpoint.number, checkpoint.hash, checkpoint.signed_at)


def is_whole_stub(record: Record) -> bool:
    """Whether a removed record has nothing left that no hash covers."""
    texts = (record.account, record.address, record.client, record.rule, record.request)
    names = (record.repository, record.tag, record.digest)
    return record.count == 0 and record.last_at == record.at and not any(texts) and names == (None, None, None)


def _hash(*fields: str | float | None) -> str:
    return hashlib.sha256(_encoded(*fields)).hexdigest()


def _encoded(*fields: str | float | None) -> bytes:
    return b"".join(map(_field, fields))


def _field(value: str | float | None) -> bytes:
    if value is None:
        return b"-,"
    if isinstance(value, float):
        content = struct.pack(">d", value).hex().encode("ascii")
    else:
        content = str(value).encode("utf-8", "surrogatepass")
    return b"%d:%s," % (len(content), content)
