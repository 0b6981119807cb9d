"""Gates: how images stand with the rules about pulls. Beside ``schema.py``, with its conventions."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Table, Text

from wharfinger.meta.schema import BYTEWISE, KEY, metadata

# How an image stands in a repository, by the rules that are called `rules`: from when on a pull is warned of and from
# when on it is refused, null where it never comes to that, and why, as JSON. `settled` says that the beginning of the
# block has been seen, and that the image was noted in `grandfathered` if it was in use then.
# Refers to no manifest: what was deleted is swept, and may come back meanwhile.
gate_rows = Table(
    "gate_rows",
    metadata,
    Column("repository_id", KEY, ForeignKey("repositories.id"), primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("rules", BYTEWISE, nullable=False),
    Column("warns_from", Double),
    Column("warns_why", Text, nullable=False),
    Column("blocks_from", Double),
    Column("blocks_why", Text, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("made_at", Double, nullable=False),
    Index(None, "settled", "blocks_from"),
)

# Images that were in use when they began to be refused: they may be pulled all the same, so that they can restart.
# `seen_at` is when they were last known to be in use.
grandfathered = Table(
    "grandfathered",
    metadata,
    Column("repository_id", KEY, ForeignKey("repositories.id"), primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("since", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
)

# Images that may be pulled for a while although they are refused.
break_glass = Table(
    "break_glass",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("repository_id", KEY, ForeignKey("repositories.id"), nullable=False),
    Column("digest", BYTEWISE, nullable=False),
    Column("until", Double, nullable=False),
    Column("because", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index(None, "repository_id", "digest"),
)

# Since when the advisories are as they are. One row, once there are some.
advisory_age = Table(
    "advisory_age",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=False),
    Column("changed_at", Double, nullable=False),
)
