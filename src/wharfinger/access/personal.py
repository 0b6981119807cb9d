"""Personal access tokens: what a person's scripts and container clients use instead of a password."""

import secrets
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from wharfinger.access import actions, patterns, tokens
from wharfinger.access.caller import Caller
from wharfinger.access.tokens import Kind
from wharfinger.errors import AlreadyExists, GrantUnknown, InUse, RequestInvalid
from wharfinger.meta import accounts, audit, grants
from wharfinger.meta.db import Database
from wharfinger.meta.grants import SecretRow

TOKEN = "token"  # noqa: S105  a word in the table
TOKENS_AT_MOST = 50
PATTERNS_AT_MOST = 50
LABEL_AT_MOST = 100


class PersonalTokens:
    """A person's own tokens, and nobody else's."""

    def __init__(self, db: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._db = db
        self._now = now
        self._changed = changed

    async def tokens_of(self, by: Caller) -> list[SecretRow]:
        """The caller's, in the order in which they were made."""
        rows = await self._db.read(grants.every_secret)
        mine = [row for row in rows if row.account == by.name and row.kind == TOKEN]
        return sorted(mine, key=lambda row: row.created_at)

    async def add_token(
        self, by: Caller, label: str, words: Sequence[str], where: Sequence[str], expires_at: float
    ) -> str:
        """A new token, told this once. It can never do more than its owner. Raises RequestInvalid, AlreadyExists."""
        if not 1 <= len(label) <= LABEL_AT_MOST or not label.isprintable():
            raise RequestInvalid(f"a token needs a name of 1 to {LABEL_AT_MOST} characters, none of them invisible")
        if not 1 <= len(where) <= PATTERNS_AT_MOST:
            raise RequestInvalid(f"say which repositories, in at most {PATTERNS_AT_MOST} patterns: ** is all")
        if expires_at <= self._now():
            raise RequestInvalid("the token would have expired already: want a time to come")
        token = tokens.generate(Kind.TOKEN)
        row = SecretRow(
            id=secrets.token_hex(8),
            account=by.name,
            kind=TOKEN,
            label=label,
            hash=tokens.fingerprint(token),
            actions=tuple(actions.ordered(actions.parse_actions(words))),
            patterns=tuple(dict.fromkeys(str(patterns.parse(text)) for text in where)),
            created_at=self._now(),
            created_by=by.name,
            expires_at=expires_at,
            used_at=None,
        )
        await self._db.write(_add, by, row)
        self._changed()
        return token

    async def remove_token(self, by: Caller, id: str) -> None:
        """Revoke one of the caller's. Raises GrantUnknown."""
        await self._db.write(_remove, by, id)
        self._changed()


def _add(tx: Connection, by: Caller, row: SecretRow) -> None:
    accounts.begin_change(tx)
    mine = [each for each in grants.every_secret(tx) if each.account == by.name and each.kind == TOKEN]
    if len(mine) >= TOKENS_AT_MOST:
        raise InUse(f"you have {TOKENS_AT_MOST} tokens, which is the most: revoke one that is not used any more")
    if any(each.label == row.label for each in mine):
        raise AlreadyExists(f"you have a token named {row.label} already", name=row.label)
    grants.add_secret(tx, row)
    audit.add(tx, by.entry("token.add", detail=_detail(row)))


def _remove(tx: Connection, by: Caller, id: str) -> None:
    accounts.begin_change(tx)
    row = grants.find_secret(tx, id)
    if row is None or row.account != by.name or row.kind != TOKEN:
        raise GrantUnknown("you have no such token", id=id[:40])
    grants.remove_secret(tx, row)
    audit.add(tx, by.entry("token.rm", detail=_detail(row)))


def _detail(row: SecretRow) -> dict[str, object]:
    return {"id": row.id, "label": row.label, "actions": row.actions, "patterns": row.patterns, "until": row.expires_at}
