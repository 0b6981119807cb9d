"""Which blobs manifests need, how big they are and who else has them: for what deleting would give back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from sqlalchemy import Connection, case, func, select

from wharfinger.meta.schema import blob_links, blobs, manifest_blobs, manifests
from wharfinger.meta.sql import chunks, plain_rows
from wharfinger.spec import needs

Needed: TypeAlias = Mapping[str, int]
"""Blobs and their sizes."""
Span: TypeAlias = tuple[str, str | None]
"""Digests from the first to those before the second."""
_Row: TypeAlias = tuple[int, str, bytes | None]

PAGE = 5000
"""Manifests whose bytes are looked at together."""
ALL: Span = ("", None)
_BOUNDS = ("", *(f"sha256:{digit}" for digit in "2468ace"), None)
SPANS: Sequence[Span] = [(least or "", below) for least, below in pairwise(_BOUNDS)]
"""The same in parts that are about as large, for several to walk."""


class Contents:
    """What the manifests of these repositories need. Of several, they are few enough to be kept at once.

    Read from the manifests themselves, a third of what the edges would take: what they say of their blobs was compared
    with them when they were pushed. Where a blob was not there to be compared, the edges say it.
    """

    def __init__(self, tx: Connection, ids: Sequence[int], *, page: int = PAGE) -> None:
        self._tx = tx
        self._ids = ids
        self._page = page
        self._kept: list[_Row] | None = None if len(ids) == 1 else [*_rows(tx, ids)] if ids else []

    def of(self, wanted: Callable[[int, str], bool]) -> Iterator[tuple[int, str, Needed]]:
        """(repository, manifest, what it needs) of those that are wanted. May be asked again."""
        for page in [self._kept] if self._kept is not None else self._pages(self._ids[0]):
            unsaid: dict[int, list[str]] = {}
            for id, manifest, raw in page:
                if not wanted(id, manifest):
                    continue
                found = None if raw is None else needs.blobs(raw)
                if found is None:
                    unsaid.setdefault(id, []).append(manifest)
                else:
                    yield id, manifest, found
            for id, some in unsaid.items():
                yield from _by_edges(self._tx, id, some)

    def _pages(self, id: int) -> Iterator[Sequence[_Row]]:
        """All of one repository, which may be a large one; a page at a time."""
        last = ""
        while page := _rows(self._tx, [id], last, self._page):
            yield page
            if len(page) < self._page:
                return
            last = page[-1][1]


def _rows(tx: Connection, ids: Sequence[int], last: str | None = None, limit: int = PAGE) -> Sequence[Any]:
    raw = case((manifests.c.unmeasured.is_(None), manifests.c.raw))
    query = select(manifests.c.repository_id, manifests.c.digest, raw).where(manifests.c.repository_id.in_(ids))
    if last is not None:
        query = query.where(manifests.c.digest > last).order_by(manifests.c.digest).limit(limit)
    return plain_rows(tx, query)


def _by_edges(tx: Connection, id: int, some: Sequence[str]) -> Iterator[tuple[int, str, Needed]]:
    """The same of manifests that do not say it, or of which it is not known whether they say it right."""
    edges = manifest_blobs.c
    size = select(blobs.c.size).where(blobs.c.digest == edges.present).scalar_subquery()
    query = select(edges.manifest, edges.digest, func.coalesce(size, 0)).where(edges.repository_id == id)
    for few in chunks(some):
        found: dict[str, dict[str, int]] = {manifest: {} for manifest in few}
        for manifest, blob, bytes in plain_rows(tx, query.where(edges.manifest.in_(few))):
            found[manifest][blob] = bytes
        yield from ((id, manifest, needed) for manifest, needed in found.items())


def shared(tx: Connection, within: Span = ALL) -> dict[str, tuple[int, int]]:
    """How many repositories have each blob that more than one has, and its size. One walk along an index."""
    links, (least, below) = blob_links.c.digest, within
    size = select(blobs.c.size).where(blobs.c.digest == links).scalar_subquery()  # a join would go through all blobs
    query = select(links, func.count(), size).where(links >= least).group_by(links).having(func.count() > 1)
    query = query if below is None else query.where(links < below)
    return {blob: (count, size) for blob, count, size in plain_rows(tx, query)}
