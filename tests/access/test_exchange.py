"""Credentials for a token: what is asked for, as far as it is allowed, and never more."""

import pytest

from tests.conftest import Registry
from tests.kit.people import People
from wharfinger.access import scopes
from wharfinger.access.caller import NOWHERE, Caller
from wharfinger.access.exchange import allowed
from wharfinger.access.signing import MAX_TOKEN
from wharfinger.errors import RequestInvalid, Unauthorized


@pytest.fixture
def people(registry: Registry) -> People:
    return People(registry)


async def caller(registry: Registry, people: People, name: str) -> Caller:
    return await registry.services.authenticator.by_name(name, people.secrets[name], NOWHERE)


async def granted(registry: Registry, people: People, name: str | None, *asked: str) -> str:
    who = await caller(registry, people, name) if name else await registry.services.authenticator.anonymous(NOWHERE)
    return (await registry.services.exchange.answer(who, asked)).scope


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("reader", "repository:shop/web:pull"),
        ("publisher", "repository:shop/web:pull,push,delete"),  # `tag`: whoever moves tags may remove them
        ("maintainer", "repository:shop/web:pull,push,delete"),
        ("auditor", "repository:shop/web:pull"),
        ("administrator", "repository:shop/web:pull,push,delete"),
    ],
)
async def test_everything_is_what_the_role_allows(registry: Registry, people: People, role: str, expected: str) -> None:
    await people.add("ci", (role, "shop/*"))
    assert await granted(registry, people, "ci", "repository:shop/web:*") == expected
    assert await granted(registry, people, "ci", "repository:shop/web:pull,push,delete,fly") == expected
    assert await granted(registry, people, "ci", "repository:shop/web:pull") == "repository:shop/web:pull"
    assert await granted(registry, people, "ci", "repository:other/web:*") == ""


async def test_each_repository_is_decided_by_itself(registry: Registry, people: People) -> None:
    await people.add("ci", ("publisher", "shop/web"), ("reader", "base/**"))
    asked = ["repository:shop/web:pull,push repository:base/debian:pull,push", "repository:secret/x:pull"]
    assert await granted(registry, people, "ci", *asked) == "repository:shop/web:pull,push repository:base/debian:pull"


async def test_whoever_may_do_nothing_is_granted_nothing(registry: Registry, people: People) -> None:
    await people.add("ci")
    for name in ("ci", None):
        assert await granted(registry, people, name, "repository:shop/web:pull,push") == ""
        assert await granted(registry, people, name) == ""


async def test_strangers_are_granted_what_is_public(registry: Registry, people: People) -> None:
    await people.grant("anonymous", "reader", "public/**")
    asked = "repository:public/web:pull,push repository:shop/web:pull"
    assert await granted(registry, people, None, asked) == "repository:public/web:pull"


async def test_a_deny_is_not_granted(registry: Registry, people: People) -> None:
    await people.add("ci", ("publisher", "**"), ("publisher", "shop/secret", {"deny": True}))
    asked = "repository:shop/secret:* repository:shop/web:pull"
    assert await granted(registry, people, "ci", asked) == "repository:shop/web:pull"


async def test_what_is_limited_to_tags_is_granted_for_whichever_comes(registry: Registry, people: People) -> None:
    await people.add("ci", ("publisher", "shop/web", {"tags": ("dev-*",)}))
    assert await granted(registry, people, "ci", "repository:shop/web:*") == "repository:shop/web:pull,push,delete"


async def test_what_is_limited_to_a_network_is_granted_from_there(registry: Registry, people: People) -> None:
    await people.add("ci", ("reader", "shop/web", {"networks": ("10.0.0.0/8",)}))
    for address, expected in (("10.1.2.3", "repository:shop/web:pull"), ("11.1.2.3", "")):
        answer = await people.ask("ci", "repository:shop/web:pull", address=address)
        assert answer.json()["scope"] == expected


async def test_a_personal_token_is_granted_what_it_is_for(registry: Registry, people: People) -> None:
    await people.add("ann", ("administrator", "**"), actions=("pull", "push"), patterns=("shop/*",))
    asked = "repository:shop/web:* repository:other/web:*"
    assert await granted(registry, people, "ann", asked) == "repository:shop/web:pull,push"


async def test_the_catalog_is_granted_to_whoever_asks_for_it(registry: Registry, people: People) -> None:
    await people.add("ci")
    for name in ("ci", None):
        assert await granted(registry, people, name, "registry:catalog:*") == "registry:catalog:*"
        assert await granted(registry, people, name, "registry:catalog:pull") == ""


async def test_words_of_management_are_not_to_be_had(registry: Registry, people: People) -> None:
    await people.add("root", ("administrator", "**"))
    who = await caller(registry, people, "root")
    asked = scopes.parse(["repository:shop/web:admin,audit,scan,tag"])
    assert allowed(who, asked).repositories == {"shop/web": frozenset()}


async def test_a_malformed_scope_is_refused(registry: Registry, people: People) -> None:
    await people.add("ci")
    with pytest.raises(RequestInvalid, match="scope 1 is malformed"):
        await granted(registry, people, "ci", "shop/web")


async def test_a_token_that_is_handed_out_is_short_enough_to_be_taken(registry: Registry, people: People) -> None:
    await people.add("ci", ("publisher", "**"))
    who = await caller(registry, people, "ci")
    many = [f"repository:team/{'x' * 30}/n{i}:pull,push" for i in range(100)]
    answer = await registry.services.exchange.answer(who, many[:40])
    assert len(answer.token) <= MAX_TOKEN
    assert (await registry.services.authenticator.caller(f"Bearer {answer.token}")).scopes
    with pytest.raises(RequestInvalid, match="ask for fewer at once"):
        await registry.services.exchange.answer(who, many)


async def test_a_refresh_token_is_for_whoever_asks_and_is_somebody(registry: Registry, people: People) -> None:
    exchange = registry.services.exchange
    await people.add("ci", ("reader", "shop/web"))
    who = await caller(registry, people, "ci")
    assert (await exchange.answer(who, [])).refresh_token is None
    stranger = await registry.services.authenticator.anonymous(NOWHERE)
    assert (await exchange.answer(stranger, [], offline=True)).refresh_token is None
    token = (await exchange.answer(who, [], offline=True)).refresh_token
    assert token is not None
    again = await exchange.by_refresh_token(token, NOWHERE)
    assert (again.name, again.identity.credential) == ("ci", who.identity.credential)
    assert (await exchange.answer(again, ["repository:shop/web:pull"])).scope == "repository:shop/web:pull"


async def test_a_refresh_token_ends_after_thirty_days(registry: Registry, people: People) -> None:
    exchange = registry.services.exchange
    await people.add("ci")
    token = (await exchange.answer(await caller(registry, people, "ci"), [], offline=True)).refresh_token
    assert token is not None
    registry.clock.advance(days=30, seconds=-1)
    assert await exchange.by_refresh_token(token, NOWHERE)
    registry.clock.advance(1)
    with pytest.raises(Unauthorized):
        await exchange.by_refresh_token(token, NOWHERE)


@pytest.mark.parametrize("type", ["", "urn:ietf:params:oauth:token-type:access_token", "x" * 1000])
async def test_a_workload_shows_an_id_token_or_a_jwt(registry: Registry, type: str) -> None:
    with pytest.raises(RequestInvalid, match="want an id_token or a jwt"):
        await registry.services.exchange.by_workload_token("a.b.c", type, "ci", NOWHERE)
