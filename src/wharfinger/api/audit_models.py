"""What the management API says of the audit trail."""

from typing import Any

from pydantic import BaseModel

from wharfinger.access.receivers import fields_of
from wharfinger.meta.audit import Record
from wharfinger.meta.chain import Checkpoint, Unsealed


class RecordView(BaseModel):
    """``number`` and ``hash`` are null until the record is sealed, at most a second after it was made."""

    id: int
    number: int | None
    hash: str | None
    at: float
    last_at: float
    count: int
    action: str
    outcome: str
    account: str
    repository: str | None
    tag: str | None
    digest: str | None
    address: str
    client: str
    rule: str
    request: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, record: Record) -> "RecordView":
        """The record with its detail unpacked; of one that was removed by age there is none."""
        return cls(**fields_of(record))


class AuditPage(BaseModel):
    """``next`` is the ``last`` of the next page; null when this is the end."""

    records: list[RecordView]
    next: str | None


class AuditStatus(BaseModel):
    """``start`` is null while the chain begins at record 1, ``head`` until the first is signed."""

    key: str | None
    start: Checkpoint | None
    head: Checkpoint | None
    unsealed: Unsealed


class ChainPage(BaseModel):
    records: list[Record]


class Heads(BaseModel):
    heads: list[Checkpoint]
