"""Failed log-ins are slowed, for whoever fails and for nobody else."""

import asyncio
from collections.abc import Callable

import pytest

from tests.kit.clock import Clock
from wharfinger.access import throttle
from wharfinger.access.throttle import PER_ACCOUNT, PER_ADDRESS, WINDOW, Throttle, network_of
from wharfinger.errors import TooManyRequests
from wharfinger.meta.db import Database

HOME, ATTACKER = "192.0.2.1", "198.51.100.9"


@pytest.fixture
def guard(db: Database, clock: Clock) -> Throttle:
    return Throttle(db, clock)


async def fail(guard: Throttle, account: str, address: str, times: int) -> None:
    for _ in range(times):
        await guard.failed(account, address)


async def assert_closed(guard: Throttle, account: str, address: str) -> TooManyRequests:
    with pytest.raises(TooManyRequests) as refusal:
        await guard.require_open(account, address)
    return refusal.value


async def test_an_account_is_closed_to_an_address_that_failed_ten_times(guard: Throttle) -> None:
    await fail(guard, "ci", ATTACKER, PER_ACCOUNT - 1)
    await guard.require_open("ci", ATTACKER)
    await fail(guard, "ci", ATTACKER, 1)
    await assert_closed(guard, "ci", ATTACKER)
    await guard.require_open("other", ATTACKER)


async def test_the_refusal_says_when_to_come_back_and_that_is_true(guard: Throttle, clock: Clock) -> None:
    clock.now = 6000.0 + 13.5
    await fail(guard, "ci", ATTACKER, PER_ACCOUNT)
    refusal = await assert_closed(guard, "ci", ATTACKER)
    assert refusal.retry_after == 47
    clock.advance(46)
    await assert_closed(guard, "ci", ATTACKER)
    clock.advance(1)
    await guard.require_open("ci", ATTACKER)


async def test_an_address_that_failed_for_many_names_is_closed(guard: Throttle) -> None:
    for number in range(PER_ADDRESS):
        await guard.require_open(f"guess{number}", ATTACKER)
        await fail(guard, f"guess{number}", ATTACKER, 1)
    await assert_closed(guard, "another", ATTACKER)
    await guard.require_open("another", HOME)


async def test_a_stranger_cannot_lock_an_account_out(guard: Throttle) -> None:
    for number in range(30):
        await fail(guard, "ci", f"198.51.100.{number}", PER_ACCOUNT)
    await guard.require_open("ci", HOME)


async def test_an_account_is_not_slowed_where_it_logged_in_before_by_what_others_do_there(guard: Throttle) -> None:
    await guard.succeeded("ci", HOME)
    for number in range(PER_ADDRESS + 10):
        await fail(guard, f"neighbour{number}", HOME, 1)
    await guard.require_open("ci", HOME)
    await assert_closed(guard, "fresh", HOME)
    await fail(guard, "ci", HOME, PER_ACCOUNT)
    await assert_closed(guard, "ci", HOME)


async def test_counters_and_known_addresses_are_shared_by_every_process(
    db: Database, open_again: Callable[[], Database], clock: Clock
) -> None:
    here, there = Throttle(db, clock), Throttle(open_again(), clock)
    await fail(here, "ci", ATTACKER, PER_ACCOUNT // 2)
    await fail(there, "ci", ATTACKER, PER_ACCOUNT // 2)
    for guard in (here, there):
        await assert_closed(guard, "ci", ATTACKER)
    await here.succeeded("ci", HOME)
    for number in range(PER_ADDRESS):
        await fail(here, f"neighbour{number}", HOME, 1)
    await there.require_open("ci", HOME)


async def test_failures_at_once_are_all_counted(db: Database, open_again: Callable[[], Database], clock: Clock) -> None:
    guards = [Throttle(db, clock), Throttle(open_again(), clock)]
    await asyncio.gather(*(guards[i % 2].failed("ci", ATTACKER) for i in range(PER_ACCOUNT)))
    await assert_closed(guards[0], "ci", ATTACKER)


async def test_counters_of_past_minutes_go(guard: Throttle, db: Database, clock: Clock) -> None:
    for number in range(20):
        await fail(guard, f"guess{number}", ATTACKER, 1)
    clock.advance(2 * WINDOW)
    await fail(guard, "ci", ATTACKER, 1)
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM login_failures").scalar() == 2


async def test_an_address_is_remembered_once(guard: Throttle, db: Database, clock: Clock) -> None:
    await guard.succeeded("ci", HOME)
    clock.advance(5)
    await guard.succeeded("ci", HOME)
    await Throttle(db, clock).succeeded("ci", HOME)
    with db.engine.connect() as connection:
        seen = connection.exec_driver_sql("SELECT account, address, seen_at FROM login_addresses").all()
    assert [tuple(row) for row in seen] == [("ci", HOME, clock())]


async def test_what_a_process_remembers_has_an_end(guard: Throttle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "KNOWN_AT_MOST", 2)
    for number in range(5):
        await guard.succeeded(f"ci{number}", HOME)
    assert len(guard._known) == 2


@pytest.mark.parametrize("name", ["", "\0", "x" * 100_000, "@", "ci@192.0.2.1", "\u00e4", "'; --"])
async def test_whatever_a_stranger_calls_an_account_is_counted(guard: Throttle, name: str) -> None:
    await guard.require_open(name, "not an address" * 100)
    await fail(guard, name, ATTACKER, PER_ACCOUNT)
    await assert_closed(guard, name, ATTACKER)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("", ""),
        ("x" * 100, "x" * 64),
    ],
)
def test_what_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
