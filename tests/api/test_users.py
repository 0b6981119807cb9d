import base64

import pytest

from tests.api.caller import Caller
from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, require

OTHER_PASSWORD = "another horse battery"


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def test_users_are_listed_without_their_passwords(api: Caller) -> None:
    users = (await api("GET", "/users"))["users"]
    assert [user["name"] for user in users] == ["a-administrator", "a-publisher", "a-reader"]
    assert set(users[0]) == {"name", "role", "disabled", "created_at"}


async def test_a_user_is_added_with_a_generated_password_that_works(api: Caller) -> None:
    made = await api("POST", "/users", {"name": "ci", "role": "publisher"}, status=201)
    assert (made["name"], made["role"]) == ("ci", "publisher")
    assert await api("GET", "/whoami", headers=basic("ci", made["password"])) == {"name": "ci", "role": "publisher"}


async def test_a_chosen_password_is_not_repeated(api: Caller) -> None:
    made = await api("POST", "/users", {"name": "ci", "role": "reader", "password": OTHER_PASSWORD}, status=201)
    assert made["password"] is None
    assert await api("GET", "/whoami", headers=basic("ci", OTHER_PASSWORD))


async def test_a_name_is_given_once(api: Caller) -> None:
    await api("POST", "/users", {"name": "a-reader", "role": "administrator"}, status=409)


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"disabled": True}), ("DELETE", None)])
async def test_unknown_users_are_not_found(api: Caller, method: str, body: object) -> None:
    assert "nobody" in await api.refusal(method, "/users/nobody", body, status=404)


async def test_a_changed_role_counts_at_once_on_the_data_plane(api: Caller, registry: Registry) -> None:
    reader = registry.as_("reader")
    require(await reader.start_upload("shop/web"), 403)
    changed = await api("PATCH", "/users/a-reader", {"role": "publisher"})
    assert changed["role"] == "publisher"
    require(await reader.start_upload("shop/web"), 202)


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
    assert [user["name"] for user in (await api("GET", "/users"))["users"]] == ["a-administrator", "a-publisher"]


async def test_the_last_administrator_stays(api: Caller) -> None:
    for method, body in (("PATCH", {"disabled": True}), ("PATCH", {"role": "reader"}), ("DELETE", None)):
        assert "last enabled administrator" in await api.refusal(method, "/users/a-administrator", body, status=405)


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
