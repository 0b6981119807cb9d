"""The token endpoint over HTTP: what clients send, and what they are answered."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from httpx2 import Response

from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, code_of, require
from tests.kit.images import image
from tests.kit.people import People
from wharfinger.access import tokens
from wharfinger.access.signing import NAME
from wharfinger.access.tokens import Kind

WEB = "repository:shop/web:pull"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def people(registry: Registry) -> People:
    made = People(registry)
    await made.add("ci", ("publisher", "shop/*"))
    return made


async def post(client: Client, form: Mapping[str, Any] | bytes, content_type: str = FORM) -> Response:
    content = form if isinstance(form, bytes) else urlencode(form, doseq=True).encode()
    return await client.request("POST", "/token", content=content, headers={"Content-Type": content_type})


def scope_of(answer: Response) -> str:
    scope: str = require(answer, 200).json()["scope"]
    return scope


async def test_the_answer_has_what_every_client_looks_for(registry: Registry, people: People) -> None:
    registry.clock.now = 1_800_000_000.7
    answer = require(await people.ask("ci", WEB), 200)
    fields = answer.json()
    assert fields["token"] == fields["access_token"]
    assert fields["token"].count(".") == 2
    del fields["token"], fields["access_token"]
    assert fields == {
        "token_type": "Bearer",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "expires_in": 300,
        "issued_at": "2027-01-15T08:00:00Z",
        "scope": WEB,
    }
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")


async def test_scopes_may_be_repeated_and_separated_by_spaces(people: People) -> None:
    both = "repository:shop/web:pull repository:shop/api:push"
    assert scope_of(await people.ask("ci", both)) == both
    assert scope_of(await people.ask("ci", *both.split())) == both
    assert scope_of(await people.ask("ci", "repository:shop/web:pull", "repository:shop/web:push")) == (
        "repository:shop/web:pull,push"
    )


async def test_everything_is_everything_that_is_allowed(people: People) -> None:
    assert scope_of(await people.ask("ci", "repository:shop/web:*")) == "repository:shop/web:pull,push,delete"
    await people.add("reader", ("reader", "shop/**"))
    assert scope_of(await people.ask("reader", "repository:shop/web:*")) == WEB


async def test_nothing_granted_is_an_answer_as_well(people: People) -> None:
    for name in ("ci", None):
        answer = await people.ask(name, "repository:secret/web:pull,push")
        assert scope_of(answer) == ""
        require(await people.with_token(answer.json()["token"]).request("GET", "/v2/"), 200)


async def test_without_a_scope_there_is_a_token_that_proves_who_one_is(people: People) -> None:
    token = await people.token("ci")
    require(await people.with_token(token).request("GET", "/v2/"), 200)
    require(await people.with_token(token).tags("shop/web"), 401)


@pytest.mark.parametrize(
    "header",
    [
        *("Basic", "Basic !", "Digest x", "Bearer x", "", "Basic " + base64.b64encode(b"ci:wrong").decode()),
        *("Basic " + base64.b64encode(b"nobody:wrong").decode(), f"Bearer {tokens.generate(Kind.SECRET)}"),
        *("Bearer a.b.c", "Bearer " + "x" * 20000),
    ],
)
async def test_bad_credentials_are_refused_and_are_not_nobody(people: People, header: str) -> None:
    answer = await people.nobody().request("GET", "/token", headers={"Authorization": header})
    assert code_of(require(answer, 401)) == "UNAUTHORIZED"
    assert "token" not in answer.json()


async def test_a_token_does_not_earn_another_one(people: People) -> None:
    for name in ("ci", None):
        token = await people.token(name, WEB)
        answer = await people.with_token(token).request("GET", "/token", params={"scope": WEB})
        require(answer, 401)
    form = {"grant_type": "password", "username": "ci", "password": await people.token("ci", WEB)}
    require(await post(people.nobody(), form), 401)
    form = {"grant_type": "refresh_token", "refresh_token": await people.token("ci", WEB)}
    require(await post(people.nobody(), form), 401)


async def test_a_login_and_a_secret_may_be_shown_as_bearer(registry: Registry, people: People) -> None:
    login = await registry.services.authenticator.login("a-reader", PASSWORD, _nowhere())
    for secret in (login.token, people.secrets["ci"]):
        answer = await people.with_token(secret).request("GET", "/token", params={"scope": WEB})
        assert scope_of(answer) == WEB


def _nowhere() -> Any:
    from wharfinger.access.caller import NOWHERE

    return NOWHERE


# --- forms


async def test_a_form_with_a_password(people: People) -> None:
    form = {"grant_type": "password", "username": "ci", "password": people.secrets["ci"], "service": NAME}
    answer = await post(people.nobody(), form | {"scope": [WEB, "repository:shop/api:pull"], "client_id": "docker"})
    assert scope_of(answer) == "repository:shop/web:pull repository:shop/api:pull"
    assert "refresh_token" not in answer.json()
    require(await post(people.nobody(), form | {"password": "wrong"}), 401)
    require(await post(people.nobody(), form | {"username": "nobody"}), 401)


async def test_a_form_with_a_human_password(people: People) -> None:
    form = {"grant_type": "password", "username": "a-reader", "password": PASSWORD, "scope": WEB}
    assert scope_of(await post(people.nobody(), form)) == WEB


@pytest.mark.parametrize("asked", [{"offline_token": "true"}, {"offline_token": "1"}, {"access_type": "offline"}])
@pytest.mark.parametrize("how", ["GET", "POST"])
async def test_a_refresh_token_comes_to_whoever_asks_and_works_by_post(
    people: People, how: str, asked: dict[str, str]
) -> None:
    if how == "GET":
        answer = await people.basic("ci").request("GET", "/token", params=asked | {"scope": WEB})
    else:
        form = {"grant_type": "password", "username": "ci", "password": people.secrets["ci"]}
        answer = await post(people.nobody(), form | asked)
    refresh = require(answer, 200).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": WEB, "service": NAME}
    answer = await post(people.nobody(), form)
    assert scope_of(answer) == WEB
    assert answer.json()["refresh_token"] == refresh
    require(await people.with_token(answer.json()["token"]).start_upload("shop/web"), 401)
    for other in (f"Bearer {refresh}", _basic("ci", refresh)):
        require(await people.nobody().request("GET", "/v2/", headers={"Authorization": other}), 401)


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.mark.parametrize(
    "parameters", [{}, {"offline_token": "false"}, {"offline_token": ""}, {"access_type": "online"}]
)
async def test_nobody_else_gets_one(people: People, parameters: dict[str, str]) -> None:
    answer = await people.basic("ci").request("GET", "/token", params=parameters)
    assert "refresh_token" not in require(answer, 200).json()
    form = {"grant_type": "password", "username": "ci", "password": people.secrets["ci"]}
    assert "refresh_token" not in require(await post(people.nobody(), form | parameters), 200).json()
    answer = await people.nobody().request("GET", "/token", params={"offline_token": "true"})
    assert "refresh_token" not in require(answer, 200).json()


async def test_a_refresh_token_ends_with_what_it_was_obtained_by(registry: Registry, people: People) -> None:
    answer = await people.basic("ci").request("GET", "/token", params={"offline_token": "true"})
    form = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
    require(await post(people.nobody(), form), 200)
    require(await registry.client.request("DELETE", "/api/v1/users/ci"), 204)
    require(await post(people.nobody(), form), 401)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"grant_type": ""},
        {"grant_type": "client_credentials"},
        {"grant_type": "x" * 10_000},
        {"grant_type": ["password", "refresh_token"]},
        {"grant_type": "password", "username": ["ci", "root"], "password": "x"},
        {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "a.b.c"},
        {"grant_type": "refresh_token", "refresh_token": ["a", "b"]},
        {f"field{i}": "x" for i in range(101)},
        b"grant_type=\xff",
        b"grant_type=%ff",
    ],
)
async def test_a_malformed_form_is_refused(people: People, form: Mapping[str, Any] | bytes) -> None:
    answer = require(await post(people.nobody(), form), 400)
    assert code_of(answer) == "UNSUPPORTED"
    assert len(answer.content) < 1000


@pytest.mark.parametrize("grant", ["password", "refresh_token"])
async def test_a_form_that_shows_nothing_is_refused_as_bad_credentials(people: People, grant: str) -> None:
    require(await post(people.nobody(), {"grant_type": grant}), 401)


async def test_a_form_has_a_content_type_and_a_limit(people: People) -> None:
    form = {"grant_type": "password", "username": "ci", "password": people.secrets["ci"]}
    require(await post(people.nobody(), form, content_type=f"{FORM}; charset=utf-8"), 200)
    for content_type in ("application/json", "text/plain", "multipart/form-data", ""):
        require(await post(people.nobody(), form, content_type=content_type), 400)
    require(await post(people.nobody(), {**form, "pad": "x" * 70_000}), 413)


async def test_a_secret_in_the_query_is_nothing(people: People) -> None:
    """Queries are logged everywhere: what stands there is never looked at as a credential."""
    for names in ({"username": "ci", "password": people.secrets["ci"]}, {"account": "ci"}):
        answer = await people.nobody().request("GET", "/token", params={**names, "scope": WEB})
        assert scope_of(answer) == ""


@pytest.mark.parametrize("scope", ["shop/web", "repository:Shop:pull", "repository:shop/web:pull\n", "\0"])
@pytest.mark.parametrize("name", ["ci", None])
async def test_a_malformed_scope_is_refused_with_its_place(people: People, scope: str, name: str | None) -> None:
    answer = require(await people.ask(name, WEB, scope), 400)
    assert "scope 2 is malformed" in answer.json()["errors"][0]["message"]


async def test_who_it_is_comes_before_what_is_asked(people: People) -> None:
    answer = await people.nobody().request(
        "GET", "/token", params={"scope": "nonsense"}, headers={"Authorization": _basic("ci", "wrong")}
    )
    require(answer, 401)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
async def test_there_is_no_other_method(people: People, method: str) -> None:
    require(await people.basic("ci").request(method, "/token"), 405)


async def test_the_keys_are_there_for_everybody(registry: Registry, people: People) -> None:
    answer = require(await people.nobody().request("GET", "/.well-known/jwks.json"), 200)
    (key,) = answer.json()["keys"]
    assert "d" not in key
    header = json.loads(base64.urlsafe_b64decode((await people.token("ci")).split(".")[0] + "=="))
    assert header["kid"] == key["kid"]


async def test_too_many_wrong_passwords_are_told_to_come_back(people: People) -> None:
    statuses = []
    for number in range(12):
        header = {"Authorization": _basic("a-reader", f"wrong {number}")}
        statuses.append((await people.nobody().request("GET", "/token", headers=header)).status_code)
    assert statuses == [401] * 10 + [429] * 2
    elsewhere = {"Authorization": _basic("a-reader", PASSWORD)}
    require(await people.nobody("192.0.2.77").request("GET", "/token", headers=elsewhere), 200)


# --- what a token is worth


async def test_a_token_lasts_five_minutes(registry: Registry, people: People) -> None:
    client = await people.bearer("ci", WEB)
    await people.basic("ci").push_image("shop/web", image(), "1")
    registry.clock.advance(299)
    require(await client.tags("shop/web"), 200)
    registry.clock.advance(1)
    answer = require(await client.tags("shop/web"), 401)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_a_token_is_an_upper_bound_and_never_a_permission(registry: Registry, people: People) -> None:
    await people.basic("ci").push_image("shop/web", image(), "1")
    grant = await people.grant("ann", "reader", "shop/web")
    await people.add("ann")
    client = await people.bearer("ann", WEB)
    require(await client.tags("shop/web"), 200)
    await people.take_back(grant)
    answer = require(await client.tags("shop/web"), 401)
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    await people.grant("ann", "administrator", "**")
    require(await client.tags("shop/web"), 200)
    require(await client.start_upload("shop/web"), 401)


@pytest.mark.parametrize("how", ["disable", "remove", "password"])
async def test_a_token_ends_with_its_account(registry: Registry, people: People, how: str) -> None:
    client = await people.bearer("ci", WEB)
    require(await client.request("GET", "/v2/"), 200)
    change = {"disable": {"disabled": True}, "password": {"password": "another horse battery"}}
    if how == "remove":
        await registry.client.request("DELETE", "/api/v1/users/ci")
    else:
        content = json.dumps(change[how]).encode()
        headers = {"Content-Type": "application/json"}
        require(await registry.client.request("PATCH", "/api/v1/users/ci", content=content, headers=headers), 200)
    answer = require(await client.request("GET", "/v2/"), 401)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_an_upload_that_takes_longer_than_its_token_is_finished(registry: Registry, people: People) -> None:
    async def slowly() -> Any:
        yield b"one "
        registry.clock.advance(600)
        yield b"two"

    client = await people.bearer("ci", "repository:shop/web:pull,push")
    started = require(await client.start_upload("shop/web"), 202)
    require(await client.patch(started.headers["Location"], slowly()), 202)
    require(await client.upload_status(started.headers["Location"]), 401)
