"""VEX documents that were pushed beside an image."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "vex_attached",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("manifest", BYTEWISE, nullable=False),
        sa.Column("subject", BYTEWISE, nullable=False),
        sa.Column("brought_by", BYTEWISE, nullable=False),
        sa.Column("principals", sa.Text(), nullable=False),
        sa.Column("brought_at", sa.Double(), nullable=False),
        sa.Column("read_at", sa.Double(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("statements", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_vex_attached_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "manifest", name=op.f("pk_vex_attached")),
    )
    # What scanners of others have found counts at gates from now on: the rows of those images are made again.
    op.execute(
        "INSERT INTO jobs (kind, key, payload, enqueued_at, due_at, attempts, again, holder, held_until, problem) "
        "SELECT 'gates', 'reported', '{}', 0, 0, 0, FALSE, '', 0, '' "
        "WHERE EXISTS (SELECT 1 FROM scanner_reports WHERE reported_at IS NOT NULL)"
    )
    op.create_index(op.f("ix_vex_attached_repository_id_subject"), "vex_attached", ["repository_id", "subject"])
