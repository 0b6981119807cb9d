"""The same against a provider that others have written."""

import time
from collections.abc import Iterator

import pytest

from tests.kit.parts.oidc import oidc_provider
from tests.ui.conftest import Build
from wharfinger.config import Secret

ANNA = {"sub": "anna-1", "preferred_username": "anna", "email": "anna@example.org", "groups": ["shop-devs", "ops"]}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with oidc_provider(tmp_path_factory.mktemp("oidc"), [ANNA]) as url:
        yield url


async def test_anna_logs_in_and_is_in_her_groups(build: Build, url: str) -> None:
    house = await build(now=time.time, oidc_issuer=url, oidc_client_id="wharf", oidc_client_secret=Secret("anything"))
    browser = await house.browser()
    await browser.open("/device?user_code=WDJB-MJHT")
    await browser.click("/oidc/login?next=/device&user_code=WDJB-MJHT")
    assert browser.page.heading == "Authorize Client"
    await browser.post(browser.url, {"sub": "anna-1"})
    assert browser.path == "/device?user_code=WDJB-MJHT"
    assert "anna" in browser.page.text
    assert await house.groups("anna") == ["ops", "shop-devs"]


async def test_who_is_not_let_in_there_is_not_let_in_here(build: Build, url: str) -> None:
    house = await build(now=time.time, oidc_issuer=url, oidc_client_id="wharf", oidc_client_secret=Secret("anything"))
    browser = await house.browser()
    await browser.open("/login")
    await browser.click("/oidc/login?next=/tokens")
    await browser.post(browser.url, {"action": "deny"})
    assert browser.answer.status_code == 403
    assert browser.path.startswith("/oidc/callback")
