"""VEX documents that lay beside images before any were noticed are looked for once."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO jobs (kind, key, payload, enqueued_at, due_at, attempts, again, holder, held_until, problem) "
        "SELECT 'vex', 'before', '{}', 0, 0, 0, FALSE, '', 0, '' WHERE EXISTS (SELECT 1 FROM manifests)"
    )
