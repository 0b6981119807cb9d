"""A pull of an image that is about to be deleted works, is warned of it, and takes the image off the list."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.meta import audit, brownouts, repos
from wharfinger.meta.brownouts import Mark
from wharfinger.meta.db import Database
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName
from wharfinger.spec.warnings import warning


class Brownouts:
    """What is said to who pulls an image in a brown-out. ``counts`` says whose pulls count as use.

    Asked only about a manifest of which its own row says that it is in one.
    """

    def __init__(self, db: Database, counts: Callable[[Caller], bool]) -> None:
        self._db = db
        self._counts = counts

    async def pulled(self, by: Caller, repository: RepoName, reference: Reference, digest: Digest) -> bytes | None:
        """The warning that goes with the image; None where there is no reason left for one.

        When this returns, the image stays until the next plan, if the caller's pulls count: whoever is answered relies
        on it, also when the server is killed meanwhile. Of an image that stays and loses tags, only a pull by such a
        tag is one. Raises ManifestUnknown where a run was quicker.
        """
        mark = await self._db.read(_standing, repository, digest)
        if mark is None or not _is_meant(mark, reference):
            return None
        counts = self._counts(by)
        if mark.is_doomed and counts:
            mark = await self._db.write(_spare, by, repository, digest)
        return None if mark is None else warning(_said(mark, f"{repository}@{digest}", spared=counts))

    async def page(self, by: Caller, repository: RepoName | None, after: tuple[str, str], limit: int) -> list[Mark]:
        """Up to ``limit`` images in a brown-out after that repository and digest, of those that the caller may pull."""
        found: list[Mark] = []
        while len(found) < limit:
            some = await self._db.read(brownouts.page, repository, after, limit)
            found += (mark for mark in some if by.may(Action.PULL, mark.repository))
            if len(some) < limit:
                break
            after = (some[-1].repository, some[-1].item.digest)
        return found[:limit]


def _standing(tx: Connection, repository: RepoName, digest: Digest) -> Mark | None:
    return brownouts.standing(tx, repos.require(tx, repository), [digest]).get(digest)


def _spare(tx: Connection, by: Caller, repository: RepoName, digest: Digest) -> Mark | None:
    mark = brownouts.spare(tx, repos.require(tx, repository), digest, by.now)
    if mark is not None and mark.is_doomed:
        detail = {"run": mark.run, "rule": mark.item.rule, "root": mark.item.root}
        audit.add(tx, by.entry("manifest.spare", repository=repository, digest=digest, detail=detail))
    return mark


def _is_meant(mark: Mark, reference: Reference) -> bool:
    return mark.item.verdict == "delete" or (not names.is_digest(reference) and reference in mark.item.tags)


def _said(mark: Mark, image: str, *, spared: bool) -> str:
    item = mark.item
    goes = "this image" if item.verdict == "delete" else f"of this image the tags {', '.join(item.tags)}"
    when = "soon" if item.goes_at is None else datetime.fromtimestamp(item.goes_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    what = f"lifecycle run {mark.run} deletes {goes} on {when}"
    if spared or not mark.is_doomed:
        what = f"{what}; this was put off by a pull, until the next plan"
    else:
        what = f"{what}; your pulls do not count as use, and do not put it off"
    return f"{what}. To keep it: wharf hold {image} --because ... The reason: {item.reason}"
