"""Scanning, and the jobs that it is done by."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("key", BYTEWISE, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("enqueued_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("holder", BYTEWISE, nullable=False),
        sa.Column("held_until", sa.Double(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_jobs_kind_key")),
    )
    op.create_index(op.f("ix_jobs_kind_due_at"), "jobs", ["kind", "due_at"])
    op.create_table(
        "layer_catalogues",
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("cataloguer", BYTEWISE, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "cataloguer", name=op.f("pk_layer_catalogues")),
    )
    op.create_table(
        "verdicts",
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("repository", BYTEWISE, nullable=False),
        sa.Column("config", BYTEWISE, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("layers", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("advisories", BYTEWISE, nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("cataloguer", BYTEWISE, nullable=False),
        sa.Column("isolation", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.Double(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_verdicts")),
    )
    op.create_index(op.f("ix_verdicts_advisories"), "verdicts", ["advisories"])
