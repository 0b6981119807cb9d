"""What the registry holds, and removing it.

The word comes before the repository, ``/tags/shop/web/1.4`` and not ``/shop/web/tags/1.4``: repositories may have
slashes and be called ``tags``, so that only a last segment is unmistakable.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import Query

from wharfinger.access.actions import Action
from wharfinger.api.models import Repositories, Tags
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.meta import inventory
from wharfinger.meta.db import Database
from wharfinger.meta.inventory import Detail
from wharfinger.registry.deletes import Deletes
from wharfinger.spec import digest as digests
from wharfinger.spec import names

PAGE = 100
PAGE_AT_MOST = 1000

Last = Annotated[str, Query(description="the entry after which the page begins: `next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_AT_MOST, description="how many entries")]


class RepositoryHandlers:
    """Reading and deleting."""

    def __init__(self, db: Database, deletes: Deletes) -> None:
        self._db = db
        self._deletes = deletes

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/repositories", self.list_repositories, Anyone.WITH_AN_ACCOUNT),
            Route("GET", "/tags/{repository:path}", self.list_tags, Action.PULL),
            Route("DELETE", "/tags/{repository:path}/{tag}", self.remove_tag, Action.TAG, 204),
            Route("GET", "/manifests/{repository:path}/{reference}", self.describe_manifest, Action.PULL),
            Route("DELETE", "/manifests/{repository:path}/{digest}", self.remove_manifest, Action.DELETE, 204),
        ]

    async def list_repositories(self, by: By, last: Last = "", n: Limit = PAGE) -> Repositories:
        """Repositories by name, those that the caller may pull from."""
        after = names.repository(last) if last else ""
        may_pull = partial(by.may, Action.PULL)
        found = await self._db.read(inventory.list_repositories, after, n + 1, by.prefixes(Action.PULL), may_pull)
        return Repositories(repositories=found[:n], next=_next(found, n))

    async def list_tags(self, repository: str, last: Last = "", n: Limit = PAGE) -> Tags:
        """Tags of a repository by name, in byte order."""
        after = names.tag(last) if last else ""
        found = await self._db.read(inventory.list_tags, names.repository(repository), after, n + 1)
        return Tags(tags=found[:n], next=_next(found, n))

    async def describe_manifest(self, repository: str, reference: str) -> Detail:
        """What a tag or digest stands for: its parts, its sizes, its tags, and how many manifests refer to it."""
        return await self._db.read(inventory.describe, names.repository(repository), names.reference(reference))

    async def remove_tag(self, by: By, repository: str, tag: str) -> None:
        """Remove a tag; the manifest stays."""
        await self._deletes.tag(by, names.repository(repository), names.tag(tag))

    async def remove_manifest(self, by: By, repository: str, digest: str) -> None:
        """Remove a manifest with all its tags."""
        await self._deletes.manifest(by, names.repository(repository), digests.parse(digest))


def _next(found: Sequence[Any], n: int) -> str | None:
    return found[n - 1].name if len(found) > n else None
