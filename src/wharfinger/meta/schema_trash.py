"""Lifecycle: the trash, holds, use, runs. Beside ``schema.py``, with its conventions."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from wharfinger.meta.schema import BYTEWISE, KEY, metadata

_STANDING = text("goes_at IS NOT NULL")

# What was deleted and can come back: a manifest as it was, beside when it went, who did it, and when it goes for good.
# `root` is the manifest whose deletion took it along: it comes back with that. A digest is in `manifests` or here.
trash = Table(
    "trash",
    metadata,
    Column("repository_id", KEY, ForeignKey("repositories.id"), primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("artifact_type", Text),
    Column("subject", BYTEWISE),
    Column("annotations", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("pushed_at", Double, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("untagged_at", Double),
    Column("created_at", Double),
    Column("platform", Text),
    Column("labels", Text),
    Column("total_size", BigInteger),
    Column("unmeasured", Boolean),
    Column("needs", LargeBinary),
    Column("trashed_at", Double, nullable=False),
    Column("empties_at", Double, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("root", BYTEWISE, nullable=False),
    Column("run_id", KEY, index=True),
    Index(None, "repository_id", "root"),
    Index(None, "digest"),
)

# What it needs, so that the collector leaves it: `present` is null where the repository never held the blob.
trash_blobs = Table(
    "trash_blobs",
    metadata,
    Column("repository_id", KEY, primary_key=True),
    Column("manifest", BYTEWISE, primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("present", BYTEWISE, ForeignKey("blobs.digest"), index=True),
    ForeignKeyConstraint(["repository_id", "manifest"], ["trash.repository_id", "trash.digest"]),
)

trash_children = Table(
    "trash_children",
    metadata,
    Column("repository_id", KEY, primary_key=True),
    Column("manifest", BYTEWISE, primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    ForeignKeyConstraint(["repository_id", "manifest"], ["trash.repository_id", "trash.digest"]),
)

# The tags that it had. The same name may stand here several times, and in `tags` as well.
trash_tags = Table(
    "trash_tags",
    metadata,
    Column("repository_id", KEY, primary_key=True),
    Column("name", BYTEWISE, primary_key=True),
    Column("manifest", BYTEWISE, primary_key=True),
    Column("moved_at", Double, nullable=False),
    ForeignKeyConstraint(["repository_id", "manifest"], ["trash.repository_id", "trash.digest"]),
)

# When each manifest was last pulled. Refers to nothing, so that noting a pull waits for nobody and never fails.
last_pulls = Table(
    "last_pulls",
    metadata,
    Column("repository_id", KEY, primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("pulled_at", Double, nullable=False),
)

# Images that nobody deletes; `until` is null where that has no end.
holds = Table(
    "holds",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("repository_id", KEY, ForeignKey("repositories.id"), nullable=False),
    Column("digest", BYTEWISE, nullable=False),
    Column("until", Double),
    Column("because", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index(None, "repository_id", "digest"),
)

# Who says what runs. `interval` is in seconds; a report replaces the reporter's previous one.
reporters = Table(
    "reporters",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    Column("account", Text, nullable=False),
    Column("interval", Integer, nullable=False),
    Column("reported_at", Double, nullable=False),
)

in_use = Table(
    "in_use",
    metadata,
    Column("reporter", BYTEWISE, ForeignKey("reporters.name"), primary_key=True),
    Column("repository_id", KEY, ForeignKey("repositories.id"), primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("places", Text, nullable=False),
    Index(None, "repository_id", "digest"),
)

# Which server this is, whatever it is called: plans say for whom they were made. One row, made by the migration.
server = Table(
    "server",
    metadata,
    Column("id", Text, primary_key=True),
)

# A lifecycle run and what it did. `report` is JSON; the states are those of `lifecycle_runs.State`.
lifecycle_runs = Table(
    "lifecycle_runs",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("clock", Double, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("report", Text, nullable=False),
    Index(None, "started_at"),
)

lifecycle_run_items = Table(
    "lifecycle_run_items",
    metadata,
    Column("run_id", KEY, ForeignKey("lifecycle_runs.id"), primary_key=True),
    Column("repository_id", KEY, ForeignKey("repositories.id"), primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("rule", Text),
    Column("reason", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("state", Text, nullable=False),
    # While it is in the brown-out: when that ends, the one that it goes or stays with, and when a pull took it off.
    Column("root", BYTEWISE),
    Column("goes_at", Double),
    Column("spared_at", Double),
    Index(
        "ix_lifecycle_run_items_standing", "repository_id", "digest", sqlite_where=_STANDING, postgresql_where=_STANDING
    ),
)
