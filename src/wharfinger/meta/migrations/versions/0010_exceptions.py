"""Exceptions from what scanning finds, and VEX documents."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "exceptions",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("vulnerability", BYTEWISE, nullable=False),
        sa.Column("package", sa.Text(), nullable=False),
        sa.Column("repositories", sa.Text(), nullable=False),
        sa.Column("digest", BYTEWISE),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("state", BYTEWISE, nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("requested_by", BYTEWISE, nullable=False),
        sa.Column("requested_at", sa.Double(), nullable=False),
        sa.Column("decided_by", BYTEWISE),
        sa.Column("decided_at", sa.Double()),
        sa.Column("decided_because", sa.Text()),
        sa.Column("ended_by", BYTEWISE),
        sa.Column("ended_at", sa.Double()),
        sa.Column("ended_because", sa.Text()),
        sa.Column("warned_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exceptions")),
    )
    op.create_index(op.f("ix_exceptions_state_expires_at"), "exceptions", ["state", "expires_at"])
    op.create_index(op.f("ix_exceptions_requested_by_state"), "exceptions", ["requested_by", "state"])
    op.create_table(
        "vex_documents",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", BYTEWISE, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("repositories", sa.Text(), nullable=False),
        sa.Column("statements", sa.Integer(), nullable=False),
        sa.Column("imported_by", BYTEWISE, nullable=False),
        sa.Column("imported_at", sa.Double(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vex_documents")),
    )
    op.create_table(
        "vex_statements",
        sa.Column("document_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("vulnerability", BYTEWISE, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", "position", "vulnerability", name=op.f("pk_vex_statements")),
        sa.ForeignKeyConstraint(["document_id"], ["vex_documents.id"], name=op.f("fk_vex_statements_document_id")),
    )
    op.create_index(op.f("ix_vex_statements_vulnerability"), "vex_statements", ["vulnerability"])
