"""Tags: rules, and their history. Beside ``schema.py``, with its conventions."""

from sqlalchemy import Column, Double, ForeignKey, Index, Table, Text

from wharfinger.meta.schema import BYTEWISE, KEY, metadata

# What every tag pointed at since when; `digest` is null where it was removed. Only ever added to.
tag_history = Table(
    "tag_history",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("repository_id", KEY, ForeignKey("repositories.id"), nullable=False),
    Column("tag", BYTEWISE, nullable=False),
    Column("digest", BYTEWISE),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("how", Text, nullable=False),
    Index(None, "repository_id", "tag", "id"),
    Index(None, "repository_id", "id"),
)

# What `policy.yaml` says under a word of its own beside `access`: a JSON list of things, each with a name, in order.
# `revision` is the hash of it, so that two that are alike have one revision, and two that are not never do.
policy_sections = Table(
    "policy_sections",
    metadata,
    Column("word", BYTEWISE, primary_key=True),
    Column("revision", BYTEWISE, nullable=False),
    Column("body", Text, nullable=False),
    Column("changed_at", Double, nullable=False),
)
