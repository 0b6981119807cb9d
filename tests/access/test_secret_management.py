"""Who may manage secrets, decided when it is done; and what is noted of their use."""

import asyncio
import json
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.api.caller import ask
from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, require
from wharfinger.access import tokens
from wharfinger.access.caller import NOWHERE, Caller
from wharfinger.access.granting import Wanted
from wharfinger.access.secrets import AT_MOST, DAY, Made
from wharfinger.access.tokens import Kind
from wharfinger.errors import Denied, RequestInvalid, TooManyRequests, Unauthorized
from wharfinger.meta import grants
from wharfinger.meta.db import Database
from wharfinger.meta.schema_access import audit_records

OTHER_PASSWORD = "another horse battery"


async def caller(registry: Registry, name: str, secret: str = PASSWORD) -> Caller:
    return await registry.services.authenticator.by_name(name, secret, NOWHERE)


@pytest.fixture
async def admin(registry: Registry) -> Caller:
    return await caller(registry, "a-administrator")


@pytest.fixture
async def ci(registry: Registry, admin: Caller) -> Made:
    """The service account ci of a-reader, and its secret."""
    await registry.services.service_accounts.add(admin, "ci", "a-reader")
    return await registry.services.secrets.add_secret(admin, "ci", "the pipeline", registry.clock() + 90 * DAY)


async def records(db: Database, *actions: str) -> list[dict[str, Any]]:
    """What the trail has of these actions, in the order in which they were done."""

    def read(tx: Connection) -> list[dict[str, Any]]:
        wanted = select(audit_records).where(audit_records.c.action.in_(actions)).order_by(audit_records.c.id)
        return [dict(row) | {"detail": json.loads(row["detail"])} for row in tx.execute(wanted).mappings()]

    return await db.read(read)


# --- who may


async def test_an_owner_who_was_disabled_meanwhile_makes_and_revokes_nothing(registry: Registry, ci: Made) -> None:
    services, owner = registry.services, await caller(registry, "a-reader")
    own = await services.secrets.add_token(owner, "laptop", ["pull"], ["**"], registry.clock() + DAY)
    require(await ask(registry.client, "PATCH", "/users/a-reader", {"disabled": True}), 200)
    for attempt in (
        services.secrets.add_secret(owner, "ci", "to come back with", None),
        services.secrets.add_token(owner, "to come back with", ["pull"], ["**"], registry.clock() + DAY),
        services.secrets.remove(owner, ci.row.id),
        services.secrets.remove(owner, own.row.id),
        services.service_accounts.change(owner, "ci", disabled=True),
    ):
        with pytest.raises(Denied, match="has changed meanwhile"):
            await attempt


async def test_who_administered_when_the_request_began_and_does_no_more_is_refused(
    registry: Registry, admin: Caller, ci: Made
) -> None:
    services = registry.services
    grant = await services.granting.add(admin, Wanted("a-publisher", "administrator", "**"))
    former = await caller(registry, "a-publisher")
    token = await services.secrets.add_token(admin, "laptop", ["pull"], ["**"], registry.clock() + DAY)
    await services.granting.remove(admin, grant.id)
    for attempt in (
        services.service_accounts.add(former, "ci-2", "a-publisher"),
        services.service_accounts.change(former, "ci", owner="a-publisher"),
        services.service_accounts.remove(former, "ci"),
        services.secrets.add_secret(former, "ci", "to stay", None),
        services.secrets.remove(former, ci.row.id),
        services.secrets.remove(former, token.row.id),
    ):
        with pytest.raises(Denied):
            await attempt


async def test_a_former_owner_keeps_nothing(registry: Registry, admin: Caller, ci: Made) -> None:
    services, former = registry.services, await caller(registry, "a-reader")
    await services.service_accounts.change(admin, "ci", owner="a-publisher")
    with pytest.raises(Denied):
        await services.secrets.add_secret(former, "ci", "to stay", None)
    with pytest.raises(Denied):
        await services.service_accounts.change(former, "ci", disabled=True)
    assert await services.secrets.of_service(await caller(registry, "a-publisher"), "ci")


async def test_a_refusal_does_not_tell_whether_there_is_such_a_service_account(registry: Registry, ci: Made) -> None:
    services, other = registry.services, await caller(registry, "a-publisher")
    told = set()
    for name in ("ci", "ci-not-there", "a-reader"):
        for attempt in (
            services.secrets.of_service(other, name),
            services.secrets.add_secret(other, name, "mine", None),
            services.service_accounts.change(other, name, disabled=True),
        ):
            with pytest.raises(Denied) as refusal:
                await attempt
            told.add((refusal.value.message.replace(name, "NAME"), str(refusal.value.detail)))
    assert len(told) == 1


async def test_a_personal_token_manages_nothing_however_wide(registry: Registry, admin: Caller, ci: Made) -> None:
    services, ends = registry.services, registry.clock() + DAY
    every = ["pull", "push", "tag", "delete", "scan", "approve", "purge", "audit", "admin"]
    other = await services.secrets.add_token(admin, "another", ["pull"], ["**"], ends)
    wide = await services.secrets.add_token(admin, "everything", every, ["**"], ends)
    by = await caller(registry, "a-administrator", wide.secret)
    for attempt in (
        services.secrets.add_token(by, "to stay", ["pull"], ["**"], ends),
        services.secrets.add_secret(by, "ci", "to stay", None),
        services.secrets.remove(by, other.row.id),
        services.secrets.remove(by, wide.row.id),
        services.secrets.remove(by, ci.row.id),
        services.service_accounts.add(by, "ci-2", "a-administrator"),
        services.service_accounts.change(by, "ci", disabled=True),
        services.service_accounts.remove(by, "ci"),
    ):
        with pytest.raises(Denied, match="personal token"):
            await attempt


async def test_a_narrow_token_does_not_see_its_owners_other_tokens(registry: Registry) -> None:
    secrets, owner = registry.services.secrets, await caller(registry, "a-publisher")
    made = await secrets.add_token(owner, "laptop", ["pull"], ["shop/**"], registry.clock() + DAY)
    with pytest.raises(Denied):
        await secrets.tokens_of(await caller(registry, "a-publisher", made.secret))


async def test_a_login_by_a_refresh_token_stays_as_narrow_as_the_token_it_came_from(registry: Registry) -> None:
    services, owner = registry.services, await caller(registry, "a-publisher")
    made = await services.secrets.add_token(owner, "laptop", ["pull"], ["shop/**"], registry.clock() + DAY)
    narrow = await caller(registry, "a-publisher", made.secret)
    refresh = (await services.exchange.answer(narrow, [], offline=True)).refresh_token
    assert refresh is not None
    again = await services.exchange.by_refresh_token(refresh, NOWHERE)
    wanted = ["repository:shop/web:pull,push", "repository:other/web:pull"]
    assert (await services.exchange.answer(again, wanted)).scope == "repository:shop/web:pull"
    with pytest.raises(Denied):
        await services.secrets.add_token(again, "wider", ["push"], ["**"], registry.clock() + DAY)
    registry.clock.advance(days=1)
    with pytest.raises(Unauthorized):
        await services.exchange.by_refresh_token(refresh, NOWHERE)


async def test_a_service_account_manages_its_own_secrets_only_if_it_was_granted_to_administer(
    registry: Registry, admin: Caller, ci: Made
) -> None:
    services = registry.services
    itself = await caller(registry, "ci", ci.secret)
    for attempt in (services.secrets.add_secret(itself, "ci", "more", None), services.secrets.of_service(itself, "ci")):
        with pytest.raises(Denied):
            await attempt
    await services.granting.add(admin, Wanted("ci", "administrator", "**"))
    itself = await caller(registry, "ci", ci.secret)
    assert await services.secrets.add_secret(itself, "ci", "the next one", None)


async def test_a_password_that_looks_like_a_secret_is_not_taken(registry: Registry) -> None:
    change = {"password": tokens.generate(Kind.LOGIN)[:-1] + "!"}
    require(await ask(registry.client, "PATCH", "/users/a-reader", change), 200)
    require(await ask(registry.client, "PATCH", "/users/a-reader", {"password": tokens.generate(Kind.LOGIN)}), 400)


# --- what is kept


async def test_secrets_that_have_ended_make_room(registry: Registry, admin: Caller, ci: Made) -> None:
    secrets, clock = registry.services.secrets, registry.clock
    short = [await secrets.add_secret(admin, "ci", f"{n}", clock() + 60) for n in range(AT_MOST - 1)]
    clock.advance(60)
    made = await secrets.add_secret(admin, "ci", "one more", None)
    assert [row.id for row in await secrets.of_service(admin, "ci")] == [ci.row.id, made.row.id]
    told = await records(registry.services.db, "secret.remove")
    assert {record["detail"]["before"]["id"] for record in told} == {each.row.id for each in short}


@pytest.mark.parametrize("label", ["", " ", "a\nb", "a\tb", "\x1b[2J", "\u202e", "\ud800", "x" * 101])
async def test_a_label_is_something_that_can_be_read(registry: Registry, admin: Caller, ci: Made, label: str) -> None:
    with pytest.raises(RequestInvalid, match="label"):
        await registry.services.secrets.add_secret(admin, "ci", label, None)


@pytest.mark.parametrize("ends", [float("nan"), float("inf"), -1.0, 1e12])
async def test_an_end_is_a_time_to_come(registry: Registry, admin: Caller, ci: Made, ends: float) -> None:
    with pytest.raises(RequestInvalid, match="want a time"):
        await registry.services.secrets.add_secret(admin, "ci", "odd", ends)
    with pytest.raises(RequestInvalid, match="want a time"):
        await registry.services.secrets.add_token(admin, "odd", ["pull"], ["**"], ends)


async def test_every_change_is_in_the_trail_with_what_was_and_is_and_without_a_secret(
    registry: Registry, admin: Caller, ci: Made
) -> None:
    services = registry.services
    await services.granting.add(admin, Wanted("ci", "publisher", "shop/**"))
    token = await services.secrets.add_token(admin, "laptop", ["pull"], ["shop/*"], registry.clock() + DAY)
    owner = await caller(registry, "a-reader")
    await services.service_accounts.change(owner, "ci", disabled=True)
    await services.secrets.remove(admin, token.row.id)
    await services.secrets.remove(owner, ci.row.id)
    last = await services.secrets.add_secret(admin, "ci", "the last", None)
    await services.service_accounts.remove(admin, "ci")
    kinds = [
        f"{noun}.{verb}" for noun in ("service-account", "secret", "token") for verb in ("add", "change", "remove")
    ]
    told = await records(services.db, *kinds)
    assert [(record["action"], record["account"]) for record in told] == [
        ("service-account.add", "a-administrator"),
        ("secret.add", "a-administrator"),
        ("token.add", "a-administrator"),
        ("service-account.change", "a-reader"),
        ("token.remove", "a-administrator"),
        ("secret.remove", "a-reader"),
        ("secret.add", "a-administrator"),
        ("service-account.remove", "a-administrator"),
    ]
    was, now = {"name": "ci", "owner": "a-reader", "disabled": False}, {"name": "ci", "owner": "a-reader"}
    assert told[0]["detail"] == {"after": was}
    assert told[3]["detail"] == {"before": was, "after": now | {"disabled": True}}
    assert told[3]["rule"] == "a-reader owns ci"
    assert "a-administrator administrator on **" in told[0]["rule"]
    gone = told[-1]["detail"]["before"]
    assert (len(gone["grants"]), gone["secrets"]) == (1, [last.row.id])
    for made in (ci, token, last):
        assert made.secret not in str(told)
        assert made.row.hash not in str(told)


async def test_what_is_refused_leaves_no_record_and_no_change(registry: Registry, ci: Made) -> None:
    before = (await registry.services.db.read(grants.everything)).revision
    with pytest.raises(Denied):
        await registry.services.secrets.add_secret(await caller(registry, "a-publisher"), "ci", "mine", None)
    assert (await registry.services.db.read(grants.everything)).revision == before
    assert len(await records(registry.services.db, "secret.add")) == 1


# --- what is looked up, and what is noted


async def test_a_mistyped_secret_is_refused_before_anything_is_looked_up(registry: Registry, ci: Made) -> None:
    mistyped = ci.secret[:20] + ("A" if ci.secret[20] != "A" else "B") + ci.secret[21:]
    checked: list[str] = []

    def matches(_stored: str | None, password: str) -> bool:
        checked.append(password)
        return False

    authenticator = registry.services.authenticator
    authenticator.passwords._matches = matches
    for _ in range(100):  # so many wrong passwords would have been slowed, for everybody at this address
        for name in ("ci", "a-reader"):
            with pytest.raises(Unauthorized):
                await authenticator.by_name(name, mistyped, NOWHERE)
    with pytest.raises(Unauthorized):
        await authenticator.caller(f"Bearer {mistyped}")
    assert checked == []
    with pytest.raises((Unauthorized, TooManyRequests)):
        await authenticator.by_name("ci", "no secret at all", NOWHERE)
    assert checked == ["no secret at all"]


async def used_at(registry: Registry, id: str) -> float | None:
    await registry.services.authenticator.note_used_secrets()
    row = await registry.services.db.read(grants.find_secret, id)
    assert row is not None
    return row.used_at


async def test_an_access_token_and_a_refresh_token_use_the_secret_they_came_from(registry: Registry, ci: Made) -> None:
    services, clock = registry.services, registry.clock
    answer = await services.exchange.answer(await caller(registry, "ci", ci.secret), [], offline=True)
    assert await used_at(registry, ci.row.id) == clock()
    clock.advance(minutes=4)
    await services.authenticator.caller(f"Bearer {answer.token}")
    assert await used_at(registry, ci.row.id) == clock()
    clock.advance(minutes=10)
    assert answer.refresh_token is not None
    await services.exchange.by_refresh_token(answer.refresh_token, NOWHERE)
    assert await used_at(registry, ci.row.id) == clock()


async def test_a_secret_that_was_refused_was_not_used(registry: Registry, ci: Made) -> None:
    for name in ("a-reader", "nobody"):
        with pytest.raises(Unauthorized):
            await caller(registry, name, ci.secret)
    assert await used_at(registry, ci.row.id) is None
    registry.clock.advance(days=90)
    with pytest.raises(Unauthorized):
        await caller(registry, "ci", ci.secret)
    assert await used_at(registry, ci.row.id) is None


async def test_many_processes_write_a_busy_secret_no_oftener_than_one(registry: Registry, ci: Made) -> None:
    db, first = registry.services.db, registry.clock()
    seen = []
    for late in (0.0, 29.0, 5.0, 30.0, 59.0, 61.0):
        await db.write(grants.secrets_used, {ci.row.id: first + late, "of a secret that is gone": first})
        row = await db.read(grants.find_secret, ci.row.id)
        assert row is not None
        seen.append((row.used_at or 0) - first)
    assert seen == [0, 0, 0, 30, 30, 61]


async def test_what_could_not_be_written_is_written_the_next_time(registry: Registry, ci: Made) -> None:
    services = registry.services
    await caller(registry, "ci", ci.secret)
    at = registry.clock()
    await services.db.write(lambda tx: tx.exec_driver_sql("ALTER TABLE secrets RENAME TO elsewhere").rowcount)
    with pytest.raises(Exception, match="secrets"):
        await services.authenticator.note_used_secrets()
    await services.db.write(lambda tx: tx.exec_driver_sql("ALTER TABLE elsewhere RENAME TO secrets").rowcount)
    assert await used_at(registry, ci.row.id) == at


async def test_a_worker_that_stops_has_written_what_it_knew(
    registry: Registry, ci: Made, open_again: Callable[[], Database]
) -> None:
    told: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    life = asyncio.create_task(registry.app({"type": "lifespan"}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    assert await said.get() == {"type": "lifespan.startup.complete"}
    async with Client(app=registry.app, account=("ci", ci.secret)) as client:
        require(await client.catalog(), 200)
    await told.put({"type": "lifespan.shutdown"})
    assert await said.get() == {"type": "lifespan.shutdown.complete"}
    await life
    row = await open_again().read(grants.find_secret, ci.row.id)
    assert row is not None
    assert row.used_at == registry.clock()
