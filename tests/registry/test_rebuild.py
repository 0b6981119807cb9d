"""A database that was lost is filled again from the journal and the store: every pull as it was, nothing come back."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select

from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import image, index
from tests.kit.memory_notes import MemoryNotes
from tests.registry.journalling import journal_of, require_told
from wharfinger.access.caller import system
from wharfinger.blobs.stock_files import FileStock
from wharfinger.errors import JournalDamaged, JournalForeign
from wharfinger.meta import journal as rows
from wharfinger.meta import rebuilding, schema
from wharfinger.meta.db import Database
from wharfinger.meta.schema_journal import journal_state
from wharfinger.meta.schema_tagging import tag_history
from wharfinger.meta.schema_trash import trash, trash_blobs, trash_children, trash_tags
from wharfinger.registry import segments
from wharfinger.registry.journal import require_ours
from wharfinger.registry.rebuild import Rebuild, Report
from wharfinger.spec.names import RepoName

SHOP, API = RepoName("shop/web"), RepoName("shop/api")
APPS = [image(layers=[b"shared", 30 + n], seed=n) for n in range(4)]
BOTH = index(APPS[:2])
SIGNATURE = image(artifact_type="application/vnd.example.signature", subject=APPS[0], seed=9)
GONE, PURGED, TRASHED = image(seed=20), image(seed=21), image(layers=[b"shared"], seed=22)


@dataclass
class Lost:
    """A registry that had a full day, and whose database is then lost."""

    registry: Registry
    notes: MemoryNotes
    stock: FileStock

    @property
    def db(self) -> Database:
        return self.registry.services.db

    async def lose(self) -> None:
        """Nothing is left but the accounts, which are not in the journal."""
        await self.db.write(rebuilding.clear)
        await self.db.write(lambda tx: tx.execute(delete(journal_state)))

    async def rebuild(self) -> Report:
        return await Rebuild(self.db, self.notes, self.stock, self.registry.clock).run()

    async def pulls(self) -> Mapping[str, object]:
        """What everybody can pull, bit by bit, and what they are told that there is."""
        client, found = self.registry.client, {}
        for repository in (await client.catalog()).json()["repositories"]:
            tags = (await client.tags(repository)).json()["tags"]
            digests = [row[0] for row in await self.db.read(manifests_of, repository)]
            found[repository] = (
                tags,
                digests,
                [await client.pull_image(repository, each) for each in (*tags, *digests)],
            )
            for digest in digests:
                found[f"{repository}@{digest}"] = (await client.referrers(repository, digest)).json()
        return found


def manifests_of(tx: Connection, repository: str) -> list[Any]:
    query = select(schema.manifests.c.digest).join(schema.repositories).where(schema.repositories.c.name == repository)
    return list(tx.execute(query.order_by(schema.manifests.c.digest)))


def everything(tx: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that a rebuild answers for; links that nothing live needs are the collector's, and not among them."""
    names = {row.id: row.name for row in tx.execute(select(schema.repositories))}
    left_out = {"id", "linked_at", "run_id"}
    found = {}
    for table in (
        *(schema.repositories, schema.manifests, schema.manifest_blobs, schema.manifest_children, schema.tags),
        *(trash, trash_blobs, trash_children, trash_tags, tag_history),
    ):
        columns = [column for column in table.columns if column.name not in left_out]
        found[table.name] = sorted(
            (
                tuple(
                    names[value] if c.name == "repository_id" else value for c, value in zip(columns, row, strict=True)
                )
                for row in tx.execute(select(*columns))
            ),
            key=repr,
        )
    return found


@pytest.fixture
async def lost(registry: Registry, tmp_path: Path) -> Lost:
    """With pushes, an index, referrers, moved tags, deletions, a restore, a purge, and something in the trash."""
    client, clock, notes = registry.client, registry.clock, MemoryNotes()
    writing = journal_of(registry.services.db, notes, clock)
    await client.push_image(SHOP, BOTH, "multi")
    await client.push_image(SHOP, SIGNATURE)
    await writing.drain()
    for number, each in enumerate(APPS):
        clock.advance(hours=1)
        await client.push_image(API, each, f"1.{number}")
        require(await client.put_manifest(API, "latest", each.raw, each.media_type), 201)
    for each in (GONE, PURGED, TRASHED):
        await client.push_image(API, each, f"old-{each.digest[7:12]}")
    await writing.drain()
    by = system("tests", clock())
    for each in (GONE, PURGED, TRASHED, APPS[2]):
        require(await client.delete_manifest(API, each.digest), 202)
    await registry.services.keeping.trash.restore(by, API, APPS[2].digest)
    await registry.services.keeping.trash.empty(by, API, [GONE.digest, PURGED.digest])
    require(await client.delete_manifest(API, "1.0"), 202)
    await writing.drain()
    stock = FileStock(tmp_path)
    return Lost(registry, notes, stock)


async def test_every_pull_is_as_it_was_and_so_is_all_that_is_remembered(lost: Lost) -> None:
    pulls, before = await lost.pulls(), await lost.db.read(everything)
    await lost.lose()
    report = await lost.rebuild()
    assert await lost.pulls() == pulls
    after = await lost.db.read(everything)
    for table, told in before.items():
        assert after[table] == told, table
    assert report.missing == []
    assert (report.manifests, report.trashed) == (len(before["manifests"]), len(before["trash"]))
    await lost.stock.close()


async def test_nothing_comes_back_that_was_deleted_for_good(lost: Lost) -> None:
    await lost.lose()
    await lost.rebuild()
    for each in (GONE, PURGED, TRASHED):
        assert (await lost.registry.client.get_manifest(API, each.digest)).status_code == 404
    by = system("tests", lost.registry.clock())
    assert await lost.registry.services.keeping.trash.restore(by, API, TRASHED.digest)
    assert await lost.registry.client.pull_image(API, TRASHED.digest)
    await lost.stock.close()


async def test_what_a_repository_did_not_hold_it_does_not_hold_afterwards(lost: Lost) -> None:
    """Knowing a digest is not access: a sparse manifest's blobs are another repository's."""
    sparse = index([APPS[1]])
    lost.registry.services.manifests._sparse = type(lost.registry.services.manifests._sparse)("allow")
    await lost.registry.client.put_manifest("other/one", "sparse", sparse.raw, sparse.media_type)
    bare = APPS[3]
    require(await lost.registry.client.put_manifest("other/one", "bare", bare.raw, bare.media_type), 201)
    lost.registry.clock.advance(120)
    await journal_of(lost.db, lost.notes, lost.registry.clock).drain()
    await lost.lose()
    await lost.rebuild()
    for digest in bare.blobs:
        assert (await lost.registry.client.get_blob("other/one", digest)).status_code == 404
    assert (await lost.registry.client.get_manifest("other/one", APPS[1].digest)).status_code == 404
    await lost.stock.close()


async def test_the_journal_goes_on_after_a_rebuild(lost: Lost) -> None:
    await lost.lose()
    await lost.rebuild()
    await require_ours(lost.db, lost.notes)
    await lost.registry.client.push_image(SHOP, APPS[3], "new")
    lost.registry.clock.advance(120)
    await journal_of(lost.db, lost.notes, lost.registry.clock).drain()
    await require_told(lost.db, lost.notes)
    pulls = await lost.pulls()
    await lost.lose()
    await lost.rebuild()
    assert await lost.pulls() == pulls
    await lost.stock.close()


async def test_a_rebuild_that_was_killed_is_not_served_and_begins_again(lost: Lost) -> None:
    before, whole = await lost.db.read(everything), 0

    class Killed(BaseException):
        pass

    while True:
        if whole == 0:
            await lost.lose()
        deaths = [0]

        def die(_what: str, _count: int, deaths: list[int] = deaths, at: int = whole) -> None:
            deaths[0] += 1
            if deaths[0] > at:
                raise Killed

        try:
            await Rebuild(lost.db, lost.notes, lost.stock, lost.registry.clock, die).run()
            break
        except Killed:
            state = await lost.db.read(rows.state)
            if state is not None:
                with pytest.raises(JournalForeign):
                    await require_ours(lost.db, lost.notes)
        whole += 3
    assert whole > 3
    assert await lost.db.read(everything) == before
    await lost.stock.close()


async def test_a_database_with_something_in_it_is_left_alone(lost: Lost) -> None:
    before = await lost.db.read(everything)
    with pytest.raises(JournalForeign):
        await lost.rebuild()
    assert await lost.db.read(everything) == before
    await lost.stock.close()


async def test_from_a_damaged_journal_nothing_is_rebuilt(lost: Lost) -> None:
    whole = dict(lost.notes.kept)
    names = segments.names(whole)
    last = max((name for name in names if name.kind == "segment"), key=lambda name: name.number)
    earlier = sorted(name.number for name in names if name.kind == "segment")
    broken: list[dict[str, bytes]] = [
        {},
        {name: content for name, content in whole.items() if not name.startswith("complete")},
        {name: content for name, content in whole.items() if not name.startswith("snapshot")},
        whole | {segments.text(last): whole[segments.text(last)][:-4]},
        whole | {"identity": b"another"},
    ]
    if len(earlier) > 1:
        broken.append({name: content for name, content in whole.items() if name != segments.segment(earlier[-2])})
    await lost.lose()
    for kept in broken:
        lost.notes.kept = kept
        with pytest.raises((JournalDamaged, JournalForeign)):
            await lost.rebuild()
    assert await lost.db.read(rows.state) is None
    lost.notes.kept = whole
    await lost.rebuild()
    await lost.stock.close()


async def test_bytes_that_are_missing_are_told_and_the_rest_is_there(lost: Lost, tmp_path: Path) -> None:
    digest = next(iter(APPS[1].blobs))
    encoded = digest.removeprefix("sha256:")
    shutil.rmtree(tmp_path / "blobs" / "sha256" / encoded[:2] / encoded)
    await lost.lose()
    report = await lost.rebuild()
    assert report.missing_in_all == 2
    assert all(digest in said for said in report.missing)
    assert await lost.registry.client.pull_image(API, "1.3")
    await lost.stock.close()
