"""What a worker notes: how it is counted, written, and bounded."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.kit.clock import Clock
from wharfinger.access import trail as trails
from wharfinger.access.caller import Caller, Origin, system
from wharfinger.access.trail import Trail
from wharfinger.errors import Unavailable
from wharfinger.meta import audit
from wharfinger.meta.audit import DENIED, FAILED, Entry, Filter, Record
from wharfinger.meta.db import Database
from wharfinger.spec import digest as digests

DIGEST = digests.of(b"content")
OTHER = digests.of(b"other content")


class Away:
    """A database that does not answer, until it does; or that chokes on what it is given."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.problem: Exception | None = None
        self.written = asyncio.Event()

    async def write(self, query: Callable[..., Any], *args: Any) -> Any:
        if self.problem is not None:
            raise self.problem
        result = await self.db.write(query, *args)
        self.written.set()
        return result


@pytest.fixture
def away(db: Database) -> Away:
    return Away(db)


@pytest.fixture
def lost() -> list[int]:
    return []


@pytest.fixture
def trail(away: Away, clock: Clock, lost: list[int]) -> Trail:
    return Trail(away, clock, lost.append)  # type: ignore[arg-type]


@pytest.fixture
def by(clock: Clock) -> Callable[..., Caller]:
    def by(name: str = "anna", **origin: str) -> Caller:
        made = system("tests", clock())
        made.identity = replace(made.identity, name=name)
        made.origin = replace(Origin("10.0.0.1", "crane", "r1"), **origin)
        made.rule = "grant 1"
        return made

    return by


def refusal(clock: Clock, name: str = "anna", address: str = "10.0.0.1", outcome: str = FAILED) -> Entry:
    return Entry(clock(), "login", name, outcome, address=address)


async def written(trail: Trail, db: Database, *, everything: bool = True) -> list[Record]:
    await trail.flush(everything=everything)
    return list(reversed(await db.read(audit.page, Filter(), None, 100_000)))


async def test_pulls_that_agree_within_a_second_are_one_record(
    trail: Trail, db: Database, clock: Clock, by: Callable[..., Caller]
) -> None:
    for _ in range(3):
        trail.pull(by(request=f"r{clock()}"), "shop/web", "1.0", DIGEST)
        clock.advance(0.25)
    (record,) = await written(trail, db)
    assert (record.count, record.at, record.last_at) == (3, 1_800_000_000.0, 1_800_000_000.5)
    assert (record.account, record.repository, record.tag, record.digest) == ("anna", "shop/web", "1.0", DIGEST)
    assert (record.address, record.client, record.rule, record.request) == (
        "10.0.0.1",
        "crane",
        "grant 1",
        "r1800000000.0",
    )


async def test_pulls_that_differ_in_anything_are_records_of_their_own(
    trail: Trail, db: Database, clock: Clock, by: Callable[..., Caller]
) -> None:
    trail.pull(by(), "shop/web", "1.0", DIGEST)
    trail.pull(by("bob"), "shop/web", "1.0", DIGEST)
    trail.pull(by(), "shop/api", "1.0", DIGEST)
    trail.pull(by(), "shop/web", None, DIGEST)
    trail.pull(by(), "shop/web", "1.0", OTHER)
    trail.pull(by(address="10.0.0.2"), "shop/web", "1.0", DIGEST)
    trail.pull(by(agent="helm"), "shop/web", "1.0", DIGEST)
    other_grant = by()
    other_grant.rule = "grant 2"
    trail.pull(other_grant, "shop/web", "1.0", DIGEST)
    clock.advance(1)
    trail.pull(by(), "shop/web", "1.0", DIGEST)
    assert [record.count for record in await written(trail, db)] == [1] * 9


async def test_a_second_is_written_when_it_is_over_and_whole(
    trail: Trail, db: Database, clock: Clock, by: Callable[..., Caller]
) -> None:
    trail.pull(by(), "shop/web", "1.0", DIGEST)
    assert await written(trail, db, everything=False) == []
    clock.advance(0.5)
    trail.pull(by(), "shop/web", "1.0", DIGEST)
    clock.advance(0.5)
    assert [record.count for record in await written(trail, db, everything=False)] == [2]


@pytest.mark.parametrize("outcome", [FAILED, DENIED])
async def test_beyond_ten_a_minute_for_one_account_the_others_are_one_record(
    trail: Trail, db: Database, clock: Clock, outcome: str
) -> None:
    for number in range(25):
        trail.refuse(refusal(clock, address=f"10.0.0.{number}", outcome=outcome))
        clock.advance(1)
    records = await written(trail, db)
    assert [record.count for record in records] == [1] * 10 + [15]
    many = records[-1]
    assert (many.account, many.address, many.outcome, many.action) == ("anna", "", outcome, "login")
    assert many.last_at - many.at == 14
    assert many.detail == '{"for_one": "account", "more_than": 10}'


async def test_beyond_ten_a_minute_for_one_address_the_others_are_one_record(
    trail: Trail, db: Database, clock: Clock
) -> None:
    for number in range(30):
        trail.refuse(replace(refusal(clock, f"guess-{number}"), action="pull" if number % 2 else "push"))
    records = await written(trail, db)
    assert [record.count for record in records] == [1] * 10 + [20]
    assert (records[-1].account, records[-1].address, records[-1].action) == ("", "10.0.0.1", "several")


async def test_the_next_minute_counts_anew_and_the_last_is_written(trail: Trail, db: Database, clock: Clock) -> None:
    for _ in range(12):
        trail.refuse(refusal(clock))
    clock.advance(minutes=1)
    assert [record.count for record in await written(trail, db, everything=False)] == [10, 2]
    trail.refuse(refusal(clock))
    assert [record.count for record in await written(trail, db)] == [10, 2, 1]


async def test_who_is_refused_as_somebody_else_does_not_hide_in_the_crowd(
    trail: Trail, db: Database, clock: Clock
) -> None:
    for _ in range(50):
        trail.refuse(refusal(clock))
    trail.refuse(refusal(clock, "bob", "10.0.0.2"))
    assert ("bob", 1) in [(record.account, record.count) for record in await written(trail, db)]


async def test_a_stranger_who_invents_accounts_and_addresses_does_not_fill_the_memory(
    trail: Trail, db: Database, clock: Clock
) -> None:
    for number in range(3 * trails.KEYS_AT_MOST):
        trail.refuse(refusal(clock, f"guess-{number}", f"2001:db8:{number % 65536:x}::1"))
    assert len(trail._counts) <= trails.KEYS_AT_MOST + 1
    assert len(trail._seen) <= trails.KEYS_AT_MOST
    assert sum(record.count for record in await written(trail, db)) == 3 * trails.KEYS_AT_MOST


async def test_more_different_pulls_than_are_kept_wait_to_be_written_at_once(
    trail: Trail, clock: Clock, by: Callable[..., Caller]
) -> None:
    for number in range(trails.KEYS_AT_MOST):
        trail.pull(by(), f"shop/{number}", None, DIGEST)
    assert (len(trail._seen), len(trail._waiting), trail._wake.is_set()) == (0, trails.KEYS_AT_MOST, True)


async def test_what_cannot_be_written_now_is_written_later(
    trail: Trail, away: Away, db: Database, by: Callable[..., Caller]
) -> None:
    away.problem = Unavailable("the database is away")
    trail.pull(by(), "shop/web", "1.0", DIGEST)
    await trail.flush(everything=True)
    away.problem = None
    assert [record.action for record in await written(trail, db)] == ["pull"]


async def test_what_cannot_be_kept_any_longer_is_lost_and_that_is_recorded(
    trail: Trail, away: Away, db: Database, by: Callable[..., Caller], lost: list[int]
) -> None:
    too_many = trails.WAITING_AT_MOST + 30
    away.problem = Unavailable("the database is away")
    for number in range(too_many):
        trail.pull(by(), f"shop/{number}", None, DIGEST)
    await trail.flush(everything=True)
    away.problem = None
    first, *others = await written(trail, db)
    assert (first.action, first.account, first.count) == ("audit.lost", "system:trail", 30)
    assert [record.repository for record in others] == [f"shop/{number}" for number in range(30, too_many)]
    assert sum(lost) == 30


async def test_a_record_that_the_database_chokes_on_does_not_hold_up_the_others(
    trail: Trail, away: Away, db: Database, by: Callable[..., Caller], lost: list[int]
) -> None:
    away.problem = ValueError("what is this")
    trail.pull(by(), "shop/web", None, DIGEST)
    await trail.flush(everything=True)
    away.problem = None
    trail.pull(by(), "shop/api", None, DIGEST)
    assert [record.action for record in await written(trail, db)] == ["audit.lost", "pull"]
    assert lost == [1]


@pytest.fixture
async def started(trail: Trail) -> AsyncIterator[Trail]:
    trail.start()
    yield trail
    await trail.stop()


async def test_it_is_written_without_being_asked(
    started: Trail, away: Away, db: Database, clock: Clock, by: Callable[..., Caller]
) -> None:
    started.pull(by(), "shop/web", None, DIGEST)
    clock.advance(1)
    async with asyncio.timeout(30):
        await away.written.wait()
    assert len(await db.read(audit.page, Filter(), None, 2)) == 1


async def test_stopping_writes_what_is_left(
    trail: Trail, db: Database, clock: Clock, by: Callable[..., Caller]
) -> None:
    trail.start()
    trail.pull(by(), "shop/web", None, DIGEST)
    trail.refuse(refusal(clock))
    await trail.stop()
    assert len(await db.read(audit.page, Filter(), None, 10)) == 2


HOSTILE = "x\n<34>1 forged\x00\x1b[2J\u2028\ud800" + "y" * 2000


async def test_what_strangers_send_is_cut_and_has_no_control_characters(
    trail: Trail, db: Database, clock: Clock
) -> None:
    trail.refuse(
        Entry(clock(), HOSTILE, HOSTILE, FAILED, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    )
    (record,) = await written(trail, db)
    for name in ("action", "account", "repository", "tag", "digest", "address", "client", "rule", "request"):
        text = getattr(record, name)
        assert text.isprintable()
        assert 64 <= len(text) <= 1024
    assert len(record.client) == 200


async def test_a_detail_is_bounded(db: Database, clock: Clock) -> None:
    await db.write(audit.add, Entry(clock(), "push", "anna", detail={"tags": ["x" * 100] * 1000}))
    (record,) = await db.read(audit.page, Filter(), None, 1)
    assert len(record.detail) <= audit.DETAIL_AT_MOST
    assert record.detail.startswith('{"cut": ')
