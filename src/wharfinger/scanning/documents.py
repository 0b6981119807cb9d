"""VEX documents on the server: who may bring one, where it counts, and taking it away again."""

import asyncio
import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.throughout import may_throughout, require_throughout
from wharfinger.errors import ExceptionUnknown, RequestInvalid, TooLarge, TooManyRequests
from wharfinger.meta import audit, exceptions, vex
from wharfinger.meta.db import Database
from wharfinger.meta.vex import Document
from wharfinger.scanning.exceptions import SELECTOR_AT_MOST, Concerned, selector_of
from wharfinger.scanning.vex import reading, stored
from wharfinger.scanning.vex.statements import Statement

BYTES_AT_MOST = 8 * 1024 * 1024
STATEMENTS_AT_MOST = 20_000
DOCUMENTS_AT_MOST = 1_000
STATEMENTS_IN_ALL = 100_000
NAME_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Brought:
    """A document as it was sent: its file's name, its bytes, and the repositories that it is to count in."""

    name: str
    raw: bytes
    repositories: object


class Documents:
    """A document suppresses findings as approvals do, so bringing one needs ``approve`` wherever it counts."""

    def __init__(self, db: Database, now: Callable[[], float], *, changed: Concerned | None = None) -> None:
        self._db = db
        self._now = now
        self._changed = changed

    async def add(self, by: Caller, brought: Brought) -> Document:
        """Keep it; it counts from then on. Raises RequestInvalid, TooLarge, Denied and TooManyRequests."""
        selector = selector_of(brought.repositories)
        require_throughout(by, Action.APPROVE, selector)
        name = brought.name.strip()
        if not name or len(name) > NAME_AT_MOST or not name.isprintable():
            raise RequestInvalid(f"a document's name has at most {NAME_AT_MOST} printable characters")
        if len(repr(brought.repositories)) > SELECTOR_AT_MOST:
            raise RequestInvalid(f"a selector of at most {SELECTOR_AT_MOST} characters, please")
        statements, author = await asyncio.to_thread(_read, brought.raw, name)
        document = Document(
            id=0,
            name=name,
            sha256=hashlib.sha256(brought.raw).hexdigest(),
            author=author,
            repositories=selector.plain(),
            statements=len(statements),
            imported_by=by.name,
            imported_at=self._now(),
        )
        body = await asyncio.to_thread(zlib.compress, brought.raw)
        return await self._db.write(self._add, by, document, body, statements)

    def _add(
        self, tx: Connection, by: Caller, document: Document, body: bytes, statements: Sequence[Statement]
    ) -> Document:
        documents, in_all = vex.totals(tx)
        if documents >= DOCUMENTS_AT_MOST or in_all + document.statements > STATEMENTS_IN_ALL:
            raise TooManyRequests(
                f"there are {documents} VEX documents with {in_all} statements: remove some first", retry_after=3600
            )
        rows = [({name.upper() for name in each.vulnerabilities}, stored.plain(each)) for each in statements]
        made = vex.add(tx, document, body, rows)
        audit.add(tx, by.entry("vex.import", detail=_told(made)))
        self._tell(tx, made)
        return made

    async def remove(self, by: Caller, id: int) -> None:
        """Let it count no more. Raises ExceptionUnknown, also where the caller may not see it, and Denied."""
        await self._db.write(self._remove, by, id)

    def _remove(self, tx: Connection, by: Caller, id: int) -> None:
        found = vex.find(tx, id)
        if found is None or not _is_shown(by, found):
            raise ExceptionUnknown(f"there is no VEX document {id}", id=id)
        require_throughout(by, Action.APPROVE, selector_of(found.repositories))
        vex.remove(tx, id)
        audit.add(tx, by.entry("vex.remove", detail=_told(found)))
        self._tell(tx, found)

    async def page(self, by: Caller, last: int, limit: int) -> list[Document]:
        """Up to ``limit`` after number ``last``, of those that count only where the caller may pull."""
        found: list[Document] = []
        while len(found) < limit:
            some = await self._db.read(vex.page, last, limit)
            found += (each for each in some if _is_shown(by, each))
            if len(some) < limit:
                break
            last = some[-1].id
        return found[:limit]

    def _tell(self, tx: Connection, document: Document) -> None:
        if self._changed is not None:
            selector = selector_of(document.repositories)
            meant = {digest for name, digest in exceptions.judged_images(tx) if selector.matches(name)}
            self._changed(tx, sorted(meant))


def _read(raw: bytes, name: str) -> tuple[Sequence[Statement], str]:
    if len(raw) > BYTES_AT_MOST:
        raise TooLarge(f"{name}: a VEX document has at most {BYTES_AT_MOST} bytes")
    statements = reading.parse(raw, name)
    if len(statements) > STATEMENTS_AT_MOST:
        raise TooLarge(f"{name}: a VEX document has at most {STATEMENTS_AT_MOST} statements")
    if not statements:
        raise RequestInvalid(f"{name}: there is no statement in it")
    author = " ".join(reading.author(raw).split())[:NAME_AT_MOST]
    return statements, "".join(letter for letter in author if letter.isprintable())


def _is_shown(by: Caller, found: Document) -> bool:
    return by.may(Action.AUDIT) or may_throughout(by, Action.PULL, selector_of(found.repositories))


def _told(document: Document) -> dict[str, object]:
    return {
        "document": document.id,
        "name": document.name,
        "sha256": document.sha256,
        "author": document.author,
        "repositories": document.repositories,
        "statements": document.statements,
    }
