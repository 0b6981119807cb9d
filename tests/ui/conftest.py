"""A registry whose people come from an OpenID Connect provider, and their browsers."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.conftest import PASSWORD, hashed_password
from tests.kit.browser import HOME, Browser
from tests.kit.clock import Clock
from tests.kit.issuer import CLIENT, SECRET, Issuer, issuer
from wharfinger import app as wiring
from wharfinger.access import keys
from wharfinger.access.caller import system
from wharfinger.config import Secret, Settings
from wharfinger.meta import accounts, grants
from wharfinger.meta.accounts import Account
from wharfinger.meta.grants import GrantRow
from wharfinger.meta.schema_access import audit_records
from wharfinger.services import Services
from wharfinger.web.site import Site

BY = system("tests", 0.0)


@dataclass
class House:
    """The application with two local accounts, ``admin`` and ``bob``, and whatever else the settings say."""

    app: Site
    services: Services
    clock: Clock
    stack: AsyncExitStack
    browsers: list[Browser] = field(default_factory=list)

    async def browser(self) -> Browser:
        """A new one, of somebody new."""
        return await self.stack.enter_async_context(Browser(self.app))

    async def logged_in(self, name: str = "bob", password: str = PASSWORD) -> Browser:
        """The browser of somebody who has logged in with a password."""
        browser = await self.browser()
        await browser.open("/login")
        await browser.send(username=name, password=password)
        assert browser.path == "/tokens", browser.page.text
        return browser

    async def told(self, *actions: str) -> list[dict[str, Any]]:
        """What the audit trail has of these actions."""
        await self.services.trail.flush(everything=True)
        columns = (audit_records.c.action, audit_records.c.account, audit_records.c.outcome, audit_records.c.detail)
        rows = select(*columns).where(audit_records.c.action.in_(actions)).order_by(audit_records.c.id)
        return [dict(row) for row in await self.services.db.read(lambda tx: tx.execute(rows).mappings().all())]

    async def groups(self, name: str) -> list[str]:
        """The groups of an account."""
        members = await self.services.db.read(grants.members)
        return [group for group, account in members if account == name]


@pytest.fixture
def provider(clock: Clock) -> Iterator[Issuer]:
    """The provider, which can be made to lie."""
    with issuer(clock) as made:
        yield made


Build = Callable[..., Any]


@pytest.fixture
async def build(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Build]:
    """Makes a house, from settings."""
    async with AsyncExitStack() as stack:

        async def build(now: Callable[[], float] = clock, **settings: Any) -> House:
            chosen = {"public_url": HOME, "access_log": False, "keep_free": 0, **settings}
            services, site = wiring.assemble(
                Settings(data=tmp_path, database=Secret(database_url), **chosen),
                now,
            )
            stack.push_async_callback(services.close)
            await keys.rotate(services.db, now)
            for name, role in (("admin", "administrator"), ("bob", "reader")):
                account = Account(name, hashed_password(), disabled=False, generation=1, created_at=now())
                await services.db.write(accounts.add, account)
                grant = GrantRow(0, name, role, "**", (), (), None, deny=False, created_at=now(), created_by="tests")
                await services.db.write(grants.add_grant, grant)
            return House(site, services, clock, stack)

        yield build


@pytest.fixture
async def house(build: Build, provider: Issuer) -> House:
    """The registry."""
    made: House = await build(
        oidc_issuer=provider.url, oidc_client_id=CLIENT, oidc_client_secret=Secret(SECRET), oidc_groups_claim="groups"
    )
    return made
