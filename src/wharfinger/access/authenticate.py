"""From an Authorization header to a caller, for every request there is."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from wharfinger.access import credentials, signing, tokens, workload_tokens, workloads
from wharfinger.access.account_names import is_account_name
from wharfinger.access.caller import NOWHERE, Caller, Origin
from wharfinger.access.credentials import Credentials
from wharfinger.access.directory import Directory
from wharfinger.access.grants import ANONYMOUS, NOBODY, Identity
from wharfinger.access.identity import PasswordSource
from wharfinger.access.passwords import Passwords
from wharfinger.access.people import People
from wharfinger.access.signing import AccessTokens
from wharfinger.access.snapshot import Snapshot
from wharfinger.access.throttle import Throttle
from wharfinger.access.tokens import Kind
from wharfinger.access.trail import Trail
from wharfinger.access.workloads import Workloads
from wharfinger.errors import LoginRefused, RequestInvalid, TooManyRequests, Unauthorized
from wharfinger.meta import accounts, audit, grants
from wharfinger.meta.accounts import Account, NewLogin
from wharfinger.meta.audit import FAILED, Entry
from wharfinger.meta.db import Database

_log = structlog.get_logger("wharfinger.authenticate")

_SEARCHED = frozenset({Kind.SECRET, Kind.TOKEN})
"""Kinds that every snapshot has; the others are looked up one by one."""
_KEPT = frozenset({"secret", "token"})
"""The credentials that these are."""


@dataclass(frozen=True, slots=True)
class Login:
    """A login token, told once, and when it ends."""

    token: str
    expires_at: float


class Authenticator:
    """Checks passwords, secrets and tokens. Whatever the reason, the refusal is the same Unauthorized."""

    def __init__(
        self,
        db: Database,
        now: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        trail: Trail | None = None,
        source: PasswordSource | None = None,
    ) -> None:
        self.trail = trail or Trail(db, now)
        self.passwords = Passwords(now)
        self.directory = Directory(db, clock)
        self.people = People(db, now, self.directory.forget)
        self.access_tokens = AccessTokens()
        self._source = source
        self._throttle = Throttle(db, now)
        self._db = db
        self._now = now
        self._login = db.prepare(accounts.LOGIN)
        self._used: dict[str, float] = {}
        self._workloads: Workloads | None = None

    def accept(self, known: Workloads) -> Workloads:
        """Take a workload's token for a password where a registered issuer has made it; the same Workloads."""
        self._workloads = known
        return known

    async def caller(self, authorization: str | None, origin: Origin = NOWHERE) -> Caller:
        """Who sends this header. Raises Unauthorized, or TooManyRequests when too many passwords are or were wrong."""
        try:
            return await self._caller(authorization, origin)
        except (Unauthorized, TooManyRequests) as refusal:
            if authorization is not None:
                self._refused(refusal, _claimed(authorization), origin)
            raise

    async def _caller(self, authorization: str | None, origin: Origin) -> Caller:
        snapshot = self.directory.fresh or await self.directory.current()
        shown = credentials.parse(authorization)
        if shown.name is None and "." in shown.secret:
            return self._by_access_token(snapshot, shown.secret, origin)
        return await self._by_credentials(snapshot, shown, origin)

    async def account(self, authorization: str | None, origin: Origin = NOWHERE) -> Caller:
        """The same for what is not the data plane, for which an access token is not meant. Raises Unauthorized."""
        caller = await self.caller(authorization, origin)
        if caller.scopes is not None:
            raise Unauthorized("an access token is for the registry's data and for nothing else", error="invalid_token")
        return caller

    async def for_token(self, authorization: str | None, origin: Origin) -> Caller:
        """The same for who wants an access token: one earns another only where it is a scanner's."""
        caller = await self.caller(authorization, origin)
        if caller.scopes is not None and credentials.parse(authorization).name is None:
            raise Unauthorized("an access token does not earn another one", error="invalid_token")
        return caller

    async def by_name(self, name: str, secret: str, origin: Origin) -> Caller:
        """Who has this name and password or secret. Raises as :meth:`caller` does."""
        try:
            return await self._by_credentials(await self.directory.current(), Credentials(name, secret), origin)
        except (Unauthorized, TooManyRequests) as refusal:
            self._refused(refusal, name, origin)
            raise

    def _refused(self, refusal: Unauthorized | TooManyRequests, name: str, origin: Origin) -> None:
        """A failed log-in, for the audit trail; ``name`` is whom somebody wanted to be."""
        if not getattr(refusal, "routine", False):
            self.failed("login", name, origin, refusal.code)

    def failed(self, action: str, name: str, origin: Origin, code: str) -> None:
        """Note in the audit trail that somebody did not prove to be ``name``."""
        told = {"address": origin.address, "client": origin.agent, "request": origin.request}
        entry = Entry(self._now(), action, name[:64], FAILED, detail={"refusal": code}, **told)  # type: ignore[arg-type]
        self.trail.refuse(entry)

    def as_caller(self, identity: Identity, origin: Origin) -> Caller:
        """Somebody who has proved who they are just now."""
        self._note_use(identity.credential)
        return Caller(identity, self.directory.known, self._now(), origin)

    async def _by_credentials(self, snapshot: Snapshot, shown: Credentials, origin: Origin) -> Caller:
        caller = await self._without_password(snapshot, shown, origin)
        if caller is not None:
            return caller
        name = shown.name or ""
        identity, snapshot, afresh = await self._by_password(snapshot, name, shown.secret, origin.address)
        caller = Caller(identity, snapshot, self._now(), origin)
        if afresh:
            self.trail.note(caller.entry("login", detail={"method": identity.credential}))
        return caller

    async def _without_password(self, snapshot: Snapshot, shown: Credentials, origin: Origin) -> Caller | None:
        """Who shows a token or a secret of any kind; None where it can only be a password."""
        if shown.name is not None and self._workloads and self._workloads.recognises(snapshot, shown.secret):
            return await self._workloads.caller_by_name(shown.name, shown.secret, origin)
        if shown.name is not None and signing.is_ours(shown.secret):
            return self._by_scanner(snapshot, shown, origin)
        if shown.name is None or tokens.has_our_form(shown.secret):
            return Caller(await self._by_secret(snapshot, shown), snapshot, self._now(), origin)
        return None

    async def anonymous(self, origin: Origin) -> Caller:
        """Whoever shows nothing."""
        return Caller(NOBODY, await self.directory.current(), self._now(), origin)

    def _by_access_token(self, snapshot: Snapshot, token: str, origin: Origin) -> Caller:
        now = self._now()
        claims = self.access_tokens.verify(snapshot, token, now)
        identity: Identity | None = NOBODY
        if claims.account != ANONYMOUS:
            identity = snapshot.identity(claims.account, claims.credential, now, claims.generation)
        if identity is None:
            raise signing.refused()
        self._note_use(claims.credential)
        return Caller(identity, snapshot, now, origin, claims.scopes)

    def _by_scanner(self, snapshot: Snapshot, shown: Credentials, origin: Origin) -> Caller:
        """Whom we have given a token to pull an image with, and who can only show a name with a password."""
        caller = self._by_access_token(snapshot, shown.secret, origin)
        if caller.name != shown.name or not caller.identity.credential.startswith(signing.SCANNER):
            raise credentials.refused()
        return caller

    async def _by_secret(self, snapshot: Snapshot, shown: Credentials) -> Identity:
        error = "invalid_token" if shown.name is None else ""
        kind, now = tokens.kind_of(shown.secret), self._now()
        if kind is None:
            raise credentials.refused(error)
        hash = tokens.fingerprint(shown.secret)
        if kind in _SEARCHED:
            found = self._by_kept_secret(snapshot, hash, now)
        else:
            found = await self._by_login(snapshot, hash, now, kinds=(Kind.LOGIN,))
        if found is None or shown.name not in {None, found.name}:
            raise credentials.refused(error)
        self._note_use(found.credential)
        return found

    @staticmethod
    def _by_kept_secret(snapshot: Snapshot, hash: str, now: float) -> Identity | None:
        row = snapshot.secrets.get(hash)
        return snapshot.identity(row.account, f"{row.kind}:{row.id}", now) if row is not None else None

    async def _by_login(self, snapshot: Snapshot, hash: str, now: float, *, kinds: tuple[Kind, ...]) -> Identity | None:
        row = await self._login.first(hash=hash)
        if row is None:
            return None
        name, generation, expires_at, kind, credential = row
        if expires_at <= now or kind not in {each.name.lower() for each in kinds}:
            return None
        return snapshot.identity(name, credential, now, generation)

    async def _by_password(
        self, snapshot: Snapshot, name: str, password: str, address: str
    ) -> tuple[Identity, Snapshot, bool]:
        """Who it is, by what is known now, and whether the password had to be checked again."""
        known = snapshot.accounts.get(name)
        generation, stored = (known.account.generation, known.account.password) if known else (0, None)
        if known is not None and known.account.disabled:
            stored = None  # a right password that was remembered would answer faster than a wrong one
        afresh = not self.passwords.remembers(name, generation, password)
        if afresh:
            await self._throttle.require_open(name, address)
            admitted = None if stored else await self._by_source(name, password)
            if admitted is not None:
                generation = admitted.generation
                self.passwords.remember(name, generation, password)
            elif not await self.passwords.is_right(name, generation, stored or None, password):
                await self._throttle.failed(name, address)
                raise credentials.refused()
            # Meanwhile the account may have been disabled or given another password.
            self.directory.forget()
            snapshot = await self.directory.current()
            await self._throttle.succeeded(name, address)
        credential = "password" if stored else "ldap"
        return _require(snapshot.identity(name, credential, self._now(), generation)), snapshot, afresh

    async def _by_source(self, name: str, password: str) -> Account | None:
        """Whom a directory elsewhere knows by this password, if there is one: the account of this very name."""
        if self._source is None or not is_account_name(name):
            return None
        found = await self._source.check(name, password)
        if found is None:
            return None
        try:
            account = await self.people.admit(found)
        except LoginRefused as refusal:
            _log.warning("not let in", account=name, source=found.issuer, reason=refusal.message)
            return None
        return account if account.name == name else None

    async def login(self, name: str, password: str, origin: Origin, kind: Kind = Kind.LOGIN) -> Login:
        """A login token for whoever knows the password. Raises Unauthorized; a token does not earn another one."""
        identity = await self.by_password(name, password, origin)
        told = self.as_caller(identity, origin).entry("login", detail={"method": identity.credential})
        return await self.log_in(identity, kind, told=told)

    async def for_login(self, name: str, secret: str, origin: Origin) -> tuple[Identity, float]:
        """Who has this name and password, secret or workload's token, and until when that counts.

        Raises as :meth:`caller` does; what is a login or an access token already does not earn another.
        """
        try:
            caller = await self._without_password(await self.directory.current(), Credentials(name, secret), origin)
            if caller is not None and (caller.scopes is not None or tokens.kind_of(secret) not in {None, *_SEARCHED}):
                raise credentials.refused()
        except (Unauthorized, TooManyRequests) as refusal:
            self._refused(refusal, name, origin)
            raise
        if caller is None:
            return await self.by_password(name, secret, origin), math.inf
        return caller.identity, self._end_of(caller, secret)

    def _end_of(self, caller: Caller, secret: str) -> float:
        if workloads.is_one(caller.identity):
            return min(workload_tokens.end_of(secret), self._now() + workloads.LOGIN_AT_MOST)
        row = caller.snapshot.secrets.get(tokens.fingerprint(secret))
        return math.inf if row is None or row.expires_at is None else row.expires_at

    async def by_password(self, name: str, password: str, origin: Origin) -> Identity:
        """Who has this name and password, be it here or in the directory. Raises as :meth:`caller` does."""
        snapshot = await self.directory.current()
        try:
            return (await self._by_password(snapshot, name, password, origin.address))[0]
        except (Unauthorized, TooManyRequests) as refusal:
            self._refused(refusal, name, origin)
            raise

    async def log_in(
        self,
        identity: Identity,
        kind: Kind,
        lifetime: float = tokens.LIFETIME,
        told: Entry | None = None,
        until: float = math.inf,
    ) -> Login:
        """A login token for somebody who has proved who it is. Raises Unauthorized if it has changed meanwhile.

        It ends after ``lifetime``, or when that does which was shown for it. ``told`` is what the audit trail says of
        it, in the same transaction.
        """
        now = self._now()
        login = Login(tokens.generate(kind), min(now + lifetime, until))
        new = NewLogin(tokens.fingerprint(login.token), kind.name.lower(), identity.credential, now, login.expires_at)
        if not await self._db.write(_add_login, identity, new, told):
            raise credentials.refused()
        return login

    async def of_login(self, token: str, kind: Kind) -> Identity | None:
        """Who has this login token of this kind; None when it has ended or never was."""
        if tokens.kind_of(token) is not kind:
            return None
        return await self._by_login(
            await self.directory.current(), tokens.fingerprint(token), self._now(), kinds=(kind,)
        )

    async def logout(self, authorization: str | None, told: Entry | None = None) -> None:
        """End the login token in the header, for every process at once. Raises RequestInvalid if it is none."""
        token = credentials.parse(authorization).secret
        if tokens.kind_of(token) is not Kind.LOGIN:
            raise RequestInvalid("there is nothing to log out from: the request did not come with a login's token")
        await self.forget_login(token, told)

    async def forget_login(self, token: str, told: Entry | None = None) -> None:
        """End a login token, for every process at once; ``told`` as in :meth:`log_in`."""
        await self._db.write(_remove_login, tokens.fingerprint(token), told)

    def _note_use(self, credential: str) -> None:
        """In memory: to be written down for every request would make the row of a busy secret a bottleneck."""
        kind, _, id = credential.partition(":")
        if kind in _KEPT:
            self._used[id] = self._now()

    async def note_used_secrets(self) -> None:
        """Write down when which secrets were last used. When that fails they are kept for the next time."""
        used, self._used = self._used, {}
        if used:
            try:
                await self._db.write(grants.secrets_used, used)
            except Exception:
                self._used = used | self._used
                raise

    def close(self) -> None:
        """Give back the threads."""
        self.passwords.close()
        if self._source is not None:
            self._source.close()


def _claimed(authorization: str) -> str:
    """Whom the header says that it is from; empty for a token, which names nobody before it is verified."""
    try:
        return credentials.parse(authorization).name or ""
    except Unauthorized:
        return ""


def _require(identity: Identity | None) -> Identity:
    if identity is None:
        raise credentials.refused()
    return identity


def _add_login(tx: Connection, identity: Identity, new: NewLogin, told: Entry | None) -> bool:
    if not accounts.add_login(tx, identity.name, identity.generation, new):
        return False
    if told is not None:
        audit.add(tx, told)
    return True


def _remove_login(tx: Connection, hash: str, told: Entry | None) -> None:
    if accounts.remove_login(tx, hash) and told is not None:
        audit.add(tx, told)
