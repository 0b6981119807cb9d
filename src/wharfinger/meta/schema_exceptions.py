"""Exceptions from what scanning finds, and VEX documents. Beside ``schema.py``, with its conventions."""

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, LargeBinary, Table, Text

from wharfinger.meta.schema import BYTEWISE, KEY, metadata

# Every exception that was ever asked for. `repositories` is a selector as JSON; `digest` is null where every image of
# theirs is meant. `state` moves by compare-and-set from `requested`: what was decided is not decided again. `warned_at`
# is when it was last said that it ends soon.
exceptions = Table(
    "exceptions",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("vulnerability", BYTEWISE, nullable=False),
    Column("package", Text, nullable=False),
    Column("repositories", Text, nullable=False),
    Column("digest", BYTEWISE),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("state", BYTEWISE, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("requested_by", BYTEWISE, nullable=False),
    Column("requested_at", Double, nullable=False),
    Column("decided_by", BYTEWISE),
    Column("decided_at", Double),
    Column("decided_because", Text),
    Column("ended_by", BYTEWISE),
    Column("ended_at", Double),
    Column("ended_because", Text),
    Column("warned_at", Double),
    Index(None, "state", "expires_at"),
    Index(None, "requested_by", "state"),
)

# A VEX document as it was sent, compressed; by whom it came here, and where it counts: a selector as JSON.
vex_documents = Table(
    "vex_documents",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("sha256", BYTEWISE, nullable=False),
    Column("author", Text, nullable=False),
    Column("repositories", Text, nullable=False),
    Column("statements", Integer, nullable=False),
    Column("imported_by", BYTEWISE, nullable=False),
    Column("imported_at", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Each of its statements, under every name of the vulnerability that it is about, in capitals; `body` is JSON.
vex_statements = Table(
    "vex_statements",
    metadata,
    Column("document_id", KEY, ForeignKey("vex_documents.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("vulnerability", BYTEWISE, primary_key=True),
    Column("body", Text, nullable=False),
    Index(None, "vulnerability"),
)

# Manifests beside an image that may be VEX documents: what they are about, who brought them last and in which groups
# they were then, as JSON. `read_at` is null until their layers were read; `body` has what they say, compressed JSON.
vex_attached = Table(
    "vex_attached",
    metadata,
    Column("repository_id", KEY, ForeignKey("repositories.id"), primary_key=True),
    Column("manifest", BYTEWISE, primary_key=True),
    Column("subject", BYTEWISE, nullable=False),
    Column("brought_by", BYTEWISE, nullable=False),
    Column("principals", Text, nullable=False),
    Column("brought_at", Double, nullable=False),
    Column("read_at", Double),
    Column("author", Text, nullable=False),
    Column("statements", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("body", LargeBinary),
    Index(None, "repository_id", "subject"),
)
