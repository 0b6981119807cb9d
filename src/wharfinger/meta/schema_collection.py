"""Collection: what is up for review, and bytes that are doomed. Beside ``schema.py``, with its conventions."""

from sqlalchemy import BigInteger, Column, Double, ForeignKeyConstraint, Index, Table

from wharfinger.meta.schema import BYTEWISE, KEY, metadata

# Links that no live manifest may need any more: looked at when due. A link without a row here is left alone.
link_reviews = Table(
    "link_reviews",
    metadata,
    Column("repository_id", KEY, primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("due_at", Double, nullable=False),
    ForeignKeyConstraint(["repository_id", "digest"], ["blob_links.repository_id", "blob_links.digest"]),
    Index(None, "due_at"),
)

# Blobs that no repository may hold any more, nor the trash. Refers to nothing: an entry too many is dropped when due.
blob_reviews = Table(
    "blob_reviews",
    metadata,
    Column("digest", BYTEWISE, primary_key=True),
    Column("due_at", Double, nullable=False),
    Index(None, "due_at"),
)

# Bytes that are no blob's any more, deleted after the transaction that says so here.
doomed = Table(
    "doomed",
    metadata,
    Column("location", BYTEWISE, primary_key=True),
    Column("digest", BYTEWISE, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("doomed_at", Double, nullable=False),
)
