"""What is true of a registry that nobody is using just now: its database and its bytes, read behind its back.

check(url, shelf)        what is wrong; an empty list after any crash
leftovers(url, shelf)    what a sweep has yet to give back; an empty list once every session is over
garbage(url)             what the collector has yet to look at; an empty list when every grace is over
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import obstore
from obstore.store import S3Store
from sqlalchemy import Connection, Row, select

from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.meta.db import open_database
from wharfinger.meta.schema import blob_links, blobs, manifests, segments, tags, uploads
from wharfinger.meta.schema_collection import blob_reviews, doomed, link_reviews
from wharfinger.meta.schema_trash import trash
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as parsed
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location


class Shelf(Protocol):
    """Where the bytes are."""

    def sizes(self) -> Mapping[str, int]:
        """Everything that is stored, and how long it is."""
        ...

    def read(self, name: str) -> bytes:
        """All of it."""
        ...

    def sealed(self, location: str, digest: str) -> set[str]:
        """Everything that sealing ``location`` as ``digest`` may have made."""
        ...


@dataclass(frozen=True)
class Folder:
    """The shelf of a filesystem store."""

    root: Path

    def sizes(self) -> Mapping[str, int]:
        found = (path for part in ("uploads", "blobs") for path in (self.root / part).rglob("*"))
        return {str(path.relative_to(self.root)): path.stat().st_size for path in found if path.is_file()}

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def sealed(self, location: str, digest: str) -> set[str]:
        return {FilesystemStore(self.root).sealed(Location(location), Digest(digest))}


@dataclass(frozen=True)
class Bucket:
    """The shelf of an object store, whose blobs are also noted under their digests."""

    store: S3Store

    def sizes(self) -> Mapping[str, int]:
        listed = (found for page in obstore.list(self.store) for found in page)
        return {found["path"]: found["size"] for found in listed if not found["path"].startswith("journal/")}

    def read(self, name: str) -> bytes:
        return bytes(obstore.get(self.store, name).bytes())

    def sealed(self, location: str, digest: str) -> set[str]:
        return {f"by-digest/{digest.replace(':', '/')}/{location.rpartition('/')[2]}"}


def check(url: str, shelf: Shelf, hashed: set[str] | None = None) -> list[str]:
    """Everything about the registry that must never be. Each blob is read and hashed, once for each ``hashed``."""
    hashed, stored = set() if hashed is None else hashed, shelf.sizes()
    with _opened(url) as tx:
        return [
            *_broken_file(url),
            *_blobs(tx, shelf, stored, hashed),
            *_manifests(tx),
            *_trash(tx),
            *_unknown(tx, shelf, stored),
        ]


def leftovers(url: str, shelf: Shelf) -> list[str]:
    """Rows of sessions, bytes that are doomed, and bytes that no blob needs."""
    with _opened(url) as tx:
        rows = [f"{table.name}: {row}" for table in (uploads, segments, doomed) for row in tx.execute(select(table))]
        needed = {name for location, digest, _ in _blob_rows(tx) for name in _places(shelf, location, digest)}
        return rows + [f"{name}: no blob needs it" for name in shelf.sizes() if name not in needed]


def garbage(url: str) -> list[str]:
    """What is there although no manifest needs it, live or in the trash, and what waits to be looked at."""
    with _opened(url) as tx:
        live = {(row.repository_id, digest) for row in tx.execute(select(manifests)) for digest in _needs(row)}
        trashed = {digest for row in tx.execute(select(trash)) for digest in _needs(row)}
        needed = {digest for _, digest in live} | trashed
        links = [tuple(row) for row in tx.execute(select(blob_links.c.repository_id, blob_links.c.digest))]
        return [
            *(f"link {link}: nothing needs it" for link in links if link not in live),
            *(f"blob {digest}: nothing needs it" for _, digest, _ in _blob_rows(tx) if digest not in needed),
            *(f"{table.name}: {row}" for table in (link_reviews, blob_reviews) for row in tx.execute(select(table))),
        ]


def _needs(row: Row[Any]) -> set[Digest]:
    return {blob.digest for blob in parsed.parse(row.raw, row.media_type, Digest(row.digest)).blobs}


@contextmanager
def _opened(url: str) -> Iterator[Connection]:
    engine = open_database(url).engine
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _broken_file(url: str) -> Iterator[str]:
    """What SQLite finds about its own file. PostgreSQL has no such question, and enforces its foreign keys."""
    if not url.startswith("sqlite"):
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        for pragma in ("integrity_check", "foreign_key_check"):
            for row in connection.execute(f"PRAGMA {pragma}"):
                if row != ("ok",):
                    yield f"{pragma}: {row}"


def _blobs(tx: Connection, shelf: Shelf, stored: Mapping[str, int], hashed: set[str]) -> Iterator[str]:
    for location, digest, size in _blob_rows(tx):
        if stored.get(location) != size:
            yield f"blob {digest}: {stored.get(location)} bytes at {location} instead of {size}"
        elif location not in hashed:
            hashed.add(location)
            if digests.of(shelf.read(location), digests.algorithm(digest)) != digest:
                yield f"blob {digest}: other bytes at {location}"


def _manifests(tx: Connection) -> Iterator[str]:
    """What manifests need, by their own bytes and not by the edges, which could be wrong in the same way."""
    links = {tuple(row) for row in tx.execute(select(blob_links.c.repository_id, blob_links.c.digest))}
    held = {tuple(row) for row in tx.execute(select(manifests.c.repository_id, manifests.c.digest))}
    for row in tx.execute(select(manifests)):
        manifest = parsed.parse(row.raw, row.media_type, Digest(row.digest))
        for kind, targets, there in (("blob", manifest.blobs, links), ("manifest", manifest.children, held)):
            for target in targets:
                if (row.repository_id, target.digest) not in there and not target.may_be_absent:
                    yield f"manifest {row.digest} of repository {row.repository_id}: no {kind} {target.digest}"
    for row in tx.execute(select(tags)):
        if (row.repository_id, row.digest) not in held:
            yield f"tag {row.name} of repository {row.repository_id}: no manifest {row.digest}"


def _trash(tx: Connection) -> Iterator[str]:
    """What is in the trash and could not come back, or is there although it is deleted."""
    there = set(tx.execute(select(blobs.c.digest)).scalars())
    live = {tuple(row) for row in tx.execute(select(manifests.c.repository_id, manifests.c.digest))}
    for row in tx.execute(select(trash)):
        where = f"manifest {row.digest} in the trash of repository {row.repository_id}"
        if (row.repository_id, row.digest) in live:
            yield f"{where}: it is there, too"
        manifest = parsed.parse(row.raw, row.media_type, Digest(row.digest))
        for target in manifest.blobs:
            if target.digest not in there and not target.may_be_absent:
                yield f"{where}: no blob {target.digest}"


def _unknown(tx: Connection, shelf: Shelf, stored: Mapping[str, int]) -> Iterator[str]:
    """Bytes that neither a blob nor a session knows of: nothing would ever give them back."""
    known = {name for location, digest, _ in _blob_rows(tx) for name in _places(shelf, location, digest)}
    for row in tx.execute(select(doomed)):
        known |= _places(shelf, row.location, row.digest)
    for row in tx.execute(select(segments.c.location, segments.c.digest)):
        known |= {row.location, *(_places(shelf, row.location, row.digest) if row.digest else ())}
    yield from (f"{name}: nobody knows of it" for name in stored if name not in known)


def _places(shelf: Shelf, location: str, digest: str) -> set[str]:
    return {location, *shelf.sealed(location, digest)}


def _blob_rows(tx: Connection) -> list[tuple[str, Digest, int]]:
    rows = tx.execute(select(blobs.c.location, blobs.c.digest, blobs.c.size))
    return [(row.location, Digest(row.digest), row.size) for row in rows]
