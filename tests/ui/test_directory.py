"""People of a directory on the pages and at the registry."""

from collections.abc import Iterator

import pytest

from tests.kit.client import Client
from tests.kit.parts.slapd import BASE, PASSWORD, SERVICE, SERVICE_PASSWORD, Directory, slapd
from tests.ui.conftest import Build
from wharfinger.config import Secret

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with slapd(tmp_path_factory.mktemp("ldap")) as running:
        yield running


async def test_somebody_of_the_directory_logs_in_and_pulls(build: Build, directory: Directory) -> None:
    house = await build(
        ldap_url=f"ldap://{directory.plain}",
        ldap_base=f"ou=people,{BASE}",
        ldap_bind_dn=SERVICE,
        ldap_bind_password=Secret(SERVICE_PASSWORD),
        ldap_groups_base=f"ou=groups,{BASE}",
        ldap_groups=("ops", "shop-devs=shop developers"),
    )
    browser = await house.browser()
    await browser.open("/login")
    await browser.send(username="anna", password="wrong horse battery")
    assert browser.answer.status_code == 403
    await browser.send(username="anna", password=PASSWORD)
    assert browser.path == "/tokens"
    assert await house.groups("anna") == ["ops", "shop developers"]
    logins = [each for each in await house.told("login") if each["outcome"] == "done"]
    assert [each["detail"] for each in logins] == ['{"method": "ldap"}']
    async with Client(app=house.app, account=("anna", PASSWORD)) as docker:
        assert (await docker.catalog()).status_code == 200
        assert (await docker.tags("shop/web")).status_code == 403
    assert (await house.logged_in()).path == "/tokens"  # bob, who has a password here


async def test_the_directory_keeps_nobody_out_who_has_a_password_here(build: Build) -> None:
    house = await build(ldap_url="ldap://127.0.0.1:1", ldap_base="dc=nowhere")
    assert (await house.logged_in()).path == "/tokens"
    browser = await house.browser()
    await browser.open("/login")
    await browser.send(username="anna", password=PASSWORD)
    assert browser.answer.status_code == 503
    assert "directory" in browser.page.text
