"""The tables of what is stored, for SQLite and PostgreSQL; those of access are in ``schema_access.py``.

How they hang together: ``docs/internals/database.md``.

Names are compared and sorted byte by byte: SQLite does so by itself, PostgreSQL is told with ``COLLATE "C"``.
Times are seconds since the epoch. Foreign keys carry no cascade: what is used cannot be deleted, whoever was first.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BYTEWISE = Text(collation="C").with_variant(Text(), "sqlite")
KEY = BigInteger().with_variant(Integer(), "sqlite")

_UNREAD = text("labels IS NULL")

repositories = Table(
    "repositories",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("name", BYTEWISE, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
)

blobs = Table(
    "blobs",
    metadata,
    Column("digest", BYTEWISE, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("location", BYTEWISE, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
)

# Through which repositories a blob may be read: knowing a digest is not access.
blob_links = Table(
    "blob_links",
    metadata,
    Column("repository_id", KEY, ForeignKey("repositories.id"), primary_key=True),
    Column("digest", BYTEWISE, ForeignKey("blobs.digest"), primary_key=True),
    Column("linked_at", Double, nullable=False),
    Index(None, "digest"),
)

manifests = Table(
    "manifests",
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
    Column("untagged_at", Double),  # since when it has no tag, if it had one; null while it has
    # What its config says, and how much it is with all below it as its descriptors say; `labels` is null until
    # somebody has looked.
    Column("created_at", Double),
    Column("platform", Text),
    Column("labels", Text),
    Column("total_size", BigInteger),
    # True where a blob was not there when it was pushed, so that nobody has compared with it what its descriptor says.
    Column("unmeasured", Boolean),
    # What else its bytes say: its blobs and their sizes as `spec/needs.py` packs them, for who looks at a million. Null
    # where that is not to be believed, and of what nobody has packed: see `lifecycle_blobs.py`.
    Column("needs", LargeBinary),
    # The lifecycle run in whose brown-out it is, beside what every pull reads; null of nearly all. See `brownouts.py`.
    Column("brownout", KEY),
    Index(None, "repository_id", "subject", "digest"),
    Index(None, "digest"),
    Index("ix_manifests_unread", "digest", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
)

# Edges. `present` repeats the digest when the repository holds the target, and then a foreign key guards it; it is
# null when the target may be elsewhere (foreign layers, sparse manifests).
manifest_blobs = Table(
    "manifest_blobs",
    metadata,
    Column("repository_id", KEY, primary_key=True),
    Column("manifest", BYTEWISE, primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("present", BYTEWISE),
    ForeignKeyConstraint(["repository_id", "manifest"], ["manifests.repository_id", "manifests.digest"]),
    ForeignKeyConstraint(["repository_id", "present"], ["blob_links.repository_id", "blob_links.digest"]),
    Index(None, "repository_id", "digest"),
    Index(None, "repository_id", "present"),
)

manifest_children = Table(
    "manifest_children",
    metadata,
    Column("repository_id", KEY, primary_key=True),
    Column("manifest", BYTEWISE, primary_key=True),
    Column("digest", BYTEWISE, primary_key=True),
    Column("present", BYTEWISE),
    ForeignKeyConstraint(["repository_id", "manifest"], ["manifests.repository_id", "manifests.digest"]),
    ForeignKeyConstraint(["repository_id", "present"], ["manifests.repository_id", "manifests.digest"]),
    Index(None, "repository_id", "digest"),
    Index(None, "repository_id", "present"),
)

tags = Table(
    "tags",
    metadata,
    Column("repository_id", KEY, primary_key=True),
    Column("name", BYTEWISE, primary_key=True),
    Column("digest", BYTEWISE, nullable=False),
    Column("moved_at", Double, nullable=False),
    ForeignKeyConstraint(["repository_id", "digest"], ["manifests.repository_id", "manifests.digest"]),
    Index(None, "repository_id", "digest"),
)

# An upload session. `size` is how many bytes its finished segments have; it only moves by compare-and-set.
uploads = Table(
    "uploads",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    Column("repository", BYTEWISE, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("state", Text, CheckConstraint("state IN ('open', 'finished', 'cancelled')", name="state"), nullable=False),
    Column("digest", BYTEWISE),
    Column("expires_at", Double, nullable=False, index=True),
)

# Staged bytes. The row is made before the bytes, so whatever a crash leaves behind is found again; `size` is null
# until they are complete and part of the upload.
segments = Table(
    "segments",
    metadata,
    Column("location", BYTEWISE, primary_key=True),
    Column("upload_id", BYTEWISE, ForeignKey("uploads.id"), nullable=False, index=True),
    Column("start", BigInteger, nullable=False),
    Column("size", BigInteger),
    Column("digest", BYTEWISE),
)
