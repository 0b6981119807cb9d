"""Holding images: nobody deletes them, neither a person nor a rule."""

from collections.abc import Callable

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.errors import GrantUnknown, ManifestUnknown, RequestInvalid
from wharfinger.meta import audit, history, holds, repos, tags
from wharfinger.meta.db import Database
from wharfinger.meta.holds import Hold
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName, Tag

BECAUSE_AT_MOST = 500


class Holds:
    """Who may delete in a repository may say that something there is not deleted."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now

    async def add(
        self, by: Caller, repository: RepoName, reference: Reference, until: float | None, because: str
    ) -> Hold:
        """Hold the image until then; of a tag the image that it is at now.

        Raises NameUnknown, ManifestUnknown, and RequestInvalid for an end that has passed and for no reason.
        """
        reason = because.strip()
        if not reason or len(reason) > BECAUSE_AT_MOST or "\0" in reason:
            raise RequestInvalid(f"say why it is held, in at most {BECAUSE_AT_MOST} characters")
        if until is not None and until <= by.now:
            raise RequestInvalid("the hold would have ended already: want a time to come")
        return await self._db.write(self._add, by, repository, reference, until, reason)

    def _add(
        self, tx: Connection, by: Caller, repository: RepoName, reference: Reference, until: float | None, because: str
    ) -> Hold:
        repository_id = repos.require(tx, repository)
        digest = _resolve(tx, repository_id, reference)
        if digest is None or not history.hold_manifest(tx, repository_id, digest):
            raise ManifestUnknown(f"{reference} is not known in {repository}", reference=reference)
        id = holds.add(tx, repository_id, digest, until, because, by.name, by.now)
        made = Hold(id, repository, digest, until, because, by.name, by.now)
        tag = None if names.is_digest(reference) else reference
        detail = {"hold": id, "until": until, "because": because}
        audit.add(tx, by.entry("hold.add", repository=repository, tag=tag, digest=digest, detail=detail))
        return made

    async def remove(self, by: Caller, id: int) -> None:
        """Take the hold away. Raises GrantUnknown, also for one in a repository that the caller may not see."""
        await self._db.write(self._remove, by, id)

    def _remove(self, tx: Connection, by: Caller, id: int) -> None:
        hold = holds.find(tx, id)
        if hold is None or not by.may(Action.PULL, hold.repository):
            raise GrantUnknown(f"there is no hold {id}")
        by.require(Action.DELETE, hold.repository)
        holds.remove(tx, id)
        detail = {"hold": id, "because": hold.because, "who": hold.who}
        audit.add(tx, by.entry("hold.remove", repository=hold.repository, digest=hold.digest, detail=detail))

    async def page(self, by: Caller, repository: RepoName | None, last: int, limit: int) -> list[Hold]:
        """Up to ``limit`` holds after ``last``, in repositories that the caller may pull from."""
        found: list[Hold] = []
        while len(found) < limit:
            some = await self._db.read(holds.page, repository, last, limit, by.now)
            found += (hold for hold in some if by.may(Action.PULL, hold.repository))
            if len(some) < limit:
                break
            last = some[-1].id
        return found[:limit]

    async def sweep(self) -> int:
        """Forget those that have ended; the audit trail knows of them."""
        return await self._db.write(holds.expire, self._now())


def _resolve(tx: Connection, repository_id: int, reference: Reference) -> Digest | None:
    return Digest(reference) if names.is_digest(reference) else tags.find(tx, repository_id, Tag(reference))
