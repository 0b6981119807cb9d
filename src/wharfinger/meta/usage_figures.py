"""The figures of usage: folded from what was noted, sampled, and mended after ``meta/usage_comparison.py``.

Whoever folds and whoever compares is the same process, by a lease.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from sqlalchemy import BigInteger, Connection, Delete, Insert, Text, delete, func, insert, select, text

from wharfinger.meta import repos
from wharfinger.meta.schema import KEY
from wharfinger.meta.schema_usage import usage_blobs, usage_changes, usage_checks, usage_repositories, usage_samples
from wharfinger.meta.sql import Given, among, chunks, plain_rows
from wharfinger.meta.sql import insert as upsert
from wharfinger.meta.usage import STORE
from wharfinger.meta.usage_comparison import Drift
from wharfinger.meta.usage_sums import Change, Delta, Held, sums
from wharfinger.spec.names import RepoName


def fold(tx: Connection, limit: int) -> int:
    """Add up to ``limit`` changes to the figures; how many. One transaction: none counts twice, and none not."""
    rows = tx.execute(select(usage_changes).order_by(usage_changes.c.id).limit(limit)).all()
    changes = [Change(row.repository_id, row.digest, row.size, row.sign) for row in rows]
    held = _held(tx, {change.digest for change in changes})
    after, deltas = sums(held, changes)
    _put_blobs(tx, after)
    add(tx, deltas)
    these, gone = _forgetting(tx.dialect.name)
    tx.execute(gone, these.values([(row.id,) for row in rows]))
    return len(rows)


@cache
def _forgetting(kind: str) -> tuple[Given, Delete]:
    these = Given(kind, id=KEY)
    return these, delete(usage_changes).where(usage_changes.c.id.in_(select(these.c.id)))


def _held(tx: Connection, digests: Iterable[str]) -> dict[str, Held]:
    found: dict[str, Held] = {}
    query = select(usage_blobs.c.digest, usage_blobs.c.size, usage_blobs.c.holders, usage_blobs.c.key_sum)
    for these in among(tx, usage_blobs.c.digest, sorted(digests)):
        found |= {digest: Held(*held) for digest, *held in plain_rows(tx, query.where(these))}
    return found


def _put_blobs(tx: Connection, after: Mapping[str, Held]) -> None:
    for these in among(tx, usage_blobs.c.digest, sorted(after)):
        tx.execute(delete(usage_blobs).where(these))
    kept = [
        (digest, held.size, held.holders, held.key_sum)
        for digest, held in sorted(after.items())
        if held.holders or held.key_sum
    ]
    given, put = _putting(tx.dialect.name)
    tx.execute(put, given.values(kept))


@cache
def _putting(kind: str) -> tuple[Given, Insert]:
    these = Given(kind, digest=Text(), size=BigInteger(), holders=BigInteger(), key_sum=BigInteger())
    return these, insert(usage_blobs).from_select(these.c.keys(), select(*these.c))


def add(tx: Connection, deltas: Mapping[int, Delta]) -> None:
    """Let the figures of these repositories be so much more."""
    rows = [
        {"repository_id": key, "blobs": delta.blobs, "bytes": delta.bytes, "exclusive": delta.exclusive}
        for key, delta in sorted(deltas.items())
    ]
    for some in chunks(rows):
        put = upsert(tx, usage_repositories)
        more = {name: usage_repositories.c[name] + put.excluded[name] for name in ("blobs", "bytes", "exclusive")}
        tx.execute(put.on_conflict_do_update(index_elements=["repository_id"], set_=more), some)


def pending(tx: Connection) -> bool:
    """Whether something is noted and not folded."""
    return tx.execute(select(usage_changes.c.id).limit(1)).first() is not None


# Samples ------------------------------------------------------------------------------------------------------------


def sample(tx: Connection, day: int, keep_days: int) -> int:
    """Remember today's figures, again until the day is over, and forget those of long ago; how many there are."""
    columns = ("repository_id", "bytes", "exclusive")
    tx.execute(delete(usage_samples).where((usage_samples.c.day == day) | (usage_samples.c.day < day - keep_days)))
    rows = select(text(str(int(day))), *(usage_repositories.c[name] for name in columns))
    tx.execute(insert(usage_samples).from_select(["day", *columns], rows))
    return tx.execute(select(func.count()).where(usage_samples.c.day == day)).scalar_one()


# After the comparison -------------------------------------------------------------------------------------------------


def mend(tx: Connection, found: Drift) -> None:
    """Make the figures right; nothing was folded since they were compared."""
    held = _held(tx, found.blobs)
    after = {}
    for digest, off in found.blobs.items():
        before = held.get(digest, Held(off.size))
        after[digest] = Held(before.size, before.holders + off.holders, before.key_sum + off.key_sum)
    _put_blobs(tx, after)
    add(tx, found.repositories)


def note_check(tx: Connection, at: float, seconds: float, drifted: int, said: str) -> None:
    """Remember what a comparison came to; the last hundred are kept."""
    tx.execute(insert(usage_checks).values(at=at, seconds=seconds, drifted=drifted, drift=said))
    newest = select(func.max(usage_checks.c.id)).scalar_subquery()
    tx.execute(delete(usage_checks).where(usage_checks.c.id <= newest - 100))


def last_check(tx: Connection) -> tuple[float, int] | None:
    """When the figures were compared last, and how many were off."""
    row = tx.execute(select(usage_checks).order_by(usage_checks.c.id.desc()).limit(1)).first()
    return None if row is None else (row.at, row.drifted)


def samples_of(tx: Connection, repository: RepoName, since: int) -> Sequence[tuple[int, int, int]]:
    """Day, bytes and exclusive bytes of a repository, since that day. Raises NameUnknown."""
    key = repos.require(tx, repository)
    query = select(usage_samples.c.day, usage_samples.c.bytes, usage_samples.c.exclusive)
    query = query.where(usage_samples.c.repository_id == key, usage_samples.c.day >= since)
    return [(row[0], row[1], row[2]) for row in tx.execute(query.order_by(usage_samples.c.day))]


def store(tx: Connection) -> Delta:
    """The store itself: its blobs, their bytes, and of these what repositories hold."""
    row = tx.execute(select(usage_repositories).where(usage_repositories.c.repository_id == STORE)).first()
    return Delta() if row is None else Delta(row.blobs, row.bytes, row.exclusive)
