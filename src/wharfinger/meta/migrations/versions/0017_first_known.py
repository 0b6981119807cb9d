"""Since when it is known that package versions have vulnerabilities.

Of what was found before nobody wrote down the day. It is known at the latest since the set of advisories by which it is
said now was begun, and since the first of the images that have the package came: the later of both is kept.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")

_FILL = """
INSERT INTO first_known (package, vulnerability, at)
SELECT said.package, said.vulnerability,
       CASE WHEN COALESCE(came.at, 0) > said.at THEN came.at ELSE said.at END
FROM (
    SELECT judgements.package AS package, findings.vulnerability AS vulnerability,
           MIN((SELECT MIN(begun_at) FROM advisory_sets WHERE advisory_sets.id >= judgements.since)) AS at
    FROM judgements JOIN findings ON findings.outcome = judgements.outcome
    GROUP BY judgements.package, findings.vulnerability
) AS said
LEFT JOIN (
    SELECT image_packages.package AS package, MIN(manifests.pushed_at) AS at
    FROM image_packages
    JOIN scanned_images ON scanned_images.id = image_packages.image
    JOIN manifests ON manifests.digest = scanned_images.digest
    WHERE image_packages.package IN (SELECT package FROM judgements)
    GROUP BY image_packages.package
) AS came ON came.package = said.package
WHERE said.at IS NOT NULL
"""


def upgrade() -> None:
    op.create_table(
        "first_known",
        sa.Column("package", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vulnerability", BYTEWISE, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["package"], ["package_versions.id"], name=op.f("fk_first_known_package")),
        sa.PrimaryKeyConstraint("package", "vulnerability", name=op.f("pk_first_known")),
        sqlite_with_rowid=False,
    )
    op.execute(_FILL)
