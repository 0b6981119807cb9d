"""Which blobs manifests need, how big they are and who else has them: for what deleting would give back."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from sqlalchemy import Connection, case, func, select

from wharfinger.meta.schema import blob_links, blobs, manifest_blobs, manifests
from wharfinger.meta.sql import chunks, plain_rows, stream
from wharfinger.spec import needs
from wharfinger.spec.needs import Key, Packed, key

Span: TypeAlias = tuple[str, str | None]
"""Digests from the first to those before the second."""
ALL: Span = ("", None)
_BOUNDS = ("", *(f"sha256:{digit}" for digit in "2468ace"), None)
SPANS: Sequence[Span] = [(least or "", below) for least, below in pairwise(_BOUNDS)]
"""The same in parts that are about as large, for several to walk."""


def filled(
    tx: Connection, repository_id: int, digests: Sequence[str], packed: Sequence[Packed | None]
) -> Sequence[Packed]:
    """What the manifests of a repository need, of which that is what is packed."""
    if None not in packed:
        return packed  # type: ignore[return-value]  # as has just been seen
    found = _unpacked(tx, repository_id)
    return [found[digest] if each is None else each for digest, each in zip(digests, packed, strict=True)]


def _unpacked(tx: Connection, repository_id: int) -> Mapping[str, Packed]:
    """What those manifests need of which nothing is packed.

    From their bytes, a third of what the edges would take: what they say of their blobs was compared with them when
    they were pushed. Where a blob was not there to be compared, the edges say it.
    """
    raw = case((manifests.c.unmeasured.is_(None), manifests.c.raw))
    query = select(manifests.c.digest, raw).where(manifests.c.repository_id == repository_id)
    told = {
        manifest: None if bytes is None else needs.packed(bytes)
        for manifest, bytes in stream(tx, query.where(manifests.c.needs.is_(None)))
    }
    found = {manifest: packed for manifest, packed in told.items() if packed is not None}
    for few in chunks(manifest for manifest in told if manifest not in found):
        found |= _by_edges(tx, repository_id, few)
    return found


def _by_edges(tx: Connection, repository_id: int, few: Sequence[str]) -> Mapping[str, Packed]:
    """The same of manifests that do not say it, or of which it is not known whether they say it right."""
    edges = manifest_blobs.c
    size = select(blobs.c.size).where(blobs.c.digest == edges.present).scalar_subquery()
    query = select(edges.manifest, edges.digest, func.coalesce(size, 0)).where(edges.repository_id == repository_id)
    found: dict[str, dict[str, int]] = {manifest: {} for manifest in few}
    for manifest, blob, bytes in plain_rows(tx, query.where(edges.manifest.in_(few))):
        found[manifest][blob] = bytes
    return {manifest: needs.pack(those) for manifest, those in found.items()}


def shared(tx: Connection, within: Span = ALL) -> dict[Key, tuple[int, int]]:
    """How many repositories have each blob that more than one has, and its size. One walk along an index."""
    links, (least, below) = blob_links.c.digest, within
    size = select(blobs.c.size).where(blobs.c.digest == links).scalar_subquery()  # a join would go through all blobs
    query = select(links, func.count(), size).where(links >= least).group_by(links).having(func.count() > 1)
    query = query if below is None else query.where(links < below)
    return {key(blob): (count, size) for blob, count, size in plain_rows(tx, query)}
