"""Usage, and how far fsck has read. Beside ``schema.py``, with its conventions."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text

from wharfinger.meta.schema import BYTEWISE, KEY, metadata

# A repository holds a blob since now (sign 1) or no longer (-1); repository 0 is the store itself. Only added to, by
# the transaction that makes it so, and taken away by the one that folds it into the figures below.
usage_changes = Table(
    "usage_changes",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("repository_id", KEY, nullable=False),
    Column("digest", BYTEWISE, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sign", Integer, nullable=False),
    Index(None, "digest"),
)

# How many repositories hold a blob, and the sum of their keys: where it is one, the sum says which.
usage_blobs = Table(
    "usage_blobs",
    metadata,
    Column("digest", BYTEWISE, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("holders", BigInteger, nullable=False),
    Column("key_sum", BigInteger, nullable=False),
)

# The figures: all blobs of a repository, and those that no other repository holds.
usage_repositories = Table(
    "usage_repositories",
    metadata,
    Column("repository_id", KEY, primary_key=True, autoincrement=False),
    Column("blobs", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("exclusive", BigInteger, nullable=False),
)

# What they were at the end of each day, counted from the epoch.
usage_samples = Table(
    "usage_samples",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("repository_id", KEY, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("exclusive", BigInteger, nullable=False),
    Index(None, "repository_id", "day"),
)

# What the nightly comparison with the links themselves came to; `drift` is JSON, and empty when all was right.
usage_checks = Table(
    "usage_checks",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("drifted", BigInteger, nullable=False),
    Column("drift", Text, nullable=False),
)

# Up to which digest the contents were verified by the pass that is under way.
fsck_state = Table(
    "fsck_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("verified", BYTEWISE, nullable=False),
    Column("at", Double, nullable=False),
)
