"""When images were last pulled, gathered in memory and written each second: no request waits for it."""

from collections.abc import Iterable

from wharfinger.access.caller import Caller
from wharfinger.meta import pulls
from wharfinger.meta.db import Database
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

EVERY = 1.0
BATCH = 500
WAITING_AT_MOST = 100_000
"""Different manifests remembered while the database is away; beyond that, new ones are not."""

Key = tuple[RepoName, Digest]


class LastPulls:
    """The pulls of one process that are not written yet."""

    def __init__(self, db: Database, ignored: Iterable[str] = ()) -> None:
        self._db = db
        self._ignored = frozenset(ignored)
        self._waiting: dict[Key, float] = {}

    def note(self, by: Caller, repository: RepoName, digest: Digest) -> None:
        """Somebody has asked for the manifest, or whether it is there."""
        if not self.counts(by):
            return
        key = (repository, digest)
        if key in self._waiting or len(self._waiting) < WAITING_AT_MOST:
            self._waiting[key] = by.now

    def counts(self, by: Caller) -> bool:
        """Whether what the caller pulls counts as use: not for our own parts, nor for those to be ignored."""
        return not by.is_system and self._ignored.isdisjoint(by.identity.principals)

    async def flush(self) -> None:
        """Write all that was noted before this was called. What the database does not take is kept. Raises Unavailable.

        Other processes' notes are a second behind at most.
        """
        going, self._waiting = self._waiting, {}
        try:
            while going:
                batch = {key: going[key] for key in list(going)[:BATCH]}
                await self._db.write(pulls.note, batch)
                for key in batch:
                    del going[key]
        finally:
            for key, at in going.items():
                self._waiting.setdefault(key, at)
