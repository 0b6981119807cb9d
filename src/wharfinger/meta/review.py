"""What the audit trail says was used, summed up in the database: one row for each rule and kind of action."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from wharfinger.meta.audit import DONE
from wharfinger.meta.schema_access import audit_records

RULES_AT_MOST = 50_000


@dataclass(frozen=True, slots=True)
class UseRow:
    """What was done by one rule under one word.

    ``first`` and ``last`` are the repositories that come first and last in byte order, so that all have in common what
    these two have; ``deepest`` is the greatest number of slashes in a name. All are None where no repository was named.
    """

    rule: str
    action: str
    count: int
    last_at: float
    first: str | None
    last: str | None
    deepest: int | None


@dataclass(frozen=True, slots=True)
class Use:
    """All of a period. ``begins`` is the time of the oldest record; ``whole`` says whether nothing is missing."""

    rows: list[UseRow]
    begins: float | None
    whole: bool


def use(tx: Connection, since: float) -> Use:
    """What was done by a grant since then, as far as records are kept."""
    records = audit_records.c
    depth = func.length(records.repository) - func.length(func.replace(records.repository, "/", ""))
    done = and_(records.last_at >= since, records.outcome == DONE, records.rule != "")
    summed = (
        select(
            records.rule,
            records.action,
            func.sum(records.count),
            func.max(records.last_at),
            func.min(records.repository),
            func.max(records.repository),
            func.max(depth),
        )
        .where(done)
        .group_by(records.rule, records.action)
        .order_by(records.rule, records.action)
        .limit(RULES_AT_MOST + 1)
    )
    rows = [
        UseRow(rule, action, int(count), last_at, first, last, None if depth is None else int(depth))
        for rule, action, count, last_at, first, last, depth in tx.execute(summed)
    ]
    begins = tx.execute(select(func.min(records.at))).scalar()
    return Use(rows[:RULES_AT_MOST], begins, whole=len(rows) <= RULES_AT_MOST)
