"""Exceptions on the server: who may ask, who decides, what they do to verdicts, and when they end."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection
from structlog.testing import capture_logs

from tests.api.caller import Caller, ask
from tests.conftest import PASSWORD, Registry, hashed_password
from tests.scanning.test_on_push import FLASK, OPENSSL, WEB, Scanner, push
from wharfinger.access.caller import NOWHERE
from wharfinger.access.caller import Caller as Identified
from wharfinger.errors import AlreadyDecided
from wharfinger.meta import accounts, audit, exceptions, grants
from wharfinger.meta.accounts import Account
from wharfinger.meta.audit import Filter
from wharfinger.meta.grants import GrantRow
from wharfinger.scanning.exceptions import DAY, UNDECIDED_AT_MOST, Exceptions
from wharfinger.spec.digest import Digest
from wharfinger.web.metrics import exception_gauges

LONGEST = 180 * DAY


@pytest.fixture
async def scanner(registry: Registry, tmp_path: Path) -> Scanner:
    """With people who have rights in some repositories alone."""
    await registry.services.db.write(_people, registry.clock())
    registry.services.authenticator.directory.forget()
    return Scanner(registry, tmp_path)


async def judge(scanner: Scanner) -> None:
    """Let there be an image with two vulnerabilities."""
    scanner.advise(OPENSSL, FLASK)
    await push(scanner)
    await scanner.work()


async def caller(scanner: Scanner, name: str) -> Identified:
    return await scanner.registry.services.authenticator.by_name(name, PASSWORD, NOWHERE)


def _people(tx: Connection, now: float) -> None:
    accounts.begin_change(tx)
    grants.put_role(tx, "security", ["pull", "approve"])
    grants.put_role(tx, "both", ["pull", "push", "approve"])
    for name, role, pattern in (
        ("dev", "publisher", "shop/**"),
        ("sec", "security", "shop/**"),
        ("other", "security", "other/**"),
        ("lead", "both", "**"),
    ):
        accounts.add(tx, Account(f"a-{name}", hashed_password(), disabled=False, generation=1, created_at=now))
        grants.add_grant(
            tx, GrantRow(0, f"a-{name}", role, pattern, (), (), None, deny=False, created_at=now, created_by="tests")
        )


def as_(scanner: Scanner, name: str) -> Caller:
    return Caller(scanner.registry.as_(name))


def wanted(scanner: Scanner, **more: Any) -> dict[str, Any]:
    asked = {
        "vulnerability": "CVE-2022-1",
        "package": "openssl",
        "repositories": "shop/*",
        "reason": "no TLS is spoken",
        "ticket": "SEC-1",
        "expires_at": scanner.registry.clock() + 30 * DAY,
    }
    return asked | more


async def requested(scanner: Scanner, **more: Any) -> int:
    made = await as_(scanner, "dev")("POST", "/exceptions", wanted(scanner, **more), status=201)
    assert made["state"] == "requested"
    return int(made["id"])


async def approved(scanner: Scanner, **more: Any) -> int:
    id = await requested(scanner, **more)
    await as_(scanner, "sec")("POST", f"/exceptions/{id}/approve", {"because": "agreed"})
    return id


async def suppressed(scanner: Scanner) -> dict[str, str | None]:
    (image,) = await scanner.of()
    return {each["id"]: each["suppressed"] for each in image["verdict"]["report"]["findings"]}


async def trail(scanner: Scanner, action: str) -> list[dict[str, Any]]:
    found = await scanner.registry.services.db.read(audit.page, Filter(action=action), None, 100)
    return [{"account": each.account, "at": each.at, **json.loads(each.detail)} for each in found]


async def test_one_asks_another_approves_and_the_verdict_says_so(scanner: Scanner) -> None:
    await judge(scanner)
    id = await requested(scanner)
    assert set((await suppressed(scanner)).values()) == {None}
    made = await as_(scanner, "sec")("POST", f"/exceptions/{id}/approve", {"because": "agreed"})
    assert (made["state"], made["decided_by"], made["decided_because"]) == ("approved", "a-sec", "agreed")
    said = await suppressed(scanner)
    assert said["CVE-2019-1"] is None
    assert "no TLS is spoken (requested by a-dev, approved by a-sec)" in str(said["CVE-2022-1"])
    (image,) = await scanner.of()
    assert image["verdict"]["counts"]["unknown"] == 1
    assert image["verdict"]["suppressed"] == 1
    shown = await as_(scanner, "sec")("GET", f"/exceptions/{id}")
    assert (shown["owner"], shown["ticket"], shown["repositories"]) == ("a-dev", "SEC-1", "shop/*")
    for action, account in (("exception.request", "a-dev"), ("exception.approve", "a-sec")):
        (record,) = await trail(scanner, action)
        assert (record["account"], record["exception"], record["reason"]) == (account, id, "no TLS is spoken")


async def test_it_ends_at_its_second_without_anything_being_run(scanner: Scanner) -> None:
    await judge(scanner)
    id = await approved(scanner, expires_at=scanner.registry.clock() + 100)
    scanner.registry.clock.advance(seconds=99)
    assert (await suppressed(scanner))["CVE-2022-1"] is not None
    scanner.registry.clock.advance(seconds=1)
    assert (await suppressed(scanner))["CVE-2022-1"] is None
    dev = as_(scanner, "dev")
    assert (await dev("GET", f"/exceptions/{id}"))["state"] == "expired"
    assert [e["id"] for e in (await dev("GET", "/exceptions?state=expired"))["exceptions"]] == [id]
    assert (await dev("GET", "/exceptions?state=approved"))["exceptions"] == []
    assert await scanner.registry.services.excusing.exceptions.sweep() == 1
    assert await scanner.registry.services.excusing.exceptions.sweep() == 0
    ((record),) = await trail(scanner, "exception.expire")
    assert (record["account"], record["exception"]) == ("system:exceptions", id)


async def test_withdrawing_brings_the_finding_back(scanner: Scanner) -> None:
    await judge(scanner)
    first, second = await approved(scanner), await requested(scanner)
    dev = as_(scanner, "dev")
    gone = await dev("POST", f"/exceptions/{first}/withdraw", {"because": "updated"})
    assert (gone["state"], gone["ended_by"], gone["ended_because"]) == ("withdrawn", "a-dev", "updated")
    assert (await suppressed(scanner))["CVE-2022-1"] is None
    await as_(scanner, "sec")("POST", f"/exceptions/{second}/withdraw", {})
    for id in (first, second):
        for verb in ("approve", "refuse", "withdraw"):
            said = await as_(scanner, "sec").refusal("POST", f"/exceptions/{id}/{verb}", {"because": "x"}, status=409)
            assert "is withdrawn" in said


async def test_nobody_approves_what_they_asked_for(scanner: Scanner) -> None:
    lead, admin = as_(scanner, "lead"), Caller(scanner.registry.client)
    for who in (lead, admin):
        id = (await who("POST", "/exceptions", wanted(scanner), status=201))["id"]
        for verb in ("approve", "refuse"):
            said = await who.refusal("POST", f"/exceptions/{id}/{verb}", {"because": "mine"}, status=403)
            assert "somebody else has to decide" in said
    await lead("POST", f"/exceptions/{id}/approve", {})
    assert len(await trail(scanner, "exception.approve")) == 1


async def test_nobody_asks_for_more_than_they_may_push_to(scanner: Scanner) -> None:
    dev, lead = as_(scanner, "dev"), as_(scanner, "lead")
    where: object
    for where in ("other/web", "**", "shop*", ["shop/web", "other/web"], {"regex": "shop/.*"}, {"not": "x"}):
        said = await dev.refusal("POST", "/exceptions", wanted(scanner, repositories=where), status=403)
        assert "may not push everywhere in" in said, where
        await lead("POST", "/exceptions", wanted(scanner, repositories=where), status=201)
    for where in ("shop/web", "shop/*", "shop/a-*", ["shop/web", "shop/a/**"], {"all": ["**", "shop/*"]}):
        await dev("POST", "/exceptions", wanted(scanner, repositories=where), status=201)
    assert "may not push" in await as_(scanner, "sec").refusal("POST", "/exceptions", wanted(scanner), status=403)


async def test_nobody_approves_more_than_they_have_the_right_to(scanner: Scanner) -> None:
    await judge(scanner)
    wide = (await as_(scanner, "lead")("POST", "/exceptions", wanted(scanner, repositories="**"), status=201))["id"]
    narrow = await requested(scanner)
    for who, id, status in (("sec", wide, 404), ("other", narrow, 404), ("dev", narrow, 403), ("reader", narrow, 403)):
        for verb in ("approve", "refuse", "withdraw") if who != "dev" else ("approve", "refuse"):
            await as_(scanner, who).refusal("POST", f"/exceptions/{id}/{verb}", {"because": "x"}, status=status)
    assert (await suppressed(scanner))["CVE-2022-1"] is None


async def test_a_deny_within_takes_the_right_to_all_of_it(scanner: Scanner) -> None:
    grant = {"principal": "a-sec", "role": "security", "pattern": "shop/secret", "deny": True}
    await Caller(scanner.registry.client)("POST", "/grants", grant, status=201)
    id = await requested(scanner)
    await as_(scanner, "sec").refusal("POST", f"/exceptions/{id}/approve", {}, status=404)
    id = await requested(scanner, repositories="shop/web")
    await as_(scanner, "sec")("POST", f"/exceptions/{id}/approve", {})


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"expires_at": -1.0}, "at most 180 days"),
    ({"expires_at": LONGEST + 1}, "at most 180 days"),
    ({"vulnerability": "openssl"}, "names no vulnerability"),
    ({"package": "openssl@<"}, "no range of versions"),
    ({"package": " "}, "say which package"),
    ({"reason": " \n"}, "say why"),
    ({"reason": "x" * 1001}, "say why"),
    ({"owner": "x" * 201}, "owner"),
    ({"ticket": "a\nb"}, "ticket"),
    ({"repositories": {"globs": "x"}}, "want exactly one of"),
    ({"repositories": "Shop/*"}, "matches nothing"),
    ({"repositories": ["a" * 200 + str(n) for n in range(30)]}, "selector"),
    ({"digest": "sha256:1"}, "digest"),
]


async def test_what_cannot_be_an_exception_is_refused(scanner: Scanner) -> None:
    admin, now = Caller(scanner.registry.client), scanner.registry.clock()
    for more, said in WRONG:
        asked = {"expires_at": now + more["expires_at"]} if "expires_at" in more else more
        assert said in await admin.refusal("POST", "/exceptions", wanted(scanner, **asked), status=400), more
    assert (await admin("GET", "/exceptions"))["exceptions"] == []


async def test_an_end_is_required_and_may_be_as_late_as_the_operator_lets_it(scanner: Scanner) -> None:
    without = wanted(scanner)
    del without["expires_at"]
    assert (await ask(scanner.registry.client, "POST", "/exceptions", without)).status_code == 400
    await requested(scanner, expires_at=scanner.registry.clock() + LONGEST)


async def test_what_is_not_there_or_not_to_be_seen_is_unknown(scanner: Scanner) -> None:
    id = await requested(scanner)
    for who, number in (("other", id), ("other", 999), ("sec", 999)):
        caller = as_(scanner, who)
        assert "there is no exception" in await caller.refusal("GET", f"/exceptions/{number}", status=404)
        for verb in ("approve", "refuse", "withdraw"):
            await caller.refusal("POST", f"/exceptions/{number}/{verb}", {"because": "x"}, status=404)
    assert (await as_(scanner, "other")("GET", "/exceptions"))["exceptions"] == []
    said = await as_(scanner, "other")("GET", "/exceptions?repository=shop/web")
    assert said["exceptions"] == []
    assert [e["id"] for e in (await as_(scanner, "auditor")("GET", "/exceptions"))["exceptions"]] == [id]
    assert [e["id"] for e in (await as_(scanner, "sec")("GET", "/exceptions?repository=shop/web"))["exceptions"]] == [
        id
    ]


async def test_of_two_decisions_at_once_one_counts(scanner: Scanner) -> None:
    for first, second in (("approve", "approve"), ("approve", "refuse"), ("withdraw", "approve")):
        id = await requested(scanner)
        callers = [scanner.registry.as_(who) for who in ("sec", "lead", "administrator")]
        verbs = (first, second, second)
        answers = await asyncio.gather(
            *(
                ask(client, "POST", f"/exceptions/{id}/{verb}", {"because": "x"})
                for client, verb in zip(callers, verbs, strict=True)
            )
        )
        done = [each for each in answers if each.status_code == 200]
        made = await as_(scanner, "sec")("GET", f"/exceptions/{id}")
        assert {each.status_code for each in answers} <= {200, 409}
        decided = [each for each in done if each.json()["state"] != "withdrawn"]
        assert len(decided) <= 1
        if decided:
            assert made["decided_by"] == decided[0].json()["decided_by"]


async def test_an_approval_that_comes_at_the_end_is_too_late(scanner: Scanner) -> None:
    """The request began before the end; what counts is when it is decided."""
    end = scanner.registry.clock() + 100
    id = await requested(scanner, expires_at=end)
    services = scanner.registry.services
    by = await caller(scanner, "a-sec")
    slow = Exceptions(services.db, lambda: end, longest=LONGEST)
    with pytest.raises(AlreadyDecided, match="is expired"):
        await slow.approve(by, id, "")
    found = await services.db.read(exceptions.find, id)
    assert found is not None
    assert found.decided_by is None


async def test_an_approval_and_the_note_of_its_end_race_to_one_outcome(scanner: Scanner) -> None:
    for _ in range(3):
        id = await requested(scanner, expires_at=scanner.registry.clock() + 10)
        scanner.registry.clock.advance(seconds=9)
        client = scanner.registry.as_("sec")
        scanner.registry.clock.advance(seconds=1)
        answer, _ = await asyncio.gather(
            ask(client, "POST", f"/exceptions/{id}/approve", {}), scanner.registry.services.excusing.exceptions.sweep()
        )
        assert answer.status_code == 409
        found = await scanner.registry.services.db.read(exceptions.find, id)
        assert found is not None
        assert found.state_at(scanner.registry.clock()) == "expired"
    assert await trail(scanner, "exception.approve") == []


async def test_those_that_end_within_a_week_are_said_once_a_day(scanner: Scanner) -> None:
    service, clock = scanner.registry.services.excusing.exceptions, scanner.registry.clock
    soon = await approved(scanner, expires_at=clock() + 6 * DAY)
    await approved(scanner, expires_at=clock() + 20 * DAY)
    await requested(scanner, expires_at=clock() + DAY)
    with capture_logs() as logs:
        assert [await service.warn() for _ in range(3)] == [0, 0, 0]
    (line,) = logs
    assert (line["log_level"], line["count"]) == ("warning", 1)
    assert line["exceptions"] == [f"{soon}: CVE-2022-1 in openssl, owner a-dev"]
    assert [each["exception"] for each in await trail(scanner, "exception.ending")] == [soon]
    clock.advance(days=1, seconds=1)
    await service.warn()
    assert len(await trail(scanner, "exception.ending")) == 2
    found = await as_(scanner, "dev")("GET", f"/exceptions?expiring={7 * DAY:g}")
    assert [each["id"] for each in found["exceptions"]] == [soon]


async def test_they_are_counted(scanner: Scanner) -> None:
    service, clock, metrics = scanner.registry.services.excusing.exceptions, scanner.registry.clock, CollectorRegistry()
    await approved(scanner, expires_at=clock() + DAY)
    await approved(scanner)
    await requested(scanner)
    tell = exception_gauges(metrics)

    async def told() -> tuple[dict[str, float], float | None]:
        await service.count(tell)
        states = ("requested", "approved", "refused", "withdrawn", "expired")
        numbers = {state: metrics.get_sample_value("wharf_exceptions", {"state": state}) or 0 for state in states}
        return {state: n for state, n in numbers.items() if n}, metrics.get_sample_value("wharf_exceptions_ending")

    assert await told() == ({"approved": 2, "requested": 1}, 1)
    clock.advance(days=1)
    assert await told() == ({"approved": 1, "requested": 1, "expired": 1}, 0)


async def test_whoever_keeps_what_it_decided_is_told_of_every_change(scanner: Scanner) -> None:
    await judge(scanner)
    services, told = scanner.registry.services, list[list[Digest]]()
    clock = scanner.registry.clock
    service = Exceptions(services.db, clock, longest=LONGEST, changed=lambda _, digests: told.append(list(digests)))
    by = await caller(scanner, "a-sec")
    first, second = await requested(scanner), await requested(scanner, expires_at=clock() + 10)
    elsewhere = (
        await as_(scanner, "lead")("POST", "/exceptions", wanted(scanner, repositories="other/x"), status=201)
    )["id"]
    await service.approve(by, first, "")
    await service.approve(by, second, "")
    lead = await caller(scanner, "a-administrator")
    await service.approve(lead, elsewhere, "")
    await service.withdraw(by, first, "")
    clock.advance(seconds=10)
    await service.sweep()
    assert told == [[WEB.digest], [WEB.digest], [], [WEB.digest], [WEB.digest]]


async def test_one_account_cannot_fill_the_list(scanner: Scanner) -> None:
    def many(tx: Connection) -> None:
        asked = exceptions.Wanted("CVE-2026-1", "x", "shop/web", None, "x", "x", "", scanner.registry.clock() + DAY)
        for _ in range(UNDECIDED_AT_MOST):
            exceptions.add(tx, asked, "a-dev", scanner.registry.clock())

    await scanner.registry.services.db.write(many)
    said = await as_(scanner, "dev").refusal("POST", "/exceptions", wanted(scanner), status=429)
    assert "not decided" in said
    await as_(scanner, "lead")("POST", "/exceptions", wanted(scanner), status=201)
    first = await as_(scanner, "dev")("GET", "/exceptions?n=150")
    second = await as_(scanner, "dev")("GET", f"/exceptions?n=150&last={first['next']}")
    assert len(first["exceptions"]) + len(second["exceptions"]) == UNDECIDED_AT_MOST + 1
