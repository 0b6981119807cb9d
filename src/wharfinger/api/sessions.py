"""Logging in and out, and asking who one is."""

from fastapi import Request

from wharfinger.access.authenticate import Authenticator
from wharfinger.access.grants import GROUP
from wharfinger.access.logins import Logins
from wharfinger.api.models import LoginReply, LoginRequest, Whoami
from wharfinger.api.routes import Anyone, By, From, Route


class SessionHandlers:
    """The routes that need no particular role."""

    def __init__(self, authenticator: Authenticator, logins: Logins) -> None:
        self._authenticator = authenticator
        self._logins = logins

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/login", self.login, Anyone.AT_ALL),
            Route("DELETE", "/login", self.logout, Anyone.WITH_AN_ACCOUNT, 204),
            Route("GET", "/whoami", self.whoami, Anyone.WITH_AN_ACCOUNT),
        ]

    async def login(self, request: LoginRequest, origin: From) -> LoginReply:
        """Exchange a password for a token that expires, to be sent as ``Authorization: Bearer``.

        A service account's secret, a personal token and a workload's token are taken for a password; the login ends
        with them. A workload's user name may be ``oidc``, where its rules leave one account alone.
        """
        account, login = await self._logins.of_command(request.username, request.password, origin)
        return LoginReply(username=account, token=login.token, expires=login.expires_at)

    async def logout(self, request: Request, by: By) -> None:
        """End the token that this request comes with."""
        await self._authenticator.logout(request.headers.get("authorization"), by.entry("logout"))

    async def whoami(self, by: By) -> Whoami:
        """The account that this request comes from."""
        return Whoami(
            name=by.name, groups=[p.removeprefix(GROUP) for p in by.identity.principals if p.startswith(GROUP)]
        )
