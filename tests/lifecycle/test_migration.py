"""A database from before manifests said which of their sizes nobody has compared, and before anything was packed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, text

from wharfinger.meta import jobs
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.migrate import configuration, migrate
from wharfinger.registry.packing import KIND, Packing
from wharfinger.spec import needs


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


def manifest(tx: Connection, digest: str, needed: dict[str, str | None], raw: str = "x") -> None:
    tx.execute(
        text(
            "INSERT INTO manifests (repository_id, digest, media_type, annotations, size, pushed_at, raw) "
            "VALUES (1, :d, 'x', '{}', 1, 5, :raw)"
        ),
        {"d": digest, "raw": raw.encode()},
    )
    edge = text("INSERT INTO manifest_blobs (repository_id, manifest, digest, present) VALUES (1, :m, :d, :p)")
    for blob, present in needed.items():
        tx.execute(edge, {"m": digest, "d": blob, "p": present})


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


async def test_what_manifests_need_is_packed_after_the_upgrade_page_by_page(before: Database) -> None:
    whole = json.dumps({"layers": [{"digest": f"sha256:{'a' * 64}", "size": 7}]})
    with before.engine.begin() as tx:
        blob(tx, "late", 6)
        manifest(tx, "never compared", {"late": "late"}, whole)
        for digest in ("a", "b", "c", "d"):
            manifest(tx, digest, {}, whole)
        manifest(tx, "e is none", {}, "{")
    migrate(before.engine)
    duty, pages = Packing(before, lambda: 9.0, page=2), 0
    while job := await before.write(jobs.claim, (KIND,), "me", 9.0, 99.0):
        await duty.work(job)
        await before.write(jobs.finish, job, "me")
        pages += 1
    with before.engine.connect() as tx:
        rows = tx.execute(text("SELECT digest, needs FROM manifests ORDER BY digest")).all()
    packed = needs.pack({f"sha256:{'a' * 64}": 7})
    assert [tuple(row) for row in rows] == [
        *((digest, packed) for digest in ("a", "b", "c", "d")),
        ("e is none", None),
        ("never compared", None),
    ]
    assert pages == 4
