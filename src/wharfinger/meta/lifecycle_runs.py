"""Lifecycle runs: what each was to do, image by image, and how far it came."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from wharfinger.errors import RunUnknown
from wharfinger.meta.schema import repositories
from wharfinger.meta.schema_access import audit_records
from wharfinger.meta.schema_trash import lifecycle_run_items, lifecycle_runs, server, trash
from wharfinger.meta.sql import chunks
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName


class State(StrEnum):
    """How far a run has come.

    ``planning``: what it is to do is not all written down, and nothing is done. ``running``: it is being done.
    ``finished``: what could be done is. ``refused``: nothing was done. ``stopped``: an image changed while it ran, and
    what was not done by then was left. ``interrupted``: the server ended before anything was done. ``undone``.
    ``brown-out``: nothing is left to do until the time has come in which a pull takes an image off the list.
    """

    PLANNING = "planning"
    RUNNING = "running"
    FINISHED = "finished"
    REFUSED = "refused"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    UNDONE = "undone"
    BROWNOUT = "brown-out"


class Done(StrEnum):
    """What became of one image. ``changed`` and ``over`` (the ceiling) were left, and ``gone`` was not there.

    ``doomed`` and ``spared`` are in the brown-out: the one goes after it, the other was pulled. ``already`` is in that
    of an earlier run.
    """

    WAITING = "waiting"
    DELETED = "deleted"
    UNTAGGED = "untagged"
    CHANGED = "changed"
    OVER = "over"
    GONE = "gone"
    RESTORED = "restored"
    LOST = "lost"
    DOOMED = "doomed"
    SPARED = "spared"
    ALREADY = "already"


@dataclass(frozen=True, slots=True)
class Run:
    """A run. ``clock`` is when it takes it to be, in seconds; ``report`` is what it says of itself."""

    id: int
    kind: str
    state: State
    who: str
    clock: float
    started_at: float
    finished_at: float | None
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """What a run is to do with one image. ``tags`` are those that go.

    In a brown-out, ``goes_at`` is when that ends, ``root`` the one that it goes or stays with, and ``spared_at`` when
    a pull took it off the list.
    """

    repository_id: int
    digest: Digest
    verdict: str
    rule: str | None
    reason: str
    tags: tuple[str, ...]
    state: Done = Done.WAITING
    root: Digest | None = None
    goes_at: float | None = None
    spared_at: float | None = None


def server_id(tx: Connection) -> str:
    """Which server this is, whatever it is called."""
    return str(tx.execute(select(server.c.id)).scalar_one())


def begin(tx: Connection, kind: str, who: str, clock: float, now: float, report: Mapping[str, Any]) -> int:
    """Make a run, which is still planning; its number."""
    row = {
        "kind": kind,
        "state": State.PLANNING,
        "who": who,
        "clock": clock,
        "started_at": now,
        "report": json.dumps(report),
    }
    id: int = tx.execute(insert(lifecycle_runs).values(row).returning(lifecycle_runs.c.id)).scalar_one()
    return id


def add_items(tx: Connection, run_id: int, wanted: Iterable[Item]) -> None:
    """Write down what it is to do."""
    for chunk in chunks(wanted):
        rows = [
            {
                "run_id": run_id,
                "repository_id": item.repository_id,
                "digest": item.digest,
                "verdict": item.verdict,
                "rule": item.rule,
                "reason": item.reason,
                "tags": json.dumps(item.tags),
                "state": item.state,
            }
            for item in chunk
        ]
        tx.execute(insert(lifecycle_run_items), rows)


def forget_items(tx: Connection, run_id: int) -> None:
    """Take back what was written down, of a run that did nothing."""
    tx.execute(delete(lifecycle_run_items).where(lifecycle_run_items.c.run_id == run_id))


def note(tx: Connection, run: Run, state: State, now: float | None, report: Mapping[str, Any]) -> None:
    """The run is in this state now; ``now`` is when it ended, None while it goes on."""
    values = {"state": state, "finished_at": now, "report": json.dumps({**run.report, **report})}
    tx.execute(update(lifecycle_runs).where(lifecycle_runs.c.id == run.id).values(values))


def move(tx: Connection, run: Run, state: State) -> bool:
    """The run is in this state now, if it is still in the one that was seen; else somebody else was quicker."""
    this = (lifecycle_runs.c.id == run.id) & (lifecycle_runs.c.state == run.state)
    return tx.execute(update(lifecycle_runs).where(this).values(state=state)).rowcount == 1


def find(tx: Connection, id: int) -> Run:
    """The run. Raises RunUnknown."""
    row = tx.execute(select(lifecycle_runs).where(lifecycle_runs.c.id == id)).first()
    if row is None:
        raise RunUnknown(f"there is no lifecycle run {id}: see wharf lifecycle runs")
    return _run(row)


def page(tx: Connection, who: str | None, before: int, limit: int) -> list[Run]:
    """Up to ``limit`` runs before the one with this number, the newest first; of one account where it is named."""
    query = select(lifecycle_runs).where(lifecycle_runs.c.id < before)
    if who is not None:
        query = query.where(lifecycle_runs.c.who == who)
    return [_run(row) for row in tx.execute(query.order_by(lifecycle_runs.c.id.desc()).limit(limit))]


def open_runs(tx: Connection) -> list[Run]:
    """Those that are planning or running, or were when their server ended; the oldest first."""
    return within(tx, State.PLANNING, State.RUNNING)


def within(tx: Connection, *states: State) -> list[Run]:
    """The runs that are in one of these states; the oldest first."""
    query = select(lifecycle_runs).where(lifecycle_runs.c.state.in_(states))
    return [_run(row) for row in tx.execute(query.order_by(lifecycle_runs.c.id))]


def repositories_with(tx: Connection, run_id: int, *states: Done) -> list[tuple[int, RepoName]]:
    """(id, name) of the repositories in which something of the run is in one of these states, by name."""
    items = lifecycle_run_items.c
    inner = select(items.repository_id).where(items.run_id == run_id, items.state.in_(states)).distinct()
    query = select(repositories.c.id, repositories.c.name).where(repositories.c.id.in_(inner))
    return [(row.id, RepoName(row.name)) for row in tx.execute(query.order_by(repositories.c.name))]


def items_in(tx: Connection, run_id: int, repository_id: int, *states: Done) -> list[Item]:
    """What of the run is in one of these states in the repository, by digest."""
    items = lifecycle_run_items.c
    these = (items.run_id == run_id) & (items.repository_id == repository_id) & items.state.in_(states)
    return [item_of(row) for row in tx.execute(select(lifecycle_run_items).where(these).order_by(items.digest))]


def items(tx: Connection, run_id: int, limit: int) -> list[tuple[RepoName, Item]]:
    """(repository, item) of up to ``limit`` of the run's."""
    there = lifecycle_run_items
    query = select(there, repositories.c.name).join(repositories, repositories.c.id == there.c.repository_id)
    rows = tx.execute(query.where(there.c.run_id == run_id).order_by(repositories.c.name, there.c.digest).limit(limit))
    return [(RepoName(row.name), item_of(row)) for row in rows]


def counts(tx: Connection, run_id: int) -> dict[str, int]:
    """How many images are in each state."""
    items = lifecycle_run_items.c
    query = select(items.state, func.count()).where(items.run_id == run_id).group_by(items.state)
    return {row[0]: row[1] for row in tx.execute(query)}


def settle(tx: Connection, run_id: int, repository_id: int, outcomes: Mapping[Digest, tuple[Done, str | None]]) -> None:
    """Note what became of these, and why, where that is not what the plan said."""
    items = lifecycle_run_items.c
    for state, why in sorted(set(outcomes.values()), key=str):
        reason = {} if why is None else {"reason": why}
        for some in chunks(sorted(digest for digest, outcome in outcomes.items() if outcome == (state, why))):
            these = (items.run_id == run_id) & (items.repository_id == repository_id) & items.digest.in_(some)
            tx.execute(update(lifecycle_run_items).where(these).values(state=state, **reason))


def _run(row: Any) -> Run:
    state, report = State(row.state), json.loads(row.report)
    return Run(row.id, row.kind, state, row.who, row.clock, row.started_at, row.finished_at, report)


def item_of(row: Any) -> Item:
    """The item that a row of the table is."""
    tags, root = tuple(json.loads(row.tags)), None if row.root is None else Digest(row.root)
    digest, state, times = Digest(row.digest), Done(row.state), (row.goes_at, row.spared_at)
    return Item(row.repository_id, digest, row.verdict, row.rule, row.reason, tags, state, root, *times)


def taken_since(tx: Connection, repository_ids: Iterable[int], since: float) -> dict[int, set[Digest]]:
    """By repository, what runs that began since then took or will, unless a person let them pass the ceiling."""
    items, taken = lifecycle_run_items.c, (Done.DELETED, Done.UNTAGGED, Done.DOOMED)
    found: dict[int, set[Digest]] = {}
    for some in chunks(repository_ids):
        these = items.repository_id.in_(some) & items.state.in_(taken)
        there = exists().where(items.run_id == lifecycle_runs.c.id, these)
        recent = select(lifecycle_runs).where(lifecycle_runs.c.started_at > since, there)
        for run in map(_run, tx.execute(recent).all()):
            if run.report.get("over_ceiling"):
                continue
            for id, digest in tx.execute(
                select(items.repository_id, items.digest).where(items.run_id == run.id, these)
            ):
                found.setdefault(id, set()).add(Digest(digest))
    return found


def in_trash(tx: Connection, run_id: int, repository_id: int) -> set[Digest]:
    """What the run has put in the repository's trash and is still there."""
    query = select(trash.c.digest).where(trash.c.run_id == run_id, trash.c.repository_id == repository_id)
    return set(map(Digest, tx.execute(query).scalars()))


def newest_record(tx: Connection) -> float:
    """When somebody last did something here that was noted, other than we ourselves; 0 where nobody ever did."""
    theirs = audit_records.c.account.not_like("system:%")
    query = select(audit_records.c.at).where(theirs).order_by(audit_records.c.at.desc()).limit(1)
    return tx.execute(query).scalar() or 0.0
