"""What is old goes, and what is left is still the trail that was sealed; nothing else goes."""

import asyncio
from dataclasses import replace

import pytest

from tests.kit.trail import DAY, Trail
from wharfinger.access.chain import body_hash
from wharfinger.access.retention import LEASE_SECONDS, Retention
from wharfinger.meta import chain
from wharfinger.meta.audit import Entry, Record

PULLS_DAYS, DAYS = 90, 700


async def sweep(trail: Trail, retention: Retention | None = None) -> None:
    """What housekeeping does in a few minutes."""
    retention = retention or trail.retention()
    for _ in range(3):
        while await retention.sweep_pulls():
            pass
        while await retention.sweep():
            pass
        await trail.seal()


async def pulls_and_pushes(trail: Trail, count: int = 3) -> None:
    for number in range(count):
        await trail.add(trail.entry(number, "pull"), trail.entry(number))
    await trail.seal()


def contents(records: list[Record]) -> list[tuple[str, str]]:
    return [(record.action, record.account) for record in records]


async def test_old_pulls_become_stubs_and_the_chain_still_holds(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=PULLS_DAYS + 1)
    await pulls_and_pushes(trail, 1)
    await sweep(trail)
    records = await trail.records()
    stubs = [record for record in records if record.outcome == chain.REMOVED]
    assert [(record.action, record.number) for record in stubs] == [("pull", 1), ("pull", 3), ("pull", 5)]
    assert all(not any((stub.account, stub.repository, stub.client, stub.address)) for stub in stubs)
    assert "anna-0" in [record.account for record in records if record.action == "push"]
    report = await trail.verify()
    assert (report.findings, report.removed) == ([], 3)
    assert any(note.startswith("Pulls and tokens from before 20") for note in report.notes)


async def test_tokens_that_were_given_go_as_early_as_pulls(trail: Trail) -> None:
    """There are as many of them. What they were exchanged for, and log-ins, stay."""
    words = ("token.issue", "token.exchange", "login", "token.add")
    await trail.add(*(trail.entry(number, word) for number, word in enumerate(words)))
    await trail.seal()
    trail.clock.advance(days=PULLS_DAYS + 1)
    await sweep(trail)
    told = [(record.action, record.account) for record in await trail.records()][: len(words)]
    assert told == [("token.issue", ""), ("token.exchange", "anna-1"), ("login", "anna-2"), ("token.add", "anna-3")]
    report = await trail.verify()
    assert (report.findings, report.removed) == ([], 1)


async def test_pulls_that_are_not_old_stay(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=PULLS_DAYS - 1)
    await sweep(trail)
    assert (await trail.verify()).removed == 0


async def test_the_trail_says_what_goes_before_it_goes(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=PULLS_DAYS + 1)
    retention = trail.retention()
    for _ in range(2):  # announced, and not announced again while that is not sealed
        assert await retention.sweep_pulls() == 0
    assert contents(await trail.records())[-1] == ("pulls.remove", "system:retention")
    assert len(await trail.records()) == 7
    await trail.seal()
    assert await retention.sweep_pulls() == 3


@pytest.mark.parametrize(
    "tampering",
    [
        "account = 'bob'",
        "detail = '00'",
        "at = at - 1",
        "action = 'push'",
        "address = '10.0.0.1'",
        "outcome = 'done'",
    ],
)
async def test_a_stub_that_was_altered_is_found(trail: Trail, tampering: str) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=PULLS_DAYS + 1)
    await sweep(trail)
    await trail.execute(f"UPDATE audit_records SET {tampering} WHERE number = 3")
    assert await trail.findings() != []


async def forge_stub(trail: Trail, number: int) -> None:
    """Make a record look as if its time were over."""
    record = next(record for record in await trail.records() if record.number == number)
    await trail.db.write(chain.blank, [(number, body_hash(record))])


async def test_a_young_pull_that_was_made_a_stub_is_found(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=PULLS_DAYS + 1)
    await pulls_and_pushes(trail)
    await sweep(trail)
    await forge_stub(trail, 7)
    assert await trail.findings() == ["pulls are marked as removed by age that the trail itself does not say are"]


async def test_anything_but_a_pull_that_was_made_a_stub_is_found(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=PULLS_DAYS + 1)
    await sweep(trail)
    await forge_stub(trail, 2)
    assert await trail.findings() == ["record 2 is marked as removed by age, which only pulls and tokens are"]


async def test_a_pull_whose_time_was_altered_is_not_removed(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=PULLS_DAYS + 1)
    await pulls_and_pushes(trail)
    await trail.execute("UPDATE audit_records SET at = 1 WHERE number = 7")
    await sweep(trail)
    assert next(record for record in await trail.records() if record.number == 7).account == "anna-0"
    assert any("record 7 was altered" in finding for finding in await trail.findings())


async def test_old_records_go_and_where_the_chain_begins_is_signed(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=DAYS + 1)
    await pulls_and_pushes(trail)
    await sweep(trail)
    records = await trail.records()
    assert records[0].number == 7
    assert ("records.remove", "system:retention") in contents(records)
    start = await trail.db.read(chain.start)
    assert start is not None
    assert start.number == 6
    assert await trail.findings() == []


async def test_it_goes_on_from_there(trail: Trail) -> None:
    for _ in range(3):
        await pulls_and_pushes(trail)
        trail.clock.advance(days=DAYS + 1)
        await sweep(trail)
        assert await trail.findings() == []
    assert len([start for start in [await trail.db.read(chain.start)] if start]) == 1
    assert (await trail.records())[0].action in {"pull", "records.remove", "pulls.remove"}


async def test_a_trail_of_which_everything_is_old_goes_on_with_its_numbers(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=DAYS + 1)
    retention = trail.retention()
    assert await retention.sweep() == 6
    await trail.seal()
    assert [(record.number, record.action) for record in await trail.records()] == [(7, "records.remove")]
    assert await trail.findings() == []


async def test_a_beginning_that_was_cut_off_is_found_whatever_is_written_about_it(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    five = (await trail.records())[4]
    await trail.execute("DELETE FROM audit_records WHERE number <= 5")
    await trail.execute(
        "INSERT INTO audit_checkpoints (number, kind, hash, signed_at, key, signature) "
        f"SELECT 5, 'start', '{five.hash}', signed_at, key, signature FROM audit_checkpoints"
    )
    found = await trail.findings()
    assert "the chain begins after record 5, which the registry's key has not signed" in found


async def test_a_start_that_was_signed_once_does_not_excuse_what_is_missing_after_it(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=DAYS + 1)
    await pulls_and_pushes(trail)
    await sweep(trail)
    await trail.execute("DELETE FROM audit_records WHERE number IN (7, 8)")
    assert "records 7 to 8 are missing" in await trail.findings()


async def test_a_trail_that_was_tampered_with_keeps_its_beginning(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=DAYS + 1)
    await pulls_and_pushes(trail)
    await trail.execute("UPDATE audit_records SET account = 'bob' WHERE number = 2")
    retention = trail.retention()
    assert await retention.sweep() == 0
    assert (await trail.records())[0].number == 1


async def test_an_exported_checkpoint_of_what_is_gone_says_so(trail: Trail) -> None:
    await pulls_and_pushes(trail, 2)
    exported = await trail.export()
    await pulls_and_pushes(trail, 1)
    trail.clock.advance(days=DAYS + 1)
    await sweep(trail)
    report = await trail.verify(exported)
    assert report.findings == []
    assert "The exported checkpoint is of record 4, which is gone by age." in report.notes


async def test_stubs_at_the_beginning_go_like_all_others(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=PULLS_DAYS + 1)
    await sweep(trail)
    trail.clock.advance(days=DAYS + 1)
    await trail.filled(1)
    await sweep(trail)
    assert (await trail.records())[0].number == 8  # the announcement, number 7, is gone with what it announced
    assert await trail.findings() == []


async def test_a_record_of_long_ago_that_is_sealed_late_waits_for_those_before_it(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=DAYS + 1)
    await trail.add(trail.entry(), replace(trail.entry(), at=trail.clock() - DAY * (DAYS + 1)))
    await trail.seal()
    await sweep(trail)
    assert [record.number for record in await trail.db.read(chain.after, 0, 2)] == [7, 8]
    assert await trail.findings() == []


async def test_two_nodes_that_sweep_at_once_remove_everything_once(trail: Trail) -> None:
    await pulls_and_pushes(trail, 20)
    trail.clock.advance(days=DAYS + 1)
    await trail.add(Entry(trail.clock(), "push", "new"))
    await trail.seal()
    removed = await asyncio.gather(*(trail.retention().sweep() for _ in range(3)))
    assert sum(removed) == 40
    await trail.seal()
    assert await trail.findings() == []


async def test_one_process_at_a_time_removes(trail: Trail) -> None:
    await pulls_and_pushes(trail)
    trail.clock.advance(days=DAYS + 1)
    await trail.filled(1)
    first, second = trail.retention(), trail.retention()
    assert await trail.db.write(first._take)
    assert (await second.sweep(), await second.sweep_pulls()) == (0, 0)
    trail.clock.advance(LEASE_SECONDS)
    assert await second.sweep() == 6
