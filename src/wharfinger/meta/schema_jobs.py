"""Jobs: work that a change asks for, enqueued in its transaction. Beside ``schema.py``, with its conventions."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text, UniqueConstraint

from wharfinger.meta.schema import BYTEWISE, KEY, metadata

# One row for each thing to do: asked for again before it has begun, it is done once; `again` says that it was asked
# for while somebody did it. `holder` has it until `held_until`; whoever comes after that takes it over.
jobs = Table(
    "jobs",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("kind", BYTEWISE, nullable=False),
    Column("key", BYTEWISE, nullable=False),
    Column("payload", Text, nullable=False),
    Column("enqueued_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("holder", BYTEWISE, nullable=False),
    Column("held_until", Double, nullable=False),
    Column("problem", Text, nullable=False),
    UniqueConstraint("kind", "key"),
    Index(None, "kind", "due_at"),
)
