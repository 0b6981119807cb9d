"""Break-glass: for a while, an image may be pulled although a rule refuses it. Said why, recorded, and it ends."""

from collections.abc import Callable

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.errors import GrantUnknown, ManifestUnknown, RequestInvalid
from wharfinger.meta import audit, glass, history, repos, tags
from wharfinger.meta.db import Database
from wharfinger.meta.glass import Glass
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName, Tag

BECAUSE_AT_MOST = 500
LONGEST = 7 * 86400.0
"""Seconds; what takes longer is an exception, which somebody reviews."""


class BreakGlass:
    """Who administers a repository may let an image of it be pulled."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now

    async def add(self, by: Caller, repository: RepoName, reference: Reference, seconds: float, because: str) -> Glass:
        """Let the image be pulled for so long; of a tag the image that it is at now.

        Raises NameUnknown, ManifestUnknown, and RequestInvalid for no reason and for too long.
        """
        reason = because.strip()
        if not reason or len(reason) > BECAUSE_AT_MOST or "\0" in reason:
            raise RequestInvalid(f"say why, in at most {BECAUSE_AT_MOST} characters")
        if not 0 < seconds <= LONGEST:
            raise RequestInvalid("break-glass is for seven days at most: ask for an exception for longer")
        return await self._db.write(self._add, by, repository, reference, self._now() + seconds, reason)

    def _add(
        self, tx: Connection, by: Caller, repository: RepoName, reference: Reference, until: float, because: str
    ) -> Glass:
        now, repository_id = self._now(), repos.require(tx, repository)
        is_digest = names.is_digest(reference)
        digest = Digest(reference) if is_digest else tags.find(tx, repository_id, Tag(reference))
        if digest is None or not history.hold_manifest(tx, repository_id, digest):
            raise ManifestUnknown(f"{reference} is not known in {repository}", reference=reference)
        id = glass.add(tx, repository_id, digest, until, because, by.name, now)
        detail = {"break_glass": id, "until": until, "because": because}
        tag = None if is_digest else reference
        audit.add(tx, by.entry("breakglass.add", repository=repository, tag=tag, digest=digest, detail=detail))
        return Glass(id, repository, digest, until, because, by.name, now)

    async def remove(self, by: Caller, id: int) -> None:
        """End it. Raises GrantUnknown, also for one in a repository that the caller may not see."""
        await self._db.write(self._remove, by, id)

    def _remove(self, tx: Connection, by: Caller, id: int) -> None:
        found = glass.find(tx, id)
        if found is None or not by.may(Action.PULL, found.repository):
            raise GrantUnknown(f"there is no break-glass {id}")
        by.require(Action.ADMIN, found.repository)
        glass.remove(tx, id)
        detail = {"break_glass": id, "because": found.because, "who": found.who}
        audit.add(tx, by.entry("breakglass.remove", repository=found.repository, digest=found.digest, detail=detail))

    async def page(self, by: Caller, last: int, limit: int) -> list[Glass]:
        """Up to ``limit`` in force after the one with the number ``last``, where the caller may pull."""
        found: list[Glass] = []
        while len(found) < limit:
            some = await self._db.read(glass.page, last, limit, self._now())
            found += (each for each in some if by.may(Action.PULL, each.repository))
            if len(some) < limit:
                break
            last = some[-1].id
        return found[:limit]
