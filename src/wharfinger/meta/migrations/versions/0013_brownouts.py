"""Brown-outs: images that a run will delete, and that a pull takes off its list until then."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STANDING = sa.text("goes_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("manifests", sa.Column("brownout", KEY, nullable=True))
    op.add_column("lifecycle_run_items", sa.Column("root", BYTEWISE, nullable=True))
    op.add_column("lifecycle_run_items", sa.Column("goes_at", sa.Double(), nullable=True))
    op.add_column("lifecycle_run_items", sa.Column("spared_at", sa.Double(), nullable=True))
    op.create_index(
        op.f("ix_lifecycle_run_items_standing"),
        "lifecycle_run_items",
        ["repository_id", "digest"],
        sqlite_where=STANDING,
        postgresql_where=STANDING,
    )
