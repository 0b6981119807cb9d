"""People log in and out, by pages and by the command line, and the audit trail says how."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from wharfinger.access.authenticate import Authenticator, Login
from wharfinger.access.caller import Caller, Origin
from wharfinger.access.grants import Identity
from wharfinger.access.oidc import Flow, OpenIDConnect
from wharfinger.access.throttle import Throttle
from wharfinger.access.tokens import Kind
from wharfinger.errors import LoginRefused
from wharfinger.meta.db import Database

NAME_AT_MOST = 64
CALLBACK = "oidc callback"
"""What failures are counted under; no account can be called so."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in with a browser: by this token, as this caller."""

    token: str
    caller: Caller


class Logins:
    """Every log-in gets a token of its own; none that a browser brought along is ever raised to more."""

    def __init__(
        self, authenticator: Authenticator, db: Database, now: Callable[[], float], oidc: OpenIDConnect | None = None
    ) -> None:
        self.oidc = oidc
        self._authenticator = authenticator
        self._db = db
        self._now = now
        self._callbacks = Throttle(db, now)

    async def by_password(self, name: str, password: str, origin: Origin, kind: Kind) -> Login:
        """A login for whoever knows the password. Raises Unauthorized and TooManyRequests."""
        identity = await self._authenticator.by_password(name, password, origin)
        return await self._log_in(identity, kind, origin, "ldap" if identity.credential == "ldap" else "password")

    async def of_command(self, name: str, secret: str, origin: Origin) -> tuple[str, Login]:
        """A command's login, and whose: for a password, a secret, a personal token or a workload's token.

        It ends with that, and is refused everywhere when that is. Raises Unauthorized and TooManyRequests.
        """
        identity, until = await self._authenticator.for_login(name, secret, origin)
        return identity.name, await self._log_in(identity, Kind.LOGIN, origin, identity.credential, until)

    async def by_provider(self, flow: Flow, code: str, origin: Origin) -> Login:
        """A browser's login for whom the OpenID Connect provider vouches. Raises LoginRefused, TooManyRequests."""
        await self._callbacks.require_open(CALLBACK, origin.address)
        try:
            identity = await self._vouched_for(flow, code)
        except LoginRefused:
            # Counted like wrong passwords: each of these has made us ask the provider.
            await self._callbacks.failed(CALLBACK, origin.address)
            self.failed("", "oidc", origin)
            raise
        return await self._log_in(identity, Kind.PAGE, origin, "oidc")

    async def _vouched_for(self, flow: Flow, code: str) -> Identity:
        assert self.oidc is not None, "otherwise there is no way to get here"
        found = await self.oidc.finish(flow, code)
        account = await self._authenticator.people.admit(found, create=self.oidc.choices.create)
        snapshot = await self._authenticator.directory.current()
        identity = snapshot.identity(account.name, "oidc", self._now(), account.generation)
        if identity is None:
            raise LoginRefused(f"the account {account.name} is disabled")
        return identity

    async def session(self, token: str, origin: Origin) -> Session | None:
        """Whose browser has this token; None when it is none, or ended."""
        identity = await self._authenticator.of_login(token, Kind.PAGE)
        return None if identity is None else Session(token, self._authenticator.as_caller(identity, origin))

    async def end(self, session: Session) -> None:
        """Log out: the token is worth nothing from now on, for every process."""
        await self._authenticator.forget_login(session.token, session.caller.entry("logout"))

    def failed(self, name: str, method: str, origin: Origin) -> None:
        """Somebody was not let in, under a name that they gave and that may be anything."""
        self._authenticator.failed("login", name, origin, method)

    async def _log_in(
        self, identity: Identity, kind: Kind, origin: Origin, method: str, until: float = math.inf
    ) -> Login:
        told = self._authenticator.as_caller(identity, origin).entry("login", detail={"method": method})
        return await self._authenticator.log_in(identity, kind, told=told, until=until)
