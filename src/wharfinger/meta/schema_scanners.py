"""Scanners of others, and what they said of images. Beside ``schema.py``, with its conventions."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, LargeBinary, Table, Text

from wharfinger.meta.schema import BYTEWISE, metadata

# A scanner that speaks Harbor's adapter protocol. `secret` is what proves us to it, sealed; `metadata`
# is what it last said of itself. While it does not answer, `failures` counts and nothing is asked until `down_until`.
scanners = Table(
    "scanners",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    Column("url", Text, nullable=False),
    Column("account", BYTEWISE, nullable=False),
    Column("auth", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("private", Boolean, nullable=False),
    Column("registry", Text, nullable=False),
    Column("every", Double, nullable=False),
    Column("sbom", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("created_by", BYTEWISE, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("metadata_at", Double, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("down_until", Double, nullable=False),
    Column("problem", Text, nullable=False),
)

# What a scanner said of an image, by content; a newer report takes its place, and nothing takes it away before.
# `request` is the scan that it was asked for last, and is waited for; `tries` how often in vain since the last report.
scanner_reports = Table(
    "scanner_reports",
    metadata,
    Column("digest", BYTEWISE, primary_key=True),
    Column("scanner", BYTEWISE, ForeignKey(scanners.c.name), primary_key=True),
    Column("config", BYTEWISE, nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("request", Text, nullable=False),
    Column("requested_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("reported_at", Double),
    Column("report", LargeBinary),
    Column("sbom", LargeBinary),
    # How severe the worst finding is, and the worst that a fixed version is known of; null while we know no verdict.
    Column("found", Text),
    Column("fixable", Text),
    Index(None, "scanner", "asked_at"),
)
