"""Service accounts, secrets and personal tokens by the management API, and what they open."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.api.caller import Caller, ask
from tests.api.test_users import basic
from tests.conftest import Registry
from tests.kit.client import Client, require
from tests.kit.images import image

IMAGE = image()
DAY = 86400.0
As = Callable[[str, str], Client]


@pytest.fixture
async def as_(registry: Registry) -> AsyncIterator[As]:
    opened: list[Client] = []

    def open_as(name: str, secret: str) -> Client:
        opened.append(Client(app=registry.app, account=(name, secret)))
        return opened[-1]

    yield open_as
    for client in opened:
        await client.close()


@pytest.fixture
async def ci(api: Caller) -> dict[str, Any]:
    """The service account ci-shop of a-reader, who may publish to shop/**, and its secret."""
    await api("POST", "/service-accounts", {"name": "ci-shop", "owner": "a-reader"}, status=201)
    await api("POST", "/grants", {"principal": "ci-shop", "role": "publisher", "pattern": "shop/**"}, status=201)
    return await secret(api)


async def secret(api: Caller, label: str = "the pipeline", expires_at: float | None = None) -> dict[str, Any]:
    new = {"label": label, "expires_at": expires_at}
    made: dict[str, Any] = await api("POST", "/service-accounts/ci-shop/secrets", new, status=201)
    return made


async def token(registry: Registry, role: str, actions: list[str], repositories: list[str]) -> dict[str, Any]:
    """A personal token of the account with this role."""
    new = {"label": "laptop", "actions": actions, "repositories": repositories, "expires_at": registry.clock() + DAY}
    made: dict[str, Any] = await Caller(registry.as_(role))("POST", "/tokens", new, status=201)
    return made


# --- the shape


async def test_a_secret_is_told_once_and_its_hash_never(api: Caller, ci: dict[str, Any]) -> None:
    (kept,) = (await api("GET", "/service-accounts/ci-shop/secrets"))["secrets"]
    assert kept == ci["kept"]
    assert set(kept) == {
        *("id", "account", "label", "actions", "repositories"),
        *("created_at", "created_by", "expires_at", "used_at"),
    }
    assert (kept["account"], kept["label"], kept["created_by"]) == ("ci-shop", "the pipeline", "a-administrator")


async def test_an_end_or_never_is_said(api: Caller, registry: Registry, ci: dict[str, Any]) -> None:
    assert ci["kept"]["expires_at"] is None
    made = await secret(api, expires_at=registry.clock() + DAY)
    assert made["kept"]["expires_at"] == registry.clock() + DAY
    for body in ({"label": "none said"}, {"label": "text", "expires_at": "never"}, {"expires_at": None}):
        await api("POST", "/service-accounts/ci-shop/secrets", body, status=400)


async def test_a_service_account_is_listed_changed_and_removed(api: Caller, registry: Registry) -> None:
    path = "/service-accounts/ci-shop"
    made = await api("POST", "/service-accounts", {"name": "ci-shop", "owner": "a-reader"}, status=201)
    assert made == {"name": "ci-shop", "owner": "a-reader", "disabled": False, "created_at": registry.clock()}
    assert (await api("GET", "/service-accounts"))["service_accounts"] == [made]
    assert (await api("PATCH", path, {"disabled": True}))["disabled"] is True
    assert (await api("PATCH", path, {"owner": "a-publisher"})) == made | {"owner": "a-publisher", "disabled": True}
    assert "ci-shop" not in {user["name"] for user in (await api("GET", "/users"))["users"]}
    await api("DELETE", path, status=204)
    assert (await api("GET", "/service-accounts"))["service_accounts"] == []
    await api("PATCH", path, {"disabled": True}, status=404)
    await api("DELETE", path, status=404)
    await api("GET", f"{path}/secrets", status=404)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/service-accounts", {"name": "ci-shop"}, 400),
        ("POST", "/service-accounts", {"name": "Ci-Shop", "owner": "a-reader"}, 400),
        ("POST", "/service-accounts", {"name": "anonymous", "owner": "a-reader"}, 400),
        ("POST", "/service-accounts", {"name": "ci-2", "owner": "nobody"}, 400),
        ("POST", "/service-accounts", {"name": "ci-2", "owner": "ci-shop"}, 400),
        ("POST", "/service-accounts", {"name": "ci-shop", "owner": "a-reader"}, 409),
        ("POST", "/service-accounts", {"name": "a-reader", "owner": "a-reader"}, 409),
        ("POST", "/users", {"name": "ci-shop"}, 409),
        ("PATCH", "/service-accounts/ci-shop", {}, 400),
        ("PATCH", "/service-accounts/ci-shop", {"owner": ""}, 400),
        ("PATCH", "/service-accounts/ci-shop", {"name": "other"}, 400),
        ("PATCH", "/service-accounts/a-reader", {"disabled": True}, 404),
        ("PATCH", "/service-accounts/ci%00shop", {"disabled": True}, 400),
        ("DELETE", "/service-accounts/a-reader", None, 404),
        ("DELETE", "/service-accounts/ci%00shop", None, 400),
        ("GET", "/service-accounts/ci%00shop/secrets", None, 400),
        ("GET", "/tokens?account=ci%00shop", None, 400),
        ("POST", "/service-accounts/a-reader/secrets", {"label": "x", "expires_at": None}, 404),
        ("POST", "/service-accounts/ci-shop/secrets", {"label": "x", "expires_at": 1.0}, 400),
        ("POST", "/tokens", {"label": "x", "actions": ["pull"], "repositories": ["**"], "expires_at": None}, 400),
        ("POST", "/tokens", {"label": "x", "actions": [], "repositories": ["**"], "expires_at": 2e9}, 400),
        ("DELETE", "/secrets/0123456789", None, 404),
        ("DELETE", "/secrets/%00", None, 404),
        ("DELETE", "/secrets/%F0%9F%94%91", None, 404),
    ],
)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    api: Caller, ci: dict[str, Any], method: str, path: str, body: object, status: int
) -> None:
    before = [await api("GET", each) for each in ("/service-accounts", "/users", "/tokens")]
    await api(method, path, body, status=status)
    assert [await api("GET", each) for each in ("/service-accounts", "/users", "/tokens")] == before


# --- who may


ROLES = ("reader", "publisher", "auditor", "administrator")
NEW = {"label": "new", "expires_at": None}
NEW_TOKEN = {"label": "new", "actions": ["pull"], "repositories": ["shop/*"], "expires_at": 1_800_000_001.0}

# The service account is a reader's own; SECRET is one of its secrets, TOKEN the publisher's.
TABLE = [
    ("POST", "/service-accounts", {"name": "ci-new", "owner": "a-reader"}, 403, 403, 403, 201),
    ("PATCH", "/service-accounts/ci-shop", {"disabled": False}, 200, 403, 403, 200),
    ("PATCH", "/service-accounts/ci-shop", {"owner": "a-reader"}, 403, 403, 403, 200),
    ("DELETE", "/service-accounts/ci-shop", None, 403, 403, 403, 204),
    ("GET", "/service-accounts", None, 200, 200, 200, 200),
    ("GET", "/service-accounts/ci-shop/secrets", None, 200, 403, 200, 200),
    ("POST", "/service-accounts/ci-shop/secrets", NEW, 201, 403, 403, 201),
    ("DELETE", "/secrets/SECRET", None, 204, 403, 403, 204),
    ("GET", "/tokens", None, 200, 200, 200, 200),
    ("GET", "/tokens?account=a-publisher", None, 403, 200, 200, 200),
    ("POST", "/tokens", NEW_TOKEN, 201, 201, 201, 201),
    ("DELETE", "/secrets/TOKEN", None, 403, 204, 403, 204),
]


@pytest.mark.parametrize(("method", "path", "body", "statuses"), [(*row[:3], row[3:]) for row in TABLE])
async def test_a_role_may_do_exactly_what_the_table_says(
    registry: Registry, api: Caller, ci: dict[str, Any], method: str, path: str, body: object, statuses: tuple[int, ...]
) -> None:
    async with Client(app=registry.app) as nobody:
        require(await ask(nobody, method, path, body), 401)
    for role, status in zip(ROLES, statuses, strict=True):
        if method == "DELETE" and "ci-shop" not in path:
            made = await secret(api) if "SECRET" in path else await token(registry, "publisher", ["pull"], ["**"])
            asked = path.replace("SECRET", made["kept"]["id"]).replace("TOKEN", made["kept"]["id"])
        else:
            asked = path
        answer = await ask(registry.as_(role), method, asked, body)
        assert answer.status_code == status, (role, answer.text)


async def test_a_list_of_service_accounts_is_ones_own_unless_one_must_see_all(
    registry: Registry, ci: dict[str, Any]
) -> None:
    seen = {}
    for role in ROLES:
        found = await Caller(registry.as_(role))("GET", "/service-accounts")
        seen[role] = [each["name"] for each in found["service_accounts"]]
    assert seen == {"reader": ["ci-shop"], "publisher": [], "auditor": ["ci-shop"], "administrator": ["ci-shop"]}


# --- what they open


async def through_token(registry: Registry, name: str, proof: str, scope: str) -> Client:
    """A client with an access token, obtained as docker does it."""
    async with Client(app=registry.app) as http:
        answer = require(await http.request("GET", "/token", params={"scope": scope}, headers=basic(name, proof)), 200)
    client = Client(app=registry.app)
    client._http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return client


async def test_docker_login_works_with_the_secret_by_basic_and_through_a_token(
    registry: Registry, ci: dict[str, Any], as_: As
) -> None:
    await as_("ci-shop", ci["secret"]).push_image("shop/web", IMAGE, "1.4")
    async with await through_token(registry, "ci-shop", ci["secret"], "repository:shop/web:pull,push") as client:
        await client.push_image("shop/web", image(seed=2), "1.5")
        require(await client.get_manifest("other/web", "1.4"), 401)
    form = f"grant_type=password&service=wharfinger&username=ci-shop&password={ci['secret']}&scope="
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with Client(app=registry.app) as http:
        require(await http.request("POST", "/token", content=form.encode(), headers=headers), 200)


async def test_a_secret_opens_the_api_as_its_account(registry: Registry, ci: dict[str, Any], api: Caller) -> None:
    async with Client(app=registry.app) as nobody:
        bearer = {"Authorization": f"Bearer {ci['secret']}"}
        assert (await Caller(nobody)("GET", "/whoami", headers=bearer))["name"] == "ci-shop"
        assert (await Caller(nobody)("GET", "/whoami", headers=basic("ci-shop", ci["secret"])))["name"] == "ci-shop"


@pytest.mark.parametrize(
    "why", ["another's name", "no such name", "expired", "disabled", "removed", "mistyped", "gone"]
)
async def test_a_secret_that_is_none_any_more_is_refused_in_the_same_words_everywhere(
    registry: Registry, api: Caller, ci: dict[str, Any], why: str
) -> None:
    made = await secret(api, expires_at=registry.clock() + DAY)
    name, shown = "ci-shop", made["secret"]
    match why:
        case "another's name":
            name = "a-reader"
        case "no such name":
            name = "ci-other"
        case "expired":
            registry.clock.advance(days=1)
        case "disabled":
            await api("PATCH", "/service-accounts/ci-shop", {"disabled": True})
        case "removed":
            await api("DELETE", f"/secrets/{made['kept']['id']}", status=204)
        case "mistyped":
            shown = shown[:-1] + ("A" if shown[-1] != "A" else "B")
        case "gone":
            await api("DELETE", "/service-accounts/ci-shop", status=204)
    async with Client(app=registry.app) as nobody:
        wrong = await nobody.request("GET", "/token", headers=basic("a-reader", "no password at all"))
        for path in ("/v2/", "/token", "/v2/shop/web/tags/list"):
            answer = require(await nobody.request("GET", path, headers=basic(name, shown)), 401)
            assert answer.json() == wrong.json()
        require(await nobody.request("GET", "/api/v1/whoami", headers=basic(name, shown)), 401)


async def test_an_access_token_ends_with_the_secret_it_came_from(
    registry: Registry, api: Caller, ci: dict[str, Any]
) -> None:
    async with await through_token(registry, "ci-shop", ci["secret"], "repository:shop/web:pull") as client:
        require(await client.tags("shop/web"), 404)
        await api("DELETE", f"/secrets/{ci['kept']['id']}", status=204)
        require(await client.tags("shop/web"), 401)


async def test_a_narrowed_token_does_on_all_three_ways_what_its_owner_may_and_it_is_for(
    registry: Registry, as_: As
) -> None:
    for repository in ("shop/web", "shop/deep/web", "other/web"):
        await registry.client.push_image(repository, IMAGE, "1.4")
    made = await token(registry, "publisher", ["pull", "tag", "delete"], ["shop/*"])
    name, shown = "a-publisher", made["secret"]

    client = as_(name, shown)
    require(await client.get_manifest("shop/web", "1.4"), 200)
    for hidden in ("shop/deep/web", "other/web"):
        require(await client.get_manifest(hidden, "1.4"), 403)
        require(await client.referrers(hidden, IMAGE.digest), 403)
    require(await client.start_upload("shop/web"), 403)  # the owner may, the token is not for it
    require(await client.delete_manifest("shop/web", IMAGE.digest), 403)  # the token is for it, the owner may not
    assert (await client.catalog()).json() == {"repositories": ["shop/web"]}

    scope = "repository:shop/web:pull,push,delete repository:other/web:pull,push repository:shop/deep/web:pull"
    async with await through_token(registry, name, shown, scope) as bearer:
        require(await bearer.get_manifest("shop/web", "1.4"), 200)
        require(await bearer.get_manifest("other/web", "1.4"), 401)
        require(await bearer.start_upload("shop/web"), 401)
        require(await bearer.delete_manifest("shop/web", IMAGE.digest), 401)

    by_api = Caller(client)
    assert [each["name"] for each in (await by_api("GET", "/repositories"))["repositories"]] == ["shop/web"]
    await by_api("GET", "/tags/shop/web")
    await by_api("GET", "/tags/other/web", status=403)
    await by_api("DELETE", f"/manifests/shop/web/{IMAGE.digest}", status=403)
    await by_api("DELETE", "/tags/other/web/1.4", status=403)
    await by_api("DELETE", "/tags/shop/web/1.4", status=204)


async def test_a_token_of_an_administrator_makes_nothing_by_which_somebody_may_do_more(
    registry: Registry, ci: dict[str, Any], as_: As
) -> None:
    made = await token(registry, "administrator", ["pull", "admin"], ["**"])
    by = Caller(as_("a-administrator", made["secret"]))
    assert len((await by("GET", "/users"))["users"]) == 5
    for method, path, body in (
        ("PATCH", "/users/a-administrator", {"password": "a way around the token"}),
        ("POST", "/users", {"name": "new"}),
        ("DELETE", "/users/a-reader", None),
        ("PUT", "/roles/wide", {"actions": ["delete"]}),
        ("POST", "/groups", {"name": "wide"}),
        ("POST", "/tokens", NEW_TOKEN),
        ("POST", "/service-accounts", {"name": "new", "owner": "a-reader"}),
        ("POST", "/grants", {"principal": "a-reader", "role": "maintainer", "pattern": "shop/**"}),
        ("POST", "/issuers", {"url": "https://ci.test", "audience": "https://registry.test"}),
        ("POST", "/trusts", {"issuer": "https://ci.test", "account": "ci-shop", "claims": {"repository_id": ["1"]}}),
        ("POST", "/policy/apply", {"policy": "access: {}", "hash": "0"}),
    ):
        await by.refusal(method, path, body, status=403)
    async with Client(app=registry.app) as nobody:
        login = {"username": "a-administrator", "password": made["secret"]}
        narrow = require(await ask(nobody, "POST", "/login", login), 200).json()["token"]
        # A login that is had by it is as narrow.
        bearer = {"Authorization": f"Bearer {narrow}"}
        require(await ask(nobody, "POST", "/users", {"name": "new"}, headers=bearer), 403)
        require(await ask(nobody, "POST", "/tokens", NEW_TOKEN, headers=bearer), 403)
