"""Workloads and service accounts at the management API: by their token or secret, and by a login that ends with it."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.access.test_workloads import Lab, register
from tests.api.caller import ask
from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, code_of, require
from tests.kit.parts.issuer import AUDIENCE, Issuer, github, issuer
from wharfinger.access import tokens
from wharfinger.access.granting import Wanted
from wharfinger.access.tokens import Kind
from wharfinger.access.trusting import WantedIssuer
from wharfinger.access.workloads import LOGIN_AT_MOST
from wharfinger.meta import accounts


@pytest.fixture
def ci_issuer() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


@pytest.fixture
async def lab(registry: Registry, ci_issuer: Issuer) -> AsyncIterator[Lab]:
    made = Lab(registry, ci_issuer)
    for name in ("ci", "other"):
        await made.account(name, owner="a-administrator")
    await register(made, ci_issuer)
    await made.trust()
    yield made
    await made.client.close()


def token_of(lab: Lab, **changed: Any) -> str:
    return lab.issuer.sign(github(lab.issuer.url, lab.now, **changed))


async def log_in(lab: Lab, secret: str, *, name: str = "ci", status: int = 200) -> Any:
    wanted = {"username": name, "password": secret}
    return require(await ask(lab.client, "POST", "/login", wanted), status).json()


async def api(
    lab: Lab, method: str, path: str, body: object = None, *, bearer: str = "", basic: tuple[str, str] | None = None
) -> Any:
    header = f"Bearer {bearer}"
    if basic is not None:
        header = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
    return await ask(lab.client, method, path, body, headers={"Authorization": header})


async def secret_of(lab: Lab, *, lasts: float | None = None) -> Any:
    until = None if lasts is None else lab.now + lasts
    return await lab.registry.services.secrets.add_secret(await lab.admin(), "ci", "tests", until)


# --- a token is shown as at the data plane, or exchanged for a login


async def test_a_workload_asks_as_its_service_account(lab: Lab) -> None:
    for name in ("ci", "oidc"):
        answer = require(await api(lab, "GET", "/whoami", basic=(name, token_of(lab))), 200)
        assert answer.json() == {"name": "ci", "groups": []}


async def test_a_login_is_had_for_a_token_and_ends_with_it(lab: Lab) -> None:
    made = await log_in(lab, token_of(lab), name="oidc")
    assert (made["username"], made["expires"]) == ("ci", lab.now + 300)
    assert require(await api(lab, "GET", "/whoami", bearer=made["token"]), 200).json()["name"] == "ci"
    lab.registry.clock.advance(299)
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 200)
    lab.registry.clock.advance(1)
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 401)


async def test_a_login_for_a_token_that_lasts_long_is_an_hours(lab: Lab) -> None:
    made = await log_in(lab, token_of(lab, exp=int(lab.now) + 80_000))
    assert made["expires"] == lab.now + LOGIN_AT_MOST


async def test_it_may_do_what_its_service_account_may_and_no_more(lab: Lab) -> None:
    made = await log_in(lab, token_of(lab))
    for path, status in (("/grants", 200), ("/users", 403), ("/audit", 403), ("/tags/other/app", 403)):
        require(await api(lab, "GET", path, bearer=made["token"]), status)
        require(await api(lab, "GET", path, basic=("ci", token_of(lab))), status)


async def test_who_did_it_by_which_rule_is_in_the_audit_trail(lab: Lab) -> None:
    exchanged = await lab.records()
    await log_in(lab, token_of(lab))
    (record,) = await lab.records("login")
    (proof,) = (await lab.records())[len(exchanged) :]
    assert (record["account"], record["outcome"]) == ("ci", "done")
    assert record["detail"] == {"method": proof["rule"]}
    assert proof["rule"].startswith("trust:")


async def test_nothing_that_lasts_is_made_of_a_login(lab: Lab) -> None:
    await lab.registry.services.granting.add(await lab.admin(), Wanted("ci", "administrator", "**"))
    made = await log_in(lab, token_of(lab))
    bearer = {"bearer": made["token"]}
    refused = [
        ("POST", "/service-accounts/ci/secrets", {"label": "x", "expires_at": None}),
        ("POST", "/tokens", {"label": "x", "actions": ["pull"], "repositories": ["**"], "expires_at": lab.now + 60}),
        ("POST", "/users", {"name": "new", "password": PASSWORD}),
        ("PATCH", "/users/a-reader", {"password": PASSWORD}),
    ]
    for method, path, body in refused:
        assert code_of(require(await api(lab, method, path, body, **bearer), 403)) == "DENIED", path
        assert code_of(require(await api(lab, method, path, body, basic=("ci", token_of(lab))), 403)) == "DENIED", path
    # What its grants let it do beside that, it does: a pipeline applies policies.
    require(await api(lab, "PATCH", "/users/a-reader", {"disabled": True}, **bearer), 200)
    require(await api(lab, "POST", "/policy/apply", {"policy": "version: 1\n"}, **bearer), 200)
    form = urlencode({"scope": "repository:ci/app:pull", "offline_token": "true"})
    answer = await lab.basic("ci", made["token"], f"/token?{form}")
    assert "refresh_token" not in require(answer, 200).json()


async def test_a_login_earns_no_other(lab: Lab) -> None:
    made = await log_in(lab, token_of(lab))
    await log_in(lab, made["token"], status=401)
    answer = require(await lab.exchange(token_of(lab)), 200).json()
    await log_in(lab, answer["token"], status=401)
    person = await log_in(lab, PASSWORD, name="a-reader")
    await log_in(lab, person["token"], name="a-reader", status=401)


async def test_a_workload_logs_out(lab: Lab) -> None:
    made = await log_in(lab, token_of(lab))
    require(await api(lab, "DELETE", "/login", bearer=made["token"]), 204)
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 401)


# --- refusals, by either way alike


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"exp": 1_800_000_000}, "expired"),
        ({"aud": "https://elsewhere.test"}, "audience"),
        ({"aud": ["https://elsewhere.test", AUDIENCE + "/"]}, "audience"),
        ({"repository_id": "666"}, "no-match"),
        ({"ref": "refs/pull/7/merge"}, "no-match"),
        ({"nbf": 1_800_000_061}, "not-yet-valid"),
    ],
)
async def test_a_token_that_is_not_for_us_is_refused(lab: Lab, changed: dict[str, Any], code: str) -> None:
    token = token_of(lab, **changed)
    answer = require(await api(lab, "GET", "/whoami", basic=("ci", token)), 401)
    assert f"({code})" in answer.text
    assert answer.headers["www-authenticate"]
    assert f"({code})" in json.dumps(await log_in(lab, token, status=401))
    denied, again = (await lab.records())[-2:]
    assert denied["outcome"] == again["outcome"] == "denied"
    assert denied["detail"]["reason"] == code
    await lab.registry.services.authenticator.trail.flush(everything=True)
    assert {each["outcome"] for each in await lab.records("login")} == {"failed"}


async def test_a_token_of_an_unknown_issuer_is_no_more_than_a_wrong_password(lab: Lab) -> None:
    with issuer() as stranger:
        token = stranger.sign(github(stranger.url, lab.now))
        require(await api(lab, "GET", "/whoami", basic=("ci", token)), 401)
        await log_in(lab, token, status=401)
        forged = stranger.sign(github(lab.issuer.url, lab.now))
        assert "(signature)" in json.dumps(await log_in(lab, forged, status=401))
        assert stranger.asked == []


async def test_a_token_is_for_the_account_that_its_rule_names(lab: Lab) -> None:
    for name in ("other", "a-administrator", "nobody"):
        await log_in(lab, token_of(lab), name=name, status=401)
        require(await api(lab, "GET", "/whoami", basic=(name, token_of(lab))), 401)


async def test_a_token_alone_or_in_a_url_is_refused(lab: Lab) -> None:
    token = token_of(lab)
    require(await api(lab, "GET", "/whoami", bearer=token), 401)
    for parameter in ("token", "access_token", "password", "id_token"):
        answer = await lab.client.request("GET", f"/api/v1/whoami?{urlencode({parameter: token})}")
        require(answer, 401)
        body = json.dumps({"username": "ci"}).encode()
        typed = {"Content-Type": "application/json"}
        sent = f"/api/v1/login?{urlencode({parameter: token})}"
        require(await lab.client.request("POST", sent, content=body, headers=typed), 400)


async def test_an_access_token_of_a_workload_is_not_for_the_management_api(lab: Lab) -> None:
    answer = require(await lab.exchange(token_of(lab)), 200).json()
    require(await api(lab, "GET", "/whoami", bearer=answer["token"]), 401)


@pytest.mark.parametrize("what", ["rule", "issuer", "another audience", "account"])
async def test_a_login_ends_with_the_rule_the_issuer_and_the_account(lab: Lab, what: str) -> None:
    made = await log_in(lab, token_of(lab))
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 200)
    trusting, admin = lab.registry.services.trusting, await lab.admin()
    match what:
        case "rule":
            (rule,) = await trusting.visible(admin)
            await trusting.remove(admin, rule.id)
        case "issuer":
            await trusting.remove_issuer(admin, lab.issuer.url)
        case "another audience":
            await trusting.replace_issuer(admin, WantedIssuer(lab.issuer.url, "another audience", private=True))
        case _:
            await disable(lab)
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 401)
    require(await api(lab, "GET", "/whoami", basic=("ci", token_of(lab))), 401)
    await log_in(lab, token_of(lab), status=401)


async def test_a_rule_that_is_made_again_revives_no_login(lab: Lab) -> None:
    made = await log_in(lab, token_of(lab))
    trusting, admin = lab.registry.services.trusting, await lab.admin()
    (rule,) = await trusting.visible(admin)
    await trusting.remove(admin, rule.id)
    await lab.trust()
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 401)


async def disable(lab: Lab) -> None:
    def change(tx: Any) -> None:
        generation = accounts.begin_change(tx)
        accounts.update_account(tx, replace(accounts.require(tx, "ci"), disabled=True, generation=generation))

    await lab.registry.services.db.write(change)
    lab.registry.services.authenticator.directory.forget()


# --- secrets of service accounts, and personal tokens


async def test_a_service_account_logs_in_with_its_secret_until_that_ends(lab: Lab) -> None:
    secret = await secret_of(lab, lasts=60)
    made = await log_in(lab, secret.secret)
    assert (made["username"], made["expires"]) == ("ci", lab.now + 60)
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 200)
    assert (await lab.records("login"))[-1]["detail"] == {"method": f"secret:{secret.row.id}"}
    lab.registry.clock.advance(60)
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 401)
    await log_in(lab, secret.secret, status=401)


async def test_a_login_for_a_secret_without_an_end_is_as_a_persons(lab: Lab) -> None:
    made = await log_in(lab, (await secret_of(lab)).secret)
    assert made["expires"] == lab.now + tokens.LIFETIME


async def test_a_login_ends_when_its_secret_is_revoked(lab: Lab) -> None:
    secret = await secret_of(lab)
    made = await log_in(lab, secret.secret)
    await lab.registry.services.secrets.remove(await lab.admin(), secret.row.id)
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 401)


async def test_a_secret_opens_its_own_account_alone(lab: Lab) -> None:
    secret = (await secret_of(lab)).secret
    for name in ("other", "a-administrator", "nobody"):
        await log_in(lab, secret, name=name, status=401)
    await log_in(lab, tokens.generate(Kind.SECRET), status=401)
    await log_in(lab, secret[:-1] + ("A" if secret[-1] != "A" else "B"), status=401)
    await lab.registry.services.authenticator.trail.flush(everything=True)
    assert {each["outcome"] for each in await lab.records("login")} == {"failed"}


async def test_a_login_by_a_personal_token_stays_narrow(lab: Lab) -> None:
    async with Client(app=lab.registry.app, account=("a-administrator", PASSWORD)) as person:
        wanted = {"label": "x", "actions": ["pull"], "repositories": ["ci/**"], "expires_at": lab.now + 60}
        token = require(await ask(person, "POST", "/tokens", wanted), 201).json()["secret"]
    made = await log_in(lab, token, name="a-administrator")
    assert made["expires"] == lab.now + 60
    require(await api(lab, "GET", "/users", bearer=made["token"]), 403)
    require(await api(lab, "GET", "/tokens", bearer=made["token"]), 403)
    require(await api(lab, "GET", "/whoami", bearer=made["token"]), 200)


async def test_a_browser_is_let_in_by_a_password_alone(lab: Lab) -> None:
    for secret in (token_of(lab), (await secret_of(lab)).secret):
        with pytest.raises(Exception, match="credentials"):
            await lab.registry.services.logins.by_password("ci", secret, (await lab.admin()).origin, Kind.PAGE)
