"""New advisories write verdicts in their places: no foreign key to their set, no index on it, and room in the pages."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_image_verdicts_advisory_set", table_name="image_verdicts")
    with op.batch_alter_table("image_verdicts") as batch:
        batch.drop_constraint("fk_image_verdicts_advisory_set", type_="foreignkey")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE image_verdicts SET (fillfactor = 45)")
