"""Scanners of others, and what they said of images."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "scanners",
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("account", BYTEWISE, nullable=False),
        sa.Column("auth", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("registry", sa.Text(), nullable=False),
        sa.Column("every", sa.Double(), nullable=False),
        sa.Column("sbom", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("created_by", BYTEWISE, nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("metadata_at", sa.Double(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("down_until", sa.Double(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_scanners")),
    )
    op.create_table(
        "scanner_reports",
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("scanner", BYTEWISE, nullable=False),
        sa.Column("config", BYTEWISE, nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.Double(), nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.Column("sbom", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["scanner"], ["scanners.name"], name=op.f("fk_scanner_reports_scanner")),
        sa.PrimaryKeyConstraint("digest", "scanner", name=op.f("pk_scanner_reports")),
    )
    op.create_index(op.f("ix_scanner_reports_scanner_asked_at"), "scanner_reports", ["scanner", "asked_at"])
