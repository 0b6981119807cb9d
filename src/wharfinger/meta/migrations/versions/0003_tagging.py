"""Tags: rules, and what each tag pointed at when."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("manifests", sa.Column("untagged_at", sa.Double()))
    op.create_table(
        "tag_history",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("tag", BYTEWISE, nullable=False),
        sa.Column("digest", BYTEWISE),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_history")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_tag_history_repository_id")),
    )
    op.create_index(op.f("ix_tag_history_repository_id_tag_id"), "tag_history", ["repository_id", "tag", "id"])
    op.create_index(op.f("ix_tag_history_repository_id_id"), "tag_history", ["repository_id", "id"])
    op.create_table(
        "policy_sections",
        sa.Column("word", BYTEWISE, nullable=False),
        sa.Column("revision", BYTEWISE, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_policy_sections")),
    )
    # Every tag that is there begins its history with where it is; who moved it there, nobody wrote down.
    op.execute(
        "INSERT INTO tag_history (repository_id, tag, digest, at, who, how) "
        "SELECT repository_id, name, digest, moved_at, '', 'found' FROM tags ORDER BY repository_id, moved_at, name"
    )
