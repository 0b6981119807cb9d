"""What decides whether an image stays: what is known of it, who used it, who holds it, and the trash behind it all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from wharfinger.blobs.store import BlobStore
from wharfinger.jobs.repeated import Repeated
from wharfinger.meta.db import Database
from wharfinger.registry.brownouts import Brownouts
from wharfinger.registry.facts import ImageFacts
from wharfinger.registry.holds import Holds
from wharfinger.registry.in_use import InUse
from wharfinger.registry.last_pulls import EVERY, LastPulls
from wharfinger.registry.purges import Purges
from wharfinger.registry.tag_changes import TagChanges
from wharfinger.registry.trash import Keep, Trash, Watch


@dataclass(frozen=True, slots=True)
class Keeping:
    """These services together."""

    trash: Trash
    purges: Purges
    holds: Holds
    in_use: InUse
    facts: ImageFacts
    last_pulls: LastPulls
    brownouts: Brownouts
    writing: Repeated
    """Writes the last pulls."""

    @classmethod
    def over(
        cls,
        db: Database,
        store: BlobStore,
        now: Callable[[], float],
        tags: TagChanges,
        keep: Keep,
        watch: Watch,
        *,
        ignored: Iterable[str],
        tell_silent: Callable[[int], object],
    ) -> Self:
        """The services over a database. Pulls by ``ignored`` accounts and groups do not count as use."""
        trash, last_pulls = Trash(db, now, tags, keep, watch), LastPulls(db, ignored)
        return cls(
            trash=trash,
            purges=Purges(db, trash),
            holds=Holds(db, now),
            in_use=InUse(db, now, tell_silent),
            facts=ImageFacts(db, store),
            last_pulls=last_pulls,
            brownouts=Brownouts(db, last_pulls.counts),
            writing=Repeated("last pulls", last_pulls.flush, every=EVERY),
        )
