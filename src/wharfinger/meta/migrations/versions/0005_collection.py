"""Collection: what is up for review, and bytes that are doomed."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GRACE = 86400


def upgrade() -> None:
    op.create_table(
        "link_reviews",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_link_reviews")),
        sa.ForeignKeyConstraint(
            ["repository_id", "digest"],
            ["blob_links.repository_id", "blob_links.digest"],
            name=op.f("fk_link_reviews_repository_id_digest"),
        ),
    )
    op.create_index(op.f("ix_link_reviews_due_at"), "link_reviews", ["due_at"])
    op.create_table(
        "blob_reviews",
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blob_reviews")),
    )
    op.create_index(op.f("ix_blob_reviews_due_at"), "blob_reviews", ["due_at"])
    op.create_table(
        "doomed",
        sa.Column("location", BYTEWISE, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("doomed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("location", name=op.f("pk_doomed")),
    )
    # What lost its last reference before anybody wrote that down is looked at in a day.
    due = {"due": time.time() + GRACE}
    connection = op.get_bind()
    connection.execute(
        sa.text(
            "INSERT INTO link_reviews (repository_id, digest, due_at) "
            "SELECT l.repository_id, l.digest, :due FROM blob_links l WHERE NOT EXISTS ("
            "SELECT 1 FROM manifest_blobs e WHERE e.repository_id = l.repository_id AND e.present = l.digest)"
        ),
        due,
    )
    connection.execute(
        sa.text(
            "INSERT INTO blob_reviews (digest, due_at) SELECT b.digest, :due FROM blobs b "
            "WHERE NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.digest = b.digest)"
        ),
        due,
    )
