"""Whatever is done to a sealed trail is found, or said to be beyond what can be known."""

import stat
from dataclasses import replace

import pytest

from tests.kit.trail import Trail
from wharfinger.access import audit_keys
from wharfinger.access.audit import Audit
from wharfinger.access.verifying import verify

CANNOT_KNOW = "Without an exported checkpoint it cannot be known"


async def test_an_untouched_trail_is_what_was_sealed(trail: Trail) -> None:
    await trail.filled()
    report = await trail.verify()
    assert (report.findings, report.records, report.first, report.last) == ([], 6, 1, 6)
    assert [note for note in report.notes if note.startswith(CANNOT_KNOW)]


async def test_an_empty_trail_is_fine(trail: Trail) -> None:
    assert await trail.findings() == []


ALTERATIONS = [
    "at = at + 0.000001",
    "last_at = last_at + 1",
    "count = 2",
    "action = 'pull'",
    "outcome = 'denied'",
    "account = 'bob'",
    "repository = NULL",
    "repository = 'shop/other'",
    "tag = 'latest'",
    "digest = 'sha256:0'",
    "address = '10.0.0.1'",
    "client = 'curl'",
    "rule = 'grant 1'",
    "request = 'another'",
    "detail = '{\"number\": 9}'",
    "hash = '00'",
]


@pytest.mark.parametrize("alteration", ALTERATIONS)
async def test_an_altered_field_is_found(trail: Trail, alteration: str) -> None:
    await trail.filled()
    await trail.execute(f"UPDATE audit_records SET {alteration} WHERE number = 3")
    assert any("record 3 was altered" in finding for finding in await trail.findings())


async def test_a_removed_record_is_found(trail: Trail) -> None:
    await trail.filled()
    await trail.execute("DELETE FROM audit_records WHERE number = 3")
    assert "record 3 is missing" in await trail.findings()


async def test_removed_records_at_the_beginning_are_found(trail: Trail) -> None:
    await trail.filled()
    await trail.execute("DELETE FROM audit_records WHERE number <= 3")
    assert "records 1 to 3 are missing" in await trail.findings()


@pytest.mark.parametrize("with_hashes", [False, True])
async def test_two_swapped_records_are_found(trail: Trail, with_hashes: bool) -> None:
    await trail.filled()
    three, four = (await trail.records())[2:4]
    await trail.execute("UPDATE audit_records SET number = 99 WHERE number = 3")
    await trail.execute("UPDATE audit_records SET number = 3 WHERE number = 4")
    await trail.execute("UPDATE audit_records SET number = 4 WHERE number = 99")
    if with_hashes:
        await trail.execute(f"UPDATE audit_records SET hash = '{three.hash}' WHERE id = {four.id}")
        await trail.execute(f"UPDATE audit_records SET hash = '{four.hash}' WHERE id = {three.id}")
    found = await trail.findings()
    assert any("record 3 was altered" in finding for finding in found)
    assert any("record 4 was altered" in finding for finding in found)


async def test_an_inserted_record_is_found(trail: Trail) -> None:
    await trail.filled()
    await trail.execute("UPDATE audit_records SET number = number + 100 WHERE number > 3")
    await trail.execute("UPDATE audit_records SET number = number - 99 WHERE number > 3")
    four = (await trail.records())[3]
    await trail.execute(
        "INSERT INTO audit_records (number, hash, at, last_at, count, action, outcome, account, address, client, rule, "
        f"request, detail) VALUES (4, '{four.hash}', 1, 1, 1, 'pull', 'done', 'bob', '', '', '', '', '{{}}')"
    )
    assert any("record 4 was altered" in finding for finding in await trail.findings())


async def test_a_wrong_signature_is_found(trail: Trail) -> None:
    await trail.filled()
    await trail.execute("UPDATE audit_checkpoints SET signed_at = signed_at + 1")
    assert "the signature of the head at record 6 is wrong" in await trail.findings()


async def test_hashes_made_anew_are_found_by_the_signed_head(trail: Trail) -> None:
    await trail.filled()
    await trail.execute("UPDATE audit_records SET account = 'bob' WHERE number = 3")
    await trail.make_anew(3)
    assert await trail.findings() == ["record 6 is not the one whose hash was signed: the chain was made anew"]


async def test_hashes_made_anew_are_found_by_an_exported_checkpoint_alone(trail: Trail) -> None:
    await trail.filled()
    exported = await trail.export()
    await trail.execute("UPDATE audit_records SET account = 'bob' WHERE number = 3")
    await trail.make_anew(3)
    await trail.execute("DELETE FROM audit_checkpoints")
    report = await trail.verify()
    assert report.findings == []
    assert any(note.startswith(CANNOT_KNOW) for note in report.notes)
    assert any("whose hash was exported" in finding for finding in await trail.findings(exported))


async def test_a_cut_tail_is_found_by_the_signed_head(trail: Trail) -> None:
    await trail.filled()
    await trail.execute("DELETE FROM audit_records WHERE number > 4")
    assert await trail.findings() == ["record 6 was signed, but the trail ends at 4: its end is missing"]


async def test_a_cut_tail_is_found_by_an_exported_checkpoint_alone(trail: Trail) -> None:
    await trail.filled()
    exported = await trail.export()
    await trail.execute("DELETE FROM audit_records WHERE number > 4")
    await trail.execute("DELETE FROM audit_checkpoints")
    report = await trail.verify()
    assert report.findings == []
    assert any(note.startswith(CANNOT_KNOW) for note in report.notes)
    assert any("its end is missing" in finding for finding in await trail.findings(exported))


async def test_a_trail_that_agrees_with_an_exported_checkpoint_says_how_far_that_goes(trail: Trail) -> None:
    await trail.filled()
    exported = await trail.export()
    await trail.filled(2)
    report = await trail.verify(exported)
    assert report.findings == []
    assert report.notes == ["Up to record 6 the trail is compared with the exported checkpoint; not what follows."]


async def test_an_exported_checkpoint_that_was_written_by_somebody_else_is_found(trail: Trail) -> None:
    await trail.filled()
    forged = replace(await trail.export(), number=5)
    assert "the exported checkpoint has a wrong signature" in await trail.findings(forged)


async def test_a_head_signed_by_a_strangers_key_counts_for_nothing(trail: Trail) -> None:
    await trail.filled()
    await trail.execute("DELETE FROM audit_checkpoints")
    other = trail.key.with_name("other.pem")
    audit_keys.make(other)
    stranger = replace(trail, key=other)
    await stranger.seal()
    trail.clock.advance(minutes=10)
    report = await trail.verify()
    assert any("signed by another key" in note for note in report.notes)
    assert any("nothing after record 0 is signed" in finding for finding in report.findings)


async def test_records_that_nobody_signs_are_found(trail: Trail) -> None:
    await trail.filled()
    await trail.add(trail.entry())
    while await trail.sealer().seal():
        pass
    trail.clock.advance(minutes=10)
    assert any(finding.startswith("nothing after record 6 is signed") for finding in await trail.findings())


async def test_records_that_nobody_seals_are_counted_and_after_ten_seconds_found(trail: Trail) -> None:
    await trail.filled()
    await trail.add(trail.entry(), trail.entry())
    trail.clock.advance(8)
    report = await trail.verify()
    assert (report.findings, report.unsealed, report.unsealed_seconds) == ([], 2, 8)
    trail.clock.advance(3)
    assert any(finding.startswith("2 records are not sealed") for finding in await trail.findings())


async def test_a_record_that_tells_of_long_ago_but_is_sealed_meanwhile_is_no_finding(trail: Trail) -> None:
    await trail.add(replace(trail.entry(), at=trail.clock() - 60))

    class Meanwhile:
        """The sealer comes by while verify waits to look again."""

        def __init__(self, trail: Trail) -> None:
            self.trail = trail

        async def __call__(self, _seconds: float) -> None:
            await self.trail.seal()

    report = await verify(Audit(trail.db, trail.key), None, trail.clock, Meanwhile(trail))
    assert (report.findings, report.unsealed) == ([], 0)


async def test_without_the_key_no_signature_can_be_checked(trail: Trail) -> None:
    await trail.filled()
    trail.key.unlink()
    assert any("the key of the audit trail is not to be had" in finding for finding in await trail.findings())


def test_the_key_is_for_its_owner_alone_and_made_once(trail: Trail) -> None:
    assert stat.S_IMODE(trail.key.stat().st_mode) == 0o600
    before = trail.key.read_bytes()
    assert not audit_keys.make(trail.key)
    assert trail.key.read_bytes() == before
    assert [file.name for file in trail.key.parent.iterdir()] == ["audit.pem"]
