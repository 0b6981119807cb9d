"""Whoever administers a little tries to administer more: through the management API, as a client would."""

import json
from typing import Any

import pytest
from httpx2 import Response
from joserfc.jwk import ECKey

from tests.conftest import Registry
from tests.kit.client import Client, code_of, require
from tests.kit.people import People
from wharfinger.access import signing
from wharfinger.access.tokens import Kind
from wharfinger.meta import grants


@pytest.fixture
async def people(registry: Registry) -> People:
    """``team`` administers shop/**; ``clerk`` decides who may what everywhere, and may nothing else itself."""
    made = People(registry)
    await registry.services.db.write(grants.put_role, "clerk", ["admin", "pull"])
    await made.add("team", ("administrator", "shop/**"), kind=Kind.SECRET)  # no personal token manages anything
    await made.add("clerk", ("clerk", "**"), kind=Kind.SECRET)
    await made.add("bob")
    await made.add("root", ("administrator", "**"), kind=Kind.SECRET)
    await made.add("watch", ("auditor", "**"))
    return made


async def ask(client: Client, method: str, path: str, body: object = None) -> Response:
    content = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if content else {}
    return await client.request(method, f"/api/v1{path}", content=content, headers=headers)


def grant(principal: str, role: str, pattern: str, **more: object) -> dict[str, object]:
    return {"principal": principal, "role": role, "pattern": pattern, **more}


async def granted(registry: Registry) -> list[Any]:
    return await registry.services.db.read(grants.every_grant)


@pytest.mark.parametrize(
    "wanted",
    [
        grant("team", "administrator", "**"),
        grant("bob", "reader", "**"),
        grant("bob", "reader", "shop"),
        grant("bob", "reader", "other/web"),
        grant("bob", "reader", "shops/web"),
        grant("anonymous", "reader", "other/**"),
        grant("bob", "reader", "other/**", deny=True),
        grant("root", "reader", "**", deny=True),
    ],
    ids=str,
)
async def test_nothing_is_granted_outside_of_ones_pattern(
    registry: Registry, people: People, wanted: dict[str, object]
) -> None:
    before = await granted(registry)
    assert code_of(require(await ask(people.basic("team"), "POST", "/grants", wanted), 403)) == "DENIED"
    assert await granted(registry) == before


async def test_within_it_everything_that_one_holds_is(people: People) -> None:
    for wanted in (grant("bob", "maintainer", "shop/web"), grant("bob", "reader", "shop/web", deny=True)):
        require(await ask(people.basic("team"), "POST", "/grants", wanted), 201)


@pytest.mark.parametrize("role", ["publisher", "maintainer", "administrator", "auditor"])
async def test_actions_that_one_lacks_are_not_granted_not_even_to_oneself(people: People, role: str) -> None:
    for who in ("clerk", "bob"):
        require(await ask(people.basic("clerk"), "POST", "/grants", grant(who, role, "shop/web")), 403)
    require(await ask(people.basic("clerk"), "POST", "/grants", grant("bob", "reader", "**")), 201)


async def test_what_ends_is_not_made_to_last(registry: Registry, people: People) -> None:
    end = registry.clock() + 1000
    await people.add("temp", ("administrator", "shop/**", {"until": end}))
    for until in (None, end + 1):
        wanted = grant("temp", "administrator", "shop/**", until=until)
        require(await ask(people.basic("temp"), "POST", "/grants", wanted), 403)
    require(await ask(people.basic("temp"), "POST", "/grants", grant("bob", "reader", "shop/**", until=end)), 201)
    registry.clock.advance(1000)
    require(await ask(people.basic("temp"), "POST", "/grants", grant("bob", "publisher", "shop/web")), 403)


async def test_what_counts_in_the_office_is_not_taken_home(people: People) -> None:
    await people.add("desk", ("administrator", "shop/**", {"networks": ("10.0.0.0/8",)}))
    inside, outside = people.basic("desk", "10.1.1.1"), people.basic("desk", "192.0.2.1")
    require(await ask(inside, "POST", "/grants", grant("desk", "administrator", "shop/**")), 403)
    within = grant("bob", "reader", "shop/**", networks=["10.1.0.0/16"])
    require(await ask(outside, "POST", "/grants", within), 403)
    require(await ask(inside, "POST", "/grants", within), 201)


@pytest.mark.parametrize("way", ["own account", "group"])
async def test_a_deny_about_oneself_is_not_taken_back(registry: Registry, people: People, way: str) -> None:
    if way == "group":
        await people.add("lead", ("administrator", "shop/**"), groups=("leads",))
    who = "team" if way == "own account" else "lead"
    deny = await people.grant(
        "team" if way == "own account" else "group:leads", "publisher", "shop/web", {"deny": True}
    )
    client = people.basic(who)
    require(await ask(client, "DELETE", f"/grants/{deny}"), 403)
    require(await ask(client, "POST", "/grants", grant("bob", "publisher", "shop/**")), 403)
    require(await ask(client, "POST", "/grants", grant("bob", "publisher", "shop/other")), 201)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/roles/own", {"actions": ["admin"]}),
        ("DELETE", "/roles/clerk", None),
        ("POST", "/groups", {"name": "mine"}),
        ("PUT", "/members/team/admins", None),
        ("POST", "/users", {"name": "other"}),
        ("PATCH", "/users/root", {"password": "another horse battery"}),
        ("PATCH", "/users/root", {"disabled": True}),
        ("DELETE", "/users/root", None),
        ("GET", "/users", None),
        ("GET", "/groups", None),
    ],
)
async def test_what_is_the_whole_registrys_takes_who_administers_everything(
    people: People, method: str, path: str, body: object
) -> None:
    require(await ask(people.basic("team"), method, path, body), 403)


async def test_one_sees_ones_own_grants_and_those_in_ones_patterns_and_no_others(people: People) -> None:
    await people.grant("bob", "reader", "shop/web")
    await people.grant("bob", "reader", "secret/**")
    seen = require(await ask(people.basic("team"), "GET", "/grants"), 200).json()["grants"]
    assert {(each["principal"], each["pattern"]) for each in seen} == {("team", "shop/**"), ("bob", "shop/web")}
    seen = require(await ask(people.basic("bob"), "GET", "/grants"), 200).json()["grants"]
    assert {each["pattern"] for each in seen} == {"shop/web", "secret/**"}
    for name in ("watch", "root"):
        assert len(require(await ask(people.basic(name), "GET", "/grants"), 200).json()["grants"]) > 6


async def test_a_personal_token_shows_no_more_than_it_is_for(people: People) -> None:
    await people.grant("bob", "reader", "shop/web")
    await people.add("ann", ("administrator", "shop/**"), actions=("pull",), patterns=("shop/**",))
    seen = require(await ask(people.basic("ann"), "GET", "/grants"), 200).json()["grants"]
    assert {each["principal"] for each in seen} == {"ann"}


# --- denies that hide things


@pytest.mark.parametrize(
    "wanted",
    [
        grant("root", "administrator", "shop/**", deny=True),
        grant("root", "reader", "shop/web", deny=True),
        grant("watch", "reader", "shop/**", deny=True),
        grant("watch", "auditor", "shop/*", deny=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("way", ["by name", "by group"])
async def test_nothing_is_hidden_from_who_administers_or_audits_more(
    registry: Registry, people: People, wanted: dict[str, object], way: str
) -> None:
    if way == "by group":
        who = str(wanted["principal"])
        await people.add(f"{who}2", ("administrator" if who == "root" else "auditor", "**"), groups=("everybody",))
        wanted = wanted | {"principal": "group:everybody"}
    before = await granted(registry)
    require(await ask(people.basic("team"), "POST", "/grants", wanted), 403)
    assert await granted(registry) == before


async def test_who_administers_the_same_or_less_may_be_denied(people: People) -> None:
    await people.add("peer", ("administrator", "shop/**"))
    await people.add("less", ("administrator", "shop/web/**"))
    for who in ("peer", "less"):
        require(await ask(people.basic("team"), "POST", "/grants", grant(who, "reader", "shop/web/**", deny=True)), 201)


async def test_the_last_who_can_give_everything_does_not_lose_that(registry: Registry, people: People) -> None:
    """A deny about oneself cannot be taken back by oneself: somebody must be left who can."""
    require(await ask(people.basic("root"), "DELETE", "/users/a-administrator"), 204)
    client = people.basic("root")
    wanted = grant("root", "publisher", "shop/web", deny=True)
    require(await ask(client, "POST", "/grants", wanted), 405)
    await people.add("root2", ("administrator", "**"), kind=Kind.SECRET)
    made = require(await ask(client, "POST", "/grants", wanted), 201).json()
    require(await ask(client, "DELETE", f"/grants/{made['id']}"), 403)
    require(await ask(client, "DELETE", "/users/root2"), 405)
    require(await ask(people.basic("root2"), "DELETE", f"/grants/{made['id']}"), 204)


# --- administering everything and holding little


async def test_a_role_is_not_widened_beyond_what_one_holds(registry: Registry, people: People) -> None:
    client = people.basic("clerk")
    for role in ("clerk", "fresh"):
        for words in (["admin", "pull", "push"], ["delete"], ["audit", "pull"]):
            require(await ask(client, "PUT", f"/roles/{role}", {"actions": words}), 403)
    assert (await registry.services.granting.roles())["clerk"] == ["admin", "pull"]
    require(await ask(client, "PUT", "/roles/fresh", {"actions": ["pull"]}), 200)
    require(await ask(people.basic("root"), "PUT", "/roles/fresh", {"actions": ["pull", "push"]}), 200)


async def test_a_role_that_denies_is_not_narrowed_by_whom_it_is_about(registry: Registry, people: People) -> None:
    require(await ask(people.basic("root"), "PUT", "/roles/writes", {"actions": ["push", "tag"]}), 200)
    await people.add("chief", ("administrator", "**"), ("writes", "prod/**", {"deny": True}), kind=Kind.SECRET)
    require(await ask(people.basic("chief"), "PUT", "/roles/writes", {"actions": ["scan"]}), 403)
    require(await ask(people.basic("root"), "PUT", "/roles/writes", {"actions": ["push"]}), 200)


@pytest.mark.parametrize("words", [["pull", "push"], ["admin"]])
async def test_a_role_that_everybody_has_stays_one_of_pulling(people: People, words: list[str]) -> None:
    root = people.basic("root")
    require(await ask(root, "PUT", "/roles/public", {"actions": ["pull"]}), 200)
    require(await ask(root, "POST", "/grants", grant("anonymous", "public", "open/**")), 201)
    answer = require(await ask(root, "PUT", "/roles/public", {"actions": words}), 400)
    assert "only pull can be granted" in answer.json()["errors"][0]["message"]


async def test_a_role_that_is_limited_to_tags_somewhere_does_not_become_one_of_administering(people: People) -> None:
    root = people.basic("root")
    require(await ask(root, "PUT", "/roles/tagger", {"actions": ["tag"]}), 200)
    require(await ask(root, "POST", "/grants", grant("bob", "tagger", "shop/**", tags=["dev-*"])), 201)
    require(await ask(root, "PUT", "/roles/tagger", {"actions": ["tag", "admin"]}), 400)


async def test_nobody_joins_a_group_that_may_more_than_who_lets_them_in(people: People) -> None:
    await people.add("chief", groups=("chiefs",))
    await people.grant("group:chiefs", "administrator", "**")
    await people.add("reads", groups=("readers",))
    await people.grant("group:readers", "reader", "**")
    client = people.basic("clerk")
    for who in ("clerk", "bob"):
        require(await ask(client, "PUT", f"/members/{who}/chiefs"), 403)
        require(await ask(client, "PUT", f"/members/{who}/readers"), 204)
    require(await ask(people.basic("root"), "PUT", "/members/bob/chiefs"), 204)


async def test_nobody_leaves_a_group_that_something_is_denied_to(people: People) -> None:
    await people.add("chief", ("administrator", "**"), groups=("interns",), kind=Kind.SECRET)
    await people.grant("group:interns", "reader", "prod/**", {"deny": True})
    client = people.basic("chief")
    require(await ask(client, "DELETE", "/members/chief/interns"), 403)
    require(await ask(client, "DELETE", "/groups/interns"), 403)
    require(await ask(people.basic("root"), "DELETE", "/members/chief/interns"), 204)


async def test_the_password_of_who_may_more_is_not_set(registry: Registry, people: People) -> None:
    client = people.basic("clerk")
    new = {"password": "another horse battery"}
    for who in ("root", "team", "watch"):
        require(await ask(client, "PATCH", f"/users/{who}", new), 403)
    require(await ask(client, "PATCH", "/users/bob", new), 200)
    require(await ask(people.basic("root"), "PATCH", "/users/team", new), 200)


async def test_who_may_more_is_not_enabled_and_whoever_it_is_may_be_disabled(people: People) -> None:
    require(await ask(people.basic("clerk"), "PATCH", "/users/watch", {"disabled": True}), 200)
    require(await ask(people.basic("clerk"), "PATCH", "/users/watch", {"disabled": False}), 403)
    require(await ask(people.basic("root"), "PATCH", "/users/watch", {"disabled": False}), 200)


async def test_a_personal_token_does_not_become_its_owner(people: People) -> None:
    await people.add("ann", ("administrator", "**"), actions=("admin",), patterns=("**",))
    client = people.basic("ann")
    new = {"password": "another horse battery"}
    require(await ask(client, "GET", "/users"), 200)
    for who in ("ann", "root"):
        require(await ask(client, "PATCH", f"/users/{who}", new), 403)
    require(await ask(client, "PUT", "/roles/mine", {"actions": ["push"]}), 403)
    require(await ask(client, "POST", "/grants", grant("bob", "reader", "shop/**")), 403)


ISSUER = {"url": "https://ci.example", "audience": "https://registry.test"}


@pytest.mark.parametrize("what", ["secret", "owner", "trust", "issuer"])
async def test_a_service_account_that_may_more_is_not_taken_over(people: People, what: str) -> None:
    """Whoever has a secret of it, or decides who has, or what vouches for it, can do what it can."""
    key = ECKey.import_key(signing.new_key(0).private, {"kid": "k", "alg": "ES256"})
    issuer = ISSUER | {"jwks": json.dumps({"keys": [key.as_dict(private=False)]})}
    await people.add("boss", ("administrator", "**"), kind=Kind.SECRET)
    await people.add("temp", ("clerk", "**"), kind=Kind.SECRET)
    await people.add("owner")
    boss, temp = people.basic("boss"), people.basic("temp")
    require(await ask(boss, "POST", "/service-accounts", {"name": "ci-prod", "owner": "owner"}), 201)
    require(await ask(boss, "POST", "/grants", grant("ci-prod", "publisher", "prod/**")), 201)
    require(await ask(boss, "POST", "/issuers", issuer), 201)
    rule = {"account": "ci-prod", "issuer": ISSUER["url"], "claims": {"repository_id": "1"}}
    tries: dict[str, tuple[str, str, object, int]] = {
        "secret": ("POST", "/service-accounts/ci-prod/secrets", {"label": "mine", "expires_at": None}, 201),
        "owner": ("PATCH", "/service-accounts/ci-prod", {"owner": "temp"}, 200),
        "trust": ("POST", "/trusts", rule, 201),
        "issuer": ("POST", "/issuers", issuer | {"replace": True}, 201),
    }
    if what == "issuer":
        require(await ask(boss, "POST", "/trusts", rule), 201)
    method, path, body, status = tries[what]
    require(await ask(temp, method, path, body), 403)
    require(await ask(boss, method, path, body), status)


async def test_nobody_is_linked_to_somebody_who_may_more(people: People) -> None:
    subject = {"issuer": "https://id.example", "subject": "mine", "account": "root"}
    require(await ask(people.basic("clerk"), "POST", "/identities", subject), 403)
    require(await ask(people.basic("root"), "POST", "/identities", subject), 201)
