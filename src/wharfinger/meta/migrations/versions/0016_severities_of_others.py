"""How severe is what scanners of others have found of an image, for lifecycle rules."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scanner_reports", sa.Column("found", sa.Text(), nullable=True))
    op.add_column("scanner_reports", sa.Column("fixable", sa.Text(), nullable=True))
    # Of what is there already it is found out by the job that makes the rows of gates for those images again.
    op.execute(
        "INSERT INTO jobs (kind, key, payload, enqueued_at, due_at, attempts, again, holder, held_until, problem) "
        "SELECT 'gates', 'reported', '{}', 0, 0, 0, FALSE, '', 0, '' "
        "WHERE EXISTS (SELECT 1 FROM scanner_reports WHERE reported_at IS NOT NULL) "
        "AND NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'gates' AND key = 'reported')"
    )
