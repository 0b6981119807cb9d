"""The audit trail's records: made in the transaction of what they tell of; numbered and sealed later."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert

from wharfinger.meta.schema_access import audit_records

DONE, DENIED, FAILED = "done", "denied", "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what, where, when and by what right. ``detail`` has before and after of a change, never a secret.

    ``action`` is a word like ``push``, ``tag.move`` or ``grant.add``. ``rule`` is the grant that decided.
    """

    at: float
    action: str
    account: str
    outcome: str = DONE
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    address: str = ""
    client: str = ""
    rule: str = ""
    request: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
    last_at: float | None = None
    count: int = 1


def add(tx: Connection, entry: Entry) -> None:
    """Add the record to the trail."""
    row = {name: getattr(entry, name) for name in Entry.__slots__}
    row["last_at"] = entry.at if entry.last_at is None else entry.last_at
    row["detail"] = json.dumps(dict(entry.detail), sort_keys=True, default=list)
    tx.execute(insert(audit_records).values(row))
