"""Logging in by OpenID Connect, and everything that must not work."""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tests.api.caller import Caller
from tests.conftest import PASSWORD
from tests.kit.browser import Browser
from tests.kit.client import Client
from tests.kit.issuer import CLIENT, Claims, Issuer
from tests.ui.conftest import BY, Build, House
from wharfinger.access.account_names import account_name
from wharfinger.access.accounts import Change
from wharfinger.access.actions import Action
from wharfinger.access.caller import NOWHERE
from wharfinger.access.grants import Identity
from wharfinger.config import Secret
from wharfinger.meta import grants
from wharfinger.meta.grants import GrantRow

LINK = "/oidc/login?next=/tokens"
SESSION, FLOW = "__Host-wharf", "__Host-wharf-flow"


async def log_in(house: House) -> Browser:
    """Somebody's browser after they clicked the button."""
    browser = await house.browser()
    await browser.open("/login")
    await browser.click(LINK)
    return browser


async def stopped(house: House) -> tuple[Browser, str]:
    """A browser that comes from the provider, and the address it is sent to."""
    browser = await house.browser()
    await browser.open("/login")
    await browser.click(LINK, follow=False)
    await browser.open(browser.answer.headers["location"], follow=False)
    return browser, browser.answer.headers["location"]


def refused(browser: Browser, words: str, status: int = 403) -> bool:
    """Whether a page says so, and nobody is logged in."""
    assert browser.answer.status_code == status, browser.page.text
    assert words.lower() in browser.page.text.lower(), browser.page.text
    return browser.cookie(SESSION) is None


async def test_a_person_gets_an_account_that_may_do_nothing(house: House) -> None:
    browser = await log_in(house)
    assert (browser.path, browser.page.heading) == ("/tokens", "My tokens")
    assert "anna" in browser.page.text
    snapshot = await house.services.authenticator.directory.current()
    account = snapshot.accounts["anna"].account
    assert (account.password, account.disabled, account.kind) == ("", False, "person")
    assert [grant for grant in snapshot.policy.grants if grant.principal == "anna"] == []
    assert [(each["account"], each["detail"]) for each in await house.told("login")] == [("anna", '{"method": "oidc"}')]


async def test_the_second_time_it_is_the_same_account_whatever_it_is_called(house: House, provider: Issuer) -> None:
    await log_in(house)
    provider.person["preferred_username"] = "anna.married"
    browser = await log_in(house)
    assert browser.page.heading == "My tokens"
    names = (await house.services.authenticator.directory.current()).accounts.keys()
    assert set(names) == {"admin", "bob", "anna"}


async def test_what_is_sent_is_what_the_protocol_wants(house: House, provider: Issuer) -> None:
    await log_in(house)
    asked = provider.asked_to_authorize[0]
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "https://registry.test/oidc/callback"
    assert asked["scope"] == "openid profile email"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert min(len(asked[each]) for each in ("state", "nonce", "code_challenge")) >= 43


async def test_where_it_leads_is_where_it_began(house: House) -> None:
    browser = await house.browser()
    await browser.open("/device?user_code=wdjb-mjht")
    assert browser.path == "/login?next=%2Fdevice&user_code=WDJB-MJHT"
    await browser.click("/oidc/login?next=/device&user_code=WDJB-MJHT")
    assert browser.path == "/device?user_code=WDJB-MJHT"


@pytest.mark.parametrize(
    "next",
    [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "/tokens/../x",
        "javascript:x",
        "/logout",
        "/device?x=y",
        "\r\nx",
    ],
)
async def test_it_never_leads_anywhere_else(house: House, next: str) -> None:
    browser = await house.browser()
    await browser.open(f"/oidc/login?{urlencode({'next': next})}")
    assert (browser.url, browser.page.heading) == ("https://registry.test/tokens", "My tokens")


async def test_the_secret_goes_into_the_form_where_the_provider_wants_it_there(house: House, provider: Issuer) -> None:
    provider.client, provider.document = "form", {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert (await log_in(house)).path == "/tokens"


async def test_a_public_client_has_no_secret(build: Build, provider: Issuer) -> None:
    provider.client = "public"
    house = await build(oidc_issuer=provider.url, oidc_client_id=CLIENT)
    assert (await log_in(house)).path == "/tokens"


# --- whose account it is


async def test_a_name_that_is_taken_is_not_taken_over(house: House, provider: Issuer) -> None:
    provider.person = {"sub": "mallory", "preferred_username": "admin"}
    browser = await log_in(house)
    assert refused(browser, "there is an account admin already")
    assert f"wharf users link NAME --issuer {provider.url} --subject mallory" in browser.page.text


async def test_a_name_in_capitals_is_the_same_name(house: House, provider: Issuer) -> None:
    provider.person = {"sub": "mallory", "preferred_username": "ADMIN"}
    assert refused(await log_in(house), "there is an account admin already")


async def test_what_is_to_be_pasted_is_quoted_for_a_shell(house: House, provider: Issuer) -> None:
    provider.person = {"sub": "x; rm -rf ~", "preferred_username": "admin"}
    assert refused(await log_in(house), "--subject 'x; rm -rf ~'")


async def test_an_administrator_links_it(house: House, provider: Issuer) -> None:
    provider.person = {"sub": "b-17", "preferred_username": "whatever"}
    row = {"account": "bob", "issuer": provider.url, "subject": "b-17"}
    async with Client(app=house.app, account=("admin", PASSWORD)) as client:
        api = Caller(client)
        await api("POST", "/identities", row, status=201)
        assert await api("GET", "/identities") == {"identities": [row]}
        browser = await log_in(house)
        assert "bob" in browser.page.text
        assert "already" in await api.refusal("POST", "/identities", row | {"account": "admin"}, status=409)
        await api("POST", "/identities/remove", row, status=204)
        await browser.open("/tokens")
        assert browser.path == "/login?next=%2Ftokens"
    words = ["account.link", "account.unlink"]
    assert [each["action"] for each in await house.told(*words)] == words


async def test_who_is_not_to_get_an_account_gets_none(build: Build, provider: Issuer) -> None:
    house = await build(
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT,
        oidc_client_secret=Secret("s3cret/%"),
        oidc_create=False,
    )
    assert refused(await log_in(house), "You have no account here")
    assert "anna" not in (await house.services.authenticator.directory.current()).accounts


async def test_who_is_disabled_stays_out(house: House) -> None:
    await log_in(house)
    await house.services.accounts.change(BY, account_name("anna"), Change(disabled=True))
    assert refused(await log_in(house), "disabled")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"preferred_username": "Anna Smith"}, "invalid account name"),
        ({"preferred_username": "a" * 65}, "invalid account name"),
        ({"preferred_username": "anonymous"}, "invalid account name"),
        ({"preferred_username": "<script>"}, "invalid account name"),
        ({"preferred_username": ""}, "has no preferred_username"),
        ({"preferred_username": ["anna"]}, "has no preferred_username"),
        ({}, "has no preferred_username"),
    ],
)
async def test_names_that_cannot_be_accounts(house: House, provider: Issuer, claims: Claims, words: str) -> None:
    provider.person = {"sub": "x", **claims}
    browser = await log_in(house)
    assert refused(browser, words)
    assert "script" not in browser.page.tags


async def test_of_an_address_the_name_is_what_stands_before_the_at(house: House, provider: Issuer) -> None:
    provider.person["preferred_username"] = "Anna.Smith@example.org"
    browser = await log_in(house)
    assert "anna.smith" in browser.page.text


# --- groups


async def test_groups_are_as_the_provider_says_at_every_log_in(house: House, provider: Issuer) -> None:
    await house.services.groups.add(BY, "shop-devs")
    provider.person["groups"] = ["shop-devs", "ops", "bad\ngroup", "ops", 7]
    await log_in(house)
    assert await house.groups("anna") == ["ops", "shop-devs"]
    await house.services.groups.add_member(BY, "shop-devs", "anna")
    provider.person["groups"] = ["ops"]
    await log_in(house)
    assert await house.groups("anna") == ["ops", "shop-devs"]  # a member by our own list as well
    del provider.person["groups"]
    await log_in(house)
    assert await house.groups("anna") == ["shop-devs"]


async def test_a_group_that_is_granted_something_counts_at_once(house: House, provider: Issuer) -> None:
    await house.services.groups.add(BY, "ops")
    row = GrantRow(0, "group:ops", "reader", "**", (), (), None, deny=False, created_at=0, created_by="tests")
    await house.services.db.write(grants.add_grant, row)
    provider.person["groups"] = ["ops"]
    await log_in(house)
    identity: Identity = (await house.services.authenticator.directory.current()).accounts["anna"].identity
    assert house.services.authenticator.as_caller(identity, _nowhere()).may(Action.PULL)


async def test_only_the_groups_that_are_wanted_count(build: Build, provider: Issuer) -> None:
    house = await build(
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT,
        oidc_client_secret=Secret("s3cret/%"),
        oidc_groups_claim="roles",
        oidc_groups=("registry-*", "0f3c=shop devs", "ops"),
    )
    provider.person["roles"] = ["registry-a", "0f3c", "ops", "ops2", "admins"]
    await log_in(house)
    assert await house.groups("anna") == ["ops", "registry-a", "shop devs"]


# --- tokens that are not right


def changed(**claims: Any) -> Callable[[Claims], Claims]:
    return lambda right: {name: value for name, value in {**right, **claims}.items() if value is not None}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (changed(nonce="another"), "not for this log-in"),
        (changed(nonce=None), "lacks something"),
        (changed(aud="another"), "for another application"),
        (changed(aud=[CLIENT, "another"]), "not issued to us"),
        (changed(aud=[CLIENT, "another"], azp="another"), "not issued to us"),
        (changed(azp="another"), "not issued to us"),
        (changed(aud=None), "lacks something"),
        (changed(iss="https://another.test"), "another issuer"),
        (changed(iss=None), "lacks something"),
        (changed(exp=1), "expired"),
        (changed(exp=None), "lacks something"),
        (changed(exp="4000000000"), "not a number"),
        (changed(exp=True), "not a number"),
        (changed(iat=4_000_000_000), "issued in the future"),
        (changed(iat=None), "lacks something"),
        (changed(nbf=4_000_000_000), "not valid yet"),
        (changed(sub=None), "lacks something"),
        (changed(sub=""), "without a subject"),
        (changed(sub=7), "without a subject"),
        (changed(sub="x" * 256), "without a subject"),
        (changed(sub="x\n"), "invisible"),
    ],
)
async def test_a_token_that_is_not_right_is_nobody(
    house: House, provider: Issuer, spoil: Callable[[Claims], Claims], words: str
) -> None:
    provider.spoil = spoil
    assert refused(await log_in(house), words)
    assert [(each["account"], each["outcome"]) for each in await house.told("login")] == [("", "failed")]


async def test_several_audiences_are_right_if_it_was_issued_to_us(house: House, provider: Issuer) -> None:
    provider.spoil = changed(aud=[CLIENT, "another"], azp=CLIENT)
    assert (await log_in(house)).path == "/tokens"


def unsigned(it: Issuer, claims: Claims) -> str:
    _, body, _ = it.signed(claims).split(".")
    return f"eyJhbGciOiJub25lIn0.{body}."


def altered(it: Issuer, claims: Claims) -> str:
    head, _, signature = it.signed(claims).split(".")
    return f"{head}.{it.signed(claims | {'sub': 'admin'}).split('.')[1]}.{signature}"


def with_public_key_as_secret(it: Issuer, claims: Claims) -> str:
    head, body, _ = (
        jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.generate_key(256), algorithms=["HS256"])
    ).split(".")
    mac = hmac.digest(it.key.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{_encoded(mac)}"


def with_own_key(it: Issuer, claims: Claims) -> str:
    key = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "kid": "one", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


def with_own_url(it: Issuer, claims: Claims) -> str:
    key = ECKey.generate_key("P-256")
    return jwt.encode(
        {"alg": "ES256", "kid": "two", "jku": "https://evil.test/keys"}, claims, key, algorithms=["ES256"]
    )


def critical(it: Issuer, claims: Claims) -> str:
    header = {"alg": "ES256", "kid": "one", "crit": ["x"], "x": 1}
    head, body = (_encoded(json.dumps(part).encode()) for part in (header, claims))
    key = it.key.private_key
    assert isinstance(key, EllipticCurvePrivateKey)
    signature = key.sign(f"{head}.{body}".encode(), ECDSA(SHA256()))
    return f"{head}.{body}.{_encoded(b''.join(n.to_bytes(32, 'big') for n in decode_dss_signature(signature)))}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "sign",
    [
        unsigned,
        altered,
        with_public_key_as_secret,
        with_own_key,
        with_own_url,
        critical,
        lambda *_: "x",
        lambda *_: "é.é.é",
    ],
)
async def test_a_token_that_is_not_signed_by_the_provider_is_nobody(
    house: House, provider: Issuer, sign: Callable[[Issuer, Claims], str]
) -> None:
    provider.sign = sign
    browser = await log_in(house)
    assert refused(browser, "provider's token is")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSAKey.generate_key(2048, {"kid": "one"})),
        ("EdDSA", OKPKey.generate_key("Ed25519", {"kid": "one"})),
        ("Ed25519", OKPKey.generate_key("Ed25519", {"kid": "one"})),
    ],
)
async def test_other_signatures_that_are_right(house: House, provider: Issuer, algorithm: str, key: Any) -> None:
    import warnings

    def sign(it: Issuer, claims: Claims) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return it.signed(claims, algorithm)

    provider.key, provider.sign = key, sign
    assert (await log_in(house)).path == "/tokens"


async def test_a_key_that_is_new_is_looked_for_but_not_again_and_again(house: House, provider: Issuer) -> None:
    await log_in(house)
    provider.sign = with_own_url
    for _ in range(3):
        refused(await log_in(house), "a key that it does not publish")
    assert provider.asked.count("/keys") <= 2


# --- answers that do not belong here


async def test_a_state_that_is_not_ours_is_refused(house: House) -> None:
    browser, back = await stopped(house)
    await browser.open(back.replace("state=", "state=x"))
    assert refused(browser, "answer to another log-in")


async def test_an_answer_counts_once(house: House, provider: Issuer) -> None:
    browser, back = await stopped(house)
    kept = browser.cookie(FLOW)
    await browser.open(back)
    assert browser.path == "/tokens"
    assert browser.cookie(FLOW) is None
    await browser.open(back)
    assert "did not begin in this browser" in browser.page.text
    assert kept is not None
    other = await house.browser()
    other.plant(FLOW, kept)  # even somebody who has copied the cookie: the provider gives nothing for a used code
    await other.open(back)
    assert refused(other, "refused the log-in (invalid_grant)")


async def test_an_answer_in_another_browser_is_refused(house: House) -> None:
    _, back = await stopped(house)
    victim = await house.browser()
    await victim.open(back)
    assert refused(victim, "did not begin in this browser")


async def test_an_answer_to_the_victims_own_log_in_is_not_taken_from_somebody_else(house: House) -> None:
    _, back = await stopped(house)
    victim, _ = await stopped(house)
    await victim.open(back)
    assert refused(victim, "answer to another log-in")


async def test_an_answer_that_comes_too_late_is_refused(house: House) -> None:
    browser, back = await stopped(house)
    house.clock.advance(minutes=10)
    await browser.open(back)
    assert refused(browser, "took too long")


@pytest.mark.parametrize(
    "spoil", [lambda kept: kept[:-2] + "AA", lambda kept: "x", lambda kept: "é", lambda kept: "x." + kept]
)
async def test_a_cookie_that_we_did_not_write_is_refused(house: House, spoil: Callable[[str], str]) -> None:
    browser, back = await stopped(house)
    kept = browser.cookie(FLOW)
    assert kept is not None
    answer = await browser.http.get(back, headers={b"cookie": f"{FLOW}={spoil(kept)}".encode()})
    assert answer.status_code == 403


async def test_another_provider_in_the_answer_is_refused(house: House, provider: Issuer) -> None:
    provider.answer = {"iss": "https://another.test"}
    assert refused(await log_in(house), "another identity provider")


@pytest.mark.parametrize(("word", "shown"), [("access_denied", "access_denied"), ("<b>\r\nx: y", "error")])
async def test_what_the_provider_refuses_is_said(house: House, provider: Issuer, word: str, shown: str) -> None:
    provider.refuse = word
    browser = await log_in(house)
    assert refused(browser, f"did not let you in ({shown})")
    assert "b" not in browser.page.tags


async def test_guessing_answers_is_slowed(house: House) -> None:
    browser, back = await stopped(house)
    kept = browser.cookie(FLOW)
    assert kept is not None
    for _ in range(10):
        browser.plant(FLOW, kept)
        await browser.open(back.replace("code=", "code=x"))
        assert browser.answer.status_code == 403
    browser.plant(FLOW, kept)
    await browser.open(back.replace("code=", "code=x"))
    assert browser.answer.status_code == 429
    assert int(browser.answer.headers["retry-after"]) > 0


async def test_the_session_is_another_after_logging_in(house: House) -> None:
    victim = await house.browser()
    attacker = await house.logged_in("bob")
    fixed = attacker.cookie(SESSION)
    assert fixed is not None
    victim.plant(SESSION, fixed)
    await victim.open("/oidc/login?next=/tokens")
    assert "anna" in victim.page.text
    assert victim.answer.request.headers["cookie"].count(f"{SESSION}=") == 1
    assert fixed not in victim.answer.request.headers["cookie"]
    await attacker.open("/tokens")
    assert attacker.path == "/login?next=%2Ftokens"  # and the one that was planted has ended


# --- a provider that cannot be used


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://another.test"},
        {"token_endpoint": "http://registry.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user@x.test/"},
        {"token_endpoint": None},
        {"authorization_endpoint": "https://x.test/\r\nset-cookie: a=b"},
    ],
)
async def test_a_provider_that_says_something_odd_is_not_used(house: House, provider: Issuer, document: Claims) -> None:
    provider.document = document
    browser = await house.browser()
    await browser.open("/oidc/login")
    assert refused(browser, "does not answer as it should", 503)


async def test_a_provider_that_sends_on_is_not_followed(house: House, provider: Issuer) -> None:
    provider.document = {"jwks_uri": f"{provider.url}/elsewhere"}
    assert refused(await log_in(house), "does not answer as it should", 503)
    assert "/keys" not in provider.asked


async def test_a_provider_that_answers_too_much_is_not_read_to_the_end(house: House, provider: Issuer) -> None:
    provider.huge = True
    assert refused(await log_in(house), "does not answer as it should", 503)


async def test_without_a_provider_there_is_no_button_and_no_way(build: Build) -> None:
    house = await build()
    browser = await house.browser()
    await browser.open("/login")
    assert browser.page.links == []
    for path in ("/oidc/login", "/oidc/callback?code=x&state=y"):
        await browser.open(path)
        assert browser.answer.status_code in {403, 404}


def _nowhere() -> Any:
    return NOWHERE
