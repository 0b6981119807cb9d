"""Why an image is still there, what protects it, and when it will go."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.errors import ManifestUnknown
from wharfinger.lifecycle import gathering
from wharfinger.lifecycle.book import PolicyBook
from wharfinger.lifecycle.foreseeing import Counted, Foreseen, Foresight, Rules, counted, leading
from wharfinger.lifecycle.rules import active, joined
from wharfinger.lifecycle.surveying import UndeletableIn
from wharfinger.lifecycle.units import SECOND
from wharfinger.meta import brownouts, history, lifecycle_facts, lifecycle_kin, repos, tags
from wharfinger.meta.brownouts import Mark
from wharfinger.meta.db import Database
from wharfinger.meta.lifecycle_facts import Facts
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName, Tag, is_digest

SOME_AT_MOST = 5000
"""Images that are read one by one; of more, all of the repository are read, which takes no longer."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What becomes of an image. ``rules`` counts those of the policies that act on its repository.

    ``mark`` is its part in a run, in whose brown-out it is.
    """

    repository: RepoName
    digest: Digest
    rules: int
    foreseen: Foreseen
    mark: Mark | None = None


class Explaining:
    """Explains single images."""

    def __init__(self, db: Database, now: Callable[[], float], book: PolicyBook, undeletable: UndeletableIn) -> None:
        self._db = db
        self._now = now
        self._book = book
        self._undeletable = undeletable

    async def explain(self, repository: RepoName, reference: Reference) -> Explained:
        """What becomes of the image, now and next. Raises NameUnknown or ManifestUnknown."""
        return await self._db.read(self._explain, repository, reference)

    def _explain(self, tx: Connection, name: RepoName, reference: Reference) -> Explained:
        id, now = repos.require(tx, name), self._now()
        digest = reference if is_digest(reference) else tags.find(tx, id, Tag(reference))
        if digest is None or not history.is_held(tx, id, Digest(digest)):
            raise ManifestUnknown(f"{reference} is not known in {name}")
        rules = joined(active(self._book.policies(tx)), name)
        kin = lifecycle_kin.kin(tx, id, Digest(digest))
        facts, kin = _facts(tx, id, rules, gathering.asked_by(rules), kin)
        images = gathering.images(name, facts, self._undeletable(tx, now)(name))
        foreseen = Foresight(rules, images, kin, digest).foresee(round(now * SECOND))
        mark = brownouts.standing(tx, id, [Digest(digest)]).get(Digest(digest))
        return Explained(name, Digest(digest), len(rules), foreseen, mark)


def _facts(
    tx: Connection, repository_id: int, rules: Rules, asked: frozenset[str], kin: set[str] | None
) -> tuple[Facts, set[str]]:
    """What has to be looked at: the image's kin, and what a ``newest`` may count; all where that is not to be said."""
    wanted = None if kin is None else _wanted(tx, repository_id, counted(rules), asked)
    if kin is None or wanted is None or len(wanted) > SOME_AT_MOST:
        found = lifecycle_facts.read_one(tx, repository_id, asked)
    else:
        found = lifecycle_facts.read_some(tx, repository_id, sorted(kin | wanted), asked)
    assert found is not None, "the image is there"
    return found, kin if kin is not None else set(found.digests)


def _wanted(tx: Connection, repository_id: int, counts: list[Counted] | None, asked: frozenset[str]) -> set[str] | None:
    """What a ``newest`` may count; None for everything."""
    if counts is None or (counts and "pulled" in asked):
        return None  # a pull of a child counts for its index, so that no image can be left out
    found: set[str] = set()
    for each in counts:
        if each.first is None:
            found |= lifecycle_kin.tagged(tx, repository_id, each.selector)
        else:
            tags = lifecycle_kin.newest_first(tx, repository_id, each.selector, 2 * each.first + 100)
            found |= leading(tags, each.first)
    return found
