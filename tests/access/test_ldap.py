"""People whose passwords a directory knows, against a real one."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import hashed_password
from tests.kit.clock import Clock
from tests.kit.parts.slapd import BASE, PASSWORD, SERVICE, SERVICE_PASSWORD, Directory, slapd
from wharfinger.access.account_names import account_name
from wharfinger.access.accounts import Accounts, Change
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.caller import Caller, Origin, system
from wharfinger.access.identity import Found
from wharfinger.access.ldap import LdapDirectory, LdapSettings
from wharfinger.errors import TooManyRequests, Unauthorized, Unavailable
from wharfinger.meta import accounts as rows
from wharfinger.meta import grants, identities
from wharfinger.meta.accounts import Account
from wharfinger.meta.db import Database
from wharfinger.meta.identities import IdentityRow

HERE = Origin("203.0.113.7", "tests", "")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with slapd(tmp_path_factory.mktemp("ldap")) as running:
        yield running


@pytest.fixture
def settings(directory: Directory) -> LdapSettings:
    return LdapSettings(
        url=f"ldap://{directory.plain}",
        base=f"ou=people,{BASE}",
        bind_dn=SERVICE,
        bind_password=SERVICE_PASSWORD,
        groups_base=f"ou=groups,{BASE}",
    )


@pytest.fixture
def opened() -> Iterator[Callable[[LdapSettings], LdapDirectory]]:
    made: list[LdapDirectory] = []

    def open_(settings: LdapSettings) -> LdapDirectory:
        made.append(LdapDirectory(settings))
        return made[-1]

    yield open_
    for each in made:
        each.close()


Opened = Callable[[LdapSettings], LdapDirectory]


@pytest.mark.system
class TestAsking:
    async def test_who_knows_the_password_is_found_with_their_groups(
        self, settings: LdapSettings, opened: Opened
    ) -> None:
        found = await opened(settings).check("anna", PASSWORD)
        assert found is not None
        assert (found.issuer, found.name) == (f"ldap:ou=people,{BASE}", "anna")
        assert found.subject.startswith("entryuuid:")
        assert set(found.groups) == {"shop-devs", "ops", "b\u00e4d"}

    async def test_somebody_is_the_same_by_whatever_name(self, settings: LdapSettings, opened: Opened) -> None:
        here, there = await opened(settings).check("anna", PASSWORD), await opened(settings).check("ANNA", PASSWORD)
        assert here is not None
        assert there is not None
        assert here.subject == there.subject

    @pytest.mark.parametrize(
        ("name", "password"),
        [
            ("anna", "wrong"),
            ("anna", ""),  # an unauthenticated bind, which succeeds (RFC 4513, section 5.1.2)
            ("nobody", PASSWORD),
            ("", PASSWORD),
            ("*", PASSWORD),
            ("a*", PASSWORD),
            ("anna)(uid=*", PASSWORD),
            ("*)(|(uid=anna", PASSWORD),
            ("anna)(|(objectClass=*", PASSWORD),
            ("\\61nna", PASSWORD),
            ("anna\x00", PASSWORD),
            ("wharf", SERVICE_PASSWORD),  # not below the base
        ],
    )
    async def test_nobody_else_is(self, settings: LdapSettings, opened: Opened, name: str, password: str) -> None:
        assert await opened(settings).check(name, password) is None

    async def test_odd_names_are_just_names(self, settings: LdapSettings, opened: Opened) -> None:
        found = await opened(settings).check("o(tto)*", PASSWORD)
        assert found is not None
        assert found.groups == ()

    async def test_a_filter_that_fits_several_lets_in_nobody(self, settings: LdapSettings, opened: Opened) -> None:
        wide = replace(settings, filter="(|(uid={name})(mail=team@example.org))")
        assert await opened(wide).check("anna", PASSWORD) is None

    async def test_by_starttls_and_by_tls(self, directory: Directory, settings: LdapSettings, opened: Opened) -> None:
        authority = str(directory.authority)
        for url in (f"ldaps://{directory.tls}", f"ldap://{directory.plain.replace('127.0.0.1', 'localhost')}"):
            assert await opened(replace(settings, url=url, ca=authority)).check("anna", PASSWORD) is not None

    async def test_a_certificate_that_nobody_vouches_for_ends_it(
        self, directory: Directory, settings: LdapSettings, opened: Opened
    ) -> None:
        with pytest.raises(Unavailable):
            await opened(replace(settings, url=f"ldaps://{directory.tls}")).check("anna", PASSWORD)

    async def test_a_certificate_for_another_host_ends_it(
        self, directory: Directory, settings: LdapSettings, opened: Opened
    ) -> None:
        for url in (f"ldaps://{directory.tls.replace('localhost', '127.0.0.1')}", f"ldap://{directory.plain}"):
            with pytest.raises(Unavailable):
                await opened(replace(settings, url=url, ca=str(directory.authority))).check("anna", PASSWORD)

    async def test_a_service_that_may_not_look_is_a_fault_of_ours(self, settings: LdapSettings, opened: Opened) -> None:
        with pytest.raises(Unavailable) as refusal:
            await opened(replace(settings, bind_password="wrong")).check("anna", PASSWORD)
        assert "wrong" not in refusal.value.message

    async def test_a_directory_that_is_away_is_said_to_be(self, settings: LdapSettings, opened: Opened) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"ldap://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unavailable):
            await opened(replace(settings, url=url)).check("anna", PASSWORD)

    async def test_a_directory_that_says_nothing_is_not_waited_for_by_everybody(
        self, settings: LdapSettings, opened: Opened
    ) -> None:
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen(64)
            slow = opened(replace(settings, url=f"ldap://127.0.0.1:{mute.getsockname()[1]}"))
            asked = [asyncio.create_task(slow.check("anna", PASSWORD)) for _ in range(20)]
            await asyncio.sleep(0)
            with pytest.raises(TooManyRequests):
                await slow.check("anna", PASSWORD)
            with pytest.raises(Unavailable):
                await asked[0]
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)


@pytest.fixture
async def gate(db: Database, clock: Clock, settings: LdapSettings) -> AsyncIterator[Authenticator]:
    made = Authenticator(db, clock, source=LdapDirectory(settings))
    yield made
    made.close()


async def come(gate: Authenticator, name: str, password: str = PASSWORD) -> Caller:
    basic = base64.b64encode(f"{name}:{password}".encode()).decode()
    return await gate.caller(f"Basic {basic}", HERE)


@pytest.mark.system
class TestComing:
    async def test_who_comes_for_the_first_time_gets_an_account_and_groups(
        self, gate: Authenticator, db: Database
    ) -> None:
        caller = await come(gate, "anna")
        assert (caller.name, caller.identity.credential) == ("anna", "ldap")
        assert set(caller.identity.principals) == {"anna", "group:ops", "group:shop-devs"}
        (row,) = await db.read(identities.every)
        assert (row.account, row.issuer) == ("anna", f"ldap:ou=people,{BASE}")
        stored = await db.read(rows.require, "anna")
        assert stored.password == ""

    async def test_a_right_password_is_remembered_for_a_minute(
        self, db: Database, clock: Clock, settings: LdapSettings
    ) -> None:
        source = Counting(LdapDirectory(settings))
        gate = Authenticator(db, clock, source=source)
        try:
            for _ in range(3):
                await come(gate, "anna")
            assert source.asked == 1
            with pytest.raises(Unauthorized):
                await come(gate, "anna", "wrong")
            clock.advance(60)
            await come(gate, "anna")
            assert source.asked == 3
        finally:
            gate.close()

    async def test_a_local_password_is_asked_for_here_alone(
        self, db: Database, clock: Clock, settings: LdapSettings
    ) -> None:
        source = Counting(LdapDirectory(settings))
        gate = Authenticator(db, clock, source=source)
        await db.write(rows.add, Account("bert", hashed_password(), disabled=False, generation=1, created_at=clock()))
        other = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA"
        local = Account("admin", other, disabled=False, generation=1, created_at=clock())
        await db.write(rows.add, local)
        with pytest.raises(Unauthorized):
            await come(gate, "admin")  # right in the directory, and of no use here
        assert (await come(gate, "bert", "correct horse battery")).identity.credential == "password"
        assert source.asked == 0
        gate.close()

    @pytest.mark.parametrize("kind", ["person", "service"])
    async def test_an_account_without_password_is_not_taken_either(
        self, db: Database, clock: Clock, gate: Authenticator, kind: str
    ) -> None:
        await db.write(rows.add, Account("anna", "", disabled=False, generation=1, created_at=clock(), kind=kind))
        with pytest.raises(Unauthorized):
            await come(gate, "anna")

    async def test_unless_it_is_linked(
        self, db: Database, clock: Clock, gate: Authenticator, settings: LdapSettings
    ) -> None:
        found = await LdapDirectory(settings).check("anna", PASSWORD)
        assert found is not None
        await db.write(rows.add, Account("anna", "", disabled=False, generation=1, created_at=clock()))
        await db.write(identities.add, IdentityRow(found.issuer, found.subject, "anna"))
        assert (await come(gate, "anna")).name == "anna"

    async def test_somebody_is_one_account_by_one_name(
        self, db: Database, clock: Clock, gate: Authenticator, settings: LdapSettings
    ) -> None:
        found = await LdapDirectory(settings).check("anna", PASSWORD)
        assert found is not None
        for name in ("other", "anna"):
            await db.write(rows.add, Account(name, "", disabled=False, generation=1, created_at=clock()))
        await db.write(identities.add, IdentityRow(found.issuer, found.subject, "other"))
        with pytest.raises(Unauthorized):
            await come(gate, "anna")

    @pytest.mark.parametrize("name", ["ANNA", "anna ", "o(tto)*", "anonymous"])
    async def test_what_cannot_be_an_account_is_not_asked_for(
        self, db: Database, clock: Clock, settings: LdapSettings, name: str
    ) -> None:
        source = Counting(LdapDirectory(settings))
        gate = Authenticator(db, clock, source=source)
        with pytest.raises(Unauthorized):
            await come(gate, name)
        assert source.asked == 0
        gate.close()

    async def test_who_is_disabled_stays_out(self, db: Database, clock: Clock, gate: Authenticator) -> None:
        await come(gate, "anna")
        people = Accounts(db, gate.passwords, clock, gate.directory.forget)
        await people.change(system("tests", clock()), account_name("anna"), Change(disabled=True))
        with pytest.raises(Unauthorized):
            await come(gate, "anna")

    async def test_guessing_is_slowed_as_for_everybody(self, gate: Authenticator) -> None:
        for _ in range(10):
            with pytest.raises(Unauthorized):
                await come(gate, "anna", "wrong")
        with pytest.raises(TooManyRequests):
            await come(gate, "anna")

    async def test_local_memberships_stay(self, db: Database, clock: Clock, gate: Authenticator) -> None:
        await come(gate, "anna")
        await db.write(grants.add_group, "local", clock())
        await db.write(grants.add_member, "local", "anna")
        await db.write(grants.add_group, "stale", clock())
        await db.write(grants.add_member, "stale", "anna", f"ldap:ou=people,{BASE}")
        clock.advance(60)
        await come(gate, "anna")
        assert {group for group, _ in await db.read(grants.members)} == {"local", "ops", "shop-devs"}


class Counting:
    """A source, and how often it was asked."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.asked = 0

    async def check(self, name: str, password: str) -> Found | None:
        self.asked += 1
        found: Found | None = await self._source.check(name, password)
        return found

    def close(self) -> None:
        self._source.close()


def test_settings_do_not_print_the_password(tmp_path: Path) -> None:
    assert "geheim" not in repr(LdapSettings("ldap://127.0.0.1", BASE, bind_password="geheim"))
