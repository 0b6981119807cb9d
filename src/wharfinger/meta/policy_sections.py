"""What ``policy.yaml`` says beside ``access``: under each word a list, as JSON, which only its owner understands."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from wharfinger.meta.schema_tagging import policy_sections
from wharfinger.meta.sql import insert

EMPTY = "[]"
NO_REVISION = ""
"""The revision of a section that nobody has ever written."""
_LOCK = 0x74616773  # "tags": an advisory lock's number on PostgreSQL


@dataclass(frozen=True, slots=True)
class Body:
    """A section as it is: a JSON list, and the hash of it."""

    revision: str
    text: str


def read(tx: Connection, word: str) -> Body:
    """What the section says now."""
    query = select(policy_sections.c.revision, policy_sections.c.body).where(policy_sections.c.word == word)
    row = tx.execute(query).first()
    return Body(row.revision, row.body) if row else Body(NO_REVISION, EMPTY)


def changed_at(tx: Connection, word: str) -> float:
    """When the section was last written; 0 where nobody ever did."""
    query = select(policy_sections.c.changed_at).where(policy_sections.c.word == word)
    return tx.execute(query).scalar() or 0.0


def every(tx: Connection) -> dict[str, str]:
    """What each section says now, by its word."""
    rows = tx.execute(select(policy_sections.c.word, policy_sections.c.body))
    return {row.word: row.body for row in rows}


def write(tx: Connection, word: str, body: str, now: float) -> None:
    """Let the section say this. Waits for those who act by what it said: see :func:`hold`."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    revision = hashlib.sha256(body.encode()).hexdigest()
    values = {"revision": revision, "body": body, "changed_at": now}
    put = insert(tx, policy_sections).values(word=word, **values)
    tx.execute(put.on_conflict_do_update(index_elements=["word"], set_=values))


def hold(tx: Connection, word: str) -> str:
    """The section's revision, which nobody changes before this transaction ends; any number may hold it at once.

    A lock beside the table: one on its row would be written to by every push.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})
    query = select(policy_sections.c.revision).where(policy_sections.c.word == word)
    return tx.execute(query).scalar() or NO_REVISION
