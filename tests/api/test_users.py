import base64

import pytest

from tests.api.caller import Caller
from tests.conftest import PASSWORD, ROLES, Registry
from tests.kit.client import Client, require

OTHER_PASSWORD = "another horse battery"


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def test_users_are_listed_without_their_passwords(api: Caller) -> None:
    users = (await api("GET", "/users"))["users"]
    assert [user["name"] for user in users] == sorted(f"a-{role}" for role in ROLES)
    assert set(users[0]) == {"name", "disabled", "created_at"}


async def test_a_user_is_added_with_a_generated_password_that_works_and_may_do_nothing(
    api: Caller, registry: Registry
) -> None:
    made = await api("POST", "/users", {"name": "ci"}, status=201)
    assert made["name"] == "ci"
    assert await api("GET", "/whoami", headers=basic("ci", made["password"])) == {"name": "ci", "groups": []}
    async with Client(app=registry.app, account=("ci", made["password"])) as client:
        require(await client.tags("shop/web"), 403)
        assert require(await client.catalog(), 200).json() == {"repositories": []}


async def test_a_chosen_password_is_not_repeated(api: Caller) -> None:
    made = await api("POST", "/users", {"name": "ci", "password": OTHER_PASSWORD}, status=201)
    assert made["password"] is None
    assert await api("GET", "/whoami", headers=basic("ci", OTHER_PASSWORD))


async def test_a_name_is_given_once(api: Caller) -> None:
    await api("POST", "/users", {"name": "a-reader"}, status=409)


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"disabled": True}), ("DELETE", None)])
async def test_unknown_users_are_not_found(api: Caller, method: str, body: object) -> None:
    assert "nobody" in await api.refusal(method, "/users/nobody", body, status=404)


async def test_a_grant_counts_at_once_on_the_data_plane(api: Caller, registry: Registry) -> None:
    reader = registry.as_("reader")
    require(await reader.start_upload("shop/web"), 403)
    fields = {"principal": "a-reader", "role": "publisher", "pattern": "shop/*"}
    made = await api("POST", "/grants", fields, status=201)
    require(await reader.start_upload("shop/web"), 202)
    require(await reader.start_upload("elsewhere/web"), 403)
    await api("DELETE", f"/grants/{made['id']}", status=204)
    require(await reader.start_upload("shop/web"), 403)


async def test_a_changed_password_counts_at_once(api: Caller, registry: Registry) -> None:
    reader = registry.as_("reader")
    require(await reader.catalog(), 200)
    await api("PATCH", "/users/a-reader", {"password": OTHER_PASSWORD})
    require(await reader.catalog(), 401)
    async with Client(app=registry.app, account=("a-reader", OTHER_PASSWORD)) as again:
        require(await again.catalog(), 200)


async def test_a_disabled_user_is_out_at_once_and_may_come_back(api: Caller, registry: Registry) -> None:
    reader = registry.as_("reader")
    require(await reader.catalog(), 200)
    assert (await api("PATCH", "/users/a-reader", {"disabled": True}))["disabled"] is True
    require(await reader.catalog(), 401)
    assert (await api("PATCH", "/users/a-reader", {"disabled": False}))["disabled"] is False
    require(await reader.catalog(), 200)


async def test_a_removed_user_is_gone(api: Caller, registry: Registry) -> None:
    reader = registry.as_("reader")
    require(await reader.catalog(), 200)
    await api("DELETE", "/users/a-reader", status=204)
    require(await reader.catalog(), 401)
    assert "a-reader" not in [user["name"] for user in (await api("GET", "/users"))["users"]]
    assert "a-reader" not in [grant["principal"] for grant in (await api("GET", "/grants"))["grants"]]


async def test_the_last_administrator_stays(api: Caller) -> None:
    grants = (await api("GET", "/grants"))["grants"]
    own = next(grant["id"] for grant in grants if grant["principal"] == "a-administrator")
    for method, path, body in (
        ("PATCH", "/users/a-administrator", {"disabled": True}),
        ("DELETE", "/users/a-administrator", None),
        ("DELETE", f"/grants/{own}", None),
        ("POST", "/grants", {"principal": "a-administrator", "role": "administrator", "pattern": "**", "deny": True}),
    ):
        assert "nobody would be left who administers" in await api.refusal(method, path, body, status=405)


async def test_a_login_gives_a_token_for_both_planes(api: Caller, registry: Registry) -> None:
    login = await api("POST", "/login", {"username": "a-publisher", "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {login['token']}"}
    assert login["expires"] == registry.clock() + 12 * 3600
    assert (await api("GET", "/whoami", headers=bearer))["name"] == "a-publisher"
    async with Client(app=registry.app, account=("a-publisher", login["token"])) as docker:
        require(await docker.catalog(), 200)
    await api("DELETE", "/login", status=204, headers=bearer)
    await api("GET", "/whoami", status=401, headers=bearer)


async def test_a_token_expires(api: Caller, registry: Registry) -> None:
    login = await api("POST", "/login", {"username": "a-publisher", "password": PASSWORD})
    registry.clock.advance(hours=12)
    await api("GET", "/whoami", status=401, headers={"Authorization": f"Bearer {login['token']}"})


async def test_a_login_with_a_wrong_password_says_no_more_than_with_a_wrong_name(api: Caller) -> None:
    told = {
        await api.refusal("POST", "/login", {"username": name, "password": "wrong horse battery"}, status=401)
        for name in ("a-reader", "nobody", "\u0000", "x" * 1000)
    }
    assert len(told) == 1
