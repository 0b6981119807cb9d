"""The journal beside the blobs says what there is, whoever was killed or overtaken while it was written."""

import gzip
from dataclasses import dataclass

import pytest
from sqlalchemy import delete, insert

from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import image, index
from tests.kit.memory_notes import Killed, MemoryNotes
from tests.registry.journalling import journal_of, require_told, there, told
from wharfinger.access.caller import system
from wharfinger.errors import JournalDamaged, JournalForeign
from wharfinger.meta import journal as rows
from wharfinger.meta.db import Database
from wharfinger.meta.schema_journal import journal_changes, journal_state
from wharfinger.registry import journal, segments
from wharfinger.registry.journal import LEASE_SECONDS, Journal
from wharfinger.spec.names import RepoName


@dataclass
class Journalled:
    """A registry, its notes, and the process that writes them."""

    registry: Registry
    notes: MemoryNotes
    journal: Journal

    @property
    def db(self) -> Database:
        return self.registry.services.db

    async def restart(self) -> None:
        """Another process takes over: the lease of the one before is over."""
        self.notes.dies_at = None
        self.registry.clock.advance(LEASE_SECONDS + 1)
        self.journal = journal_of(self.db, self.notes, self.registry.clock)


@pytest.fixture
async def journalled(registry: Registry) -> Journalled:
    notes = MemoryNotes()
    return Journalled(registry, notes, journal_of(registry.services.db, notes, registry.clock))


async def busy_day(registry: Registry, round: int = 0) -> None:
    """Pushes, an index, tags that move and go, images that are deleted, one of them pushed again."""
    client, old, new = registry.client, image(seed=10 * round), image(seed=10 * round + 1)
    both = index([old, new])
    await client.push_image("shop/web", old, "1.4")
    await client.push_image("shop/web", both, "multi")
    require(await client.put_manifest("shop/web", "1.4", new.raw, new.media_type), 201)
    require(await client.delete_manifest("shop/web", "multi"), 202)
    gone = image(seed=10 * round + 2)
    await client.push_image("shop/api", gone, "old")
    require(await client.delete_manifest("shop/api", gone.digest), 202)
    back, purged = image(seed=10 * round + 3), image(seed=10 * round + 4)
    for each in (back, purged):
        await client.push_image("shop/api", each, f"v{round}")
        require(await client.delete_manifest("shop/api", each.digest), 202)
    by, trash = system("tests", registry.clock()), registry.services.keeping.trash
    await trash.restore(by, RepoName("shop/api"), back.digest)
    assert await trash.empty(by, RepoName("shop/api"), [purged.digest]) == [purged.digest]
    await client.push_image("shop/api", gone)
    registry.clock.advance(60)


async def test_everything_is_told_once_it_was_shipped(journalled: Journalled) -> None:
    await busy_day(journalled.registry)
    await journalled.journal.drain()
    await require_told(journalled.db, journalled.notes)
    assert not await journalled.db.read(rows.any_waiting)


async def test_what_was_there_before_the_journal_is_told_by_its_first_snapshot(journalled: Journalled) -> None:
    await busy_day(journalled.registry)
    await journalled.db.write(lambda tx: tx.execute(delete(journal_changes)))
    await journalled.journal.drain()
    await require_told(journalled.db, journalled.notes)


async def test_a_deleted_image_is_told_to_be_gone_in_a_segment_after_the_one_that_has_it(
    journalled: Journalled,
) -> None:
    pushed = image(seed=5)
    await journalled.registry.client.push_image("shop/web", pushed, "1")
    await journalled.journal.drain()
    assert ("manifest", "shop/web", pushed.digest) in told(journalled.notes)
    require(await journalled.registry.client.delete_manifest("shop/web", pushed.digest), 202)
    await journalled.journal.drain()
    assert told(journalled.notes).get(("manifest", "shop/web", pushed.digest), {}).get("state") != "live"
    await require_told(journalled.db, journalled.notes)


async def test_a_change_that_is_committed_late_with_a_low_number_is_not_passed_over(journalled: Journalled) -> None:
    await busy_day(journalled.registry)
    await journalled.journal.drain()
    low = {"id": -7, "repository_id": 1, "kind": "tag", "name": "1.4"}
    await journalled.db.write(lambda tx: tx.execute(insert(journal_changes).values(low)))
    await journalled.journal.drain()
    assert not await journalled.db.read(rows.any_waiting)


async def test_the_time_it_tells_is_not_later_than_what_is_missing(registry: Registry) -> None:
    seen: list[float] = []
    notes = MemoryNotes()
    shipping = Journal(registry.services.db, notes, registry.clock, seen.append)
    await shipping.drain()
    before = seen[-1]
    registry.clock.advance(10)
    await registry.client.push_image("shop/web", image(), "1")
    notes.dies_at = notes.changes + 1
    with pytest.raises(Killed):
        await shipping.step()
    assert seen[-1] == before
    notes.dies_at = None
    await shipping.drain()
    assert seen[-1] == registry.clock()


async def test_killed_after_any_change_of_the_store_the_next_process_makes_it_whole(journalled: Journalled) -> None:
    """Among these: segments that were written and not noted, half a snapshot, and half of the clearing away."""
    deaths = 0
    for round in range(3):
        await busy_day(journalled.registry, round)
        await journalled.db.write(lambda tx: tx.execute(journal_state.update().values(snapshot=0)))
        for steps in range(1, 40):
            journalled.notes.dies_at = journalled.notes.changes + steps
            known = set(told(journalled.notes))
            try:
                await journalled.journal.drain()
                break
            except Killed:
                deaths += 1
                await journalled.restart()
                # The store alone must still tell what it told before, should the database be lost just now.
                left = {(kind, repository, name) for kind, repository, name, _ in await journalled.db.read(there)}
                assert (known & left) - set(told(journalled.notes)) == set()
        journalled.notes.dies_at = None
        await journalled.journal.drain()
        await require_told(journalled.db, journalled.notes)
    assert deaths > 5


async def test_a_snapshot_replaces_what_came_before_it_and_what_comes_after_is_kept(
    journalled: Journalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PATIENCE", 3)
    monkeypatch.setattr("wharfinger.meta.journal_states.PAGE", 2)
    for round in range(4):
        await busy_day(journalled.registry, round)
        await journalled.journal.step()
        await busy_day(journalled.registry, round + 100)
        await journalled.journal.drain()
        await require_told(journalled.db, journalled.notes)
    names = segments.names(journalled.notes.kept)
    [start] = [name.number for name in names if name.kind == "complete"]
    assert all(name.number >= start for name in names)
    assert len([name for name in names if name.kind == "segment"]) < 40


async def test_whoever_was_overtaken_forgets_nothing_and_its_segment_is_the_older_one(journalled: Journalled) -> None:
    """A process stalls in the middle of writing; another one goes on; then the first one wakes up."""
    pushed = image(seed=3)
    await journalled.journal.drain()
    await journalled.registry.client.push_image("shop/web", pushed, "1")
    stalled, late = journalled.journal, MemoryNotes()
    late.kept = dict(journalled.notes.kept)
    late.dies_at = 1
    stalled._notes = late
    with pytest.raises(Killed):  # it has read what it is going to write, and hangs
        await stalled.step()
    [(name, content)] = [(n, c) for n, c in late.kept.items() if n not in journalled.notes.kept]
    await journalled.restart()
    require(await journalled.registry.client.delete_manifest("shop/web", pushed.digest), 202)
    await journalled.journal.drain()
    journalled.notes.kept[name] = content
    number = segments.names([name])[0].number
    ids = [change.id for change in await journalled.db.read(rows.waiting, 100)]
    now = journalled.registry.clock()
    assert not await journalled.db.write(rows.shipped, stalled._holder, number, ids, now, now + 1)
    await require_told(journalled.db, journalled.notes)


async def test_two_processes_at_once_write_one_journal(journalled: Journalled) -> None:
    other = journal_of(journalled.db, journalled.notes, journalled.registry.clock)
    for round in range(3):
        await busy_day(journalled.registry, round)
        for _ in range(4):
            await journalled.journal.step()
            await other.step()
    await journalled.journal.drain()
    await require_told(journalled.db, journalled.notes)


async def test_the_journal_of_another_database_is_left_alone(journalled: Journalled) -> None:
    journalled.notes.kept["identity"] = b"another"
    await busy_day(journalled.registry)
    with pytest.raises(JournalForeign):
        await journalled.journal.step()
    with pytest.raises(JournalForeign):
        await journal.require_ours(journalled.db, journalled.notes)
    assert list(journalled.notes.kept) == ["identity"]


async def test_an_empty_database_is_not_served_in_front_of_a_full_store(journalled: Journalled) -> None:
    await journal.require_ours(journalled.db, journalled.notes)
    await journalled.journal.drain()
    await journal.require_ours(journalled.db, journalled.notes)
    await journalled.db.write(lambda tx: tx.execute(delete(journal_state)))
    with pytest.raises(JournalForeign):
        await journal.require_ours(journalled.db, journalled.notes)


async def test_a_database_from_a_backup_goes_on_after_what_its_journal_has(journalled: Journalled) -> None:
    await busy_day(journalled.registry)
    await journalled.journal.drain()
    highest = max(name.number for name in segments.names(journalled.notes.kept))
    await journalled.db.write(lambda tx: tx.execute(journal_state.update().values(number=1, shipped=1)))
    await journalled.restart()
    await busy_day(journalled.registry, 1)
    await journalled.journal.drain()
    assert min(name.number for name in segments.names(journalled.notes.kept)) > highest
    await require_told(journalled.db, journalled.notes)


class TestSegments:
    HEADER = segments.Header("me", 7, 5, 1.5)
    RECORDS = ({"kind": "tag", "name": "1", "repository": "a"}, {"kind": "tag", "name": "ü\n", "repository": "a"})

    def test_what_was_written_is_read(self) -> None:
        assert segments.decode("x", segments.encode(self.HEADER, self.RECORDS)) == (self.HEADER, list(self.RECORDS))

    def test_what_is_not_what_was_written_is_refused(self) -> None:
        whole = segments.encode(self.HEADER, self.RECORDS)
        plain = gzip.decompress(whole)
        other = gzip.compress(plain.replace(b'"name":"1"', b'"name":"2"'))
        newer = gzip.compress(plain.replace(b'"journal": 1', b'"journal": 2'))
        for bad in (b"", b"x", whole[:-9], whole[:20], other, newer, gzip.compress(b"[]\n"), gzip.compress(b"{}\n")):
            with pytest.raises(JournalDamaged):
                segments.decode("x", bad)

    def test_names_are_read_as_they_are_made(self) -> None:
        made = [segments.segment(12), segments.part(13, 4), segments.complete(13)]
        assert [segments.text(name) for name in segments.names([*made, "identity", "x"])] == made
