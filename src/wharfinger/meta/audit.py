"""The audit trail's records: made in the transaction of what they tell of; numbered and sealed later."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, tuple_
from sqlalchemy.sql import ColumnElement, Select

from wharfinger.meta.schema_access import audit_records
from wharfinger.meta.sql import chunks

DONE, DENIED, FAILED = "done", "denied", "failed"

TEXT_AT_MOST = 1024
DETAIL_AT_MOST = 16 * 1024
_LONGEST = {"action": 64, "account": 128, "client": 200, "address": 64, "request": 64}


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what, where, when and by what right. ``detail`` has before and after of a change, never a secret.

    ``action`` is a word like ``push``, ``tag.move`` or ``grant.add``. ``rule`` is the grant that decided.
    """

    at: float
    action: str
    account: str
    outcome: str = DONE
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    address: str = ""
    client: str = ""
    rule: str = ""
    request: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
    last_at: float | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """An entry as it is stored; ``number`` and ``hash`` are None until it is sealed. ``detail`` is JSON as it is."""

    id: int
    number: int | None
    hash: str | None
    at: float
    last_at: float
    count: int
    action: str
    outcome: str
    account: str
    repository: str | None
    tag: str | None
    digest: str | None
    address: str
    client: str
    rule: str
    request: str
    detail: str


_ADD = insert(audit_records)
COLUMNS = [audit_records.c[name] for name in Record.__slots__]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are wanted; None is any. ``since`` is included, ``until`` is not."""

    account: str | None = None
    action: str | None = None
    repository: str | None = None
    digest: str | None = None
    outcome: str | None = None
    since: float | None = None
    until: float | None = None

    @property
    def by_name(self) -> bool:
        """Whether it names something that has an index in which records lie in the order of their making."""
        return self.account is not None or self.repository is not None or self.digest is not None


def add(tx: Connection, entry: Entry) -> None:
    """Add the record to the trail."""
    tx.execute(_ADD, _row(entry))


def add_many(tx: Connection, entries: Iterable[Entry]) -> None:
    """Add the records to the trail, all or none."""
    for chunk in chunks(_row(entry) for entry in entries):
        tx.execute(_ADD, chunk)


def add_missing(tx: Connection, entries: Iterable[Entry]) -> int:
    """Add those that are not there: of which no record has the same time, request, action and outcome. How many."""
    columns = [audit_records.c[name] for name in ("at", "request", "action", "outcome")]
    added = 0
    for chunk in chunks(_row(entry) for entry in entries):
        there = select(*columns).where(columns[0].in_([row["at"] for row in chunk]))
        known = {tuple(row) for row in tx.execute(there)}
        missing = [row for row in chunk if tuple(row[column.name] for column in columns) not in known]
        if missing:
            tx.execute(_ADD, missing)
        added += len(missing)
    return added


def page(tx: Connection, wanted: Filter, after: tuple[float, int] | None, limit: int) -> list[Record]:
    """Up to ``limit`` records, the newest first, that come after the one with this ``at`` and ``id``.

    Newest by when they were made where the filter names something, else by the time that they tell of: each is the
    order of an index, so that a page costs what it shows, and not what there is.
    """
    columns = audit_records.c
    query = select(*COLUMNS).where(*_conditions(wanted)).limit(limit)
    if wanted.by_name:
        return _read(tx, query.where(*([columns.id < after[1]] if after else [])).order_by(columns.id.desc()))
    before = [tuple_(columns.at, columns.id) < tuple_(*after)] if after else []
    return _read(tx, query.where(*before).order_by(columns.at.desc(), columns.id.desc()))


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    columns = audit_records.c
    named = ("account", "action", "repository", "digest", "outcome")
    # As it would have been stored: what cannot be in a record cannot be in a query either.
    found = [
        columns[name] == clean(value, TEXT_AT_MOST) for name in named if (value := getattr(wanted, name)) is not None
    ]
    if wanted.since is not None:
        found.append(columns.at >= wanted.since)
    if wanted.until is not None:
        found.append(columns.at < wanted.until)
    return found


def latest(tx: Connection, account: str, action: str, limit: int) -> list[Record]:
    """The newest records of one account and action."""
    return page(tx, Filter(account=account, action=action), None, limit)


def _read(tx: Connection, query: Select[Any]) -> list[Record]:
    return [Record(*row) for row in tx.execute(query)]


def _row(entry: Entry) -> dict[str, object]:
    row: dict[str, object] = {}
    for name in Entry.__slots__:
        value = getattr(entry, name)
        row[name] = clean(value, _LONGEST.get(name, TEXT_AT_MOST)) if isinstance(value, str) else value
    row["last_at"] = entry.at if entry.last_at is None else entry.last_at
    row["detail"] = _json(entry.detail)
    return row


def clean(text: str, longest: int) -> str:
    """The text without control characters, which forge lines of logs, and no longer than that."""
    text = text[:longest]
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _json(detail: Mapping[str, object]) -> str:
    """In plain ASCII, so that nothing in it is a control character; a list of names may be longer than is wanted."""
    text = json.dumps(dict(detail), sort_keys=True, default=plain)
    return text if len(text) <= DETAIL_AT_MOST else json.dumps({"cut": text[: DETAIL_AT_MOST // 2]})


def plain(value: object) -> object:
    """For JSON, what is none."""
    return list(value) if isinstance(value, Iterable) else str(value)
