"""Secrets of service accounts, several each so that they can be changed without a gap, and people's personal tokens.

Both are 256 random bits, told once and stored as SHA-256. A personal token is narrowed to repositories and actions:
its owner's permissions, and of them only these.
"""

import secrets as random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.access import actions, changes, patterns, tokens
from wharfinger.access.account_names import account_name
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.services import require_administers, require_manages, require_present
from wharfinger.access.tokens import Kind
from wharfinger.access.workloads import require_lasting
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
TOKEN_LIFETIME_AT_MOST = 366 * DAY

LABEL_AT_MOST = 100
LAST_DAY = 253402214400.0
"""The last day of the year 9999, as far as dates are written here and elsewhere."""


@dataclass(frozen=True, slots=True)
class Made:
    """A secret, this once, and what is kept of it."""

    secret: str
    row: SecretRow


class Secrets:
    """Makes, lists and revokes. ``changed`` is told of every change; a revoked secret is refused at once everywhere.

    Who may is asked before the transaction and in it: see ServiceAccounts.
    """

    def __init__(self, db: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._db = db
        self._now = now
        self._changed = changed

    async def of_service(self, by: Caller, name: str) -> list[SecretRow]:
        """A service account's secrets, the oldest first. Raises AccountUnknown, Denied."""
        service = account_name(name)
        if not by.may(Action.AUDIT):
            require_manages(by, service)
        return await self._db.read(_of_service, service)

    async def add_secret(self, by: Caller, name: str, label: str, expires_at: float | None) -> Made:
        """A secret for a service account; ``expires_at`` None is never. Raises AccountUnknown, Denied, and so on."""
        self._require_label(label)
        self._require_future(expires_at)
        require_manages(by, account_name(name))
        require_lasting(by)
        made = self._new(Kind.SECRET, SECRET, name, label, expires_at, by, None, None)
        await self._db.write(self._add_secret, by, made.row)
        self._changed()
        return made

    async def tokens_of(self, by: Caller, name: str | None = None) -> list[SecretRow]:
        """A person's tokens, by default the caller's, the oldest first.

        Raises Denied for others' unless one administers or audits, and for one's own with one of them.
        """
        whose = by.name if name is None else account_name(name)
        if not by.may(Action.AUDIT) and not by.may(Action.ADMIN):
            require_present(by)
            if whose != by.name:
                by.require(Action.ADMIN)
        return await self._db.read(grants.secrets_of, whose, TOKEN)

    async def add_token(
        self, by: Caller, label: str, words: Sequence[str], within: Sequence[str], expires_at: float
    ) -> Made:
        """A token for the caller, narrowed to the actions ``words`` in the patterns ``within``.

        Raises RequestInvalid, and Denied for a service account and for who came with a token.
        """
        self._require_label(label)
        self._require_future(expires_at)
        _require_person(by)
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
        _require_may_remove(by, await self._db.read(_find, id))
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

    def _add_secret(self, tx: Connection, by: Caller, row: SecretRow) -> None:
        _, before = changes.begin(tx, by)
        by = changes.still(before, by, self._now())
        require_manages(by, row.account)
        if accounts.require(tx, row.account, SERVICE).owner != by.name:
            changes.require_outranks(before, by, row.account, self._now())
        self._store(tx, by, row)

    def _add_token(self, tx: Connection, by: Caller, row: SecretRow) -> None:
        _, before = changes.begin(tx, by)
        by = changes.still(before, by, self._now())
        _require_person(by)
        self._store(tx, by, row)

    def _store(self, tx: Connection, by: Caller, row: SecretRow) -> None:
        kept = grants.secrets_of(tx, row.account, row.kind)
        if len(kept) >= AT_MOST:
            ended = [each for each in kept if each.expires_at is not None and each.expires_at <= self._now()]
            if not ended:
                raise InUse(f"{row.account} has {AT_MOST} of them: revoke one first", account=row.account)
            for each in ended:  # they make room
                _remove(tx, by, each)
        grants.add_secret(tx, row)
        audit.add(tx, by.entry(f"{row.kind}.add", detail={"after": told(row)}))

    def _remove(self, tx: Connection, by: Caller, id: str) -> None:
        _, before = changes.begin(tx, by)
        by = changes.still(before, by, self._now())
        row = _find(tx, id)
        _require_may_remove(by, row)
        _remove(tx, by, row)

    @staticmethod
    def _require_label(label: str) -> None:
        if not 0 < len(label) <= LABEL_AT_MOST or not label.isprintable() or label.isspace():
            raise RequestInvalid(
                f"a label has 1 to {LABEL_AT_MOST} printable characters and says what the secret is for"
            )

    def _require_future(self, expires_at: float | None) -> None:
        if expires_at is None:
            return
        if not expires_at > self._now():
            raise RequestInvalid("it would have ended already: want a time to come")
        if expires_at > LAST_DAY:
            raise RequestInvalid("it would end after the year 9999: want a time before, or never")


def _of_service(tx: Connection, name: str) -> list[SecretRow]:
    accounts.require(tx, name, SERVICE)
    return grants.secrets_of(tx, name, SECRET)


def _find(tx: Connection, id: str) -> SecretRow:
    # What we did not make is not looked for: PostgreSQL has no name for some of it.
    row = grants.find_secret(tx, id) if id.isascii() and id.isalnum() else None
    if row is None:
        raise GrantUnknown(f"secret {id[:40]!r} is not known", id=id[:40])
    return row


def _require_may_remove(by: Caller, row: SecretRow) -> None:
    if row.kind == SECRET:
        require_manages(by, row.account)
    elif row.account != by.name:
        require_administers(by)
    else:
        require_present(by)


def _require_person(by: Caller) -> None:
    require_present(by)
    known = by.snapshot.accounts.get(by.name)
    if known is None or known.account.kind != PERSON:
        raise Denied("personal tokens are for people: a service account has secrets")


def _remove(tx: Connection, by: Caller, row: SecretRow) -> None:
    grants.remove_secret(tx, row)
    audit.add(tx, by.entry(f"{row.kind}.remove", detail={"before": told(row)}))


def told(row: SecretRow) -> dict[str, object]:
    """What may be told of a secret: everything but what proves it."""
    return {name: getattr(row, name) for name in SecretRow.__slots__ if name not in {"hash", "used_at"}}
