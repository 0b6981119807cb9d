"""Workloads that show a token from a trusted issuer instead of a secret (RFC 8693)."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from wharfinger.access import claims, workload_tokens
from wharfinger.access.caller import Caller, Origin
from wharfinger.access.directory import Directory
from wharfinger.access.grants import ANONYMOUS, Identity
from wharfinger.access.keysets import KeySets
from wharfinger.access.snapshot import Snapshot
from wharfinger.access.throttle import Throttle
from wharfinger.access.workload_tokens import NotAccepted, Unverified
from wharfinger.errors import Denied, Unauthorized
from wharfinger.meta import audit
from wharfinger.meta.audit import DENIED, Entry
from wharfinger.meta.db import Database
from wharfinger.meta.grants import TrustRow

ANY_ACCOUNT = "oidc"
"""The user name of a workload that leaves the account to the rules."""
CREDENTIAL = "trust:"
EXCHANGE = "token.exchange"
REMEMBERED_SECONDS = 300.0
"""For so long a token that is sent with every request is not verified again; its rule is looked up each time."""
REMEMBERED_AT_MOST = 10_000
LOGIN_AT_MOST = 3600.0
"""For so long a login lasts that was had for a token: its issuer's keys may be others by then."""
TOLD_RULES = 10

_log = structlog.get_logger("wharfinger.workloads")


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A token that was verified, for an account, at a revision."""

    revision: int
    rule: TrustRow
    until: float


def is_one(identity: Identity) -> bool:
    """Whether somebody is here by a trust rule: what it may do must not outlast its token."""
    return identity.credential.startswith(CREDENTIAL)


def require_lasting(by: Caller) -> None:
    """Raise Denied for a workload: a secret or password that it made would outlast the token that it came with."""
    if is_one(by.identity):
        raise Denied("a workload makes no secrets and sets no passwords: what it has ends with its token")


class Workloads:
    """Who a token from a trusted issuer is. Every exchange and every refusal leaves an audit record.

    Who is refused is told a code that says nothing of any rule; the record and the log say which claim it was. A valid
    token is never slowed; refusals beyond the throttle's measure are answered with TooManyRequests and not recorded.
    """

    def __init__(
        self, db: Database, directory: Directory, keys: KeySets, throttle: Throttle, now: Callable[[], float]
    ) -> None:
        self._db = db
        self._directory = directory
        self._keys = keys
        self._throttle = throttle
        self._now = now
        self._remembered: OrderedDict[tuple[bytes, str], _Remembered] = OrderedDict()
        self._revision = -1

    @staticmethod
    def recognises(snapshot: Snapshot, text: str) -> bool:
        """Whether ``text`` is a token that says it is of a registered issuer, and so no password."""
        if not snapshot.issuers or text.count(".") != 2:
            return False
        token = workload_tokens.read(text)
        return token is not None and token.issuer in snapshot.issuers

    async def caller(self, token: str, account: str, origin: Origin) -> Caller:
        """The service account that a trust rule lets the token's workload be; ``account`` where several do.

        Raises Unauthorized, and TooManyRequests after many refusals.
        """
        snapshot, rule, _ = await self._prove(token, account, origin)
        return self._as_caller(snapshot, rule, origin)

    async def caller_by_name(self, name: str, token: str, origin: Origin) -> Caller:
        """The same for a token that came as a password, perhaps with every request. Raises the same."""
        snapshot = await self._directory.current()
        account = "" if name == ANY_ACCOUNT and ANY_ACCOUNT not in snapshot.accounts else name
        key = hashlib.sha256(token.encode()).digest(), account
        known = self._remembered.get(key)
        if known is None or known.revision != snapshot.revision or self._now() >= known.until:
            snapshot, rule, ends = await self._prove(token, account, origin)
            self._remember(key, _Remembered(snapshot.revision, rule, min(ends, self._now() + REMEMBERED_SECONDS)))
            return self._as_caller(snapshot, rule, origin)
        return self._as_caller(snapshot, known.rule, origin)

    def _remember(self, key: tuple[bytes, str], known: _Remembered) -> None:
        self._remembered.pop(key, None)
        self._remembered[key] = known
        if len(self._remembered) > REMEMBERED_AT_MOST:
            self._remembered.popitem(last=False)

    def _as_caller(self, snapshot: Snapshot, rule: TrustRow, origin: Origin) -> Caller:
        identity = _identity(snapshot, rule, self._now())
        if identity is None:
            raise _refusal("no-match")
        return Caller(identity, snapshot, self._now(), origin)

    async def _prove(self, text: str, account: str, origin: Origin) -> tuple[Snapshot, TrustRow, float]:
        token = workload_tokens.read(text)
        try:
            snapshot, rule, ends = await self._matched(token, account)
        except NotAccepted as refused:
            await self._refused(refused, token, account, origin)
            raise _refusal(refused.code) from refused
        done = replace(self._entry(rule.account, origin), rule=f"{CREDENTIAL}{rule.id}")
        await self._record(done, token, {"ends": ends})
        return snapshot, rule, ends

    async def _matched(self, token: Unverified | None, account: str) -> tuple[Snapshot, TrustRow, float]:
        if token is None:
            raise NotAccepted("malformed", "it does not have the form of a token")
        snapshot = await self._verified(token)
        return snapshot, choose(snapshot, token, account, self._now()), float(token.claims["exp"])

    async def _verified(self, token: Unverified) -> Snapshot:
        snapshot = await self._directory.current()
        if snapshot.revision != self._revision:
            self._revision = snapshot.revision
            self._keys.forget_all_but(snapshot.issuers)
        issuer = snapshot.issuers.get(token.issuer)
        if issuer is None:
            raise NotAccepted("issuer", "the issuer is not registered")
        await workload_tokens.verify(token, issuer, self._keys, self._now())
        # To fetch a key can take seconds, in which the issuer may have gone.
        snapshot = await self._directory.current()
        if snapshot.issuers.get(token.issuer) != issuer:
            raise NotAccepted("issuer", "the issuer was removed or changed meanwhile")
        return snapshot

    async def _refused(self, refused: NotAccepted, token: Unverified | None, account: str, origin: Origin) -> None:
        subject = f"{token.issuer}\n{token.claims.get('sub')}" if token else ""
        counted = "workload:" + hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()[:32]
        await self._throttle.require_open(counted, origin.address)
        await self._throttle.failed(counted, origin.address)
        _log.warning("exchange refused", code=refused.code, why=refused.why[:2000], request=origin.request)
        known = account if account in self._directory.known.accounts else ANONYMOUS
        detail = {"reason": refused.code, "why": refused.why[:2000], "asked": _short(account)}
        await self._record(replace(self._entry(known, origin), outcome=DENIED), token, detail)

    def _entry(self, account: str, origin: Origin) -> Entry:
        return Entry(
            at=self._now(),
            action=EXCHANGE,
            account=account,
            address=origin.address,
            client=origin.agent,
            request=origin.request,
        )

    async def _record(self, entry: Entry, token: Unverified | None, detail: dict[str, Any]) -> None:
        said = token.claims if token else {}
        names = {"issuer": "iss", "subject": "sub", "id": "jti"}
        of_token = {name: _short(said[claim]) for name, claim in names.items() if claim in said}
        await self._db.write(audit.add, replace(entry, detail=of_token | detail))


def choose(snapshot: Snapshot, token: Unverified, account: str, now: float) -> TrustRow:
    """The rule by which a verified token may be exchanged. Raises NotAccepted."""
    rules = [rule for rule in snapshot.trusts if rule.issuer == token.issuer and account in {"", rule.account}]
    matching = [rule for rule in rules if claims.matches(rule.claims, token.claims)]
    counting = [rule for rule in matching if _identity(snapshot, rule, now) is not None]
    if not counting:
        raise NotAccepted("no-match", _why_none(rules, matching, token))
    found = sorted({rule.account for rule in counting})
    if len(found) > 1:
        raise NotAccepted("ambiguous", f"rules for {', '.join(found[:TOLD_RULES])} match, and none of them was named")
    return counting[0]


def _why_none(rules: Sequence[TrustRow], matching: Sequence[TrustRow], token: Unverified) -> str:
    if matching:
        return f"rule {matching[0].id} matches, but the account {matching[0].account} is disabled"
    if not rules:
        return "there is no rule for this issuer and this account"
    wrong = (
        f"rule {rule.id}: {next(str(each) for each in claims.findings(rule.claims, token.claims) if not each.matches)}"
        for rule in rules[:TOLD_RULES]
        if rule.claims
    )
    more = f"; and {len(rules) - TOLD_RULES} more" if len(rules) > TOLD_RULES else ""
    return "; ".join(wrong) + more


def _identity(snapshot: Snapshot, rule: TrustRow, now: float) -> Identity | None:
    return snapshot.identity(rule.account, f"{CREDENTIAL}{rule.id}", now)


def _refusal(code: str) -> Unauthorized:
    how = {
        "ambiguous": "; it may act as several service accounts: name the one as username",
        "keys-unavailable": "; try again in a minute",
    }
    return Unauthorized(f"the workload's token is refused ({code}){how.get(code, '')}", error="invalid_token")


def _short(value: object) -> str:
    return str(value)[:300].encode("utf-8", "replace").decode()
