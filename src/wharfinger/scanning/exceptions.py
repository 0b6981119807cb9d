"""Exceptions from what scanning finds: one person asks, another decides, and each ends at its second.

requested ─▶ approved ─▶ expired          requested, approved ─▶ withdrawn
          └▶ refused                      requested ─▶ expired

What an approval does is not here: whoever judges reads what is in force (``books.py``) when it judges.
"""

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller, system
from wharfinger.access.throughout import may_throughout, require_throughout
from wharfinger.errors import AlreadyDecided, Denied, ExceptionUnknown, RequestInvalid, TooManyRequests
from wharfinger.meta import audit, exceptions
from wharfinger.meta.db import Database
from wharfinger.meta.exceptions import APPROVED, REFUSED, Exemption, Wanted
from wharfinger.scanning import affected, excuses
from wharfinger.scanning.excuses import Excuse
from wharfinger.select import parsing
from wharfinger.select.selectors import Selector
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

WEEK = 7 * 86_400.0
DAY = 86_400.0
REASON_AT_MOST = 1_000
WORD_AT_MOST = 200
SELECTOR_AT_MOST = 4_000
OPEN_AT_MOST = 10_000
"""Asked for or in force, of all accounts together."""
UNDECIDED_AT_MOST = 200
"""Of one account."""

Concerned = Callable[[Connection, Sequence[Digest]], None]
Numbers = Callable[[dict[str, int], int], None]

_log = structlog.get_logger("wharfinger.exceptions")


class Exceptions:
    """``longest`` is how many seconds one may last. ``changed`` is told which images may be judged otherwise now."""

    def __init__(
        self, db: Database, now: Callable[[], float], *, longest: float, changed: Concerned | None = None
    ) -> None:
        self._db = db
        self._now = now
        self._longest = longest
        self._changed = changed

    async def request(self, by: Caller, wanted: Wanted) -> Exemption:
        """Ask for one, in repositories that the caller may push to. Raises RequestInvalid, Denied, TooManyRequests."""
        checked = self._checked(by, wanted)
        require_throughout(by, Action.PUSH, selector_of(checked.repositories))
        return await self._db.write(self._request, by, checked)

    def _request(self, tx: Connection, by: Caller, wanted: Wanted) -> Exemption:
        if exceptions.open_of(tx, by.name, by.now) >= UNDECIDED_AT_MOST:
            raise TooManyRequests(f"{by.name} has {UNDECIDED_AT_MOST} requests that are not decided", retry_after=3600)
        if exceptions.open_of(tx, None, by.now) >= OPEN_AT_MOST:
            raise TooManyRequests(f"there are {OPEN_AT_MOST} exceptions: withdraw some first", retry_after=3600)
        made = exceptions.add(tx, wanted, by.name, by.now)
        audit.add(tx, by.entry("exception.request", digest=made.digest, detail=_told(made)))
        return made

    async def approve(self, by: Caller, id: int, because: str) -> Exemption:
        """Let it count until its end. Raises ExceptionUnknown, Denied to who asked for it, and AlreadyDecided."""
        return await self._db.write(self._decide, by, id, APPROVED, _reason(because, wanted=False))

    async def refuse(self, by: Caller, id: int, because: str) -> Exemption:
        """Let it never count, and say why. Raises ExceptionUnknown, Denied, AlreadyDecided and RequestInvalid."""
        return await self._db.write(self._decide, by, id, REFUSED, _reason(because, wanted=True))

    def _decide(self, tx: Connection, by: Caller, id: int, state: str, because: str) -> Exemption:
        found = _visible(tx, by, id)
        require_throughout(by, Action.APPROVE, selector_of(found.repositories))
        if found.requested_by == by.name:
            raise Denied(f"{by.name} asked for exception {id}: somebody else has to decide about it", account=by.name)
        now = self._now()
        made = exceptions.decide(tx, id, state, by.name, because, now)
        if made is None:
            raise _too_late(tx, id, now)
        told = {"digest": made.digest, "detail": _told(made) | {"because": because}}
        audit.add(tx, by.entry("exception.approve" if state == APPROVED else "exception.refuse", **told))
        if state == APPROVED:
            self._tell(tx, [made])
        return made

    async def withdraw(self, by: Caller, id: int, because: str) -> Exemption:
        """Take it back: whoever asked for it, or may approve it. Raises ExceptionUnknown, Denied, AlreadyDecided."""
        return await self._db.write(self._withdraw, by, id, _reason(because, wanted=False))

    def _withdraw(self, tx: Connection, by: Caller, id: int, because: str) -> Exemption:
        found = _visible(tx, by, id)
        if found.requested_by != by.name:
            require_throughout(by, Action.APPROVE, selector_of(found.repositories))
        now = self._now()
        gone = exceptions.end(tx, id, by.name, because, now)
        if gone is None:
            raise _too_late(tx, id, now)
        detail = _told(gone) | {"because": because, "was": found.state}
        audit.add(tx, by.entry("exception.withdraw", digest=gone.digest, detail=detail))
        if found.state == APPROVED:
            self._tell(tx, [gone])
        return gone

    async def show(self, by: Caller, id: int) -> Exemption:
        """The exception. Raises ExceptionUnknown, also where the caller may not see it."""
        return await self._db.read(_visible, by, id)

    async def page(
        self, by: Caller, state: str | None, within: float | None, repository: RepoName | None, last: int, limit: int
    ) -> list[Exemption]:
        """Up to ``limit`` that the caller may see, after number ``last``: of a state, that end within so many seconds.

        Of one repository: those that are about it, to whoever may pull from it.
        """
        found: list[Exemption] = []
        until = None if within is None else by.now + within
        while len(found) < limit:
            some = await self._db.read(exceptions.page, state, until, last, limit, by.now)
            found += (each for each in some if _is_shown(by, each, repository))
            if len(some) < limit:
                break
            last = some[-1].id
        return found[:limit]

    async def sweep(self) -> int:
        """Note those that have come to their end; how many."""
        return await self._db.write(self._expire)

    def _expire(self, tx: Connection) -> int:
        now = self._now()
        gone = exceptions.expire(tx, now)
        for each in gone:
            audit.add(tx, system("exceptions", now).entry("exception.expire", digest=each.digest, detail=_told(each)))
        self._tell(tx, [each for each in gone if each.decided_by is not None])
        return len(gone)

    async def warn(self) -> int:
        """Say once a day, in the log and in the audit trail, which end within a week; always 0."""
        soon = await self._db.write(self._warn)
        if soon:
            named = [f"{each.id}: {each.vulnerability} in {each.package}, owner {each.owner}" for each in soon[:20]]
            _log.warning("exceptions end within a week", count=len(soon), exceptions=named)
        return 0

    def _warn(self, tx: Connection) -> list[Exemption]:
        now = self._now()
        soon = exceptions.ending(tx, now + WEEK, now - DAY, now)
        for each in soon:
            audit.add(tx, system("exceptions", now).entry("exception.ending", digest=each.digest, detail=_told(each)))
        return soon

    async def count(self, tell: Numbers) -> int:
        """Tell how many there are of each state, and how many end within a week; always 0."""
        now = self._now()
        tell(*await self._db.read(exceptions.counts, now, now + WEEK))
        return 0

    def _tell(self, tx: Connection, these: Sequence[Exemption]) -> None:
        """Whoever keeps what it decided has to decide again about the images that these are about."""
        if self._changed is None or not these:
            return
        selectors = [selector_of(each.repositories) for each in these]
        named = exceptions.judged_images(tx)
        meant = {digest for name, digest in named if any(selector.matches(name) for selector in selectors)}
        self._changed(tx, sorted(meant))

    def _checked(self, by: Caller, wanted: Wanted) -> Wanted:
        """The same in one spelling. Raises RequestInvalid."""
        if not by.now < wanted.expires_at <= by.now + self._longest:
            days = int(self._longest // DAY)
            raise RequestInvalid(f"an exception ends, at most {days} days from now: want a time to come before then")
        selector = selector_of(wanted.repositories)
        if len(repr(wanted.repositories)) > SELECTOR_AT_MOST:
            raise RequestInvalid(f"a selector of at most {SELECTOR_AT_MOST} characters, please")
        return Wanted(
            vulnerability=excuses.vulnerability(wanted.vulnerability),
            package=affected.parse(wanted.package).text,
            repositories=selector.plain(),
            digest=wanted.digest,
            reason=_reason(wanted.reason, wanted=True),
            owner=_word(wanted.owner, "owner") or by.name,
            ticket=_word(wanted.ticket, "ticket"),
            expires_at=wanted.expires_at,
        )


def selector_of(plain: object) -> Selector:
    """The repositories that are meant. Raises RequestInvalid."""
    return parsing.parse(plain, "repositories", of="repository")


def excuse(found: Exemption) -> Excuse:
    """An approved exception as it counts."""
    return Excuse(
        id=found.id,
        vulnerability=found.vulnerability,
        affected=affected.parse(found.package),
        repositories=selector_of(found.repositories),
        digest=found.digest,
        reason=found.reason,
        requested_by=found.requested_by,
        approved_by=found.decided_by or "",
        until=found.expires_at,
    )


def _visible(tx: Connection, by: Caller, id: int) -> Exemption:
    found = exceptions.find(tx, id)
    if found is None or not _is_shown(by, found, None):
        raise ExceptionUnknown(f"there is no exception {id}", id=id)
    return found


def _is_shown(by: Caller, found: Exemption, repository: RepoName | None) -> bool:
    """Whoever asked for it, may audit, or may pull wherever it is about; of one repository who may pull from that."""
    selector = selector_of(found.repositories)
    if repository is not None:
        return selector.matches(repository) and by.may(Action.PULL, repository)
    return found.requested_by == by.name or by.may(Action.AUDIT) or may_throughout(by, Action.PULL, selector)


def _too_late(tx: Connection, id: int, now: float) -> AlreadyDecided:
    found = exceptions.find(tx, id)
    state = "gone" if found is None else found.state_at(now)
    return AlreadyDecided(f"exception {id} is {state}, so this cannot be done any more", id=id, state=state)


def _told(each: Exemption) -> dict[str, object]:
    """What the audit trail says of it."""
    return {
        "exception": each.id,
        "vulnerability": each.vulnerability,
        "package": each.package[:WORD_AT_MOST],
        "repositories": each.repositories,
        "reason": each.reason,
        "owner": each.owner,
        "ticket": each.ticket,
        "expires_at": each.expires_at,
        "requested_by": each.requested_by,
        "decided_by": each.decided_by,
    }


def _reason(text: str, *, wanted: bool) -> str:
    text = " ".join(text.split())
    if (wanted and not text) or len(text) > REASON_AT_MOST or "\0" in text:
        raise RequestInvalid(f"say why, in at most {REASON_AT_MOST} characters")
    return text


def _word(text: str, what: str) -> str:
    text = text.strip()
    if len(text) > WORD_AT_MOST or not text.isprintable():
        raise RequestInvalid(f"the {what} in at most {WORD_AT_MOST} printable characters")
    return text
