"""One order, whoever made the records, whenever they were committed, and however many seal."""

import asyncio
import hashlib
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from tests.kit.clock import Clock
from tests.kit.trail import Trail
from wharfinger.access import chain
from wharfinger.access.sealing import LEASE_SECONDS
from wharfinger.meta import audit
from wharfinger.meta import chain as rows
from wharfinger.meta.audit import Entry
from wharfinger.meta.db import Database


def entry(account: str) -> Entry:
    return Entry(1_800_000_000.0, "push", account)


async def test_records_get_numbers_and_a_chain_of_hashes(trail: Trail) -> None:
    await trail.add(entry("a"), entry("b"))
    await trail.seal()
    await trail.add(entry("c"))
    await trail.seal()
    records = await trail.records()
    assert [(record.account, record.number) for record in records] == [("a", 1), ("b", 2), ("c", 3)]
    previous = chain.BEGINNING
    for record in records:
        assert record.number is not None
        previous = chain.record_hash(previous, record.number, record)
        assert record.hash == previous


def test_the_hash_is_what_the_documents_say_it_is() -> None:
    record = audit.Record(
        7, 3, None, 1.5, 1.5, 1, "push", "done", "ännä", "shop/web", None, "sha256:ab", "::1", "", "", "r", "{}"
    )
    body = (
        b"13:wharf-audit-1,4:body,16:3ff8000000000000,1:1,4:done,6:\xc3\xa4nn\xc3\xa4,8:shop/web,-,9:sha256:ab,"
        b"3:::1,0:,0:,1:r,2:{},"
    )
    assert chain.body_hash(record) == hashlib.sha256(body).hexdigest()
    whole = b"13:wharf-audit-1,6:record,64:%s,1:3,16:3ff8000000000000,4:push,64:%s,"
    expected = whole % (b"0" * 64, hashlib.sha256(body).hexdigest().encode())
    assert chain.record_hash("0" * 64, 3, record) == hashlib.sha256(expected).hexdigest()


async def test_with_nothing_to_seal_nothing_is_written(trail: Trail) -> None:
    assert await trail.sealer().seal() == 0
    assert await trail.db.read(lambda tx: tx.exec_driver_sql("SELECT count(*) FROM leases").scalar()) == 0


async def test_the_second_sealer_waits_until_the_lease_is_over(trail: Trail, clock: Clock) -> None:
    first, second = trail.sealer("first"), trail.sealer("second")
    await trail.add(entry("a"))
    assert await first.seal() == 1
    await trail.add(entry("b"))
    assert await second.seal() == 0
    clock.advance(LEASE_SECONDS)
    assert await second.seal() == 1
    await trail.add(entry("c"))
    assert (await first.seal(), await second.seal()) == (0, 1)
    assert await trail.findings() == []


async def test_many_sealers_and_writers_at_once_make_one_chain(
    trail: Trail, open_again: Callable[[], Database], clock: Clock
) -> None:
    """The lease is over at every turn, so that all of them believe that it is theirs."""
    databases = [open_again() for _ in range(3)]
    done = asyncio.Event()

    async def write(db: Database, name: str) -> None:
        for number in range(40):
            await db.write(audit.add, entry(f"{name}-{number}"))

    async def seal(db: Database, name: str) -> None:
        sealer = trail.sealer(name, db)
        while not done.is_set():
            clock.advance(LEASE_SECONDS)
            await sealer.seal()

    sealers = [asyncio.create_task(seal(db, f"sealer-{number}")) for number, db in enumerate(databases)]
    await asyncio.gather(*(write(db, f"writer-{number}") for number, db in enumerate(databases)))
    done.set()
    await asyncio.gather(*sealers)
    clock.advance(LEASE_SECONDS)
    await trail.seal()
    records = await trail.records()
    assert sorted(record.number or 0 for record in records) == list(range(1, 121))
    assert (await trail.verify()).findings == []


async def test_a_record_that_is_committed_after_later_ones_were_sealed_comes_after_them(
    trail: Trail, open_again: Callable[[], Database]
) -> None:
    """Its id is the smaller one; what counts is the order of sealing. SQLite has one writer, so there it cannot be."""
    if trail.db.engine.dialect.name == "sqlite":
        pytest.skip("transactions run one after the other")
    begun, finish = threading.Event(), threading.Event()

    def slowly(tx: Connection) -> None:
        audit.add(tx, entry("slow"))
        begun.set()
        assert finish.wait(30)

    late = asyncio.create_task(open_again().write(slowly))
    assert await asyncio.to_thread(begun.wait, 30)
    await trail.add(entry("quick"))
    await trail.seal()
    finish.set()
    await late
    await trail.seal()
    numbers = {record.account: (record.id, record.number) for record in await trail.records()}
    assert numbers["slow"][0] < numbers["quick"][0]
    assert (numbers["quick"][1], numbers["slow"][1]) == (1, 2)
    assert await trail.findings() == []


async def test_a_change_does_not_wait_for_a_sealer(trail: Trail, open_again: Callable[[], Database]) -> None:
    if trail.db.engine.dialect.name == "sqlite":
        pytest.skip("transactions run one after the other")
    await trail.add(entry("a"))
    sealing, finish = threading.Event(), threading.Event()
    sealer = trail.sealer()

    def held(tx: Connection) -> None:
        assert sealer._seal(tx) == 1
        sealing.set()
        assert finish.wait(30)

    slow = asyncio.create_task(open_again().write(held))
    assert await asyncio.to_thread(sealing.wait, 30)
    await asyncio.wait_for(trail.add(entry("b")), 20)
    finish.set()
    await slow
    await trail.seal()
    assert await trail.findings() == []


async def test_the_head_is_signed_each_minute_while_it_moves(trail: Trail, clock: Clock) -> None:
    await trail.filled(2)
    assert (await trail.export()).number == 2
    await trail.add(entry("a"))
    await trail.seal()
    assert (await trail.export()).number == 2
    clock.advance(minutes=1)
    await trail.seal()
    assert (await trail.export()).number == 3
    clock.advance(minutes=1)
    assert not await trail.sealer().sign()


async def test_heads_of_the_last_day_are_kept(trail: Trail, clock: Clock) -> None:
    for _ in range(4):
        await trail.filled(1)
        clock.advance(hours=10)
    assert [head.number for head in await trail.db.read(rows.heads, 0, 10)] == [2, 3, 4]


async def test_what_was_tampered_with_is_not_signed_on(trail: Trail, clock: Clock) -> None:
    """Or the heads that show it would be gone after a day."""
    await trail.filled()
    await trail.execute("DELETE FROM audit_records WHERE number > 4")
    await trail.filled(4)
    for _ in range(3):
        clock.advance(days=1)
        await trail.filled(1)
    assert [head.number for head in await trail.db.read(rows.heads, 0, 10)] == [6]
    assert any("the chain was made anew" in finding for finding in await trail.findings())
