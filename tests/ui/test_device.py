"""Logging in a device: what it is told, what the person sees, and who cannot abuse it."""

from typing import Any

import pytest
from sqlalchemy import Connection, Table, select

from tests.api.caller import Caller, ask
from tests.conftest import PASSWORD
from tests.kit.browser import Browser
from tests.kit.client import Client
from tests.ui.conftest import BY, Build, House
from wharfinger.access import devices
from wharfinger.access.account_names import account_name
from wharfinger.access.accounts import Change
from wharfinger.meta import devices as device_rows
from wharfinger.meta.schema_access import audit_records, device_logins


@pytest.fixture
async def house(build: Build) -> House:
    made: House = await build()
    return made


@pytest.fixture
async def api(house: House) -> Caller:
    """A device: it has no credentials."""
    return Caller(await house.stack.enter_async_context(Client(app=house.app)))


async def begin(api: Caller, client: str = "wharf on laptop") -> Any:
    return await api("POST", "/device", {"client": client})


async def poll(api: Caller, begun: Any) -> tuple[int, Any]:
    answer = await ask(api.client, "POST", "/device/token", {"device_code": begun["device_code"]})
    return answer.status_code, answer.json()


async def error(api: Caller, begun: Any) -> str:
    status, fields = await poll(api, begun)
    assert status == 400, fields
    assert set(fields) == {"error", "errors"}
    assert fields["errors"][0]["message"]
    word: str = fields["error"]
    return word


async def approve(browser: Browser, begun: Any, decision: str = "approve") -> None:
    await browser.open(begun["verification_uri_complete"])
    assert browser.page.heading == "Approve a device"
    await browser.send(to="/device")
    await browser.send(("decision", decision))


async def test_a_device_is_told_what_the_protocol_wants(house: House, api: Caller) -> None:
    begun = await begin(api)
    assert begun["verification_uri"] == "https://registry.test/device"
    assert begun["verification_uri_complete"] == f"https://registry.test/device?user_code={begun['user_code']}"
    assert (begun["expires_in"], begun["interval"]) == (600, 5)
    letters = begun["user_code"].replace("-", "")
    assert (len(letters), begun["user_code"][4]) == (8, "-")
    assert set(letters) <= set("BCDFGHJKLMNPQRSTVWXZ")


async def test_the_whole_way(house: House, api: Caller) -> None:
    begun = await begin(api)
    assert await error(api, begun) == "authorization_pending"
    browser = await house.logged_in()
    await approve(browser, begun)
    assert browser.page.heading == "Approved"
    house.clock.advance(5)
    status, login = await poll(api, begun)
    assert (status, login["username"]) == (200, "bob")
    bearer = {"Authorization": f"Bearer {login['token']}"}
    assert (await api("GET", "/whoami", headers=bearer))["name"] == "bob"
    told = await house.told("device.approve", "login")
    assert [(each["action"], each["account"]) for each in told[1:]] == [("device.approve", "bob"), ("login", "bob")]
    assert told[-1]["detail"] == '{"client": "wharf on laptop", "method": "device"}'


async def test_a_code_counts_once(house: House, api: Caller) -> None:
    begun = await begin(api)
    browser = await house.logged_in()
    await approve(browser, begun)
    other = await house.logged_in("admin")
    await other.open("/device")
    await other.send(user_code=begun["user_code"])
    assert (other.answer.status_code, "No device waits" in other.page.text) == (404, True)
    assert (await poll(api, begun))[0] == 200
    assert await error(api, begun) == "expired_token"
    await browser.open("/device")
    await browser.send(user_code=begun["user_code"])
    assert browser.answer.status_code == 404


async def test_what_is_denied_is_denied(house: House, api: Caller) -> None:
    begun = await begin(api)
    browser = await house.logged_in()
    await approve(browser, begun, "deny")
    assert browser.page.heading == "Denied"
    assert await error(api, begun) == "access_denied"
    assert await error(api, begun) == "expired_token"
    assert [each["action"] for each in await house.told("device.approve", "device.deny")] == ["device.deny"]


async def test_the_person_sees_what_asks_and_from_where(house: House, api: Caller) -> None:
    begun = await begin(api, "<b>wharf</b> on\nlaptop\x1b[2J" + "x" * 200)
    browser = await house.logged_in()
    await browser.open("/device")
    await browser.send(user_code=begun["user_code"].lower().replace("-", " "))
    assert begun["user_code"] in browser.page.text
    assert "<b>wharf</b> on\ufffdlaptop" in browser.page.text
    assert "127.0.0.1" in browser.page.text  # where the device's request came from, not the browser's
    assert "203.0.113.7" not in browser.page.text
    assert "x" * 101 not in browser.page.text


async def test_impatience_is_slowed(house: House, api: Caller) -> None:
    begun = await begin(api)
    assert await error(api, begun) == "authorization_pending"
    house.clock.advance(2)
    assert await error(api, begun) == "slow_down"
    house.clock.advance(5)
    assert await error(api, begun) == "authorization_pending"


async def test_nobody_waits_for_ever(house: House, api: Caller) -> None:
    begun = await begin(api)
    browser = await house.logged_in()
    house.clock.advance(600)
    assert await error(api, begun) == "expired_token"
    await browser.open("/device")
    await browser.send(user_code=begun["user_code"])
    assert browser.answer.status_code == 404


@pytest.mark.parametrize("code", ["", "x", "wharf_d" + "x" * 49, "\u0000", "é", "x" * 10_000])
async def test_what_is_no_device_code_is_none(house: House, api: Caller, code: str) -> None:
    await begin(api)
    assert await error(api, {"device_code": code}) == "expired_token"


async def test_the_users_code_is_not_the_devices(house: House, api: Caller) -> None:
    begun = await begin(api)
    await approve(await house.logged_in(), begun)
    assert await error(api, {"device_code": begun["user_code"]}) == "expired_token"


async def test_a_login_token_is_no_device_code_and_the_other_way_round(house: House, api: Caller) -> None:
    begun = await begin(api)
    await api("GET", "/whoami", headers={"Authorization": f"Bearer {begun['device_code']}"}, status=401)
    login = await api("POST", "/login", {"username": "bob", "password": PASSWORD})
    assert await error(api, {"device_code": login["token"]}) == "expired_token"


@pytest.mark.parametrize("change", [Change(password="another horse battery"), Change(disabled=True), None])
async def test_who_has_changed_since_has_approved_nothing(house: House, api: Caller, change: Change | None) -> None:
    begun = await begin(api)
    await approve(await house.logged_in(), begun)
    if change is None:
        await house.services.accounts.remove(BY, account_name("bob"))
    else:
        await house.services.accounts.change(BY, account_name("bob"), change)
    assert await error(api, begun) in {"access_denied", "expired_token"}
    assert [each for each in await house.told("login") if "device" in each["detail"]] == []


async def test_guessing_codes_is_slowed_but_not_logging_in(house: House, api: Caller) -> None:
    browser = await house.logged_in()
    for _ in range(10):
        await browser.open("/device")
        await browser.send(user_code="BCDF-GHJK")
        assert browser.answer.status_code == 404
    begun = await begin(api)
    await browser.open("/device")
    await browser.send(user_code=begun["user_code"])
    assert browser.answer.status_code == 429
    form_token = browser.page.forms[0].fields["form_token"][0]
    await browser.post("/device", {"user_code": begun["user_code"], "decision": "approve", "form_token": form_token})
    assert browser.answer.status_code == 429
    assert await error(api, begun) == "authorization_pending"
    assert (await house.logged_in()).path == "/tokens"


async def test_somebody_without_an_account_guesses_nothing(house: House) -> None:
    browser = await house.browser()
    answer = await browser.post("/device", {"user_code": "BCDF-GHJK"}, follow=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


async def test_one_address_does_not_begin_without_end(house: House, api: Caller) -> None:
    for _ in range(devices.PER_ADDRESS):
        await begin(api)
    refused = await ask(api.client, "POST", "/device", {"client": "x"})
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
    house.clock.advance(minutes=1)
    await begin(api)


async def test_what_has_expired_goes(house: House, api: Caller) -> None:
    await begin(api)
    house.clock.advance(minutes=10)
    await begin(api)
    assert await house.services.db.read(device_rows.waiting) == 1


async def test_neither_code_is_stored_or_told_where_it_does_not_belong(house: House, api: Caller) -> None:
    begun = await begin(api)
    await approve(await house.logged_in(), begun)

    def everything(tx: Connection, table: Table) -> str:
        return str(tx.execute(select(table)).all())

    assert begun["device_code"] not in await house.services.db.read(everything, device_logins)
    told = await house.services.db.read(everything, audit_records)
    assert begun["device_code"] not in told
    assert begun["user_code"].replace("-", "") not in told


async def test_a_decision_that_is_none_is_refused(house: House, api: Caller) -> None:
    begun = await begin(api)
    browser = await house.logged_in()
    form_token = browser.page.forms[0].fields["form_token"][0]
    await browser.post("/device", {"user_code": begun["user_code"], "decision": "maybe", "form_token": form_token})
    assert browser.answer.status_code == 400
    assert await error(api, begun) == "authorization_pending"
