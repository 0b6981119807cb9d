"""Package versions once, what advisories say of each, and small verdicts.

The verdicts there are stay as they are, whole, until their images have been scanned again, which is asked for here.
"""

import json
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
SEVERITIES = ("critical", "high", "medium", "low", "none", "unknown")


def _number(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _text(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, BYTEWISE, nullable=nullable)


def _tallies() -> "list[sa.Column[Any]]":
    return [_number(f"{kind}_{severity}") for kind in ("found", "fixable") for severity in SEVERITIES]


def _references(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    _packages()
    _outcomes()
    _images()
    _carry_over()
    op.drop_index(op.f("ix_verdicts_advisories"), table_name="verdicts")
    op.drop_table("verdicts")


def _packages() -> None:
    op.create_table(
        "package_versions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _text("key"),
        _text("type"),
        _text("name"),
        _text("version"),
        _text("purl"),
        _text("known_as"),
        _text("source_name", nullable=True),
        _text("source_version", nullable=True),
        _text("distribution", nullable=True),
        _text("release", nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("covered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_versions")),
        sa.UniqueConstraint("key", name=op.f("uq_package_versions_key")),
    )
    op.create_index(op.f("ix_package_versions_name_type"), "package_versions", ["name", "type"])
    op.create_index(op.f("ix_package_versions_known_as"), "package_versions", ["known_as"])
    op.create_index(op.f("ix_package_versions_source_name"), "package_versions", ["source_name"])
    op.create_table(
        "advisory_sets",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _text("sha256"),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.Double(), nullable=False),
        sa.Column("matched_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advisory_sets")),
    )
    op.create_table(
        "advised_releases",
        _number("advisory_set"),
        _text("distribution"),
        _text("release"),
        sa.Column("ecosystem", sa.Text()),
        _text("end_of_life", nullable=True),
        sa.Column("ended", sa.Boolean(), nullable=False),
        _references("advised_releases", "advisory_set", "advisory_sets"),
        sa.PrimaryKeyConstraint("advisory_set", "distribution", "release", name=op.f("pk_advised_releases")),
    )


def _outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _text("key"),
        _text("ecosystem"),
        sa.Column("reason", sa.Text()),
        *_tallies(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcomes")),
        sa.UniqueConstraint("key", name=op.f("uq_outcomes_key")),
    )
    op.create_table(
        "findings",
        _number("outcome"),
        _number("number"),
        _text("vulnerability"),
        _text("severity"),
        sa.Column("fixed", sa.Text()),
        _text("state"),
        _text("kev", nullable=True),
        _text("published", nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        _references("findings", "outcome", "outcomes"),
        sa.PrimaryKeyConstraint("outcome", "number", name=op.f("pk_findings")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "finding_names",
        _text("name"),
        _number("outcome"),
        _references("finding_names", "outcome", "outcomes"),
        sa.PrimaryKeyConstraint("name", "outcome", name=op.f("pk_finding_names")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_finding_names_outcome"), "finding_names", ["outcome"])
    op.create_table(
        "judgements",
        _number("package"),
        _number("outcome"),
        _number("since"),
        sa.Column("until", sa.Integer()),
        _references("judgements", "package", "package_versions"),
        _references("judgements", "outcome", "outcomes"),
        sa.PrimaryKeyConstraint("package", "outcome", "since", name=op.f("pk_judgements")),
        sqlite_with_rowid=False,
    )
    for column in ("since", "outcome"):
        op.create_index(op.f(f"ix_judgements_{column}"), "judgements", [column])
    ended = sa.text("until IS NOT NULL")
    op.create_index("ix_judgements_until", "judgements", ["until"], sqlite_where=ended, postgresql_where=ended)


def _images() -> None:
    op.create_table(
        "scanned_images",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _text("digest"),
        _text("repository"),
        _text("config"),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("layers", sa.Text(), nullable=False),
        _text("distribution", nullable=True),
        _text("release", nullable=True),
        _text("cataloguer"),
        sa.Column("isolation", sa.Text(), nullable=False),
        sa.Column("scanned_at", sa.Double(), nullable=False),
        sa.Column("catalogue", sa.LargeBinary()),
        sa.Column("report", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scanned_images")),
        sa.UniqueConstraint("digest", name=op.f("uq_scanned_images_digest")),
    )
    for column in ("cataloguer", "config"):
        op.create_index(op.f(f"ix_scanned_images_{column}"), "scanned_images", [column])
    op.create_table(
        "image_packages",
        _number("image"),
        _number("package"),
        _references("image_packages", "image", "scanned_images"),
        _references("image_packages", "package", "package_versions"),
        sa.PrimaryKeyConstraint("image", "package", name=op.f("pk_image_packages")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_image_packages_package_image"), "image_packages", ["package", "image"])
    op.create_table(
        "image_verdicts",
        _number("image"),
        _number("advisory_set"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        *_tallies(),
        _references("image_verdicts", "image", "scanned_images"),
        _references("image_verdicts", "advisory_set", "advisory_sets"),
        sa.PrimaryKeyConstraint("image", name=op.f("pk_image_verdicts")),
    )
    op.create_index(op.f("ix_image_verdicts_advisory_set"), "image_verdicts", ["advisory_set"])


def _carry_over() -> None:
    """Each row by itself: a report may be large."""
    connection = op.get_bind()
    tables = sa.MetaData()
    tables.reflect(connection, only=["verdicts", "advisory_sets", "scanned_images", "image_verdicts", "jobs"])
    old = tables.tables["verdicts"]
    sets: dict[str, int] = {}
    for digest in connection.execute(sa.select(old.c.digest).order_by(old.c.digest)).scalars().all():
        row = connection.execute(sa.select(old).where(old.c.digest == digest)).mappings().one()
        if row["advisories"] not in sets:
            made = {"sha256": row["advisories"], "sources": row["sources"], "begun_at": row["judged_at"]}
            sets[row["advisories"]] = _insert(tables.tables["advisory_sets"], made)
        names = ("digest", "repository", "config", "platform", "layers", "cataloguer", "isolation", "report")
        image = _insert(
            tables.tables["scanned_images"], {name: row[name] for name in names} | {"scanned_at": row["judged_at"]}
        )
        verdict = {"image": image, "advisory_set": sets[row["advisories"]], "status": row["status"]}
        times = {"judged_at": row["judged_at"], "changed_at": row["judged_at"]}
        connection.execute(
            tables.tables["image_verdicts"].insert().values(**verdict, **times, **_counted(row["report"]))
        )
        _ask(tables.tables["jobs"], digest, row["repository"], row["judged_at"])


def _insert(table: sa.Table, values: Mapping[str, Any]) -> int:
    number: int = op.get_bind().execute(table.insert().values(**values).returning(table.c.id)).scalar_one()
    return number


def _counted(report: bytes) -> Mapping[str, int]:
    findings = json.loads(zlib.decompress(report))["findings"]
    found = Counter(each["severity"] for each in findings)
    fixable = Counter(each["severity"] for each in findings if each["fixed"] is not None)
    pairs = (("found", found), ("fixable", fixable))
    return {f"{kind}_{severity}": counts[severity] for kind, counts in pairs for severity in SEVERITIES}


def _ask(jobs: sa.Table, digest: str, repository: str, at: float) -> None:
    """Let it be scanned, unless that is asked for already. Its layers are known, so nothing is read for it."""
    connection = op.get_bind()
    mine = (jobs.c.kind == "scan") & (jobs.c.key == digest)
    if connection.execute(sa.select(jobs.c.id).where(mine)).first() is None:
        job = {"kind": "scan", "key": digest, "payload": json.dumps({"repository": repository})}
        when = {"enqueued_at": at, "due_at": at, "attempts": 0, "again": False}
        connection.execute(jobs.insert().values(**job, **when, holder="", held_until=0.0, problem=""))
