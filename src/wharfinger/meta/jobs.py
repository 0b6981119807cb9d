"""Jobs: enqueued in the transaction of the change that asks for them, done at least once, whoever dies meanwhile."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, delete, func, or_, select, update

from wharfinger.meta.schema_jobs import jobs
from wharfinger.meta.sql import chunks, insert

NOBODY = ""
PROBLEM_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do, and how often it was begun, this time included."""

    id: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempts: int
    enqueued_at: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """Of one kind: how many jobs there are, how many of them have failed at least once, and since when the oldest."""

    kind: str
    count: int
    failed: int
    oldest: float


def enqueue(tx: Connection, kind: str, key: str, payload: Mapping[str, Any], now: float) -> None:
    """Let it be done. What is waiting under this key already is done once, by the newest ``payload``."""
    row = {
        "kind": kind,
        "key": key,
        "payload": json.dumps(payload),
        "enqueued_at": now,
        "due_at": now,
        "attempts": 0,
        "again": False,
        "holder": NOBODY,
        "held_until": 0.0,
        "problem": "",
    }
    put = insert(tx, jobs)
    again = {"payload": put.excluded.payload, "again": True, "due_at": now, "attempts": 0}
    tx.execute(put.on_conflict_do_update(index_elements=["kind", "key"], set_=again), row)


def due(kinds: Sequence[str]) -> Select[tuple[int]]:
    """The statement that finds a job that could be claimed at the time ``now``; to be prepared."""
    now = bindparam("now", type_=jobs.c.due_at.type)
    one = or_(*(jobs.c.kind == kind for kind in kinds))
    return select(jobs.c.id).where(one, jobs.c.due_at <= now, jobs.c.held_until <= now).limit(1)


def claim(tx: Connection, kinds: Sequence[str], holder: str, now: float, until: float) -> Job | None:
    """The oldest job that is due and that nobody has any more; it is ``holder``'s ``until`` then."""
    free = (jobs.c.kind.in_(kinds)) & (jobs.c.due_at <= now) & (jobs.c.held_until <= now)
    oldest = select(jobs.c.id).where(free).order_by(jobs.c.due_at, jobs.c.id).limit(1).with_for_update(skip_locked=True)
    id = tx.execute(oldest).scalar()
    if id is None:
        return None
    taken = {"holder": holder, "held_until": until, "again": False, "attempts": jobs.c.attempts + 1}
    columns = (jobs.c.kind, jobs.c.key, jobs.c.payload, jobs.c.attempts, jobs.c.enqueued_at)
    row = tx.execute(update(jobs).where(jobs.c.id == id).values(taken).returning(*columns)).one()
    return Job(id, row.kind, row.key, json.loads(row.payload), row.attempts, row.enqueued_at)


def keep(tx: Connection, job: Job, holder: str, until: float) -> bool:
    """Have it for longer: False when somebody else has it by now."""
    return tx.execute(update(jobs).where(_held(job, holder)).values(held_until=until)).rowcount == 1


def finish(tx: Connection, job: Job, holder: str) -> bool:
    """It is done; done again at once if it was asked for meanwhile. False when somebody else has it by now."""
    gone = delete(jobs).where(_held(job, holder), jobs.c.again.is_(False))
    if tx.execute(gone).rowcount == 1:
        return True
    left = {"holder": NOBODY, "held_until": 0.0, "problem": ""}
    return tx.execute(update(jobs).where(_held(job, holder)).values(left)).rowcount == 1


def postpone(tx: Connection, job: Job, holder: str, due_at: float, problem: str) -> bool:
    """It failed: let it be tried again, at once if it was asked for meanwhile, else at ``due_at``."""
    later = case((jobs.c.again, jobs.c.due_at), else_=due_at)
    left = {"holder": NOBODY, "held_until": 0.0, "due_at": later, "problem": problem[:PROBLEM_AT_MOST]}
    return tx.execute(update(jobs).where(_held(job, holder)).values(left)).rowcount == 1


def wait(tx: Connection, job: Job, holder: str, due_at: float) -> bool:
    """It goes on at ``due_at``, or at once if it was asked for meanwhile; nothing has failed."""
    later = case((jobs.c.again, jobs.c.due_at), else_=due_at)
    left = {"holder": NOBODY, "held_until": 0.0, "due_at": later, "problem": "", "attempts": 0}
    return tx.execute(update(jobs).where(_held(job, holder)).values(left)).rowcount == 1


def waiting(tx: Connection) -> list[Waiting]:
    """What there is to do, by kind."""
    failed = func.sum(case((jobs.c.problem != "", 1), else_=0))
    query = select(jobs.c.kind, func.count(), failed, func.min(jobs.c.enqueued_at)).group_by(jobs.c.kind)
    rows = tx.execute(query.order_by(jobs.c.kind))
    return [Waiting(kind, count, int(failures), oldest) for kind, count, failures, oldest in rows]


def waiting_for(tx: Connection, kind: str, keys: Sequence[str]) -> set[str]:
    """Those of ``keys`` under which something is to be done."""
    these = (tx.execute(select(jobs.c.key).where(jobs.c.kind == kind, jobs.c.key.in_(some))) for some in chunks(keys))
    return {row.key for some in these for row in some}


def is_due(tx: Connection, kind: str, now: float) -> bool:
    """Whether something of this kind is to be done now, or is being done."""
    mine = (jobs.c.kind == kind) & (jobs.c.due_at <= now)
    return tx.execute(select(jobs.c.id).where(mine).limit(1)).first() is not None


def _held(job: Job, holder: str) -> Any:
    return (jobs.c.id == job.id) & (jobs.c.holder == holder)
