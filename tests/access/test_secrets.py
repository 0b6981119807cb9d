"""Secrets of service accounts and personal tokens: what they open, and what closes them."""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, require
from tests.kit.images import image
from wharfinger.access import tokens
from wharfinger.access.actions import Action
from wharfinger.access.caller import NOWHERE, Caller
from wharfinger.access.granting import Wanted
from wharfinger.access.secrets import AT_MOST, DAY, Made
from wharfinger.access.tokens import Kind
from wharfinger.errors import AccountUnknown, AlreadyExists, Denied, GrantUnknown, InUse, RequestInvalid, Unauthorized
from wharfinger.meta import grants
from wharfinger.spec import names

IMAGE = image()
As = Callable[[str, str], Client]


async def caller(registry: Registry, name: str, secret: str = PASSWORD) -> Caller:
    return await registry.services.authenticator.by_name(name, secret, NOWHERE)


@pytest.fixture
async def admin(registry: Registry) -> Caller:
    return await caller(registry, "a-administrator")


@pytest.fixture
async def ci(registry: Registry, admin: Caller) -> Made:
    """The service account ci, which publishes to shop/**, and its secret."""
    services = registry.services
    await services.service_accounts.add(admin, "ci", "a-reader")
    await services.granting.add(admin, Wanted("ci", "publisher", "shop/**"))
    return await services.secrets.add_secret(admin, "ci", "the pipeline", registry.clock() + 90 * DAY)


@pytest.fixture
async def as_(registry: Registry) -> AsyncIterator[As]:
    opened: list[Client] = []

    def open_as(name: str, secret: str) -> Client:
        opened.append(Client(app=registry.app, account=(name, secret)))
        return opened[-1]

    yield open_as
    for client in opened:
        await client.close()


async def assert_refused(registry: Registry, name: str, secret: str) -> None:
    with pytest.raises(Unauthorized):
        await caller(registry, name, secret)


async def test_a_service_account_pushes_with_its_secret_where_it_may_and_nowhere_else(
    registry: Registry, ci: Made, as_: As
) -> None:
    client = as_("ci", ci.secret)
    await client.push_image("shop/web", IMAGE, "1.4")
    require(await client.start_upload("other/web"), 403)
    require(await client.delete_manifest("shop/web", IMAGE.digest), 403)


async def test_a_secret_is_kept_as_its_hash_alone(registry: Registry, ci: Made) -> None:
    (row,) = await registry.services.db.read(grants.every_secret)
    assert row.hash == tokens.fingerprint(ci.secret)
    assert ci.secret not in repr(row)


async def test_a_secret_opens_its_own_account_alone(registry: Registry, ci: Made) -> None:
    await assert_refused(registry, "a-reader", ci.secret)
    await assert_refused(registry, "nobody", ci.secret)
    await assert_refused(registry, "ci", ci.secret[:-1] + ("A" if ci.secret[-1] != "A" else "B"))
    await assert_refused(registry, "ci", tokens.generate(Kind.SECRET))
    await assert_refused(registry, "ci", PASSWORD)


async def test_a_secret_is_good_until_it_ends(registry: Registry, ci: Made) -> None:
    registry.clock.advance(days=90, seconds=-1)
    assert (await caller(registry, "ci", ci.secret)).name == "ci"
    registry.clock.advance(1)
    await assert_refused(registry, "ci", ci.secret)


async def test_a_second_secret_takes_over_without_a_gap(registry: Registry, admin: Caller, ci: Made) -> None:
    secrets = registry.services.secrets
    second = await secrets.add_secret(admin, "ci", "the pipeline, from now on", None)
    for secret in (ci.secret, second.secret):
        assert (await caller(registry, "ci", secret)).name == "ci"
    await secrets.remove(admin, ci.row.id)
    await assert_refused(registry, "ci", ci.secret)
    assert (await caller(registry, "ci", second.secret)).name == "ci"
    with pytest.raises(GrantUnknown):
        await secrets.remove(admin, ci.row.id)


async def test_a_revoked_secret_takes_with_it_what_was_obtained_with_it(
    registry: Registry, admin: Caller, ci: Made
) -> None:
    exchange = registry.services.exchange
    answer = await exchange.answer(
        await caller(registry, "ci", ci.secret), ["repository:shop/web:pull,push"], offline=True
    )
    assert answer.refresh_token is not None
    assert (await exchange.by_refresh_token(answer.refresh_token, NOWHERE)).name == "ci"
    assert (await registry.services.authenticator.caller(f"Bearer {answer.token}")).name == "ci"
    await registry.services.secrets.remove(admin, ci.row.id)
    with pytest.raises(Unauthorized):
        await exchange.by_refresh_token(answer.refresh_token, NOWHERE)
    with pytest.raises(Unauthorized):
        await registry.services.authenticator.caller(f"Bearer {answer.token}")


async def test_a_disabled_service_account_is_out_with_all_it_has(registry: Registry, admin: Caller, ci: Made) -> None:
    answer = await registry.services.exchange.answer(await caller(registry, "ci", ci.secret), [])
    await registry.services.service_accounts.change(admin, "ci", disabled=True)
    await assert_refused(registry, "ci", ci.secret)
    await registry.services.service_accounts.change(admin, "ci", disabled=False)
    assert (await caller(registry, "ci", ci.secret)).name == "ci"
    with pytest.raises(Unauthorized):  # what it was given before is not good again
        await registry.services.authenticator.caller(f"Bearer {answer.token}")


async def test_its_owner_manages_a_service_account_and_nobody_else_does(registry: Registry, ci: Made) -> None:
    services = registry.services
    owner, other = await caller(registry, "a-reader"), await caller(registry, "a-publisher")
    made = await services.secrets.add_secret(owner, "ci", "another", None)
    assert [row.id for row in await services.secrets.of_service(owner, "ci")] == sorted([ci.row.id, made.row.id])
    for attempt in (
        services.secrets.add_secret(other, "ci", "mine now", None),
        services.secrets.of_service(other, "ci"),
        services.secrets.remove(other, made.row.id),
        services.service_accounts.change(other, "ci", disabled=True),
        services.service_accounts.change(owner, "ci", owner="a-publisher"),
        services.service_accounts.remove(owner, "ci"),
        services.service_accounts.add(owner, "ci-2", "a-reader"),
    ):
        with pytest.raises(Denied):
            await attempt
    assert [account.name for account in await services.service_accounts.visible(owner)] == ["ci"]
    assert await services.service_accounts.visible(other) == []


async def test_what_a_service_account_must_be(registry: Registry, admin: Caller, ci: Made) -> None:
    services = registry.services
    with pytest.raises(AlreadyExists):
        await services.service_accounts.add(admin, "a-reader", "a-reader")
    for owner in ("nobody", "ci"):
        with pytest.raises(RequestInvalid, match="cannot own"):
            await services.service_accounts.add(admin, "ci-2", owner)
    for name in ("a-reader", "nobody"):
        with pytest.raises(AccountUnknown):
            await services.secrets.add_secret(admin, name, "a person's", None)
    with pytest.raises(RequestInvalid, match="label"):
        await services.secrets.add_secret(admin, "ci", "", None)
    with pytest.raises(RequestInvalid, match="ended already"):
        await services.secrets.add_secret(admin, "ci", "late", registry.clock())
    with pytest.raises(Denied, match="for people"):
        await services.secrets.add_token(
            await caller(registry, "ci", ci.secret), "mine", ["pull"], ["**"], registry.clock() + DAY
        )


async def test_there_are_only_so_many_secrets(registry: Registry, admin: Caller, ci: Made) -> None:
    for number in range(AT_MOST - 1):
        await registry.services.secrets.add_secret(admin, "ci", f"number {number}", None)
    with pytest.raises(InUse, match="revoke one first"):
        await registry.services.secrets.add_secret(admin, "ci", "one too many", None)


async def test_a_removed_service_account_leaves_nothing_to_who_is_called_so_next(
    registry: Registry, admin: Caller, ci: Made
) -> None:
    services = registry.services
    await services.service_accounts.remove(admin, "ci")
    await services.service_accounts.add(admin, "ci", "a-reader")
    await assert_refused(registry, "ci", ci.secret)
    made = await services.secrets.add_secret(admin, "ci", "new", None)
    again = await caller(registry, "ci", made.secret)
    assert not any(again.may(action, names.repository("shop/web")) for action in Action)


async def test_a_personal_token_does_what_its_owner_may_and_of_that_only_what_it_is_for(
    registry: Registry, as_: As
) -> None:
    await registry.client.push_image("shop/web", IMAGE, "1.4")
    await registry.client.push_image("other/web", IMAGE, "1.4")
    owner = await caller(registry, "a-publisher")
    ends = registry.clock() + DAY
    made = await registry.services.secrets.add_token(owner, "laptop", ["pull", "delete"], ["shop/*"], ends)
    client = as_("a-publisher", made.secret)
    require(await client.get_manifest("shop/web", "1.4"), 200)
    require(await client.get_manifest("other/web", "1.4"), 403)
    require(await client.start_upload("shop/web"), 403)
    require(await client.delete_manifest("shop/web", IMAGE.digest), 403)  # which its owner may not
    assert (await client.catalog()).json() == {"repositories": ["shop/web"]}

    answer = await registry.services.exchange.answer(
        await caller(registry, "a-publisher", made.secret),
        ["repository:shop/web:pull,push", "repository:other/web:pull"],
    )
    assert answer.scope == "repository:shop/web:pull"


async def test_a_personal_token_does_not_make_anything_wider(registry: Registry) -> None:
    services, ends = registry.services, registry.clock() + DAY
    administrator = await caller(registry, "a-administrator")
    made = await services.secrets.add_token(administrator, "narrow", ["pull", "admin"], ["shop/**"], ends)
    narrow = await caller(registry, "a-administrator", made.secret)
    await services.service_accounts.add(administrator, "ci", "a-administrator")
    for attempt in (
        services.secrets.add_token(narrow, "wide", ["push"], ["**"], ends),
        services.secrets.add_secret(narrow, "ci", "wide", None),
        services.granting.add(narrow, Wanted("a-reader", "reader", "**")),
        services.granting.add(narrow, Wanted("a-reader", "publisher", "shop/web")),
        services.service_accounts.add(narrow, "ci-2", "a-administrator"),
    ):
        with pytest.raises(Denied):
            await attempt
    await services.granting.add(narrow, Wanted("a-reader", "reader", "shop/web"))


@pytest.mark.parametrize(
    ("words", "within", "days", "why"),
    [
        (["pull"], [], 1, "what repositories"),
        (["pull"], ["*"], 1, "repository pattern"),
        (["pull"], ["Shop/**"], 1, "repository pattern"),
        (["pull"], ["**"] * 51, 1, "what repositories"),
        ([], ["**"], 1, "no action"),
        (["fly"], ["**"], 1, "no such action"),
        (["pull"], ["**"], 0, "ended already"),
        (["pull"], ["**"], 367, "a year at most"),
    ],
)
async def test_a_personal_token_says_what_it_is_for_and_ends(
    registry: Registry, words: list[str], within: list[str], days: float, why: str
) -> None:
    owner = await caller(registry, "a-publisher")
    with pytest.raises(RequestInvalid, match=why):
        await registry.services.secrets.add_token(owner, "laptop", words, within, registry.clock() + days * DAY)


async def test_tokens_are_seen_by_their_owner_and_by_who_must(registry: Registry) -> None:
    secrets = registry.services.secrets
    owner, other = await caller(registry, "a-publisher"), await caller(registry, "a-reader")
    made = await secrets.add_token(owner, "laptop", ["pull"], ["**"], registry.clock() + DAY)
    for who in (owner, await caller(registry, "a-auditor"), await caller(registry, "a-administrator")):
        assert [row.id for row in await secrets.tokens_of(who, "a-publisher")] == [made.row.id]
    for attempt in (secrets.tokens_of(other, "a-publisher"), secrets.remove(other, made.row.id)):
        with pytest.raises(Denied):
            await attempt
    await secrets.remove(await caller(registry, "a-administrator"), made.row.id)
    await assert_refused(registry, "a-publisher", made.secret)


async def test_when_a_secret_was_last_used_is_written_down_now_and_then(registry: Registry, ci: Made) -> None:
    services = registry.services
    registry.clock.advance(minutes=5)
    await caller(registry, "ci", ci.secret)
    (before,) = await services.db.read(grants.every_secret)
    revision = (await services.authenticator.directory.current()).revision
    await services.authenticator.note_used_secrets()
    (after,) = await services.db.read(grants.every_secret)
    assert (before.used_at, after.used_at) == (None, registry.clock())
    assert (await services.db.read(grants.everything)).revision == revision
