"""A database from before manifests said of themselves which of their sizes nobody has compared with blobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, text

from wharfinger.meta.db import Database, open_database
from wharfinger.meta.migrate import configuration, migrate


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Database]:
    db = open_database(f"sqlite:///{tmp_path}/wharf.db")
    with db.engine.begin() as tx:
        config = configuration()
        config.attributes["connection"] = tx
        command.upgrade(config, "0014")
        tx.execute(text("INSERT INTO repositories (id, name, created_at) VALUES (1, 'shop/web', 0)"))
    yield db
    db.engine.dispose()


def blob(tx: Connection, digest: str, linked_at: float) -> None:
    tx.execute(text("INSERT INTO blobs (digest, size, location, created_at) VALUES (:d, 1, :d, 0)"), {"d": digest})
    row = {"d": digest, "at": linked_at}
    tx.execute(text("INSERT INTO blob_links (repository_id, digest, linked_at) VALUES (1, :d, :at)"), row)


def manifest(tx: Connection, digest: str, needs: dict[str, str | None]) -> None:
    tx.execute(
        text(
            "INSERT INTO manifests (repository_id, digest, media_type, annotations, size, pushed_at, raw) "
            "VALUES (1, :d, 'x', '{}', 1, 5, 'x')"
        ),
        {"d": digest},
    )
    edge = text("INSERT INTO manifest_blobs (repository_id, manifest, digest, present) VALUES (1, :m, :d, :p)")
    for needed, present in needs.items():
        tx.execute(edge, {"m": digest, "d": needed, "p": present})


def test_whose_blobs_were_not_all_there_when_it_was_pushed_is_not_believed(before: Database) -> None:
    with before.engine.begin() as tx:
        blob(tx, "early", 4)
        blob(tx, "late", 6)
        manifest(tx, "all there", {"early": "early"})
        manifest(tx, "needs nothing", {})
        manifest(tx, "one came later", {"early": "early", "late": "late"})
        manifest(tx, "one never came", {"early": "early", "foreign": None})
    migrate(before.engine)
    with before.engine.connect() as tx:
        marked = tx.execute(text("SELECT digest FROM manifests WHERE unmeasured ORDER BY digest")).scalars().all()
    assert marked == ["one came later", "one never came"]
