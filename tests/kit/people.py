"""People with a registry in this process: made in a line, without the cost of a password, and asking as they like.

people = People(registry)
await people.add("ci", ("publisher", "shop/**"))
await people.basic("ci").push_image("shop/web", image(), "1.0")     name and secret, with every request
async with ... await people.bearer("ci", "repository:shop/web:pull")   a token of the token protocol
"""

from collections.abc import Mapping
from typing import Any, Protocol

from httpx2 import Response
from sqlalchemy import Connection

from tests.kit.client import Client, require
from tests.kit.granting import grant_row
from wharfinger.access import tokens
from wharfinger.access.tokens import Kind
from wharfinger.meta import accounts, grants
from wharfinger.meta.accounts import Account
from wharfinger.meta.grants import GrantRow, SecretRow
from wharfinger.services import Services

Wanted = tuple[str, str] | tuple[str, str, Mapping[str, object]]
"""Role and pattern, and whatever else a grant may have."""


class Assembled(Protocol):
    """What is needed of the fixture ``registry``."""

    app: Any
    services: Services
    opened: list[Client]


class People:
    """Accounts of a registry, each with a secret that it proves itself by."""

    def __init__(self, registry: Assembled) -> None:
        self._registry = registry
        self.secrets: dict[str, str] = {}

    async def add(
        self, name: str, *wanted: Wanted, groups: tuple[str, ...] = (), kind: Kind = Kind.TOKEN, **limits: object
    ) -> str:
        """An account with these grants; its secret. ``limits`` narrow the secret: ``actions``, ``patterns``."""
        secret = self.secrets[name] = tokens.generate(kind)
        fields: dict[str, Any] = {"actions": None, "patterns": None, "expires_at": None, "used_at": None} | limits
        row = SecretRow(
            id=f"of-{name}",
            account=name,
            kind=kind.name.lower(),
            label="",
            hash=tokens.fingerprint(secret),
            created_at=0,
            created_by=name,
            **fields,
        )

        def store(tx: Connection) -> None:
            generation = accounts.begin_change(tx)
            accounts.add(tx, Account(name, "", disabled=False, generation=generation, created_at=0))
            grants.add_secret(tx, row)
            for group in groups:
                if not grants.group_exists(tx, group):
                    grants.add_group(tx, group, 0)
                grants.add_member(tx, group, name)

        await self._registry.services.db.write(store)
        for each in wanted:
            await self.grant(name, *each)
        self._registry.services.authenticator.directory.forget()
        return secret

    async def grant(self, who: str, role: str, pattern: str, more: Mapping[str, object] | None = None) -> int:
        """Grant without asking whether anybody may; the grant's number."""
        row: GrantRow = grant_row(who, role, pattern, **(more or {}))

        def store(tx: Connection) -> int:
            accounts.begin_change(tx)
            return grants.add_grant(tx, row)

        made = await self._registry.services.db.write(store)
        self._registry.services.authenticator.directory.forget()
        return made

    async def take_back(self, id: int) -> None:
        """Remove a grant."""

        def remove(tx: Connection) -> None:
            accounts.begin_change(tx)
            grants.remove_grant(tx, id)

        await self._registry.services.db.write(remove)
        self._registry.services.authenticator.directory.forget()

    def nobody(self, address: str = "127.0.0.1") -> Client:
        """A client without credentials."""
        return self._open(Client(app=self._registry.app, address=address))

    def basic(self, name: str, address: str = "127.0.0.1") -> Client:
        """A client that sends name and secret with each request."""
        return self._open(Client(app=self._registry.app, account=(name, self.secrets[name]), address=address))

    def with_token(self, token: str, address: str = "127.0.0.1") -> Client:
        """A client that sends this token."""
        return self._open(Client(app=self._registry.app, bearer=token, address=address))

    async def ask(self, name: str | None, *scopes: str, address: str = "127.0.0.1") -> Response:
        """The answer of the token endpoint, to an account or to nobody."""
        client = self.nobody(address) if name is None else self.basic(name, address)
        return await client.request("GET", "/token", params={"service": "wharfinger", "scope": scopes})

    async def token(self, name: str | None, *scopes: str) -> str:
        """The token that is to be had for these scopes."""
        token: str = require(await self.ask(name, *scopes), 200).json()["token"]
        return token

    async def bearer(self, name: str | None, *scopes: str) -> Client:
        """A client with a token for these scopes, of an account or of nobody."""
        return self.with_token(await self.token(name, *scopes))

    def _open(self, client: Client) -> Client:
        self._registry.opened.append(client)
        return client
