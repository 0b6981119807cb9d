"""Brown-outs: what a run is going to delete, and a pull takes off its list until then.

A manifest says in which run's brown-out it is, in the row that every pull reads anyhow. The run's item says the rest.
Whoever changes either holds the manifests first and then the items, each by digest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select, tuple_, update

from wharfinger.meta import lifecycle_runs as runs
from wharfinger.meta.lifecycle_runs import Done, Item, State
from wharfinger.meta.schema import manifests, repositories
from wharfinger.meta.schema_trash import lifecycle_run_items, lifecycle_runs
from wharfinger.meta.sql import chunks
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

GOING_ON = (State.RUNNING, State.BROWNOUT)
_items = lifecycle_run_items.c


@dataclass(frozen=True, slots=True)
class Mark:
    """An image in a brown-out: of which run, and what is to become of it."""

    run: int
    repository: RepoName
    item: Item

    @property
    def is_doomed(self) -> bool:
        """Whether it goes when the brown-out ends; else a pull has taken it off the list."""
        return self.item.state is Done.DOOMED


def begin(tx: Connection, run_id: int, repository_id: int, roots: Mapping[Digest, Digest], goes_at: float) -> None:
    """These are in the run's brown-out from now on, each with the one that it goes or stays with.

    The caller holds the manifests.
    """
    for some in chunks(sorted(roots)):
        these = (manifests.c.repository_id == repository_id) & manifests.c.digest.in_(some)
        tx.execute(update(manifests).where(these).values(brownout=run_id))
        this = _of(run_id, repository_id) & (_items.digest == bindparam("this"))
        marked = update(lifecycle_run_items).where(this)
        marked = marked.values(state=Done.DOOMED, root=bindparam("with"), goes_at=goes_at)
        tx.execute(marked, [{"this": digest, "with": roots[digest]} for digest in some])


def standing(tx: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, Mark]:
    """Those of the repository's manifests that are in the brown-out of a run that goes on."""
    found: dict[Digest, Mark] = {}
    for some in chunks(digests):
        query = _standing().where(manifests.c.repository_id == repository_id, manifests.c.digest.in_(some))
        found |= {Digest(row.digest): _mark(row) for row in tx.execute(query)}
    return found


def page(tx: Connection, repository: RepoName | None, after: tuple[str, str], limit: int) -> list[Mark]:
    """Up to ``limit`` of one repository or of all, by repository and digest, after that pair."""
    query = _standing().where(tuple_(repositories.c.name, manifests.c.digest) > after)
    if repository is not None:
        query = query.where(repositories.c.name == repository)
    return [_mark(row) for row in tx.execute(query.order_by(repositories.c.name, manifests.c.digest).limit(limit))]


def spare(tx: Connection, repository_id: int, digest: Digest, now: float) -> Mark | None:
    """Somebody needs the image: it goes off the list, and so does all that goes or stays with it.

    How it stood before that; None where it is in no brown-out any more.
    """
    this = (manifests.c.repository_id == repository_id) & (manifests.c.digest == digest)
    tx.execute(select(manifests.c.digest).where(this).with_for_update())
    mark = standing(tx, repository_id, [digest]).get(digest)
    if mark is None or not mark.is_doomed:
        return mark
    together = _of(mark.run, repository_id) & (_items.root == mark.item.root) & (_items.state == Done.DOOMED)
    tx.execute(select(_items.digest).where(together).order_by(_items.digest).with_for_update()).all()
    tx.execute(update(lifecycle_run_items).where(together).values(state=Done.SPARED, spared_at=now))
    return mark


# --- a brown-out ends


def ends_at(tx: Connection, run_id: int) -> float | None:
    """When the next part of the run's brown-out ends; None where it is over."""
    this = (_items.run_id == run_id) & _items.goes_at.is_not(None)
    found: float | None = tx.execute(select(func.min(_items.goes_at)).where(this)).scalar()
    return found


def over(tx: Connection, run_id: int, now: float) -> list[tuple[int, RepoName]]:
    """(id, name) of the repositories in which the run's brown-out is to end, by name."""
    inner = select(_items.repository_id).where(_items.run_id == run_id, _items.goes_at <= now).distinct()
    query = select(repositories.c.id, repositories.c.name).where(repositories.c.id.in_(inner))
    return [(row.id, RepoName(row.name)) for row in tx.execute(query.order_by(repositories.c.name))]


def digests(tx: Connection, run_id: int, repository_id: int) -> list[Digest]:
    """What is in the run's brown-out there, doomed or spared."""
    query = select(_items.digest).where(_of(run_id, repository_id), _items.goes_at.is_not(None))
    return [Digest(digest) for digest in tx.execute(query.order_by(_items.digest)).scalars()]


def hold(tx: Connection, run_id: int, repository_id: int) -> list[Item]:
    """What is doomed there: nobody spares any of it before this transaction ends. The caller holds the manifests."""
    these = _of(run_id, repository_id) & _items.goes_at.is_not(None)
    rows = tx.execute(select(lifecycle_run_items).where(these).order_by(_items.digest).with_for_update())
    return [item for item in map(runs.item_of, rows) if item.state is Done.DOOMED]


def release(tx: Connection, run_id: int, repository_id: int, found: Sequence[Digest]) -> None:
    """These are in the run's brown-out no longer."""
    for some in chunks(found):
        these = (manifests.c.repository_id == repository_id) & manifests.c.digest.in_(some)
        tx.execute(update(manifests).where(these, manifests.c.brownout == run_id).values(brownout=None))
    this = _of(run_id, repository_id) & _items.goes_at.is_not(None)
    tx.execute(update(lifecycle_run_items).where(this).values(goes_at=None))


def _of(run_id: int, repository_id: int) -> ColumnElement[bool]:
    return (_items.run_id == run_id) & (_items.repository_id == repository_id)


def _standing() -> Select[Any]:
    same = (_items.repository_id == manifests.c.repository_id) & (_items.digest == manifests.c.digest)
    return (
        select(lifecycle_run_items, repositories.c.name)
        .join(manifests, same & (_items.run_id == manifests.c.brownout))
        .join(repositories, repositories.c.id == manifests.c.repository_id)
        .join(lifecycle_runs, lifecycle_runs.c.id == _items.run_id)
        .where(_items.goes_at.is_not(None), lifecycle_runs.c.state.in_(GOING_ON))
    )


def _mark(row: Any) -> Mark:
    return Mark(row.run_id, RepoName(row.name), runs.item_of(row))
