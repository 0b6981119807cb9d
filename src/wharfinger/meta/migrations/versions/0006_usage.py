"""The journal beside the blobs, usage, and how far fsck has read."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "journal_changes",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", BYTEWISE, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_changes")),
    )
    op.create_table(
        "journal_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("number", "shipped", "snapshot", "begun")),
        sa.Column("segments", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.Column("rebuilding", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_journal_state_only")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_state")),
    )
    op.create_table(
        "usage_changes",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sign", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_changes")),
    )
    op.create_index(op.f("ix_usage_changes_digest"), "usage_changes", ["digest"])
    op.create_table(
        "usage_blobs",
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("holders", sa.BigInteger(), nullable=False),
        sa.Column("key_sum", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_usage_blobs")),
    )
    op.create_table(
        "usage_repositories",
        sa.Column("repository_id", KEY, autoincrement=False, nullable=False),
        sa.Column("blobs", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("exclusive", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_usage_repositories")),
    )
    op.create_table(
        "usage_samples",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("exclusive", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "repository_id", name=op.f("pk_usage_samples")),
    )
    op.create_index(op.f("ix_usage_samples_repository_id_day"), "usage_samples", ["repository_id", "day"])
    op.create_table(
        "usage_checks",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("drifted", sa.BigInteger(), nullable=False),
        sa.Column("drift", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_checks")),
    )
    op.create_table(
        "fsck_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verified", BYTEWISE, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fsck_state")),
    )
    # What was there before is counted as if it had just come.
    for source in (
        "SELECT 0, digest, size, 1 FROM blobs",
        "SELECT l.repository_id, l.digest, b.size, 1 FROM blob_links l JOIN blobs b ON b.digest = l.digest",
    ):
        op.execute(f"INSERT INTO usage_changes (repository_id, digest, size, sign) {source}")
