"""Gates: how images stand with the rules about pulls."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "gate_rows",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("rules", BYTEWISE, nullable=False),
        sa.Column("warns_from", sa.Double(), nullable=True),
        sa.Column("warns_why", sa.Text(), nullable=False),
        sa.Column("blocks_from", sa.Double(), nullable=True),
        sa.Column("blocks_why", sa.Text(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_gate_rows_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_gate_rows")),
    )
    op.create_index(op.f("ix_gate_rows_settled_blocks_from"), "gate_rows", ["settled", "blocks_from"])
    op.create_table(
        "grandfathered",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_grandfathered_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_grandfathered")),
    )
    op.create_table(
        "break_glass",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_break_glass_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_glass")),
    )
    op.create_index(op.f("ix_break_glass_repository_id_digest"), "break_glass", ["repository_id", "digest"])
    op.create_table(
        "advisory_age",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advisory_age")),
    )
    # Which repositories hold an image, when what is known of it changes.
    op.create_index(op.f("ix_manifests_digest"), "manifests", ["digest"])
    op.create_index(op.f("ix_trash_digest"), "trash", ["digest"])
