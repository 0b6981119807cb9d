"""Scanning: what layers say, and what is known of images. Beside ``schema.py``, with its conventions."""

from sqlalchemy import Column, Double, Index, LargeBinary, Table, Text

from wharfinger.meta.schema import BYTEWISE, metadata

# What a version of the cataloguer read in a layer: kept by its content, whatever repositories and images it is in.
layer_catalogues = Table(
    "layer_catalogues",
    metadata,
    Column("digest", BYTEWISE, primary_key=True),
    Column("cataloguer", BYTEWISE, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("made_at", Double, nullable=False),
)

# The last verdict on an image, by its content: a newer one takes its place, and nothing takes it away before. It was
# read through `repository`; `layers` is a JSON list of digests, so that it is judged again without being read again;
# `report` is compressed JSON.
verdicts = Table(
    "verdicts",
    metadata,
    Column("digest", BYTEWISE, primary_key=True),
    Column("repository", BYTEWISE, nullable=False),
    Column("config", BYTEWISE, nullable=False),
    Column("platform", Text, nullable=False),
    Column("layers", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("counts", Text, nullable=False),
    Column("advisories", BYTEWISE, nullable=False),
    Column("sources", Text, nullable=False),
    Column("cataloguer", BYTEWISE, nullable=False),
    Column("isolation", Text, nullable=False),
    Column("judged_at", Double, nullable=False),
    Column("report", LargeBinary, nullable=False),
    Index(None, "advisories"),
)
