"""Where ``wharf audit verify`` reads the trail: from the server that one is logged in to, or from the database."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from wharfinger.access.audit import Audit
from wharfinger.access.verifying import Report, Source
from wharfinger.cli.client import Client, logged_in
from wharfinger.cli.output import clean
from wharfinger.errors import Refusal
from wharfinger.meta.audit import Record
from wharfinger.meta.chain import Checkpoint, Unsealed
from wharfinger.meta.db import Database, open_database

T = TypeVar("T")

CHECKPOINT_BYTES = 16 * 1024


class Trail(Source, Protocol):
    """What the commands ask."""

    async def head(self) -> Checkpoint | None:
        """The head that was signed last."""
        ...

    async def close(self) -> None:
        """Give back what was opened."""
        ...


class Remote:
    """The trail of a server. Nothing that it says of itself is believed but what the signatures show."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def key(self) -> str | None:
        key = self._status()["key"]
        return None if key is None else str(key)

    async def start(self) -> Checkpoint | None:
        return _checkpoint(self._status()["start"])

    async def head(self) -> Checkpoint | None:
        return _checkpoint(self._status()["head"])

    async def unsealed(self) -> Unsealed:
        return _made(Unsealed, self._status()["unsealed"])

    async def heads(self, last: int, limit: int) -> list[Checkpoint]:
        page = self._client.get("/audit/heads", last=str(last), n=str(limit))
        return [_made(Checkpoint, each) for each in page["heads"]]

    async def after(self, number: int, limit: int) -> list[Record]:
        page = self._client.get("/audit/chain", last=str(number), n=str(limit))
        return [_made(Record, each) for each in page["records"]]

    async def close(self) -> None:
        pass  # who opened it closes it

    def _status(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get("/audit/status")
        return found


class Local(Audit):
    """The trail in the database, read without a server."""

    def __init__(self, db: Database, key: Path) -> None:
        super().__init__(db, key)
        self._opened = db

    async def close(self) -> None:
        await self._opened.close()


@contextmanager
def source(config: Path | None, data: str | None) -> Iterator[Trail]:
    """The trail that is meant. Raises Refusal, and ConfigError."""
    if data is None and config is None:
        with logged_in() as client:
            yield Remote(client)
        return
    from wharfinger.cli.config import loaded
    from wharfinger.cli.passwd import require_database
    from wharfinger.config.places import audit_key, database_url

    settings = loaded(config, {"data": data}).settings
    url = database_url(settings)
    require_database(url)
    yield Local(open_database(url), audit_key(settings))


def read_checkpoint(file: Path) -> Checkpoint:
    """The checkpoint that ``wharf audit checkpoint`` printed into the file. Raises Refusal."""
    try:
        with file.open(encoding="utf-8") as opened:
            found = _checkpoint(json.loads(opened.read(CHECKPOINT_BYTES)))
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, Refusal) as error:
        raise Refusal(f"{file} is no checkpoint: want what 'wharf audit checkpoint' printed") from error
    if found is None:
        raise Refusal(f"{file} is no checkpoint: want what 'wharf audit checkpoint' printed")
    return found


def fields_of(what: Report | Checkpoint) -> dict[str, Any]:
    """Its fields, for JSON."""
    return asdict(what)


def lines_of(report: Report) -> Iterator[str]:
    """The report for people."""
    where = "" if report.first is None else f" ({report.first} to {report.last})"
    yield f"Sealed records: {report.records}{where}, of which {report.removed} were removed by age."
    age = f", the oldest for {report.unsealed_seconds:.0f} s" if report.unsealed else ""
    yield f"Not sealed yet: {report.unsealed}{age}."
    for note in report.notes:
        yield clean(note)
    for finding in report.findings:
        yield f"FOUND: {clean(finding)}"
    yield "The trail is what was sealed." if not report.findings else "The trail is NOT what was sealed."


def _checkpoint(found: Any) -> Checkpoint | None:
    return None if found is None else _made(Checkpoint, found)


def _made(kind: type[T], found: Any) -> T:
    """The value whose fields these are. Raises Refusal for anything else."""
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise Refusal(f"that is no part of an audit trail: {clean(str(error))}") from error
