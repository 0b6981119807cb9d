"""Workloads come with a token from a trusted issuer, and with nothing that would have to be kept secret."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import pytest
from httpx2 import Response
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import select

from tests.conftest import Registry
from tests.kit.client import Client, require
from tests.kit.images import image
from tests.kit.parts.issuer import (
    AUDIENCE,
    KEYS,
    Issuer,
    down,
    github,
    gitlab,
    issuer,
    kubernetes,
    kubernetes_legacy,
)
from wharfinger.access import passwords
from wharfinger.access.caller import Caller
from wharfinger.access.trusting import WantedIssuer, WantedTrust
from wharfinger.meta import accounts, grants
from wharfinger.meta.accounts import SERVICE, Account
from wharfinger.meta.grants import GrantRow, TrustRow
from wharfinger.meta.schema_access import audit_records

TYPE = "urn:ietf:params:oauth:token-type:id_token"
MAIN = {"repository_id": "123", "ref": "refs/heads/main"}


@dataclass
class Lab:
    """A registry that trusts an issuer, with the service accounts ``ci`` and ``other``, which may push to theirs."""

    registry: Registry
    issuer: Issuer
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(app=self.registry.app)

    @property
    def now(self) -> float:
        return self.registry.clock()

    async def admin(self) -> Caller:
        services = self.registry.services
        snapshot = await services.authenticator.directory.current()
        identity = snapshot.identity("a-administrator", "password", self.now)
        assert identity is not None
        return Caller(identity, snapshot, self.now)

    async def account(self, name: str, *, owner: str | None = None) -> None:
        def add(tx: Any) -> None:
            generation = accounts.begin_change(tx)
            accounts.add(
                tx, Account(name, "", disabled=False, generation=generation, created_at=1, kind=SERVICE, owner=owner)
            )
            grant = GrantRow(0, name, "publisher", f"{name}/**", (), (), None, deny=False, created_at=1, created_by="t")
            grants.add_grant(tx, grant)

        await self.registry.services.db.write(add)
        self.registry.services.authenticator.directory.forget()

    async def trust(
        self, claims: Mapping[str, str | Sequence[str]] = MAIN, account: str = "ci", *, issuer: str | None = None
    ) -> TrustRow:
        wanted = WantedTrust(account, issuer or self.issuer.url, claims, allow_names=True)
        return (await self.registry.services.trusting.add(await self.admin(), wanted))[0]

    async def exchange(
        self, token: str, *, account: str | None = None, scope: str = "repository:ci/app:push,pull"
    ) -> Response:
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token,
            "subject_token_type": TYPE,
            "scope": scope,
        } | ({} if account is None else {"username": account})
        content = urlencode(form).encode()
        typed = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.client.request("POST", "/token", content=content, headers=typed)

    async def refused(self, token: str, **how: Any) -> str:
        """The code that whoever shows the token is told, which is the one that is recorded."""
        answer = require(await self.exchange(token, **how), 401)
        error = answer.json()["errors"][0]
        assert error["code"] == "UNAUTHORIZED"
        assert error["detail"] == {}
        record = (await self.records())[-1]
        assert record["outcome"] == "denied"
        assert f"({record['detail']['reason']})" in error["message"]
        return str(record["detail"]["reason"])

    async def why(self) -> str:
        return str((await self.records())[-1]["detail"]["why"])

    async def records(self, action: str = "token.exchange") -> list[dict[str, Any]]:
        def read(tx: Any) -> list[dict[str, Any]]:
            rows = tx.execute(
                select(audit_records).where(audit_records.c.action == action).order_by(audit_records.c.id)
            )
            return [dict(row) | {"detail": json.loads(row["detail"])} for row in rows.mappings()]

        return await self.registry.services.db.read(read)

    async def basic(self, name: str, password: str, path: str = "/v2/") -> Response:
        header = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
        return await self.client.request("GET", path, headers={"Authorization": header})


@pytest.fixture
def ci_issuer() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


@pytest.fixture
async def lab(registry: Registry, ci_issuer: Issuer) -> AsyncIterator[Lab]:
    made = Lab(registry, ci_issuer)
    for name in ("ci", "other"):
        await made.account(name)
    await register(made, ci_issuer)
    yield made
    await made.client.close()


def part(fields: Mapping[str, Any]) -> str:
    """One part of a token that is made by hand."""
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


async def register(lab: Lab, issuer: Issuer, *, audience: str = AUDIENCE, jwks: str | None = None) -> None:
    wanted = WantedIssuer(issuer.url, audience, jwks, private=True)
    await lab.registry.services.trusting.add_issuer(await lab.admin(), wanted)


async def test_a_workload_pushes_and_pulls_with_what_its_issuer_gave_it(lab: Lab) -> None:
    rule = await lab.trust()
    answer = require(await lab.exchange(lab.issuer.sign(github(lab.issuer.url, lab.now))), 200).json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 300
    assert "refresh_token" not in answer
    bearer = {"Authorization": f"Bearer {answer['token']}"}
    require(await lab.client.request("POST", "/v2/ci/app/blobs/uploads/", content=b"", headers=bearer), 202)
    require(await lab.client.request("POST", "/v2/other/app/blobs/uploads/", content=b"", headers=bearer), 401)
    record = (await lab.records())[-1]
    assert (record["account"], record["outcome"], record["rule"]) == ("ci", "done", f"trust:{rule.id}")
    assert record["detail"]["issuer"] == lab.issuer.url
    assert record["detail"]["subject"] == "repo:acme@11/shop@123:ref:refs/heads/main"


async def test_docker_login_takes_the_token_for_a_password(lab: Lab) -> None:
    await lab.trust()
    token = lab.issuer.sign(github(lab.issuer.url, lab.now))
    for name in ("ci", "oidc"):
        answer = await lab.basic(name, token, "/token?scope=repository:ci/app:pull,push&offline_token=true")
        assert require(answer, 200).json()["scope"] == "repository:ci/app:pull,push"
        assert "refresh_token" not in answer.json()
        require(await lab.basic(name, token), 200)
    require(await lab.basic("other", token), 401)
    require(await lab.basic("nobody", token), 401)


async def test_containerd_sends_it_in_a_form_as_a_password(lab: Lab) -> None:
    await lab.trust()
    token = lab.issuer.sign(github(lab.issuer.url, lab.now))
    form = {"grant_type": "password", "username": "ci", "password": token, "access_type": "offline"}
    answer = await lab.client.request(
        "POST",
        "/token",
        content=urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert "refresh_token" not in require(answer, 200).json()


async def test_an_image_is_pushed_with_basic_and_the_exchange_is_recorded_once(lab: Lab) -> None:
    await lab.trust()
    token = lab.issuer.sign(github(lab.issuer.url, lab.now))
    async with Client(app=lab.registry.app, account=("ci", token)) as client:
        await client.push_image("ci/app", image(), "1.0")
    assert len(await lab.records()) == 1


@pytest.mark.parametrize(
    "password", ["first.second.third", "e30.e30.e30", "a.b.c", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0."]
)
async def test_a_password_with_dots_stays_a_password(lab: Lab, password: str) -> None:
    await lab.trust()

    def add(tx: Any) -> None:
        generation = accounts.begin_change(tx)
        accounts.add(
            tx, Account("dotted", passwords.HASHER.hash(password), disabled=False, generation=generation, created_at=1)
        )

    await lab.registry.services.db.write(add)
    lab.registry.services.authenticator.directory.forget()
    require(await lab.basic("dotted", password), 200)
    require(await lab.basic("dotted", password + "x"), 401)
    assert await lab.records() == []


# --- which account


async def test_of_several_accounts_one_is_named(lab: Lab) -> None:
    await lab.trust()
    token = lab.issuer.sign(github(lab.issuer.url, lab.now))
    await lab.trust({"repository_owner_id": "11"}, "other")
    assert await lab.refused(token) == "ambiguous"
    assert "name the one as username" in (await lab.exchange(token)).text
    for name in ("ci", "other"):
        require(await lab.exchange(token, account=name), 200)
        assert (await lab.records())[-1]["account"] == name
    assert await lab.refused(token, account="a-administrator") == "no-match"


async def test_whether_an_account_or_a_rule_exists_is_not_told(lab: Lab) -> None:
    await lab.trust({"repository_id": "999"}, "other")
    token = lab.issuer.sign(github(lab.issuer.url, lab.now))
    answers = {(await lab.exchange(token, account=name)).text for name in ("ci", "other", "nobody", "")}
    assert len(answers) == 1


async def test_a_rule_that_needs_more_than_the_token_has_says_which_claim_only_to_the_audit_trail(lab: Lab) -> None:
    rule = await lab.trust(MAIN | {"environment": "production"})
    token = lab.issuer.sign(github(lab.issuer.url, lab.now))
    assert await lab.refused(token) == "no-match"
    assert await lab.why() == f"rule {rule.id}: environment is null, not 'production'"
    assert "environment" not in (await lab.exchange(token)).text


@pytest.mark.parametrize("with_ids", [True, False])
async def test_github_is_known_by_its_ids_in_both_forms_of_sub(lab: Lab, *, with_ids: bool) -> None:
    await lab.trust()
    require(await lab.exchange(lab.issuer.sign(github(lab.issuer.url, lab.now, with_ids=with_ids))), 200)
    pull_request = github(lab.issuer.url, lab.now, with_ids=with_ids, event="pull_request")
    assert await lab.refused(lab.issuer.sign(pull_request)) == "no-match"


async def test_a_pipeline_of_a_fork_is_not_the_project(lab: Lab) -> None:
    await lab.trust({"project_id": "42"})
    for kind in ("branch", "tag"):
        require(await lab.exchange(lab.issuer.sign(gitlab(lab.issuer.url, lab.now, kind=kind))), 200)
    assert await lab.refused(lab.issuer.sign(gitlab(lab.issuer.url, lab.now, kind="fork"))) == "no-match"


async def test_kubernetes_is_matched_within_its_nested_claims(lab: Lab) -> None:
    await lab.trust({"/kubernetes.io/namespace": "build", "/kubernetes.io/serviceaccount/name": "ci"})
    require(await lab.exchange(lab.issuer.sign(kubernetes(lab.issuer.url, lab.now), typ=None)), 200)
    for changed in ({"namespace": "other"}, {"name": "other"}):
        assert await lab.refused(lab.issuer.sign(kubernetes(lab.issuer.url, lab.now, **changed))) == "no-match"


async def test_a_legacy_kubernetes_token_is_refused(lab: Lab) -> None:
    await lab.trust({"sub": "system:serviceaccount:build:ci"})
    assert await lab.refused(lab.issuer.sign(kubernetes_legacy(lab.issuer.url))) == "no-expiry"


# --- the token itself


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"aud": "https://elsewhere.test"}, "audience"),
        ({"aud": AUDIENCE + "/"}, "audience"),
        ({"aud": ["https://elsewhere.test", 7]}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": {AUDIENCE: AUDIENCE}}, "audience"),
        ({"iss": "https://elsewhere.test"}, "issuer"),
        ({"iss": ["x"]}, "issuer"),
        ({"exp": 1_800_000_000}, "expired"),
        ({"exp": None}, "malformed"),
        ({"exp": "1800000300"}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"exp": float("nan")}, "malformed"),
        ({"exp": 1e300}, "malformed"),
        ({"exp": 1_800_000_000 + 86_401}, "lifetime"),
        ({"iat": 1_800_000_000 - 86_400}, "lifetime"),
        ({"iat": 1_800_000_061}, "not-yet-valid"),
        ({"nbf": 1_800_000_061}, "not-yet-valid"),
    ],
)
async def test_a_token_that_is_not_for_us_and_now_is_refused(lab: Lab, changed: dict[str, Any], code: str) -> None:
    await lab.trust()
    require(await lab.exchange(lab.issuer.sign(github(lab.issuer.url, lab.now))), 200)
    assert await lab.refused(lab.issuer.sign(github(lab.issuer.url, lab.now) | changed)) == code


@pytest.mark.parametrize("claim", ["exp", "aud", "iss"])
async def test_a_token_without_what_it_must_have_is_refused(lab: Lab, claim: str) -> None:
    await lab.trust()
    claims = {name: value for name, value in github(lab.issuer.url, lab.now).items() if name != claim}
    assert await lab.refused(lab.issuer.sign(claims)) in {"no-expiry", "audience", "issuer"}


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": [AUDIENCE, "https://elsewhere.test"]},
        {"iat": 1_800_000_060},
        {"nbf": 1_800_000_060},
        {"exp": 1_800_086_400},
        {"iat": 1_800_000_000.5},
        {"something_new": {"a": [1]}},
    ],
)
async def test_a_token_at_the_edge_is_accepted(lab: Lab, changed: dict[str, Any]) -> None:
    await lab.trust()
    require(await lab.exchange(lab.issuer.sign(github(lab.issuer.url, lab.now) | changed)), 200)


async def test_a_token_can_be_exchanged_until_it_ends_and_not_after(lab: Lab) -> None:
    await lab.trust()
    token = lab.issuer.sign(github(lab.issuer.url, lab.now))
    for _ in range(2):
        require(await lab.exchange(token), 200)
    require(await lab.basic("ci", token), 200)
    lab.registry.clock.advance(299)
    require(await lab.exchange(token), 200)
    lab.registry.clock.advance(1)
    assert await lab.refused(token) == "expired"
    require(await lab.basic("ci", token), 401)


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (RSAKey.generate_key(2048), "RS256"),
        (RSAKey.generate_key(2048), "RS384"),
        (RSAKey.generate_key(2048), "RS512"),
        (RSAKey.generate_key(2048), "PS256"),
        (ECKey.generate_key("P-256"), "ES256"),
        (ECKey.generate_key("P-384"), "ES384"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_usual_algorithms_are_taken(lab: Lab, key: RSAKey | ECKey | OKPKey, alg: str) -> None:
    await lab.trust()
    lab.issuer.rotate(key)
    lab.registry.clock.advance(30)
    require(await lab.exchange(lab.issuer.sign(github(lab.issuer.url, lab.now), alg=alg)), 200)


async def test_the_public_key_is_no_shared_secret(lab: Lab) -> None:
    await lab.trust()
    good = lab.issuer.sign(github(lab.issuer.url, lab.now))
    key = lab.issuer.keys[lab.issuer.current]
    assert isinstance(key, ECKey)
    for public in (
        key.as_pem(private=False),
        key.as_der(private=False),
        json.dumps(key.as_dict(private=False)).encode(),
        b"",
    ):
        signed = f"{part({'alg': 'HS256', 'kid': lab.issuer.current})}.{good.split('.')[1]}"
        mac = base64.urlsafe_b64encode(hmac.digest(public, signed.encode(), "sha256")).decode().rstrip("=")
        assert await lab.refused(f"{signed}.{mac}") == "algorithm"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, ["ES256"], "ES256K", "Ed448"])
async def test_no_other_algorithm_is_taken(lab: Lab, alg: object) -> None:
    await lab.trust()
    _, payload, signature = lab.issuer.sign(github(lab.issuer.url, lab.now)).split(".")
    for signed in ("", signature):
        token = f"{part({'alg': alg, 'kid': lab.issuer.current})}.{payload}.{signed}"
        assert await lab.refused(token) == "algorithm"
        require(await lab.basic("ci", token), 401)


async def test_a_key_of_another_kind_than_the_algorithm_is_not_used(lab: Lab) -> None:
    await lab.trust()
    claims = github(lab.issuer.url, lab.now)
    lab.issuer.rotate(ECKey.generate_key("P-384"))
    lab.registry.clock.advance(30)
    token = lab.issuer.sign(claims)
    require(await lab.exchange(token), 200)
    _, payload, signature = token.split(".")
    for alg in ("ES256", "RS256", "EdDSA"):
        header = part({"alg": alg, "kid": lab.issuer.current})
        assert await lab.refused(f"{header}.{payload}.{signature}") == "signature"


async def test_a_key_that_the_token_brings_along_is_not_used(lab: Lab) -> None:
    await lab.trust()
    own = ECKey.generate_key("P-256")
    claims = github(lab.issuer.url, lab.now)
    require(await lab.exchange(lab.issuer.sign(claims)), 200)
    for header in (
        {"jwk": own.as_dict(private=False)},
        {"jku": f"{lab.issuer.url}{KEYS}"},
        {"x5u": "https://elsewhere.test/cert"},
        {"x5c": ["MIIB"]},
        {"kid": "../../key-1"},
        {"kid": "' OR 1=1 --"},
        {"kid": None},
    ):
        before = len(lab.issuer.asked)
        assert await lab.refused(lab.issuer.sign(claims, key=own, **header)) == "signature", header
        assert len(lab.issuer.asked) == before


async def test_a_header_that_demands_an_extension_is_refused(lab: Lab) -> None:
    await lab.trust()
    good = lab.issuer.sign(github(lab.issuer.url, lab.now)).split(".")
    for more in ({"crit": ["b64"], "b64": False}, {"crit": ["exp"]}, {"typ": "logout+jwt"}, {"kid": 7}, {"typ": None}):
        fields = {"alg": "ES256", "kid": lab.issuer.current} | more
        assert await lab.refused(f"{part(fields)}.{good[1]}.{good[2]}") == "malformed"


@pytest.mark.parametrize(
    "text", ["", "x", "a.b", "a.b.c.d", "e30.e30.", "W10.W10.x", "é.e30.x", "e30.e30.x\n", "e30 .e30.x", "x" * 20_000]
)
async def test_what_is_no_token_is_refused(lab: Lab, text: str) -> None:
    await lab.trust()
    assert await lab.refused(text) in {"malformed", "issuer"}


async def test_a_changed_token_is_refused(lab: Lab) -> None:
    await lab.trust()
    header, payload, signature = lab.issuer.sign(github(lab.issuer.url, lab.now, repository_id="666")).split(".")
    assert payload != (forged := part(github(lab.issuer.url, lab.now)))
    assert await lab.refused(f"{header}.{forged}.{signature}") == "signature"
    deep = base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=")
    assert await lab.refused(f"{header}.{deep}.{signature}") == "malformed"


async def test_one_issuer_does_not_speak_for_another(lab: Lab) -> None:
    await lab.trust()
    with issuer() as foreign:
        await register(lab, foreign)
        await lab.trust({"repository_id": "123"}, "other", issuer=foreign.url)
        honest = foreign.sign(github(foreign.url, lab.now))
        require(await lab.exchange(honest), 200)
        assert (await lab.records())[-1]["account"] == "other"
        assert await lab.refused(honest, account="ci") == "no-match"
        # Both call their key key-1.
        assert await lab.refused(foreign.sign(github(lab.issuer.url, lab.now))) == "signature"


async def test_an_issuer_of_its_own_audience_does_not_take_anothers(lab: Lab) -> None:
    await lab.trust()
    with issuer() as foreign:
        await register(lab, foreign, audience="https://registry.test/staging")
        await lab.trust({"repository_id": "123"}, "other", issuer=foreign.url)
        assert await lab.refused(foreign.sign(github(foreign.url, lab.now))) == "audience"


# --- what ends it


async def access_token(lab: Lab) -> dict[str, str]:
    answer = require(await lab.exchange(lab.issuer.sign(github(lab.issuer.url, lab.now))), 200)
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    require(await lab.client.request("GET", "/v2/", headers=bearer), 200)
    return bearer


@pytest.mark.parametrize("what", ["rule", "issuer", "account"])
async def test_access_tokens_end_with_the_rule_the_issuer_and_the_account(lab: Lab, what: str) -> None:
    rule = await lab.trust()
    bearer = await access_token(lab)
    basic = lab.issuer.sign(github(lab.issuer.url, lab.now))
    require(await lab.basic("ci", basic), 200)
    services = lab.registry.services
    if what == "rule":
        await services.trusting.remove(await lab.admin(), rule.id)
    elif what == "issuer":
        assert await services.trusting.remove_issuer(await lab.admin(), lab.issuer.url) == [rule]
    else:

        def remove(tx: Any) -> None:
            accounts.begin_change(tx)
            accounts.remove(tx, "ci")

        await services.db.write(remove)
        services.authenticator.directory.forget()
    require(await lab.client.request("GET", "/v2/", headers=bearer), 401)
    require(await lab.basic("ci", basic), 401)


async def test_a_rule_that_is_made_again_does_not_revive_old_tokens(lab: Lab) -> None:
    rule = await lab.trust()
    bearer = await access_token(lab)
    services = lab.registry.services
    await services.trusting.remove(await lab.admin(), rule.id)
    again = await lab.trust()
    assert again.id != rule.id
    require(await lab.client.request("GET", "/v2/", headers=bearer), 401)
    await access_token(lab)


async def test_an_access_token_outlives_the_workloads_by_no_more_than_its_own_life(lab: Lab) -> None:
    await lab.trust()
    answer = require(await lab.exchange(lab.issuer.sign(github(lab.issuer.url, lab.now, exp=int(lab.now) + 1))), 200)
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    lab.registry.clock.advance(299)
    require(await lab.client.request("GET", "/v2/", headers=bearer), 200)
    lab.registry.clock.advance(1)
    require(await lab.client.request("GET", "/v2/", headers=bearer), 401)


async def test_a_disabled_account_is_not_to_be_had(lab: Lab) -> None:
    await lab.trust()

    def disable(tx: Any) -> None:
        generation = accounts.begin_change(tx)
        accounts.update_account(tx, replace(accounts.require(tx, "ci"), disabled=True, generation=generation))

    await lab.registry.services.db.write(disable)
    lab.registry.services.authenticator.directory.forget()
    assert await lab.refused(lab.issuer.sign(github(lab.issuer.url, lab.now))) == "no-match"
    assert "disabled" in await lab.why()


# --- refusals


async def test_refusals_are_recorded_up_to_a_measure_and_never_slow_a_valid_token(lab: Lab) -> None:
    await lab.trust()
    good, bad = (lab.issuer.sign(github(lab.issuer.url, lab.now, repository_id=id)) for id in ("123", "666"))
    statuses = [(await lab.exchange(bad)).status_code for _ in range(15)]
    assert statuses == [401] * 10 + [429] * 5
    assert len(await lab.records()) == 10
    require(await lab.exchange(good), 200)
    lab.registry.clock.advance(60)
    require(await lab.exchange(lab.issuer.sign(github(lab.issuer.url, lab.now, repository_id="666"))), 401)


async def test_what_a_token_says_is_bounded_and_harmless_in_the_audit_trail(lab: Lab) -> None:
    await lab.trust()
    claims = github(lab.issuer.url, lab.now, repository_id="x\r\nHTTP/1.1 200\x1b[31m", sub="s" * 5000, jti="\ud800")
    assert await lab.refused(lab.issuer.sign(claims), account="a\n" * 500) == "no-match"
    detail = (await lab.records())[-1]["detail"]
    assert all(len(str(value)) <= 2000 and str(value).encode() for value in detail.values())
    assert "\n" not in detail["why"]
    await lab.refused(lab.issuer.sign(claims))
    assert "\\r\\n" in await lab.why()
    assert "\x1b" not in await lab.why()


async def test_the_issuer_is_down_and_known_keys_go_on_counting(lab: Lab) -> None:
    await lab.trust()
    await access_token(lab)
    lab.issuer.behave(down())
    lab.registry.clock.advance(hours=23)
    await access_token(lab)
    lab.registry.clock.advance(hours=2)
    assert await lab.refused(lab.issuer.sign(github(lab.issuer.url, lab.now))) == "keys-unavailable"
    lab.issuer.behave()
    lab.registry.clock.advance(30)
    await access_token(lab)


async def test_given_keys_are_used_without_asking_anybody(lab: Lab) -> None:
    with issuer() as offline:
        offline.behave(down())
        await register(lab, offline, jwks=json.dumps(offline.jwks()))
        await lab.trust(issuer=offline.url)
        require(await lab.exchange(offline.sign(github(offline.url, lab.now))), 200)
        offline.rotate()
        assert await lab.refused(offline.sign(github(offline.url, lab.now))) == "signature"
        wanted = WantedIssuer(offline.url, AUDIENCE, json.dumps(offline.jwks()), private=True)
        await lab.registry.services.trusting.replace_issuer(await lab.admin(), wanted)
        require(await lab.exchange(offline.sign(github(offline.url, lab.now))), 200)
        assert offline.asked == []


async def test_a_token_that_comes_with_every_request_stops_counting_when_its_issuer_is_changed(lab: Lab) -> None:
    await lab.trust()
    token = lab.issuer.sign(github(lab.issuer.url, lab.now))
    require(await lab.basic("ci", token), 200)
    wanted = WantedIssuer(lab.issuer.url, "another audience", private=True)
    await lab.registry.services.trusting.replace_issuer(await lab.admin(), wanted)
    require(await lab.basic("ci", token), 401)
