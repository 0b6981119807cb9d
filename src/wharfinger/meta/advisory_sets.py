"""The sets of advisories that something was judged by, and what each says of releases of distributions."""

import json
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from wharfinger.meta.judged import AdvisorySet, Release
from wharfinger.meta.schema_judging import advised_releases, advisory_sets, judgements
from wharfinger.meta.schema_scanning import scanned_images, verdicts
from wharfinger.meta.sql import held
from wharfinger.meta.sql import insert as either_insert


def current(tx: Connection) -> AdvisorySet | None:
    """The set that new images are judged by: the newest that every package version was matched by."""
    return _one(tx, advisory_sets.c.matched_at.is_not(None))


def newest(tx: Connection) -> AdvisorySet | None:
    """The last one that was begun."""
    return _one(tx, advisory_sets.c.id > 0)


def hold(tx: Connection, id: int) -> bool:
    """Whether it is the current one, which it is until this transaction ends."""
    tx.execute(held(select(advisory_sets.c.id).where(advisory_sets.c.id == id))).scalar()
    now = current(tx)
    return now is not None and now.id == id


def begin(tx: Connection, sha256: str, sources: Mapping[str, int], now: float) -> AdvisorySet:
    """Begin to match by this set; go on with it where it was begun last."""
    last = newest(tx)
    if last is not None and not last.matched and last.sha256 == sha256:
        return last
    row = {"sha256": sha256, "sources": json.dumps(dict(sources), sort_keys=True), "begun_at": now}
    id = tx.execute(insert(advisory_sets).values(row).returning(advisory_sets.c.id)).scalar_one()
    return AdvisorySet(id, sha256, dict(sources), matched=False)


def follows(tx: Connection, id: int, current: int) -> bool:
    """Whether this set has only just been begun, and none was given up since the current one."""
    between = (advisory_sets.c.id > current) & (advisory_sets.c.id < id)
    begun = exists().where(judgements.c.since == id) | exists().where(judgements.c.until == id)
    return not tx.execute(select(exists().where(between))).scalar() and not tx.execute(select(begun)).scalar()


def finish(tx: Connection, id: int, now: float) -> None:
    """From now on it is the current one."""
    tx.execute(update(advisory_sets).where(advisory_sets.c.id == id).values(matched_at=now))


def wait_for_holders(tx: Connection) -> None:
    """Return when nobody holds the current set any more; nobody can until this transaction ends."""
    now = current(tx)
    if now is not None:
        tx.execute(select(advisory_sets.c.id).where(advisory_sets.c.id == now.id).with_for_update()).scalar()


def releases(tx: Connection, id: int) -> list[Release]:
    """What the set says of releases."""
    rows = tx.execute(select(advised_releases).where(advised_releases.c.advisory_set == id))
    return [Release(row.distribution, row.release, row.ecosystem, row.end_of_life, row.ended) for row in rows]


def say(tx: Connection, id: int, found: Collection[Release]) -> None:
    """Keep what the set says of releases."""
    rows = [
        {
            "advisory_set": id,
            "distribution": each.distribution,
            "release": each.release,
            "ecosystem": each.ecosystem,
            "end_of_life": each.end_of_life,
            "ended": each.ended,
        }
        for each in found
    ]
    if rows:
        tx.execute(either_insert(tx, advised_releases).on_conflict_do_nothing(), rows)


def used_releases(tx: Connection) -> set[tuple[str, str]]:
    """The releases of distributions that there are images of."""
    columns = (scanned_images.c.distribution, scanned_images.c.release)
    rows = tx.execute(select(*columns).where(scanned_images.c.distribution.is_not(None)).distinct())
    return {(distribution, release) for distribution, release in rows}


def has_older(tx: Connection, id: int) -> bool:
    """Whether there are older sets, of which verdicts may be: they go when nothing goes by them."""
    return bool(tx.execute(select(exists().where(advisory_sets.c.id < id))).scalar())


def forget_before(tx: Connection, id: int) -> None:
    """Forget older sets that no verdict names."""
    old = advisory_sets.c.id < id
    unused = ~exists().where(verdicts.c.advisory_set == advisory_sets.c.id)
    tx.execute(delete(advised_releases).where(advised_releases.c.advisory_set < id))
    tx.execute(delete(advisory_sets).where(old, unused))


def _one(tx: Connection, condition: object) -> AdvisorySet | None:
    query = select(advisory_sets).where(condition).order_by(advisory_sets.c.id.desc()).limit(1)  # type: ignore[arg-type]
    row = tx.execute(query).one_or_none()
    return None if row is None else of(row)


def of(row: Row[tuple[object, ...]]) -> AdvisorySet:
    """The set in a row of its table."""
    return AdvisorySet(row.id, row.sha256, json.loads(row.sources), matched=row.matched_at is not None)
