"""Manifests that were pushed before what they need was packed beside their bytes."""

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import Connection, bindparam, select, tuple_, update

from wharfinger.meta.schema import manifests
from wharfinger.spec import needs

Place: TypeAlias = Sequence[int | str]
"""How far one has come, in the order of the primary key; empty before the beginning."""

_KEY = manifests.c.repository_id, manifests.c.digest
_PACK = (
    update(manifests)
    .where(manifests.c.repository_id == bindparam("b_repository"), manifests.c.digest == bindparam("b_digest"))
    .values(needs=bindparam("b_needs"))
)


def pack_some(tx: Connection, after: Place, limit: int) -> Place | None:
    """Pack up to ``limit`` of them after that place; where the last of them is, None when there were none.

    What is no manifest that is taken now, or was never compared with its blobs, stays as it is.
    """
    query = select(*_KEY, manifests.c.raw).where(manifests.c.needs.is_(None), manifests.c.unmeasured.is_(None))
    if after:
        query = query.where(tuple_(*_KEY) > tuple_(*after))
    found = tx.execute(query.order_by(*_KEY).limit(limit)).all()
    packed = ((repository, digest, needs.packed(raw)) for repository, digest, raw in found)
    rows = [
        {"b_repository": id, "b_digest": digest, "b_needs": those} for id, digest, those in packed if those is not None
    ]
    if rows:
        tx.execute(_PACK, rows)
    return (found[-1].repository_id, found[-1].digest) if found else None
