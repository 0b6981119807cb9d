"""From an Authorization header to an identity, for every request there is."""

from collections.abc import Callable
from dataclasses import dataclass

from wharfinger.access import credentials, tokens
from wharfinger.access.directory import Directory
from wharfinger.access.passwords import Passwords
from wharfinger.access.roles import Identity
from wharfinger.errors import RequestInvalid
from wharfinger.meta import accounts
from wharfinger.meta.db import Database


@dataclass(frozen=True, slots=True)
class Login:
    """A login token, told once, and when it ends."""

    token: str
    expires_at: float


class Authenticator:
    """Checks passwords and login tokens. Whatever the reason, the refusal is the same Unauthorized."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self.passwords = Passwords(now)
        self._db = db
        self._now = now
        self._directory = Directory(db)
        self._login = db.prepare(accounts.LOGIN)

    async def authenticate(self, authorization: str | None) -> Identity:
        """Who sends this header. Raises Unauthorized, or TooManyRequests when too many passwords wait to be checked."""
        shown = credentials.parse(authorization)
        if tokens.is_token(shown.secret):
            return await self._by_token(shown)
        if shown.name is None:
            raise credentials.refused()
        return await self._by_password(shown.name, shown.secret)

    async def _by_password(self, name: str, password: str) -> Identity:
        snapshot = await self._directory.current()
        known = snapshot.accounts.get(name)
        generation, stored = (known.identity.generation, known.password) if known else (0, None)
        if not self.passwords.remembers(name, generation, password):
            if not await self.passwords.is_right(name, generation, stored, password):
                raise credentials.refused()
            # Meanwhile the account may have been disabled or given another password.
            snapshot = await self._directory.current()
        return _require(snapshot.identity(name, generation))

    async def _by_token(self, shown: credentials.Credentials) -> Identity:
        row = await self._login.first(hash=tokens.fingerprint(shown.secret))
        if row is None:
            raise credentials.refused()
        name, generation, expires_at = row
        if expires_at <= self._now() or shown.name not in {None, name}:
            raise credentials.refused()
        return _require((await self._directory.current()).identity(name, generation))

    async def login(self, name: str, password: str) -> Login:
        """A login token for whoever knows the password. Raises Unauthorized; a token does not earn another one."""
        identity = await self._by_password(name, password)
        now = self._now()
        login = Login(tokens.generate(), now + tokens.LIFETIME)
        fingerprint = tokens.fingerprint(login.token)
        stored = await self._db.write(
            accounts.add_login, identity.name, identity.generation, fingerprint, now, login.expires_at
        )
        if not stored:
            raise credentials.refused()
        return login

    async def logout(self, authorization: str | None) -> None:
        """End the login token in the header, for every process at once. Raises RequestInvalid if it is a password."""
        token = credentials.parse(authorization).secret
        if not tokens.is_token(token):
            raise RequestInvalid("there is nothing to log out from: the request came with a password, not with a token")
        await self._db.write(accounts.remove_login, tokens.fingerprint(token))

    def close(self) -> None:
        """Give back the threads."""
        self.passwords.close()


def _require(identity: Identity | None) -> Identity:
    if identity is None:
        raise credentials.refused()
    return identity
