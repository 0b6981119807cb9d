"""Issuers that are trusted to say who a workload is, and the rules by which it may act as a service account."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from wharfinger.access import changes, claims, fetch, grants, keysets, providers, workload_tokens
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.claims import Finding
from wharfinger.access.keysets import KeySets
from wharfinger.access.snapshot import Snapshot
from wharfinger.access.workload_tokens import NotAccepted, Unverified
from wharfinger.access.workloads import choose
from wharfinger.errors import AlreadyExists, Denied, GrantUnknown, RequestInvalid
from wharfinger.meta import accounts, audit, trusts
from wharfinger.meta import grants as rows
from wharfinger.meta.accounts import SERVICE
from wharfinger.meta.db import Database
from wharfinger.meta.grants import IssuerRow, TrustRow

ISSUERS_AT_MOST = 100
TRUSTS_AT_MOST = 5000
TRUSTS_OF_ONE_AT_MOST = 100
AUDIENCE_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class WantedIssuer:
    """An issuer to be registered, as it was written. ``jwks`` is the text of its key set, where that is given."""

    url: str
    audience: str
    jwks: str | None = None
    private: bool = False


@dataclass(frozen=True, slots=True)
class WantedTrust:
    """A rule to be made, as it was written. ``allow_names`` accepts one that nothing but names hold together."""

    account: str
    issuer: str
    claims: Mapping[str, str | Sequence[str]]
    allow_names: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """How a token fares: what was looked at before any rule, and each rule of the account. ``why`` it is refused."""

    why: str | None
    claims: Mapping[str, str]
    rules: Mapping[int, Sequence[Finding]]

    @property
    def accepted(self) -> bool:
        """Whether it would be exchanged."""
        return self.why is None


class Trusting:
    """Issuers and trust rules; ``changed`` is told of every change that was made."""

    def __init__(self, db: Database, keys: KeySets, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._db = db
        self._keys = keys
        self._now = now
        self._changed = changed

    async def issuers(self) -> list[IssuerRow]:
        """Every issuer, by URL: whoever has an account may know them."""
        return await self._db.read(rows.every_issuer)

    async def add_issuer(self, by: Caller, wanted: WantedIssuer) -> IssuerRow:
        """Register an issuer, once its keys could be had. Raises Denied, RequestInvalid, Unreachable, AlreadyExists."""
        row = await self._issuer(by, wanted)
        await self._db.write(_add_issuer, by, row)
        self._changed()
        return row

    async def replace_issuer(self, by: Caller, wanted: WantedIssuer) -> IssuerRow:
        """Give a registered issuer another audience or other keys; its rules stay, and the log-ins by them end.

        Raises GrantUnknown as well.
        """
        row = await self._issuer(by, wanted)
        await self._db.write(_replace_issuer, by, row)
        self._changed()
        return row

    async def remove_issuer(self, by: Caller, url: str) -> list[TrustRow]:
        """Remove an issuer and its rules, which are returned. Raises Denied and GrantUnknown."""
        by.require(Action.ADMIN)
        gone = await self._db.write(_remove_issuer, by, url)
        self._changed()
        return gone

    async def visible(self, by: Caller) -> list[TrustRow]:
        """The rules for accounts that the caller owns, and its own; to an auditor or administrator, all."""
        sees_all = by.may(Action.AUDIT) or by.may(Action.ADMIN)
        owners = {account.name: account.owner for account in await self._db.read(accounts.every)}
        everything = await self._db.read(rows.every_trust)
        return [row for row in everything if sees_all or by.name in {row.account, owners.get(row.account)}]

    async def add(self, by: Caller, wanted: WantedTrust) -> tuple[TrustRow, list[str]]:
        """Make a rule; it, and what to know of it. Raises Denied, RequestInvalid, AccountUnknown, AlreadyExists."""
        rule = claims.parse(wanted.issuer, wanted.claims, allow_names=wanted.allow_names)
        row = TrustRow(0, wanted.issuer, wanted.account, rule, self._now(), by.name)
        made = await self._db.write(_add, by, row)
        self._changed()
        return made, providers.warnings(wanted.issuer, rule)

    async def remove(self, by: Caller, id: int) -> TrustRow:
        """Take a rule back, and the access tokens that were had by it. Raises GrantUnknown."""
        gone = await self._db.write(_remove, by, id)
        self._changed()
        return gone

    async def try_out(self, by: Caller, account: str, text: str) -> Tried:
        """How a token would fare as ``account``, without exchanging it. Raises Denied and RequestInvalid."""
        known = await self._db.read(changes.now_stored)
        _require_may_manage(known, by, account)
        token = workload_tokens.read(text)
        if token is None:
            raise RequestInvalid(
                "that is no token: want three parts of base64url, of which two are JSON, parted by dots"
            )
        issuer = known.issuers.get(token.issuer)
        if issuer is None:
            return Tried(f"the issuer {token.issuer[:200]!a} is not registered", {}, {})
        held = [rule for rule in known.trusts if rule.issuer == issuer.url and rule.account == account]
        found = {rule.id: claims.findings(rule.claims, token.claims) for rule in held}
        said = {name[:100]: claims.shown(token.claims[name]) for name in sorted(token.claims)[:100]}
        return Tried(await self._why_not(known, token, issuer, account), said, found)

    async def _why_not(self, known: Snapshot, token: Unverified, issuer: IssuerRow, account: str) -> str | None:
        try:
            await workload_tokens.verify(token, issuer, self._keys, self._now())
            choose(known, token, account, self._now())
        except NotAccepted as refused:
            return refused.why
        return None

    async def _issuer(self, by: Caller, wanted: WantedIssuer) -> IssuerRow:
        by.require(Action.ADMIN)
        row = parse_issuer(wanted, self._now())
        if row.jwks is None:
            await self._keys.fetch(row.url, private=row.private)
        return row


def parse_issuer(wanted: WantedIssuer, now: float) -> IssuerRow:
    """The issuer that is wanted, as far as it can be checked without asking it. Raises RequestInvalid."""
    target = fetch.parse(wanted.url, private=wanted.private)
    if target.url.query or wanted.url != wanted.url.strip():
        raise RequestInvalid("an issuer's URL has no query: it is the token's iss, letter for letter")
    audience = wanted.audience
    if not 0 < len(audience) <= AUDIENCE_AT_MOST or not audience.isascii() or not audience.isprintable():
        raise RequestInvalid(f"invalid audience: want 1 to {AUDIENCE_AT_MOST} printable ASCII characters")
    if providers.is_foreign_audience(wanted.url, audience):
        raise RequestInvalid(
            f"tokens for {audience!r} are made for somebody else, who could use them here: choose an audience of this "
            "registry alone, like its URL"
        )
    if wanted.jwks is not None:
        keysets.parse_text(wanted.jwks)
    return IssuerRow(wanted.url, audience, wanted.jwks, wanted.private, now)


def _add_issuer(tx: Connection, by: Caller, row: IssuerRow) -> None:
    _, before = changes.begin(tx, by)
    _require_administrator(before, by)
    if trusts.find_issuer(tx, row.url) is not None:
        raise AlreadyExists(
            f"issuer {row.url} is there already: remove it, or replace what is known of it", url=row.url
        )
    if trusts.count_issuers(tx) >= ISSUERS_AT_MOST:
        raise RequestInvalid(f"there are {ISSUERS_AT_MOST} issuers already, and there can be no more")
    trusts.add_issuer(tx, row)
    audit.add(tx, by.entry("issuer.add", detail={"url": row.url, "before": None, "after": _told(row)}))


def _replace_issuer(tx: Connection, by: Caller, row: IssuerRow) -> None:
    _, before = changes.begin(tx, by)
    _require_administrator(before, by)
    old = _require_issuer(tx, row.url)
    for rule in before.trusts:  # whoever says by what keys an issuer is known can be all that it vouches for
        if rule.issuer == row.url:
            changes.require_outranks(before, by, rule.account, by.now)
    trusts.update_issuer(tx, row)
    audit.add(tx, by.entry("issuer.change", detail={"url": row.url, "before": _told(old), "after": _told(row)}))


def _remove_issuer(tx: Connection, by: Caller, url: str) -> list[TrustRow]:
    _, before = changes.begin(tx, by)
    _require_administrator(before, by)
    old = _require_issuer(tx, url)
    gone = trusts.remove_issuer(tx, url)
    for row in gone:
        audit.add(tx, by.entry("trust.remove", detail={"before": _of_rule(row), "after": None}))
    audit.add(tx, by.entry("issuer.remove", detail={"url": url, "before": _told(old), "after": None}))
    return gone


def _add(tx: Connection, by: Caller, row: TrustRow) -> TrustRow:
    generation, before = changes.begin(tx, by)
    _require_may_manage(before, by, row.account)
    if accounts.require(tx, row.account, SERVICE).owner != by.name:
        changes.require_outranks(before, by, row.account, by.now)
    if trusts.find_issuer(tx, row.issuer) is None:
        raise RequestInvalid(
            f"issuer {row.issuer[:200]!r} is not registered: an administrator does that with wharf issuer add"
        )
    same = [each for each in before.trusts if (each.issuer, each.account) == (row.issuer, row.account)]
    for each in same:
        if {name: sorted(values) for name, values in each.claims.items()} == _sorted(row):
            raise AlreadyExists(f"that is rule {each.id} already", id=each.id)
    if len(before.trusts) >= TRUSTS_AT_MOST or len(same) >= TRUSTS_OF_ONE_AT_MOST:
        raise RequestInvalid(f"there are {len(same)} rules for it of {len(before.trusts)}, and there can be no more")
    made = replace(row, id=generation)
    trusts.add_trust(tx, made)
    audit.add(tx, by.entry("trust.add", detail={"before": None, "after": _of_rule(made)}))
    return made


def _remove(tx: Connection, by: Caller, id: int) -> TrustRow:
    _, before = changes.begin(tx, by)
    row = trusts.find_trust(tx, id)
    if row is None or not _may_manage(before, by, row.account):
        raise GrantUnknown(f"trust rule {id} is not known, or is not yours to remove", id=id)
    trusts.remove_trust(tx, row)
    audit.add(tx, by.entry("trust.remove", detail={"before": _of_rule(row), "after": None}))
    return row


def _require_administrator(before: Snapshot, by: Caller) -> None:
    # On what is true in this transaction, not on what was when the request began.
    if not _administers(before, by):
        raise Denied(f"{by.name} does not administer everything, which is what it takes to trust an issuer")


def _require_may_manage(known: Snapshot, by: Caller, account: str) -> None:
    if not _may_manage(known, by, account):
        raise Denied("the rules of a service account are made by its owner, or by an administrator")


def _may_manage(known: Snapshot, by: Caller, account: str) -> bool:
    identity = known.identity(by.name, by.identity.credential, by.now, by.identity.generation)
    held = known.accounts.get(account)
    if identity is None or identity.limits is not None:  # a token that was narrowed is not for giving access to others
        return False
    owns = held is not None and held.account.owner == by.name
    return owns or _administers(known, by)


def _administers(known: Snapshot, by: Caller) -> bool:
    identity = known.identity(by.name, by.identity.credential, by.now, by.identity.generation)
    if identity is None:
        return False
    return grants.decide(known.policy, identity, Action.ADMIN, now=by.now, address=by.origin.address).allowed


def _require_issuer(tx: Connection, url: str) -> IssuerRow:
    found = trusts.find_issuer(tx, url)
    if found is None:
        raise GrantUnknown(f"issuer {url[:200]!r} is not registered", url=url[:200])
    return found


def _sorted(row: TrustRow) -> dict[str, list[str]]:
    return {name: sorted(values) for name, values in row.claims.items()}


def _told(row: IssuerRow) -> dict[str, object]:
    keys = "fetched" if row.jwks is None else [key.id for key in keysets.parse_text(row.jwks)]
    return {"audience": row.audience, "keys": keys, "private": row.private}


def _of_rule(row: TrustRow) -> dict[str, object]:
    return {"id": row.id, "issuer": row.issuer, "account": row.account, "claims": dict(row.claims)}
