"""The journal: what has changed and is not yet beside the blobs. Beside ``schema.py``, with its conventions."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table, Text

from wharfinger.meta.schema import BYTEWISE, KEY, metadata

# What changed, not how: its state is read when it is shipped. Rows are deleted then, and no number is a cursor, for on
# PostgreSQL a lower one may be committed after a higher one.
journal_changes = Table(
    "journal_changes",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("repository_id", KEY, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", BYTEWISE, nullable=False),
)

# Which journal is this database's, and how far it is. `number` is the last that was given away, `shipped` the last
# segment whose changes are gone from the table above, `snapshot` the last complete one; `rebuilding` is 1 while the
# database is being filled from a journal.
journal_state = Table(
    "journal_state",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="only"), primary_key=True, autoincrement=False),
    Column("identity", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("shipped", BigInteger, nullable=False),
    Column("snapshot", BigInteger, nullable=False),
    Column("begun", BigInteger, nullable=False),
    Column("segments", BigInteger, nullable=False),
    Column("parts", BigInteger, nullable=False),
    Column("rebuilding", Integer, nullable=False),
)
