"""Secrets of service accounts, several each so that they can be changed without a gap, and people's personal tokens.

Both are 256 random bits, told once and stored as SHA-256. A personal token is narrowed to repositories and actions:
its owner's permissions, and of them only these.
"""

import re
import secrets as random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.access import actions, changes, patterns, tokens
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.services import require_manages, require_present
from wharfinger.access.tokens import Kind
from wharfinger.errors import Denied, GrantUnknown, InUse, RequestInvalid
from wharfinger.meta import accounts, audit, grants
from wharfinger.meta.accounts import PERSON, SERVICE
from wharfinger.meta.db import Database
from wharfinger.meta.grants import SecretRow

SECRET, TOKEN = "secret", "token"
AT_MOST = 20
"""Secrets, or tokens, that one account has at once."""
PATTERNS_AT_MOST = 50
DAY = 86400.0
LIFETIME = 90 * DAY
TOKEN_LIFETIME_AT_MOST = 366 * DAY

_LABEL = re.compile(r"[^\x00-\x1f\x7f]{1,100}")


@dataclass(frozen=True, slots=True)
class Made:
    """A secret, this once, and what is kept of it."""

    secret: str
    row: SecretRow


class Secrets:
    """Makes, lists and revokes. ``changed`` is told of every change; a revoked secret is refused at once everywhere."""

    def __init__(self, db: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._db = db
        self._now = now
        self._changed = changed

    async def of_service(self, by: Caller, name: str) -> list[SecretRow]:
        """A service account's secrets. Raises AccountUnknown, Denied."""
        return await self._db.read(self._of_service, by, name)

    async def add_secret(self, by: Caller, name: str, label: str, expires_at: float | None) -> Made:
        """A secret for a service account; ``expires_at`` None is never. Raises AccountUnknown, Denied, and so on."""
        self._require_label(label)
        self._require_future(expires_at)
        made = self._new(Kind.SECRET, SECRET, name, label, expires_at, by, None, None)
        await self._db.write(self._add_secret, by, made.row)
        self._changed()
        return made

    async def tokens_of(self, by: Caller, name: str | None = None) -> list[SecretRow]:
        """A person's tokens, by default the caller's. Raises Denied for others' unless one administers or audits."""
        whose = name or by.name
        if whose != by.name and not by.may(Action.AUDIT):
            by.require(Action.ADMIN)
        every = await self._db.read(grants.every_secret)
        return [row for row in every if row.kind == TOKEN and row.account == whose]

    async def add_token(
        self, by: Caller, label: str, words: Sequence[str], within: Sequence[str], expires_at: float
    ) -> Made:
        """A token for the caller, narrowed to the actions ``words`` in the patterns ``within``.

        Raises RequestInvalid, and Denied for a service account and for who came with a token.
        """
        self._require_label(label)
        self._require_future(expires_at)
        if expires_at > self._now() + TOKEN_LIFETIME_AT_MOST:
            raise RequestInvalid("a personal token lasts a year at most")
        if not within or len(within) > PATTERNS_AT_MOST:
            raise RequestInvalid(f"say what repositories the token is for: 1 to {PATTERNS_AT_MOST} patterns, or **")
        chosen = tuple(actions.ordered(actions.parse_actions(words)))
        narrowed = tuple(dict.fromkeys(str(patterns.parse(text)) for text in within))
        made = self._new(Kind.TOKEN, TOKEN, by.name, label, expires_at, by, chosen, narrowed)
        await self._db.write(self._add_token, by, made.row)
        self._changed()
        return made

    async def remove(self, by: Caller, id: str) -> None:
        """Revoke a secret or a token, and what was obtained with it. Raises GrantUnknown, Denied."""
        await self._db.write(self._remove, by, id)
        self._changed()

    def _new(
        self,
        kind: Kind,
        word: str,
        account: str,
        label: str,
        expires_at: float | None,
        by: Caller,
        chosen: tuple[str, ...] | None,
        narrowed: tuple[str, ...] | None,
    ) -> Made:
        secret, id = tokens.generate(kind), random.token_hex(5)
        hash, now = tokens.fingerprint(secret), self._now()
        return Made(secret, SecretRow(id, account, word, label, hash, chosen, narrowed, now, by.name, expires_at, None))

    @staticmethod
    def _of_service(tx: Connection, by: Caller, name: str) -> list[SecretRow]:
        if not by.may(Action.AUDIT):
            require_manages(by, accounts.require(tx, name, SERVICE))
        return [row for row in grants.every_secret(tx) if row.kind == SECRET and row.account == name]

    @staticmethod
    def _add_secret(tx: Connection, by: Caller, row: SecretRow) -> None:
        _, before = changes.begin(tx)
        account = accounts.require(tx, row.account, SERVICE)
        require_manages(by, account)
        if account.owner != by.name:
            changes.require_outranks(before, by, row.account, row.created_at)
        _store(tx, by, row)

    @staticmethod
    def _add_token(tx: Connection, by: Caller, row: SecretRow) -> None:
        _, before = changes.begin(tx)
        require_present(by)
        known = before.accounts.get(by.name)
        if known is None or known.account.kind != PERSON or known.account.generation != by.identity.generation:
            raise Denied("personal tokens are for people: a service account has secrets")
        _store(tx, by, row)

    @staticmethod
    def _remove(tx: Connection, by: Caller, id: str) -> None:
        changes.begin(tx)
        row = grants.find_secret(tx, id)
        if row is None:
            raise GrantUnknown(f"secret {id[:40]} is not known", id=id[:40])
        if row.kind == SECRET:
            require_manages(by, accounts.require(tx, row.account, SERVICE))
        elif row.account != by.name:
            by.require(Action.ADMIN)
        grants.remove_secret(tx, row)
        audit.add(tx, by.entry(f"{row.kind}.rm", detail={"before": told(row)}))

    @staticmethod
    def _require_label(label: str) -> None:
        if not _LABEL.fullmatch(label):
            raise RequestInvalid("a label has 1 to 100 characters and says what the secret is for")

    def _require_future(self, expires_at: float | None) -> None:
        if expires_at is not None and not self._now() < expires_at < 1e11:
            raise RequestInvalid("it would have ended already: want a time to come")


def _store(tx: Connection, by: Caller, row: SecretRow) -> None:
    kept = [each for each in grants.every_secret(tx) if each.account == row.account and each.kind == row.kind]
    if len(kept) >= AT_MOST:
        raise InUse(f"{row.account} has {AT_MOST} of them: revoke one first", account=row.account)
    grants.add_secret(tx, row)
    audit.add(tx, by.entry(f"{row.kind}.add", detail={"after": told(row)}))


def told(row: SecretRow) -> dict[str, object]:
    """What may be told of a secret: everything but what proves it."""
    return {name: getattr(row, name) for name in SecretRow.__slots__ if name not in {"hash", "used_at"}}
