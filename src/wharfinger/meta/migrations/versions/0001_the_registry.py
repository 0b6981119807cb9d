"""The registry: repositories, blobs, manifests, tags, uploads and accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "access_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_revision")),
        sa.CheckConstraint("id = 1", name=op.f("ck_access_revision_single")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )
    op.create_table(
        "blobs",
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("location", BYTEWISE, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blobs")),
        sa.UniqueConstraint("location", name=op.f("uq_blobs_location")),
    )
    op.create_table(
        "repositories",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
        sa.UniqueConstraint("name", name=op.f("uq_repositories_name")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", BYTEWISE, nullable=False),
        sa.Column("repository", BYTEWISE, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("digest", BYTEWISE, nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.CheckConstraint("state IN ('open', 'finished', 'cancelled')", name=op.f("ck_uploads_state")),
    )
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_uploads_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "blob_links",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("linked_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["blobs.digest"], name=op.f("fk_blob_links_digest")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_blob_links_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_blob_links")),
    )
    with op.batch_alter_table("blob_links", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_blob_links_digest"), ["digest"], unique=False)

    op.create_table(
        "login_tokens",
        sa.Column("hash", BYTEWISE, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_login_tokens_account_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_login_tokens")),
    )
    with op.batch_alter_table("login_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_tokens_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_login_tokens_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "manifests",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("artifact_type", sa.Text(), nullable=True),
        sa.Column("subject", BYTEWISE, nullable=True),
        sa.Column("annotations", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pushed_at", sa.Double(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_manifests_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_manifests")),
    )
    with op.batch_alter_table("manifests", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_manifests_repository_id_subject_digest"),
            ["repository_id", "subject", "digest"],
            unique=False,
        )

    op.create_table(
        "segments",
        sa.Column("location", BYTEWISE, nullable=False),
        sa.Column("upload_id", BYTEWISE, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("digest", BYTEWISE, nullable=True),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name=op.f("fk_segments_upload_id")),
        sa.PrimaryKeyConstraint("location", name=op.f("pk_segments")),
    )
    with op.batch_alter_table("segments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_segments_upload_id"), ["upload_id"], unique=False)

    op.create_table(
        "manifest_blobs",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("manifest", BYTEWISE, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("present", BYTEWISE, nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id", "manifest"],
            ["manifests.repository_id", "manifests.digest"],
            name=op.f("fk_manifest_blobs_repository_id_manifest"),
        ),
        sa.ForeignKeyConstraint(
            ["repository_id", "present"],
            ["blob_links.repository_id", "blob_links.digest"],
            name=op.f("fk_manifest_blobs_repository_id_present"),
        ),
        sa.PrimaryKeyConstraint("repository_id", "manifest", "digest", name=op.f("pk_manifest_blobs")),
    )
    with op.batch_alter_table("manifest_blobs", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_manifest_blobs_repository_id_digest"), ["repository_id", "digest"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_manifest_blobs_repository_id_present"), ["repository_id", "present"], unique=False
        )

    op.create_table(
        "manifest_children",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("manifest", BYTEWISE, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("present", BYTEWISE, nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id", "manifest"],
            ["manifests.repository_id", "manifests.digest"],
            name=op.f("fk_manifest_children_repository_id_manifest"),
        ),
        sa.ForeignKeyConstraint(
            ["repository_id", "present"],
            ["manifests.repository_id", "manifests.digest"],
            name=op.f("fk_manifest_children_repository_id_present"),
        ),
        sa.PrimaryKeyConstraint("repository_id", "manifest", "digest", name=op.f("pk_manifest_children")),
    )
    with op.batch_alter_table("manifest_children", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_manifest_children_repository_id_digest"), ["repository_id", "digest"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_manifest_children_repository_id_present"), ["repository_id", "present"], unique=False
        )

    op.create_table(
        "tags",
        sa.Column("repository_id", KEY, nullable=False),
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("digest", BYTEWISE, nullable=False),
        sa.Column("moved_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id", "digest"],
            ["manifests.repository_id", "manifests.digest"],
            name=op.f("fk_tags_repository_id_digest"),
        ),
        sa.PrimaryKeyConstraint("repository_id", "name", name=op.f("pk_tags")),
    )
    with op.batch_alter_table("tags", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tags_repository_id_digest"), ["repository_id", "digest"], unique=False)
