"""How images stand with the rules about pulls, one row for each image of a repository; made where something changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Text,
    bindparam,
    delete,
    exists,
    func,
    select,
    text,
    union_all,
    update,
)

from wharfinger.meta.schema import manifests, repositories
from wharfinger.meta.schema_gates import advisory_age, gate_rows, grandfathered
from wharfinger.meta.schema_scanning import scanned_images, verdicts
from wharfinger.meta.schema_trash import in_use, trash
from wharfinger.meta.sql import Given, among, insert, plain_rows
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

JUST_PUSHED = 3600.0
"""Seconds after its push in which an image whose first row refuses it was never allowed, whoever says that it runs."""
_LOCKS = 0x67617465  # "gate": the first half of advisory locks' numbers on PostgreSQL
_HOLD = text("SELECT pg_advisory_xact_lock(:locks, bucket) FROM unnest(CAST(:buckets AS INTEGER[])) AS bucket")

ROW = (
    select(
        gate_rows.c.rules,
        gate_rows.c.warns_from,
        gate_rows.c.warns_why,
        gate_rows.c.blocks_from,
        gate_rows.c.blocks_why,
    )
    .join(repositories, repositories.c.id == gate_rows.c.repository_id)
    .where(repositories.c.name == bindparam("repository"), gate_rows.c.digest == bindparam("digest"))
)
"""The fields of a :class:`Row`, in order; the statement behind every pull where there are rules."""


@dataclass(frozen=True, slots=True)
class Row:
    """By which rules, from when on it warns and why, from when on it blocks and why; None for never."""

    rules: str
    warns_from: float | None = None
    warns_why: str = ""
    blocks_from: float | None = None
    blocks_why: str = ""

    def blocks(self, now: float) -> bool:
        """Whether pulls are refused at this time."""
        return self.blocks_from is not None and self.blocks_from <= now


@dataclass(frozen=True, slots=True)
class Holder:
    """An image in a repository that has it, or has it in its trash; and when it was pushed there."""

    repository_id: int
    repository: RepoName
    digest: Digest
    pushed_at: float


def hold(tx: Connection, digests: Iterable[Digest]) -> None:
    """Wait for whoever else makes rows of these images, and keep others waiting until this transaction ends.

    Whoever writes a verdict and whoever brings an image into a repository would not see each other otherwise, and there
    would be no row. On SQLite nobody else writes meanwhile.
    """
    if tx.dialect.name == "postgresql":
        buckets = sorted({int(digest.rpartition(":")[2][:2], 16) for digest in digests})
        # In their order, as everybody takes them: unnest gives one row after the other.
        tx.execute(_HOLD, {"locks": _LOCKS, "buckets": buckets})


def holders(tx: Connection, digests: Iterable[Digest]) -> list[Holder]:
    """Every repository that has one of these images, be it in its trash."""
    found, wanted = [], list(digests)
    for table in (manifests, trash):
        query = select(repositories.c.id, repositories.c.name, table.c.digest, table.c.pushed_at)
        query = query.join(table, table.c.repository_id == repositories.c.id)
        for these in among(tx, table.c.digest, wanted):
            found += [_holder(row) for row in plain_rows(tx, query.where(these))]
    return found


def put(tx: Connection, images: Iterable[tuple[Holder, Row]], now: float) -> None:
    """Let the images stand so. What begins to be refused and is in use may be pulled all the same."""
    wanted: dict[Key, tuple[Holder, Row]] = {}
    for image, row in images:
        wanted.setdefault((image.repository_id, image.digest), (image, row))
    before = _before(tx, list(wanted))
    begin, end, other = [], [], []
    for key, (image, row) in wanted.items():
        was = before.get(key)
        was_refused = was is not None and was.settled and was.row.blocks_from is not None
        if row.blocks(now) and not was_refused and (was is not None or now - image.pushed_at >= JUST_PUSHED):
            begin.append(key)
        elif not row.blocks(now) and was_refused:
            end.append(key)
        if was is None or was != _Kept(row, settled=row.blocks(now)):
            other.append(_values(key, row, now))
    _grandfather(tx, begin, now)
    _forget_grandfathered(tx, end)
    if other:
        new = insert(tx, gate_rows)
        values = {name: new.excluded[name] for name in ("rules", *_TURNS, "settled", "made_at")}
        tx.execute(new.on_conflict_do_update(index_elements=["repository_id", "digest"], set_=values), other)


Key = tuple[int, Digest]
"""An image of a repository."""
_TURNS = ("warns_from", "warns_why", "blocks_from", "blocks_why")


@dataclass(frozen=True, slots=True)
class _Kept:
    row: Row
    settled: bool


def _before(tx: Connection, keys: Sequence[Key]) -> dict[Key, _Kept]:
    """How they stand, which nobody changes before this transaction ends."""
    these = Given(tx.dialect.name, repository_id=Integer(), digest=Text())
    same = (gate_rows.c.repository_id == these.c.repository_id) & (gate_rows.c.digest == these.c.digest)
    columns = (gate_rows.c[name] for name in ("repository_id", "digest", "settled", "rules", *_TURNS))
    query = select(*columns).join(these.table, same).with_for_update(of=gate_rows)
    rows = plain_rows(tx, query, these.values(keys)) if keys else ()
    return {(id, Digest(digest)): _Kept(Row(*row), bool(settled)) for id, digest, settled, *row in rows}


def _values(key: Key, row: Row, now: float) -> dict[str, object]:
    return {
        "repository_id": key[0],
        "digest": key[1],
        "rules": row.rules,
        "warns_from": row.warns_from,
        "warns_why": row.warns_why,
        "blocks_from": row.blocks_from,
        "blocks_why": row.blocks_why,
        "settled": row.blocks(now),
        "made_at": now,
    }


def forget(tx: Connection, images: Sequence[Holder]) -> None:
    """Nothing is known of these, or no rule is about them."""
    if images:
        this = (gate_rows.c.repository_id == bindparam("b_id")) & (gate_rows.c.digest == bindparam("b_digest"))
        tx.execute(delete(gate_rows).where(this), [{"b_id": i.repository_id, "b_digest": i.digest} for i in images])


def find(tx: Connection, repository: RepoName, digest: Digest) -> Row | None:
    """How the image stands."""
    found = tx.execute(ROW, {"repository": repository, "digest": digest}).first()
    return Row(*found) if found else None


def images_of(tx: Connection, repository: RepoName, limit: int) -> list[Holder]:
    """Up to ``limit`` manifests of the repository that are no indexes."""
    query = (
        select(repositories.c.id, repositories.c.name, manifests.c.digest, manifests.c.pushed_at)
        .join(repositories, repositories.c.id == manifests.c.repository_id)
        .where(repositories.c.name == repository, manifests.c.media_type.in_(media_types.MANIFESTS))
        .order_by(manifests.c.digest)
        .limit(limit)
    )
    return [_holder(row) for row in tx.execute(query)]


# --- other rules than before


def outdated(tx: Connection, rules: Mapping[int, str], limit: int) -> list[Holder]:
    """Up to ``limit`` images of these repositories that were judged but do not stand by their rules; in use first."""
    these = Given(tx.dialect.name, repository_id=Integer(), rules=Text())
    sides = [
        select(table.c.repository_id, table.c.digest, table.c.pushed_at, these.c.rules).join(
            these.table, these.c.repository_id == table.c.repository_id
        )
        for table in (manifests, trash)
    ]
    held = union_all(*sides).subquery()
    row = (gate_rows.c.repository_id == held.c.repository_id) & (gate_rows.c.digest == held.c.digest)
    used = exists().where(in_use.c.repository_id == held.c.repository_id, in_use.c.digest == held.c.digest)
    query = (
        select(repositories.c.id, repositories.c.name, held.c.digest, held.c.pushed_at)
        .join(held, held.c.repository_id == repositories.c.id)
        .join(scanned_images, scanned_images.c.digest == held.c.digest)
        .join(verdicts, verdicts.c.image == scanned_images.c.id)
        .where(~exists().where(row, gate_rows.c.rules == held.c.rules))
        .order_by(used.desc(), scanned_images.c.id)  # of those that came one after the other all is read in one piece
        .limit(limit)
    )
    return [_holder(found) for found in plain_rows(tx, query, these.values(list(rules.items())))]


def uncover(tx: Connection, repository_ids: Iterable[int]) -> None:
    """Forget every row of repositories that no rule is about any more."""
    ids = list(repository_ids)
    for table in (grandfathered, gate_rows):
        for these in among(tx, table.c.repository_id, ids):
            tx.execute(delete(table).where(these))


def sweep(tx: Connection, now: float) -> int:
    """See the blocks that have begun, and forget rows of images that are gone; how many rows were touched."""
    begun = _begun(now)
    rows = tx.execute(select(gate_rows.c.repository_id, gate_rows.c.digest).where(begun).with_for_update()).all()
    _grandfather(tx, [(repository_id, Digest(digest)) for repository_id, digest in rows], now)
    tx.execute(update(gate_rows).where(begun).values(settled=True))
    gone = 0
    for table in (gate_rows, grandfathered):
        there = [
            exists().where(each.c.repository_id == table.c.repository_id, each.c.digest == table.c.digest)
            for each in (manifests, trash)
        ]
        gone += tx.execute(delete(table).where(~there[0], ~there[1])).rowcount
    return len(rows) + gone


def _begun(now: float) -> ColumnElement[bool]:
    return gate_rows.c.settled.is_(False) & gate_rows.c.blocks_from.is_not(None) & (gate_rows.c.blocks_from <= now)


# --- what was running already


def is_grandfathered(tx: Connection, repository_id: int, digest: Digest, now: float) -> bool:
    """Whether it was in use when it began to be refused; what began a moment ago, and nobody has seen, if it is now."""
    this = (grandfathered.c.repository_id == repository_id) & (grandfathered.c.digest == digest)
    if tx.execute(select(grandfathered.c.since).where(this)).first() is not None:
        return True
    new = (gate_rows.c.repository_id == repository_id) & (gate_rows.c.digest == digest) & _begun(now)
    return tx.execute(select(gate_rows.c.digest).where(new)).first() is not None and _is_used(tx, repository_id, digest)


def grandfather_unjudged(tx: Connection, repository_ids: Iterable[int], now: float) -> None:
    """What is in use in these and was never judged may be pulled, though what is unscanned is refused."""
    judged = (scanned_images.c.digest == in_use.c.digest) & (verdicts.c.image == scanned_images.c.id)
    same = (manifests.c.repository_id == in_use.c.repository_id) & (manifests.c.digest == in_use.c.digest)
    long_there = exists().where(same, manifests.c.pushed_at <= now - JUST_PUSHED)
    query = select(in_use.c.repository_id, in_use.c.digest).where(long_there, ~exists().where(judged)).distinct()
    for mine in among(tx, in_use.c.repository_id, repository_ids):
        _grandfather(tx, [(id, Digest(digest)) for id, digest in tx.execute(query.where(mine))], now)


def see_used(tx: Connection, now: float, patience: float) -> int:
    """Note which grandfathered ones are in use still, and forget those that were not for ``patience`` seconds."""
    same = (in_use.c.repository_id == grandfathered.c.repository_id) & (in_use.c.digest == grandfathered.c.digest)
    stale = grandfathered.c.seen_at < now - patience / 10  # a row need not be written every minute
    tx.execute(update(grandfathered).where(stale, exists().where(same)).values(seen_at=now))
    return tx.execute(delete(grandfathered).where(grandfathered.c.seen_at < now - patience)).rowcount


def _grandfather(tx: Connection, keys: Sequence[Key], now: float) -> None:
    if not keys:
        return
    these = Given(tx.dialect.name, repository_id=Integer(), digest=Text())
    same = (in_use.c.repository_id == these.c.repository_id) & (in_use.c.digest == these.c.digest)
    query = select(in_use.c.repository_id, in_use.c.digest).join(these.table, same).distinct()
    used = tx.execute(query.order_by(in_use.c.repository_id, in_use.c.digest), these.values(keys)).all()
    rows = [{"repository_id": id, "digest": digest, "since": now, "seen_at": now} for id, digest in used]
    if rows:
        tx.execute(insert(tx, grandfathered).on_conflict_do_nothing(), rows)


def _forget_grandfathered(tx: Connection, keys: Sequence[Key]) -> None:
    if keys:
        this = (grandfathered.c.repository_id == bindparam("b_id")) & (grandfathered.c.digest == bindparam("b_digest"))
        tx.execute(delete(grandfathered).where(this), [{"b_id": id, "b_digest": digest} for id, digest in keys])


def _is_used(tx: Connection, repository_id: int, digest: Digest) -> bool:
    this = (in_use.c.repository_id == repository_id) & (in_use.c.digest == digest)
    return tx.execute(select(in_use.c.digest).where(this).limit(1)).first() is not None


# --- how old the advisories are


def note_advisories(tx: Connection, changed_at: float) -> None:
    """The advisories are as they are since then."""
    put_ = insert(tx, advisory_age).values(id=1, changed_at=changed_at)
    tx.execute(put_.on_conflict_do_update(index_elements=["id"], set_={"changed_at": changed_at}))


def advisories_at(tx: Connection) -> float | None:
    """Since when the advisories are as they are; None where there never were any."""
    return tx.execute(select(advisory_age.c.changed_at)).scalar()


# --- what there is


@dataclass(frozen=True, slots=True)
class Refused:
    """An image that is refused now; ``grandfathered`` may be pulled all the same. ``why`` is as it is kept."""

    repository: RepoName
    digest: Digest
    since: float
    why: str
    grandfathered: bool


def refused(
    tx: Connection, repository: RepoName | None, last: tuple[str, str], limit: int, now: float
) -> list[Refused]:
    """Up to ``limit`` images that are refused, by repository and digest, after ``last``; of one or all."""
    own = (grandfathered.c.repository_id == gate_rows.c.repository_id) & (grandfathered.c.digest == gate_rows.c.digest)
    there = (manifests.c.repository_id == gate_rows.c.repository_id) & (manifests.c.digest == gate_rows.c.digest)
    name, digest = last
    after = (repositories.c.name > name) | ((repositories.c.name == name) & (gate_rows.c.digest > digest))
    query = (
        select(
            repositories.c.name,
            gate_rows.c.digest,
            gate_rows.c.blocks_from,
            gate_rows.c.blocks_why,
            exists().where(own),
        )
        .join(repositories, repositories.c.id == gate_rows.c.repository_id)
        .where(gate_rows.c.blocks_from <= now, after)
        .where(exists().where(there))
        .order_by(repositories.c.name, gate_rows.c.digest)
        .limit(limit)
    )
    if repository is not None:
        query = query.where(repositories.c.name == repository)
    return [Refused(RepoName(n), Digest(d), at, why, bool(old)) for n, d, at, why, old in tx.execute(query)]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many images are refused and warned of now, and how many of the refused were running already."""

    blocked: int
    warned: int
    grandfathered: int


def counts(tx: Connection, now: float) -> Counts:
    """Over all repositories."""
    blocked = gate_rows.c.blocks_from <= now
    warned = (gate_rows.c.warns_from <= now) & (gate_rows.c.blocks_from.is_(None) | (gate_rows.c.blocks_from > now))
    rows = select(func.count()).select_from(gate_rows)
    return Counts(
        blocked=tx.execute(rows.where(blocked)).scalar_one(),
        warned=tx.execute(rows.where(warned)).scalar_one(),
        grandfathered=tx.execute(select(func.count()).select_from(grandfathered)).scalar_one(),
    )


def _holder(row: Sequence[object]) -> Holder:
    id, name, digest, pushed_at = row
    return Holder(int(str(id)), RepoName(str(name)), Digest(str(digest)), float(str(pushed_at)))
