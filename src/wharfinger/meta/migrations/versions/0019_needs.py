"""What manifests need as packed numbers, beside the bytes that say it."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of what is there it stays empty, and is read from the bytes: filling it in would write every row anew.
    op.add_column("manifests", sa.Column("needs", sa.LargeBinary(), nullable=True))
    op.add_column("trash", sa.Column("needs", sa.LargeBinary(), nullable=True))
