"""Which manifests say something of a blob that nobody has compared with it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("manifests", sa.Column("unmeasured", sa.Boolean(), nullable=True))
    op.add_column("trash", sa.Column("unmeasured", sa.Boolean(), nullable=True))
    # A blob that is not there, or came after the manifest. Of what is in the trash nobody asks until it is back.
    op.execute(
        "UPDATE manifests SET unmeasured = TRUE WHERE EXISTS (SELECT 1 FROM manifest_blobs AS edges "
        "LEFT JOIN blob_links AS links ON links.repository_id = edges.repository_id AND links.digest = edges.present "
        "WHERE edges.repository_id = manifests.repository_id AND edges.manifest = manifests.digest "
        "AND (links.digest IS NULL OR links.linked_at > manifests.pushed_at))"
    )
    op.execute("UPDATE trash SET unmeasured = TRUE")
