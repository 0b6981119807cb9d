"""Issuers and trust rules: who may make them, what is refused, and what is recorded."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, select

from tests.api.caller import Caller
from tests.conftest import PASSWORD, Registry, hashed_password
from tests.kit.client import Client
from tests.kit.parts.issuer import AUDIENCE, Issuer, down, github, gitlab, issuer, kubernetes
from wharfinger.access import tokens
from wharfinger.access.tokens import Kind
from wharfinger.meta import accounts, grants
from wharfinger.meta.accounts import PERSON, SERVICE, Account
from wharfinger.meta.grants import SecretRow
from wharfinger.meta.schema_access import audit_records

MAIN = {"repository_id": "123", "ref": "refs/heads/main"}


@pytest.fixture
def ci() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


@pytest.fixture
async def owner(registry: Registry) -> Caller:
    """A person without any grant, who owns the service account ``ci-shop``."""

    def add(tx: Connection) -> None:
        for name, kind, owner in (("olga", PERSON, None), ("ci-shop", SERVICE, "olga"), ("ci-other", SERVICE, None)):
            password = hashed_password() if kind == PERSON else ""
            generation = accounts.begin_change(tx)
            accounts.add(
                tx, Account(name, password, disabled=False, generation=generation, created_at=1, kind=kind, owner=owner)
            )

    await registry.services.db.write(add)
    registry.opened.append(Client(app=registry.app, account=("olga", PASSWORD)))
    return Caller(registry.opened[-1])


def new_issuer(ci: Issuer, **changed: Any) -> dict[str, Any]:
    return {"url": ci.url, "audience": AUDIENCE, "private": True} | changed


def new_trust(ci: Issuer, **changed: Any) -> dict[str, Any]:
    return {"account": "ci-shop", "issuer": ci.url, "claims": MAIN} | changed


async def records(registry: Registry, *actions: str) -> list[dict[str, Any]]:
    def read(tx: Connection) -> list[dict[str, Any]]:
        rows = tx.execute(select(audit_records).where(audit_records.c.action.in_(actions)).order_by(audit_records.c.id))
        return [{**row, "detail": json.loads(row["detail"])} for row in rows.mappings()]

    return await registry.services.db.read(read)


async def test_an_issuer_is_registered_changed_and_removed_with_its_rules(
    registry: Registry, api: Caller, owner: Caller, ci: Issuer
) -> None:
    made = await api("POST", "/issuers", new_issuer(ci), status=201)
    assert (made["url"], made["audience"], made["keys"], made["private"]) == (ci.url, AUDIENCE, "fetched", True)
    rule = await owner("POST", "/trusts", new_trust(ci), status=201)
    given = new_issuer(ci, jwks=json.dumps(ci.jwks()), audience="wharf", replace=True)
    assert (await api("POST", "/issuers", given, status=201))["keys"] == "given"
    assert [each["id"] for each in (await api("GET", "/trusts"))["trusts"]] == [rule["id"]]
    gone = await api("DELETE", f"/issuers?url={quote(ci.url)}")
    assert [each["id"] for each in gone["trusts"]] == [rule["id"]]
    assert await api("GET", "/issuers") == {"issuers": []}
    assert await api("GET", "/trusts") == {"trusts": []}
    told = await records(registry, "issuer.add", "issuer.change", "issuer.remove", "trust.add", "trust.remove")
    assert [each["action"] for each in told] == [
        "issuer.add",
        "trust.add",
        "issuer.change",
        "trust.remove",
        "issuer.remove",
    ]
    assert [each["account"] for each in told] == ["a-administrator", "olga", *["a-administrator"] * 3]
    change = told[2]["detail"]
    assert change["before"] == {"audience": AUDIENCE, "keys": "fetched", "private": True}
    assert change["after"] == {"audience": "wharf", "keys": ["key-1"], "private": True}
    assert told[1]["detail"]["after"]["claims"] == {"ref": ["refs/heads/main"], "repository_id": ["123"]}
    assert told[3]["detail"]["before"] == told[1]["detail"]["after"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": "http://issuer.test"}, "want https"),
        ({"private": False}, "want https"),
        ({"url": "https://127.1"}, "is no host"),
        ({"url": "https://127.0.0.1", "private": False}, "this machine itself"),
        ({"url": "https://169.254.169.254"}, "link-local"),
        ({"url": "https://u:p@issuer.test"}, "user name"),
        ({"url": "https://issuer.test/?a=b"}, "has no query"),
        ({"url": "kubernetes/serviceaccount"}, "want https"),
        ({"audience": ""}, "invalid audience"),
        ({"audience": "a" * 201}, "invalid audience"),
        ({"audience": "a\nb"}, "invalid audience"),
        ({"audience": "sigstore"}, "made for somebody else"),
        (
            {"url": "https://token.actions.githubusercontent.com", "audience": "https://github.com/acme"},
            "made for somebody",
        ),
        ({"jwks": "{}"}, "key set is of no use"),
        ({"replace": True}, "is not registered"),
    ],
)
async def test_an_issuer_that_cannot_be_trusted_is_refused(
    api: Caller, ci: Issuer, changed: dict[str, Any], said: str
) -> None:
    status = 404 if changed.get("replace") else 400
    assert said in await api.refusal("POST", "/issuers", new_issuer(ci, **changed), status=status)
    assert await api("GET", "/issuers") == {"issuers": []}


async def test_an_issuer_whose_keys_cannot_be_had_is_not_registered(api: Caller, ci: Issuer) -> None:
    ci.behave(down())
    assert "answered 503" in await api.refusal("POST", "/issuers", new_issuer(ci), status=502)
    await api("POST", "/issuers", new_issuer(ci, jwks=json.dumps(ci.jwks())), status=201)
    assert "is there already" in await api.refusal(
        "POST", "/issuers", new_issuer(ci, jwks=json.dumps(ci.jwks())), status=409
    )
    assert await api.refusal("DELETE", "/issuers?url=https://other.test", status=404)


async def test_only_administrators_trust_issuers_and_everybody_may_know_them(
    registry: Registry, api: Caller, owner: Caller, ci: Issuer
) -> None:
    await api("POST", "/issuers", new_issuer(ci), status=201)
    for role in ("reader", "publisher", "maintainer", "auditor"):
        other = Caller(registry.as_(role))
        await other.refusal("POST", "/issuers", new_issuer(ci), status=403)
        await other.refusal("DELETE", f"/issuers?url={quote(ci.url)}", status=403)
    assert [each["url"] for each in (await owner("GET", "/issuers"))["issuers"]] == [ci.url]
    assert len(ci.asked) == 2


async def test_rules_are_made_by_the_owner_and_by_administrators(
    registry: Registry, api: Caller, owner: Caller, ci: Issuer
) -> None:
    await api("POST", "/issuers", new_issuer(ci), status=201)
    mine = await owner("POST", "/trusts", new_trust(ci), status=201)
    other = await api("POST", "/trusts", new_trust(ci, account="ci-other"), status=201)
    maintainer = Caller(registry.as_("maintainer"))
    messages = set()
    for caller, account in ((owner, "ci-other"), (owner, "nobody"), (owner, "olga"), (maintainer, "ci-shop")):
        messages.add(await caller.refusal("POST", "/trusts", new_trust(ci, account=account), status=403))
    assert len(messages) == 1
    assert [each["id"] for each in (await owner("GET", "/trusts"))["trusts"]] == [mine["id"]]
    assert await maintainer("GET", "/trusts") == {"trusts": []}
    assert len((await Caller(registry.as_("auditor"))("GET", "/trusts"))["trusts"]) == 2
    unknown = await owner.refusal("DELETE", "/trusts/999999", status=404)
    assert await owner.refusal("DELETE", f"/trusts/{other['id']}", status=404) == unknown.replace(
        "999999", str(other["id"])
    )
    await owner("DELETE", f"/trusts/{mine['id']}", status=204)
    await api("DELETE", f"/trusts/{other['id']}", status=204)
    await api.refusal("DELETE", f"/trusts/{other['id']}", status=404)


async def test_a_token_that_was_narrowed_makes_no_rules(
    registry: Registry, api: Caller, owner: Caller, ci: Issuer
) -> None:
    await api("POST", "/issuers", new_issuer(ci), status=201)
    secret = tokens.generate(Kind.TOKEN)
    row = SecretRow(
        "t1",
        "olga",
        "token",
        "",
        tokens.fingerprint(secret),
        ("pull",),
        ("**",),
        1,
        "olga",
        expires_at=None,
        used_at=None,
    )

    def add(tx: Connection) -> None:
        accounts.begin_change(tx)
        grants.add_secret(tx, row)

    await registry.services.db.write(add)
    registry.services.authenticator.directory.forget()
    async with Client(app=registry.app, account=("olga", secret)) as client:
        await Caller(client)("GET", "/trusts")
        await Caller(client).refusal("POST", "/trusts", new_trust(ci), status=403)


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"account": "a-reader"}, 404, "service account a-reader is not known"),
        ({"account": "nobody"}, 404, "service account nobody is not known"),
        ({"issuer": "https://other.test"}, 400, "is not registered"),
        ({"claims": {}}, 400, "1 to 20 claims"),
        ({"claims": {"ref": "x"}}, 400, "--allow-names"),
        ({"claims": {"ref": "refs/heads/*"}, "allow_names": True}, 400, "no wildcards"),
        ({"claims": {"ref": 5}}, 400, "malformed"),
        ({"claims": {"ref": {"a": "b"}}}, 400, "malformed"),
        ({"claims": ["ref"]}, 400, "malformed"),
    ],
)
async def test_a_rule_that_cannot_be_is_refused_and_changes_nothing(
    registry: Registry, api: Caller, owner: Caller, ci: Issuer, changed: dict[str, Any], status: int, said: str
) -> None:
    await api("POST", "/issuers", new_issuer(ci), status=201)
    assert said in await api.refusal("POST", "/trusts", new_trust(ci, **changed), status=status)
    assert await api("GET", "/trusts") == {"trusts": []}
    assert await records(registry, "trust.add") == []


async def test_the_same_rule_is_made_once_and_what_is_risky_is_said(api: Caller, owner: Caller, ci: Issuer) -> None:
    await api("POST", "/issuers", new_issuer(ci), status=201)
    listed = {"project_id": ["42", "43"]}
    made = await api("POST", "/trusts", new_trust(ci, claims=listed), status=201)
    assert "every branch" in made["warnings"][0]
    again = new_trust(ci, claims={"project_id": ["43", "42"]})
    assert f"rule {made['id']}" in await api.refusal("POST", "/trusts", again, status=409)
    await api("POST", "/trusts", new_trust(ci, claims=listed, account="ci-other"), status=201)


async def test_a_token_is_tried_out_claim_by_claim(registry: Registry, api: Caller, owner: Caller, ci: Issuer) -> None:
    await api("POST", "/issuers", new_issuer(ci), status=201)
    rule = await owner("POST", "/trusts", new_trust(ci), status=201)
    now = registry.clock()

    async def tried(**claims: Any) -> Any:
        token = ci.sign(github(ci.url, now) | claims)
        return await owner("POST", "/trusts/test", {"account": "ci-shop", "token": token})

    good = await tried()
    assert (good["accepted"], good["why"]) == (True, None)
    assert good["claims"]["repository_id"] == "'123'"
    assert good["rules"] == [
        {
            "id": rule["id"],
            "claims": [
                {"claim": "ref", "wanted": ["refs/heads/main"], "found": "'refs/heads/main'", "matches": True},
                {"claim": "repository_id", "wanted": ["123"], "found": "'123'", "matches": True},
            ],
        }
    ]
    bad = await tried(ref="refs/heads/dev")
    assert not bad["accepted"]
    assert bad["why"] == f"rule {rule['id']}: ref is 'refs/heads/dev', not 'refs/heads/main'"
    assert [each["matches"] for each in bad["rules"][0]["claims"]] == [False, True]
    assert "made for 'elsewhere'" in (await tried(aud="elsewhere"))["why"]
    assert "ended" in (await tried(exp=int(now)))["why"]
    assert "is not registered" in (await tried(iss="https://other.test"))["why"]
    assert await records(registry, "token.exchange") == []
    await owner.refusal("POST", "/trusts/test", {"account": "ci-shop", "token": "x"}, status=400)
    await owner.refusal("POST", "/trusts/test", {"account": "ci-other", "token": ci.sign({"iss": ci.url})}, status=403)


async def test_what_tokens_of_other_providers_say_can_be_seen(
    registry: Registry, api: Caller, owner: Caller, ci: Issuer
) -> None:
    await api("POST", "/issuers", new_issuer(ci), status=201)
    for claims in (gitlab(ci.url, registry.clock()), kubernetes(ci.url, registry.clock())):
        found = await api("POST", "/trusts/test", {"account": "ci-shop", "token": ci.sign(claims)})
        assert found["why"] == "there is no rule for this issuer and this account"
        assert set(found["claims"]) == set(claims)
