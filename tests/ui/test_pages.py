"""Logging in with a password, out again, and what no other site can make a browser do here."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.caller import Caller
from tests.conftest import PASSWORD
from tests.kit.browser import HOME, Browser, Page
from tests.kit.client import Client
from tests.ui.conftest import BY, Build, House
from wharfinger.access.account_names import account_name
from wharfinger.access.accounts import Change
from wharfinger.access.caller import Origin
from wharfinger.ui import forms

SESSION, FORM = "__Host-wharf", "__Host-wharf-form"
EVIL = {"origin": "https://evil.test", "sec-fetch-site": "cross-site"}


@pytest.fixture
async def house(build: Build) -> House:
    """The registry, without any provider."""
    made: House = await build()
    return made


async def test_logging_in_and_out(house: House) -> None:
    browser = await house.logged_in()
    assert browser.page.heading == "My tokens"
    token = browser.cookie(SESSION)
    assert token is not None
    await browser.send(to="/logout")
    assert browser.path == "/login"
    assert browser.cookie(SESSION) is None
    browser.plant(SESSION, token)
    await browser.open("/tokens")
    assert browser.path == "/login?next=%2Ftokens"
    assert [(each["action"], each["account"]) for each in await house.told("login", "logout")] == [
        ("login", "bob"),
        ("logout", "bob"),
    ]


async def test_cookies_are_for_this_host_alone_and_for_no_script(house: House) -> None:
    browser = await house.logged_in()
    said = [value for answer in browser.visited for value in answer.headers.get_list("set-cookie")]
    assert len(said) >= 2
    for each in said:
        words = {word.strip().lower() for word in each.split(";")[1:]}
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= words, each
        assert each.startswith("__Host-")
        assert not any(word.startswith("domain") for word in words)


async def test_a_wrong_password_says_no_more_than_a_wrong_name(house: House) -> None:
    said = set()
    for name in ("bob", "nobody", "x" * 100, "\u0000", "é"):
        browser = await house.browser()
        await browser.open("/login")
        await browser.send(username=name, password="wrong horse battery")
        assert browser.answer.status_code == 403
        assert browser.cookie(SESSION) is None
        said.add(browser.page.text)
    assert len(said) == 1
    failed = [each for each in await house.told("login") if each["outcome"] == "failed"]
    assert {each["account"][:6] for each in failed} >= {"bob", "nobody", "xxxxxx", "é"}
    assert max(len(each["account"]) for each in failed) <= 64


async def test_a_right_password_after_a_wrong_one(house: House) -> None:
    browser = await house.browser()
    await browser.open("/login?next=/device&user_code=WDJB-MJHT")
    await browser.send(username="bob", password="wrong horse battery")
    await browser.send(username="bob", password=PASSWORD)
    assert browser.path == "/device?user_code=WDJB-MJHT"


async def test_guessing_is_slowed(house: House) -> None:
    browser = await house.browser()
    for _ in range(10):
        await browser.open("/login")
        await browser.send(username="bob", password="wrong horse battery")
        assert browser.answer.status_code == 403
    await browser.open("/login")
    await browser.send(username="bob", password=PASSWORD)
    assert browser.answer.status_code == 429
    assert browser.answer.headers["retry-after"]


async def test_a_token_is_no_password(house: House) -> None:
    browser = await house.logged_in()
    await browser.send(label="laptop", patterns="**")
    token = _made(browser)
    other = await house.browser()
    await other.open("/login")
    await other.send(username="bob", password=token)
    assert other.answer.status_code == 403


async def test_the_session_ends_with_the_account_and_by_itself(house: House) -> None:
    browser = await house.logged_in()
    await house.services.accounts.change(BY, account_name("bob"), Change(password="another horse battery"))
    await browser.open("/tokens")
    assert browser.path.startswith("/login")
    browser = await house.logged_in("bob", "another horse battery")
    house.clock.advance(hours=12)
    await browser.open("/tokens")
    assert browser.path.startswith("/login")


async def test_a_login_token_of_the_command_line_is_no_session_and_a_session_no_login_token(house: House) -> None:
    browser = await house.logged_in()
    token = browser.cookie(SESSION)
    async with Client(app=house.app) as client:
        api = Caller(client)
        login = await api("POST", "/login", {"username": "bob", "password": PASSWORD})
        await api("GET", "/whoami", headers={"Authorization": f"Bearer {token}"}, status=401)
        await api("GET", "/whoami", headers={"Cookie": f"{SESSION}={token}"}, status=401)
        other = await house.browser()
        other.plant(SESSION, login["token"])
        await other.open("/tokens")
        assert other.path.startswith("/login")


async def test_a_session_that_somebody_has_planted_is_not_the_one_after_logging_in(house: House) -> None:
    attacker = await house.logged_in("bob")
    fixed = attacker.cookie(SESSION)
    assert fixed is not None
    victim = await house.browser()
    await victim.open("/login")
    victim.plant(SESSION, fixed)
    await victim.open("/login")  # the victim is bob now, and logs out and in as themselves
    await victim.send(to="/logout")
    await victim.send(username="admin", password=PASSWORD)
    assert victim.path == "/tokens"
    assert victim.cookie(SESSION) not in {None, fixed}
    await attacker.open("/tokens")
    assert attacker.path.startswith("/login")


async def test_a_value_of_somebodys_choice_is_never_a_session(house: House) -> None:
    browser = await house.browser()
    browser.plant(SESSION, "chosen")
    await browser.open("/login")
    await browser.send(username="bob", password=PASSWORD)
    assert browser.cookie(SESSION) not in {None, "chosen"}


async def test_two_sessions_at_once_in_one_cookie_header_are_none(house: House) -> None:
    browser = await house.logged_in()
    token = browser.cookie(SESSION)
    answer = await (await house.browser()).http.get(
        f"{HOME}/tokens", headers={"cookie": f"{SESSION}={token}; {SESSION}=x"}
    )
    assert answer.status_code == 303


# --- other sites' forms


FORMS: list[tuple[str, Mapping[str, Any]]] = [
    ("/logout", {}),
    ("/tokens", {"label": "evil", "patterns": "**", "action": "pull", "days": "7"}),
    ("/tokens", {"revoke": "x"}),
    ("/device", {"user_code": "WDJB-MJHT"}),
    ("/device", {"user_code": "WDJB-MJHT", "decision": "approve"}),
    ("/device", {"user_code": "WDJB-MJHT", "decision": "deny"}),
]


def token_on(page: Page) -> str:
    return page.forms[0].fields["form_token"][0]


@pytest.mark.parametrize(("path", "fields"), FORMS)
async def test_a_form_without_our_token_is_refused(house: House, path: str, fields: Mapping[str, Any]) -> None:
    victim, attacker = await house.logged_in(), await house.logged_in("admin")
    foreign = token_on(attacker.page)
    for token in (None, "", "x", foreign):
        sent = fields if token is None else {**fields, "form_token": token}
        answer = await victim.post(path, sent, follow=False)
        assert answer.status_code == 403, answer.text
    await victim.open("/tokens")
    assert "You have none" in victim.page.text


@pytest.mark.parametrize(("path", "fields"), FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        EVIL,
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "null"},
        {"origin": "http://registry.test"},
        {"origin": "https://registry.test:8443"},
        {"origin": "https://registry.test.evil.test"},
        {"origin": ""},
    ],
)
async def test_a_form_from_elsewhere_is_refused_even_with_our_token(
    house: House, path: str, fields: Mapping[str, Any], headers: Mapping[str, str]
) -> None:
    victim = await house.logged_in()
    sent = {**fields, "form_token": token_on(victim.page)}
    answer = await victim.post(path, sent, headers, follow=False)
    assert answer.status_code == 403, answer.text


async def test_the_log_in_form_is_bound_to_the_browser_too(house: House) -> None:
    attacker, victim = await house.browser(), await house.browser()
    await attacker.open("/login")
    await victim.open("/login")
    fields = {"username": "bob", "password": PASSWORD, "next": "/tokens", "user_code": ""}
    right = token_on(victim.page)
    for form_token, headers in (
        (token_on(attacker.page), {}),
        ("", {}),
        (right, EVIL),
    ):
        answer = await victim.post("/login", {**fields, "form_token": form_token}, headers, follow=False)
        assert answer.status_code == 403
        assert victim.cookie(SESSION) is None
    without_cookie = await house.browser()
    answer = await without_cookie.post("/login", {**fields, "form_token": right}, follow=False)
    assert answer.status_code == 403
    # The HMAC of an empty key is nobody's secret.
    without_cookie = await house.browser()  # the refusal has given the other one a cookie
    answer = await without_cookie.post("/login", {**fields, "form_token": forms.token("")}, follow=False)
    assert answer.status_code == 403


async def test_forms_change_nothing_by_get(house: House) -> None:
    browser = await house.logged_in()
    await browser.open("/logout")
    assert browser.answer.status_code == 404
    await browser.open("/tokens?label=x&patterns=**&action=pull&days=7")
    assert "You have none" in browser.page.text


@pytest.mark.parametrize(
    "next",
    [
        "https://evil.test",
        "//evil.test/tokens",
        "/\\evil.test",
        "/device/../x",
        "/v2/",
        "javascript:alert(1)",
        "%2f%2fevil.test",
    ],
)
async def test_logging_in_leads_nowhere_else(house: House, next: str) -> None:
    browser = await house.browser()
    await browser.open(f"/login?{urlencode({'next': next})}")
    assert browser.page.forms[0].fields["next"] == ["/tokens"]
    answer = await browser.send(username="bob", password=PASSWORD, next=next, follow=False)
    assert answer.headers["location"] == "/tokens"


@pytest.mark.parametrize(
    "code", ["WDJB-MJHT\r\nset-cookie: a=b", "<b>WDJBMJHT", "WDJB-MJH", "//evil.test", "ＷＤＪＢＭＪＨＴ", "x" * 3000]
)
async def test_a_code_that_is_none_is_not_passed_on(house: House, code: str) -> None:
    browser = await house.browser()
    await browser.open(f"/device?{urlencode({'user_code': code})}")
    assert browser.path in {"/login?next=%2Fdevice", "/login?next=%2Fdevice&user_code=BWDJ-BMJH"}
    assert "a" not in set(browser.http.cookies)


# --- bounds


async def test_a_form_that_is_too_long_is_not_read(house: House) -> None:
    browser = await house.browser()
    await browser.open("/login")
    await browser.post("/login", {"username": "x" * 70_000, "form_token": token_on(browser.page)})
    assert browser.answer.status_code == 413


@pytest.mark.parametrize(
    ("content", "type"),
    [
        (b"\xff", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"&".join([b"a=b"] * 200), "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"a=b", "text/plain"),
        (b"username=a&username=b&form_token=a&form_token=b", "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_form_of_ours_is_refused(house: House, content: bytes, type: str) -> None:
    browser = await house.browser()
    await browser.open("/login")
    answer = await browser.http.post(f"{HOME}/login", content=content, headers={"content-type": type})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_very_long_address_is_refused(house: House) -> None:
    browser = await house.browser()
    await browser.open(f"/login?x={'y' * 9000}")
    assert browser.answer.status_code == 400


# --- where it is served


@pytest.mark.parametrize(
    ("base", "works"),
    [
        ("http://localhost:5000", True),
        ("http://127.0.0.1", True),
        ("http://10.0.0.1", False),
        ("http://localhost.evil.test", False),
    ],
)
async def test_without_tls_only_on_this_machine(build: Build, base: str, works: bool) -> None:
    house = await build(public_url=None)
    async with Browser(house.app, home=base) as browser:
        await browser.open("/login")
        if not works:
            assert browser.answer.status_code == 403
            assert "HTTPS" in browser.page.text
            return
        await browser.send(username="bob", password=PASSWORD)
        assert browser.path == "/tokens"
        assert browser.cookie("wharf") is not None
        assert not any("secure" in value.lower() for value in browser.visited[1].headers.get_list("set-cookie"))


# --- every answer


PATHS = [
    "/login",
    "/logout",
    "/device",
    "/tokens",
    "/oidc/login",
    "/oidc/callback",
    "/oidc/x",
    "/ui/x",
    "/ui/style.css",
]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_says_what_must_not_be_done_with_it(house: House, path: str) -> None:
    for browser in (await house.browser(), await house.logged_in()):
        answer = await browser.open(path, follow=False)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-request-id"]
        if path != "/ui/style.css":
            assert answer.headers["cache-control"] == "no-store"


async def test_what_is_shown_is_escaped(house: House) -> None:
    browser = await house.logged_in()
    await browser.send(label="<img src=x onerror=alert(1)>\"'&", patterns="**")
    assert "<img" not in browser.answer.text
    assert "<img src=x onerror=alert(1)>\"'&" in browser.page.text
    assert browser.page.styled == []


# --- tokens


def _made(browser: Browser) -> str:
    return next(word for word in browser.page.text.split() if word.startswith("wharf_p"))


async def test_a_token_is_made_shown_once_used_and_revoked(house: House) -> None:
    browser = await house.logged_in()
    await browser.send(label="laptop", patterns="shop/**, base/*", action=["pull", "push"], days="7")
    token = _made(browser)
    assert "docker login registry.test --username bob" in browser.page.text
    async with Client(app=house.app, account=("bob", token)) as docker:
        assert (await docker.tags("shop/web")).status_code == 404  # allowed, and not there
        assert (await docker.tags("other/web")).status_code in {401, 403}
    await browser.open("/tokens")
    assert token not in browser.answer.text
    assert "pull, push" in browser.page.text
    assert "shop/**, base/*" in browser.page.text
    (revoke,) = [button for form in browser.page.forms for button in form.buttons if button[0] == "revoke"]
    await browser.send(revoke)
    assert "You have none" in browser.page.text
    async with Client(app=house.app, account=("bob", token)) as docker:
        assert (await docker.tags("shop/web")).status_code == 401
    assert [each["action"] for each in await house.told("token.add", "token.remove")] == ["token.add", "token.remove"]


async def test_nobody_revokes_anothers(house: House) -> None:
    bob, admin = await house.logged_in(), await house.logged_in("admin")
    await bob.send(label="laptop", patterns="**")
    await bob.open("/tokens")
    (revoke,) = [button for form in bob.page.forms for button in form.buttons if button[0] == "revoke"]
    await admin.post("/tokens", {"revoke": revoke[1], "form_token": token_on(admin.page)})
    assert admin.answer.status_code == 404
    await bob.open("/tokens")
    assert "laptop" in bob.page.text


@pytest.mark.parametrize(
    "fields",
    [
        {"label": "", "patterns": "**", "action": "pull", "days": "7"},
        {"label": "x" * 101, "patterns": "**", "action": "pull", "days": "7"},
        {"label": "a\nb", "patterns": "**", "action": "pull", "days": "7"},
        {"label": "x", "patterns": "", "action": "pull", "days": "7"},
        {"label": "x", "patterns": "Not/A/**/Pattern", "action": "pull", "days": "7"},
        {"label": "x", "patterns": "**", "days": "7"},
        {"label": "x", "patterns": "**", "action": "admin", "days": "7"},
        {"label": "x", "patterns": "**", "action": "pull", "days": "36500"},
        {"label": "x", "patterns": "**", "action": "pull", "days": ""},
    ],
)
async def test_tokens_that_cannot_be(house: House, fields: Mapping[str, Any]) -> None:
    browser = await house.logged_in()
    await browser.post("/tokens", {**fields, "form_token": token_on(browser.page)})
    assert browser.answer.status_code == 400, browser.page.text
    await browser.open("/tokens")
    assert "You have none" in browser.page.text


# --- for everybody


async def pages(house: House) -> list[Page]:
    """Every page there is."""
    found = []
    browser = await house.browser()
    for path in ("/login", "/login?next=/device&user_code=WDJB-MJHT", "/oidc/callback"):
        await browser.open(path)
        found.append(browser.page)
    await browser.open("/login")
    await browser.send(username="bob", password="wrong horse battery")
    found.append(browser.page)
    browser = await house.logged_in()
    found.append(browser.page)
    await browser.send(label="laptop", patterns="**")
    found.append(browser.page)
    for decision in ("approve", "deny"):
        begun = await house.services.devices.begin("tests", _origin())
        await browser.open("/device")
        found.append(browser.page)
        await browser.send(user_code=begun.user_code)
        found.append(browser.page)
        await browser.send(("decision", decision))
        found.append(browser.page)
    return found


def _origin() -> Any:
    return Origin("203.0.113.9", "tests", "")


async def test_pages_can_be_used_by_everybody(house: House) -> None:
    for page in await pages(house):
        assert page.language == "en"
        assert [each[:2] for each in page.headings].count("h1") == 1, page.headings
        assert page.headings[0].startswith("h1 "), page.headings
        assert page.unlabelled == [], page.text
        assert {"main", "title", "header"} <= set(page.tags)


async def test_pages_need_no_script_and_nothing_from_elsewhere(house: House) -> None:
    for page in await pages(house):
        assert not {"script", "iframe", "style", "img", "object"} & set(page.tags)
        assert page.styled == []
        assert len(page.loads) == 1
        assert page.loads[0].startswith("/ui/style.css?")
