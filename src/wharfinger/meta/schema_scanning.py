"""Scanning: what layers say, and what is known of images. Beside ``schema.py``, with its conventions."""

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, LargeBinary, Table, Text

from wharfinger.meta.schema import BYTEWISE, metadata
from wharfinger.meta.schema_judging import TALLIES

# What a version of the cataloguer read in a layer: kept by its content, whatever repositories and images it is in.
layer_catalogues = Table(
    "layer_catalogues",
    metadata,
    Column("digest", BYTEWISE, primary_key=True),
    Column("cataloguer", BYTEWISE, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("made_at", Double, nullable=False),
)

# An image that was scanned, by its content: what its layers say together. It was read through `repository`; `layers`
# is a JSON list of digests, `catalogue` compressed JSON of what does not depend on advisories. `report` has the whole
# instead where a version that kept no packages judged it; such an image waits to be scanned again.
scanned_images = Table(
    "scanned_images",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("digest", BYTEWISE, nullable=False, unique=True),
    Column("repository", BYTEWISE, nullable=False),
    Column("config", BYTEWISE, nullable=False),
    Column("platform", Text, nullable=False),
    Column("layers", Text, nullable=False),
    Column("distribution", BYTEWISE),
    Column("release", BYTEWISE),
    Column("cataloguer", BYTEWISE, nullable=False),
    Column("isolation", Text, nullable=False),
    Column("scanned_at", Double, nullable=False),
    Column("catalogue", LargeBinary),
    Column("report", LargeBinary),
    Index(None, "cataloguer"),
    Index(None, "config"),
)

# The last verdict on an image: a newer one takes its place, and nothing takes it away before. Small, because an
# update of the advisories writes all of them. `changed_at` is when what it says was last another than before.
# `advisory_set` is no foreign key and has no index, and PostgreSQL leaves room in its pages, so that such an update
# touches nothing but the rows, in their places. It is there all the same: what writes a verdict holds the current set,
# and sets are forgotten once no verdict names them.
verdicts = Table(
    "image_verdicts",
    metadata,
    Column("image", Integer, ForeignKey("scanned_images.id"), primary_key=True, autoincrement=False),
    Column("advisory_set", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("judged_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    *(Column(name, Integer, nullable=False) for name in TALLIES),
    postgresql_with={"fillfactor": 45},
)
