"""Lifecycle: the trash, holds, use, runs; and what is known of each image."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("manifests", sa.Column("created_at", sa.Double()))
    op.add_column("manifests", sa.Column("platform", sa.Text()))
    op.add_column("manifests", sa.Column("labels", sa.Text()))
    op.add_column("manifests", sa.Column("total_size", sa.BigInteger()))
    unread = sa.text("labels IS NULL")
    op.create_index("ix_manifests_unread", "manifests", ["digest"], sqlite_where=unread, postgresql_where=unread)
    op.create_table(
        "trash",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("artifact_type", sa.Text()),
        sa.Column("subject", BYTEWISE),
        sa.Column("annotations", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pushed_at", sa.Double(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("untagged_at", sa.Double()),
        sa.Column("created_at", sa.Double()),
        sa.Column("platform", sa.Text()),
        sa.Column("labels", sa.Text()),
        sa.Column("total_size", sa.BigInteger()),
        sa.Column("trashed_at", sa.Double(), nullable=False),
        sa.Column("empties_at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("root", BYTEWISE, nullable=False),
        sa.Column("run_id", KEY),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_trash")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_trash_repository_id")),
    )
    op.create_index(op.f("ix_trash_empties_at"), "trash", ["empties_at"])
    op.create_index(op.f("ix_trash_repository_id_root"), "trash", ["repository_id", "root"])
    op.create_index(op.f("ix_trash_run_id"), "trash", ["run_id"])
    op.create_table(
        "trash_blobs",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("manifest", BYTEWISE, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("present", BYTEWISE),
        sa.PrimaryKeyConstraint("repository_id", "manifest", "digest", name=op.f("pk_trash_blobs")),
        sa.ForeignKeyConstraint(["present"], ["blobs.digest"], name=op.f("fk_trash_blobs_present")),
        sa.ForeignKeyConstraint(
            ["repository_id", "manifest"],
            ["trash.repository_id", "trash.digest"],
            name=op.f("fk_trash_blobs_repository_id_manifest"),
        ),
    )
    op.create_index(op.f("ix_trash_blobs_present"), "trash_blobs", ["present"])
    op.create_table(
        "trash_children",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("manifest", BYTEWISE, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "manifest", "digest", name=op.f("pk_trash_children")),
        sa.ForeignKeyConstraint(
            ["repository_id", "manifest"],
            ["trash.repository_id", "trash.digest"],
            name=op.f("fk_trash_children_repository_id_manifest"),
        ),
    )
    op.create_table(
        "trash_tags",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("manifest", BYTEWISE, nullable=False),
        sa.Column("moved_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "name", "manifest", name=op.f("pk_trash_tags")),
        sa.ForeignKeyConstraint(
            ["repository_id", "manifest"],
            ["trash.repository_id", "trash.digest"],
            name=op.f("fk_trash_tags_repository_id_manifest"),
        ),
    )
    op.create_table(
        "last_pulls",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("pulled_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_last_pulls")),
    )
    op.create_table(
        "holds",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("until", sa.Double()),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_holds_repository_id")),
    )
    op.create_index(op.f("ix_holds_repository_id_digest"), "holds", ["repository_id", "digest"])
    op.create_table(
        "reporters",
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_reporters")),
    )
    op.create_table(
        "in_use",
        sa.Column("reporter", BYTEWISE, nullable=False),
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("reporter", "repository_id", "digest", name=op.f("pk_in_use")),
        sa.ForeignKeyConstraint(["reporter"], ["reporters.name"], name=op.f("fk_in_use_reporter")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_in_use_repository_id")),
    )
    op.create_index(op.f("ix_in_use_repository_id_digest"), "in_use", ["repository_id", "digest"])
    op.create_table(
        "server", sa.Column("id", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("id", name=op.f("pk_server"))
    )
    op.bulk_insert(sa.table("server", sa.column("id")), [{"id": str(uuid4())}])
    op.create_table(
        "lifecycle_runs",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("clock", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double()),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_runs")),
    )
    op.create_index(op.f("ix_lifecycle_runs_started_at"), "lifecycle_runs", ["started_at"])
    op.create_table(
        "lifecycle_run_items",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "repository_id", "digest", name=op.f("pk_lifecycle_run_items")),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_lifecycle_run_items_repository_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["lifecycle_runs.id"], name=op.f("fk_lifecycle_run_items_run_id")),
    )
