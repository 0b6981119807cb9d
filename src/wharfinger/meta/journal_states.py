"""How things are now, as records of the journal: plain dictionaries, which are written as JSON.

A record names a thing by ``kind``, ``repository`` and ``name`` and says all there is to know of it. ``state`` is
``live``, ``trash`` or ``gone``. It replaces whatever an earlier record said of the same thing.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, and_, or_, select

from wharfinger.meta.journal import Change, Kind
from wharfinger.meta.schema import manifest_blobs, manifest_children, manifests, repositories, tags
from wharfinger.meta.schema_tagging import tag_history
from wharfinger.meta.schema_trash import trash, trash_blobs, trash_tags

Record = dict[str, Any]

MOST_BYTES = 8 * 1024 * 1024
"""Of manifests in one object of the journal; one manifest more is at most 4 MiB."""
PAGE = 1000

_KEPT = ("media_type", "pushed_at", "untagged_at", "created_at", "platform", "labels", "total_size")
_TRASHED = ("trashed_at", "empties_at", "who", "why", "root")


def states(tx: Connection, changes: Sequence[Change]) -> tuple[list[Record], int]:
    """Records of as many of ``changes`` as one object should have, and how many those are."""
    records: list[Record] = []
    names: dict[int, str] = {}
    size = 0
    for change in changes:
        if size > MOST_BYTES:
            break
        name = names.get(change.repository_id) or _repository(tx, change.repository_id)
        names[change.repository_id] = name
        own = name if change.kind is Kind.REPOSITORY else change.name
        record = {"kind": change.kind.value, "repository": name, "name": own}
        records.append(record | _STATES[change.kind](tx, change.repository_id, change.name))
        size += len(records[-1].get("raw", ""))
    return records, len(records)


def _repository(tx: Connection, key: int) -> str:
    return str(tx.execute(select(repositories.c.name).where(repositories.c.id == key)).scalar_one())


def _repository_state(tx: Connection, key: int, _name: str) -> Record:
    made = tx.execute(select(repositories.c.created_at).where(repositories.c.id == key)).scalar_one()
    return {"state": "live", "created_at": made}


def _manifest_state(tx: Connection, key: int, digest: str) -> Record:
    this = select(manifests).where(manifests.c.repository_id == key, manifests.c.digest == digest)
    if row := tx.execute(this).first():
        return _live(tx, row)
    this = select(trash).where(trash.c.repository_id == key, trash.c.digest == digest)
    if row := tx.execute(this).first():
        return _trashed(tx, row)
    return {"state": "gone"}


def _live(tx: Connection, row: Row[Any]) -> Record:
    absent = [
        digest
        for edges in (manifest_blobs, manifest_children)
        for digest in _absent(tx, edges, row.repository_id, row.digest)
    ]
    return {"state": "live", **_fields(row, _KEPT), "raw": _text(row.raw), "absent": absent}


def _trashed(tx: Connection, row: Row[Any]) -> Record:
    named = select(trash_tags.c.name, trash_tags.c.moved_at).where(
        trash_tags.c.repository_id == row.repository_id, trash_tags.c.manifest == row.digest
    )
    had = [[name, moved_at] for name, moved_at in tx.execute(named.order_by(trash_tags.c.name))]
    absent = _absent(tx, trash_blobs, row.repository_id, row.digest)
    fields = _fields(row, (*_KEPT, *_TRASHED))
    return {"state": "trash", **fields, "raw": _text(row.raw), "absent": absent, "tags": had}


def _absent(tx: Connection, edges: Table, key: int, manifest: str) -> list[str]:
    """What it refers to that the repository does not hold: a rebuild must not hand that out through it either."""
    these = (edges.c.repository_id == key) & (edges.c.manifest == manifest) & edges.c.present.is_(None)
    return list(tx.execute(select(edges.c.digest).where(these).order_by(edges.c.digest)).scalars())


def _tag_state(tx: Connection, key: int, name: str) -> Record:
    this = select(tags.c.digest, tags.c.moved_at).where(tags.c.repository_id == key, tags.c.name == name)
    row = tx.execute(this).first()
    return {"state": "gone"} if row is None else {"state": "live", "digest": row.digest, "moved_at": row.moved_at}


def _event_state(tx: Connection, _key: int, id: str) -> Record:
    row = tx.execute(select(tag_history).where(tag_history.c.id == int(id))).first()
    if row is None:
        return {"state": "gone"}
    return {"state": "live", **_fields(row, ("tag", "digest", "at", "who", "how"))}


_STATES: Mapping[Kind, Callable[[Connection, int, str], Record]] = {
    Kind.REPOSITORY: _repository_state,
    Kind.MANIFEST: _manifest_state,
    Kind.TAG: _tag_state,
    Kind.EVENT: _event_state,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a snapshot goes on: in which table, and after which key."""

    table: int = 0
    after: tuple[Any, ...] = ()


def page(tx: Connection, place: Place) -> tuple[list[Record], Place | None]:
    """The records of the next things there are, and where it goes on; None at the end."""
    kind, repository, key = _TABLES[place.table]
    query = select(repository, *key).order_by(*key)
    if place.after:
        query = query.where(_after(key, place.after))
    rows = list(tx.execute(query.limit(PAGE)))
    changes = [Change(0, row[0], kind, str(row[-1])) for row in rows]
    records, taken = states(tx, changes)
    if taken == len(rows) < PAGE:
        return records, Place(place.table + 1) if place.table + 1 < len(_TABLES) else None
    return records, Place(place.table, tuple(rows[taken - 1][1:]))


def _after(key: Sequence[Column[Any]], values: Sequence[Any]) -> Any:
    """The rows whose key is greater: the comparison of tuples, in a form that both databases use an index for."""
    first, *rest = key
    if not rest:
        return first > values[0]
    return and_(first >= values[0], or_(first > values[0], _after(rest, values[1:])))


_TABLES: Sequence[tuple[Kind, Column[Any], tuple[Column[Any], ...]]] = (
    (Kind.REPOSITORY, repositories.c.id, (repositories.c.id,)),
    (Kind.MANIFEST, manifests.c.repository_id, (manifests.c.repository_id, manifests.c.digest)),
    (Kind.MANIFEST, trash.c.repository_id, (trash.c.repository_id, trash.c.digest)),
    (Kind.TAG, tags.c.repository_id, (tags.c.repository_id, tags.c.name)),
    (Kind.EVENT, tag_history.c.repository_id, (tag_history.c.id,)),
)
"""In the order of a snapshot: whose it is, and its key, of which the last names it."""


def _fields(row: Row[Any], names: Sequence[str]) -> Record:
    return {name: getattr(row, name) for name in names}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
