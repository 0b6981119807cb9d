"""VEX documents, and their statements by vulnerability."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from wharfinger.meta.schema import manifest_children, repositories
from wharfinger.meta.schema_exceptions import vex_documents, vex_statements
from wharfinger.meta.sql import chunks
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

DEPTH_AT_MOST = 8


@dataclass(frozen=True, slots=True)
class Document:
    """A document: what it says of its author, who brought it, and where it counts, a selector as plain data."""

    id: int
    name: str
    sha256: str
    author: str
    repositories: Any
    statements: int
    imported_by: str
    imported_at: float


@dataclass(frozen=True, slots=True)
class Kept:
    """One statement as plain data, and the document that it is of."""

    document: int
    position: int
    body: Any


_COLUMNS = [vex_documents.c[name] for name in Document.__slots__]
_ALL = select(*_COLUMNS)


def add(tx: Connection, document: Document, body: bytes, statements: Iterable[tuple[Collection[str], Any]]) -> Document:
    """Keep a document, each of its statements under the names of its vulnerability. Its number is the answer's."""
    row = {
        "name": document.name,
        "sha256": document.sha256,
        "author": document.author,
        "repositories": json.dumps(document.repositories),
        "statements": document.statements,
        "imported_by": document.imported_by,
        "imported_at": document.imported_at,
        "body": body,
    }
    id = int(tx.execute(insert(vex_documents).values(row).returning(vex_documents.c.id)).scalar_one())
    rows = (
        {"document_id": id, "position": position, "vulnerability": name, "body": text}
        for position, (names, fields) in enumerate(statements)
        for text in (json.dumps(fields),)
        for name in sorted(names)
    )
    for some in chunks(rows):
        tx.execute(insert(vex_statements), some)
    return replace(document, id=id)


def find(tx: Connection, id: int) -> Document | None:
    """The document with this number."""
    row = tx.execute(_ALL.where(vex_documents.c.id == id)).first()
    return None if row is None else _document(row)


def remove(tx: Connection, id: int) -> None:
    """Forget the document and its statements."""
    tx.execute(delete(vex_statements).where(vex_statements.c.document_id == id))
    tx.execute(delete(vex_documents).where(vex_documents.c.id == id))


def page(tx: Connection, last: int, limit: int) -> list[Document]:
    """Up to ``limit`` documents after number ``last``."""
    query = _ALL.where(vex_documents.c.id > last).order_by(vex_documents.c.id).limit(limit)
    return [_document(row) for row in tx.execute(query)]


def every(tx: Connection) -> list[Document]:
    """All there are, by number."""
    return [_document(row) for row in tx.execute(_ALL.order_by(vex_documents.c.id))]


def totals(tx: Connection) -> tuple[int, int]:
    """How many documents and statements there are."""
    row = tx.execute(select(func.count(), func.coalesce(func.sum(vex_documents.c.statements), 0))).one()
    return int(row[0]), int(row[1])


def statements(tx: Connection, names: Collection[str] | None = None) -> list[Kept]:
    """Every statement once, in the order of documents; those about vulnerabilities of these names, or all."""
    columns = (vex_statements.c.document_id, vex_statements.c.position, vex_statements.c.body)
    query = select(*columns).distinct()
    found: dict[tuple[int, int], str] = {}
    wanted = [None] if names is None else list(chunks(sorted(names)))
    for some in wanted:
        these = query if some is None else query.where(vex_statements.c.vulnerability.in_(some))
        found.update(((row.document_id, row.position), row.body) for row in tx.execute(these))
    return [Kept(document, position, json.loads(body)) for (document, position), body in sorted(found.items())]


def indexes_of(tx: Connection, repository: RepoName, digest: Digest) -> frozenset[Digest]:
    """The indexes of the repository that have the image in them, however far above."""
    edges = manifest_children.c
    query = select(edges.manifest).join(repositories, repositories.c.id == edges.repository_id)
    query = query.where(repositories.c.name == repository)
    found: set[Digest] = set()
    last: Sequence[Digest] = [digest]
    for _ in range(DEPTH_AT_MOST):
        above = (tx.execute(query.where(edges.digest.in_(some))).scalars() for some in chunks(last))
        last = [Digest(each) for some in above for each in some if each not in found]
        if not last:
            break
        found.update(last)
    return frozenset(found)


def _document(row: Any) -> Document:
    fields = dict(row._mapping)  # noqa: SLF001  a row's documented way to its columns
    return Document(**fields | {"repositories": json.loads(fields["repositories"])})
