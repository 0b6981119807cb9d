"""Database and store are compared both ways: what is wrong is told, what is right is left alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from tests.conftest import Registry
from tests.contracts.blob_store import stored
from tests.contracts.stock import all_of
from tests.kit.client import location_of, require
from tests.kit.images import image, index
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.blobs.object import ObjectStore
from wharfinger.blobs.stock_files import FileStock
from wharfinger.blobs.stock_objects import ObjectStock
from wharfinger.meta import schema
from wharfinger.meta.db import Database
from wharfinger.registry import fsck
from wharfinger.registry.fsck import Fsck, Report, Wanted, What
from wharfinger.registry.sources import Folder
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest

APP = image(layers=[b"shared", 5000], seed=1)
OTHER = image(layers=[b"shared"], seed=2)
LAYER = next(digest for digest, content in APP.blobs.items() if len(content) == 5000)
LATER = 200_000.0


@dataclass
class Checked:
    """A registry and its folder, looked at behind the server's back."""

    registry: Registry
    root: Path
    paused: list[float] = field(default_factory=list)
    age: float = LATER

    @property
    def db(self) -> Database:
        return self.registry.services.db

    async def fsck(
        self, wanted: Wanted | None = None, *, now: Callable[[], float] | None = None, **more: Any
    ) -> Report:
        import time

        store, stock = FilesystemStore(self.root), FileStock(self.root)

        async def pause(seconds: float) -> None:
            self.paused.append(seconds)

        clock = now or (lambda: time.time() + self.age)
        try:
            return await Fsck(self.db, store, stock, clock, pause=pause, **more).run(wanted or Wanted())
        finally:
            await store.close()
            await stock.close()

    async def file(self, digest: Digest) -> Path:
        location = await self.db.read(
            lambda tx: tx.execute(select(schema.blobs.c.location).filter_by(digest=digest)).scalar()
        )
        return self.root / str(location)

    async def orphan(self, content: bytes) -> Path:
        store = FilesystemStore(self.root)
        try:
            return self.root / await store.seal(await stored(store, content), digests.of(content))
        finally:
            await store.close()


@pytest.fixture
async def checked(registry: Registry, tmp_path: Path) -> Checked:
    await registry.client.push_image("shop/web", APP, "1.4")
    await registry.client.push_image("shop/web", index([APP]), "multi")
    await registry.client.push_image("shop/api", OTHER, "2")
    return Checked(registry, tmp_path)


def told(report: Report) -> set[tuple[What, Digest | None, str]]:
    return {(finding.what, finding.digest, finding.done) for finding in report.findings}


async def test_of_a_sound_registry_nothing_is_told(checked: Checked) -> None:
    report = await checked.fsck()
    assert (report.findings, report.left, report.complete) == ([], 0, True)
    assert report.blobs == report.items == report.hashed == 4
    assert not report.unfinished_unknown


async def test_uploads_under_way_and_what_waits_to_be_deleted_are_no_orphans(checked: Checked) -> None:
    client = checked.registry.client
    place = location_of(await client.start_upload("shop/web"))
    require(await client.patch(place, b"half of it"), 202)
    report = await checked.fsck(Wanted(quarantine=True))
    assert (report.findings, report.items) == ([], 5)
    whole = b"half of it and the rest"
    require(await client.put_upload(place, digests.of(whole), b" and the rest"), 201)


async def test_young_bytes_are_not_judged(checked: Checked) -> None:
    path = await checked.orphan(b"nobody knows me")
    checked.age = 60.0
    report = await checked.fsck(Wanted(quarantine=True))
    assert (report.findings, report.young) == ([], 1)
    assert path.exists()


async def test_bytes_that_nobody_knows_of_are_told_put_aside_and_put_back(checked: Checked) -> None:
    path = await checked.orphan(b"nobody knows me")
    digest = digests.of(b"nobody knows me")
    assert told(await checked.fsck()) == {(What.ORPHAN, digest, "")}
    assert path.exists()
    report = await checked.fsck(Wanted(quarantine=True))
    assert told(report) == {(What.ORPHAN, digest, "put aside")}
    assert (report.left, report.aside) == (0, 1)
    assert not path.exists()
    assert told(await checked.fsck()) == set()
    report = await checked.fsck(Wanted(put_back=True))
    assert path.read_bytes() == b"nobody knows me"
    assert report.restored == 1


async def test_what_is_aside_is_deleted_when_it_was_there_for_long_enough(checked: Checked) -> None:
    await checked.orphan(b"nobody knows me")
    await checked.fsck(Wanted(quarantine=True))
    assert (await checked.fsck(Wanted(throw_away_after=LATER + 1000))).thrown_away == 0
    report = await checked.fsck(Wanted(throw_away_after=LATER - 1000))
    assert (report.thrown_away, report.aside) == (1, 0)
    assert told(await checked.fsck(Wanted(put_back=True))) == set()


async def test_a_blob_without_its_bytes_is_told_with_who_needs_it(checked: Checked) -> None:
    (await checked.file(LAYER)).unlink()
    report = await checked.fsck()
    assert told(report) == {(What.MISSING, LAYER, "")}
    assert report.findings[0].repositories == ["shop/web"]
    assert report.left == 1


@pytest.mark.parametrize("damage", ["flipped", "shorter", "longer"])
async def test_other_bytes_are_told(checked: Checked, damage: str) -> None:
    path = await checked.file(LAYER)
    content = path.read_bytes()
    path.write_bytes({"flipped": b"\x00" + content[1:], "shorter": content[:-1], "longer": content + b"x"}[damage])
    what = What.CORRUPT if damage == "flipped" else What.SIZE
    assert told(await checked.fsck()) == {(what, LAYER, "")}
    assert told(await checked.fsck(Wanted(hash=False))) == ({(what, LAYER, "")} if damage != "flipped" else set())


@pytest.mark.parametrize("damage", ["missing", "flipped"])
async def test_bad_bytes_are_replaced_by_good_ones_from_a_copy_that_is_itself_not_believed(
    checked: Checked, tmp_path: Path, damage: str
) -> None:
    path = await checked.file(LAYER)
    good = path.read_bytes()
    path.unlink() if damage == "missing" else path.write_bytes(b"\x00" + good[1:])
    encoded = LAYER.removeprefix("sha256:")
    copies = []
    for name, content in (("liar", b"\x01" + good[1:]), ("backup", good)):
        folder = tmp_path / name / "blobs" / "sha256" / encoded[:2] / encoded
        await asyncio.to_thread(folder.mkdir, parents=True)
        (folder / "x").write_bytes(content)
        copies.append(Folder(tmp_path / name))
    assert told(await checked.fsck(Wanted(repair=True), sources=copies[:1])) <= {
        (What.MISSING, LAYER, ""),
        (What.CORRUPT, LAYER, ""),
    }
    report = await checked.fsck(Wanted(repair=True, again=True), sources=copies)
    assert [finding.done for finding in report.findings] == ["replaced from source 2"]
    assert await checked.registry.client.pull_image("shop/web", "1.4") == APP
    assert (await checked.fsck()).findings == []


async def test_what_was_put_aside_and_is_needed_after_all_comes_back(checked: Checked) -> None:
    path = await checked.file(LAYER)
    stock = FileStock(checked.root)
    [item] = [item for item in await all_of(stock.items()) if item.digest == LAYER]
    await stock.put_aside(item)
    report = await checked.fsck(Wanted(repair=True))
    assert told(report) == {(What.MISSING, LAYER, "put back")}
    assert path.exists()
    await stock.close()


async def test_contents_are_read_within_the_budget_and_the_next_run_goes_on(checked: Checked) -> None:
    class Enough(BaseException):
        pass

    now = [0.0]

    def stop(what: str, count: int, _read: int) -> None:
        if what == "hashing" and count == 3:
            raise Enough

    async def pause(seconds: float) -> None:
        now[0] += seconds

    fsck_at = fsck.NOTED_EVERY
    try:
        fsck.NOTED_EVERY = 1
        with pytest.raises(Enough):
            await checked.fsck(progress=stop)
        report = await checked.fsck()
        assert (report.hashed, report.complete) == (2, True)
        assert (await checked.fsck()).hashed == 4
    finally:
        fsck.NOTED_EVERY = fsck_at
    checked.paused.clear()
    report = await checked.fsck(Wanted(budget=1000), now=lambda: 2_000_000_000.0)
    assert max(checked.paused) == pytest.approx(report.hashed_bytes / 1000)


def _contradict(tx: Connection) -> None:
    tx.execute(update(schema.manifest_blobs).where(schema.manifest_blobs.c.digest == LAYER).values(present=None))
    tx.execute(update(schema.manifest_children).values(present=None))
    tx.execute(update(schema.manifests).where(schema.manifests.c.digest == OTHER.digest).values(untagged_at=5.0))


async def test_what_the_database_says_twice_and_differently_is_mended(checked: Checked) -> None:
    await checked.db.write(_contradict)
    report = await checked.fsck()
    assert [finding.what for finding in report.findings] == [What.CONTRADICTION] * 3
    report = await checked.fsck(Wanted(repair=True))
    assert [finding.done for finding in report.findings] == ["mended"] * 3
    assert (await checked.fsck()).findings == []


async def test_a_manifest_with_other_bytes_is_told(checked: Checked) -> None:
    this = update(schema.manifests).where(schema.manifests.c.digest == APP.digest)
    await checked.db.write(lambda tx: tx.execute(this.values(raw=APP.raw + b" ")))
    assert told(await checked.fsck()) == {(What.MANIFEST, APP.digest, "")}


class TestObjects:
    """The same over objects, whose digests are marks beside them."""

    @pytest.fixture
    async def bucket(self, db: Database) -> AsyncIterator[tuple[Fsck, ObjectStore, Any]]:
        from obstore.store import MemoryStore

        backend = MemoryStore()
        store, stock = ObjectStore(backend, prefix="a"), ObjectStock(backend, prefix="a")
        yield Fsck(db, store, stock, lambda: 4e9), store, db
        await store.close()

    async def test_marks_are_made_again_and_strays_go(self, bucket: tuple[Fsck, ObjectStore, Database]) -> None:
        looking, store, db = bucket
        location, digest = await stored(store, b"content"), digests.of(b"content")
        row = {"digest": digest, "size": 7, "location": location, "created_at": 0.0}
        await db.write(lambda tx: tx.execute(schema.blobs.insert().values(row)))
        gone = await store.seal(await stored(store, b"gone"), digests.of(b"gone"))
        await store.delete(gone)
        report = await looking.run(Wanted(repair=True))
        assert told(report) == {(What.UNMARKED, digest, "marked"), (What.STRAY, digests.of(b"gone"), "mark removed")}
        assert report.unfinished_unknown
        looking._report = Report()
        assert (await looking.run(Wanted())).findings == []
