"""What manifests need as packed numbers, beside the bytes that say it."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("manifests", sa.Column("needs", sa.LargeBinary(), nullable=True))
    op.add_column("trash", sa.Column("needs", sa.LargeBinary(), nullable=True))
    # What is there is read from its bytes until it is packed, page by page: in one transaction it would take too long.
    op.execute(
        "INSERT INTO jobs (kind, key, payload, enqueued_at, due_at, attempts, again, holder, held_until, problem) "
        "SELECT 'pack', 'before', '{}', 0, 0, 0, FALSE, '', 0, '' WHERE EXISTS (SELECT 1 FROM manifests)"
    )
