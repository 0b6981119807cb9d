"""A set of advisories as an OCI artifact, in any registry: one layer, the database under zstd.

What comes from a registry is looked at before it is used: its tables and indexes must be ours and no others, since a
file of SQLite's can hold programs, and the hash of its records is counted again.
"""

import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import zstandard

from wharfinger.errors import DigestInvalid, ManifestInvalid
from wharfinger.remote.pushing import Content, Pusher
from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import Repositories
from wharfinger.scanning.advisories import building
from wharfinger.scanning.advisories.database import Advisories
from wharfinger.scanning.advisories.filling import identity
from wharfinger.scanning.advisories.tables import INDEXES, TABLES
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest

ARTIFACT = "application/vnd.wharfinger.advisories.v1"
LAYER = "application/vnd.wharfinger.advisories.v1.sqlite+zstd"
EMPTY = "application/vnd.oci.empty.v1+json"
SHA256 = "dev.wharfinger.advisories.sha256"
PACKED_AT_MOST = 2 * 2**30
DATABASE_AT_MOST = 16 * 2**30
_CHUNK = 2**20
_NOTHING = b"{}"


def push(database: Path, reference: ImageReference, pusher: Pusher) -> Digest:
    """Put the set where the reference says; the digest of its manifest. The same set has the same digest."""
    with contextlib.closing(Advisories(database)) as known, tempfile.TemporaryFile() as packed:
        sha256 = known.sha256
        with database.open("rb") as opened:
            zstandard.ZstdCompressor(level=3, threads=0).copy_stream(opened, packed)
        packed.seek(0)
        layer = _content(packed)
        config = Content(digests.of(_NOTHING), len(_NOTHING), lambda: contextlib.nullcontext((_NOTHING,)))
        pusher.blob(reference, config)
        pusher.blob(reference, layer)
        raw = manifest(layer, config, sha256)
        return pusher.manifest(reference, raw, media_types.OCI_MANIFEST, tag=reference.meant_tag)


def _content(packed: Any) -> Content:
    hasher, size = digests.hasher(digests.CANONICAL), 0
    for chunk in _pieces(packed):
        hasher.update(chunk)
        size += len(chunk)

    def opened() -> AbstractContextManager[Iterable[bytes]]:
        packed.seek(0)
        return contextlib.nullcontext(_pieces(packed))

    return Content(digests.parse(f"{digests.CANONICAL}:{hasher.hexdigest()}"), size, opened)


def _pieces(opened: Any) -> Iterator[bytes]:
    while chunk := opened.read(_CHUNK):
        yield chunk


def manifest(layer: Content, config: Content, sha256: str) -> bytes:
    """What names the set in a registry."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "artifactType": ARTIFACT,
        "config": {"mediaType": EMPTY, "digest": config.digest, "size": config.size},
        "layers": [{"mediaType": LAYER, "digest": layer.digest, "size": layer.size}],
        "annotations": {SHA256: sha256},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def pull(
    database: Path, reference: ImageReference, repositories: Repositories, *, force: bool = False
) -> Mapping[str, int] | None:
    """Replace the set by the one in the registry: its sources; None when it is that already. Raises Refusal."""
    layer, sha256 = _read(repositories.manifest(reference, reference.digest).raw, reference)
    before: Mapping[str, int] = {}
    if database.exists() and building.is_database(database):
        with contextlib.closing(Advisories(database)) as known:
            if known.sha256 == sha256:
                return None
            before = known.sources
    with building.staged(database) as staging:
        with repositories.blob(reference, layer["digest"], layer["size"]) as chunks, staging.open("wb") as opened:
            _unpack(chunks, opened.write, reference)
        sources = _checked(staging, sha256, reference)
        if not force:
            building.require_kept(before, sources)
        building.swap(staging, database)
    return sources


def _read(raw: bytes, reference: ImageReference) -> tuple[Mapping[str, Any], str]:
    try:
        found = json.loads(raw)
        (layer,) = found["layers"]
        sha256 = found["annotations"][SHA256]
        kind, size = found["artifactType"], layer["size"]
        wanted = {"digest": digests.parse(layer["digest"]), "size": size}
    except (ValueError, KeyError, TypeError, RecursionError, DigestInvalid) as error:
        raise ManifestInvalid(f"{reference} is no set of advisories") from error
    if kind != ARTIFACT or layer.get("mediaType") != LAYER or not isinstance(sha256, str):
        raise ManifestInvalid(f"{reference} is no set of advisories")
    if not isinstance(size, int) or not 0 < size <= PACKED_AT_MOST:
        raise ManifestInvalid(f"{reference}: a set of more than {PACKED_AT_MOST // 2**30} GiB")
    return wanted, sha256


def _unpack(chunks: Iterator[bytes], write: Callable[[bytes], object], reference: ImageReference) -> None:
    unpacker = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
    size = 0
    try:
        for chunk in chunks:
            plain = unpacker.decompress(chunk)
            size += len(plain)
            if size > DATABASE_AT_MOST:
                raise ManifestInvalid(f"{reference}: a set of more than {DATABASE_AT_MOST // 2**30} GiB")
            write(plain)
    except zstandard.ZstdError as error:
        raise ManifestInvalid(f"{reference}: it cannot be unpacked ({error})") from error
    if not unpacker.eof:
        raise ManifestInvalid(f"{reference}: it ends in the middle")


def _checked(staging: Path, sha256: str, reference: ImageReference) -> Mapping[str, int]:
    """How many records each source of the file has, once it is seen to be nothing but a set of advisories."""
    if not building.is_database(staging):
        raise ManifestInvalid(f"{reference}: it is of another version of Wharfinger, or no set of advisories")
    uri = f"{staging.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.executescript("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")
            is_ours = _shape(connection) == _our_shape() and _is_sound(connection)
            if not is_ours or identity(connection) != sha256:
                raise ManifestInvalid(f"{reference}: it is damaged, or not what its manifest says")
    except (sqlite3.DatabaseError, TypeError) as error:
        raise ManifestInvalid(f"{reference}: it is damaged") from error
    with contextlib.closing(Advisories(staging)) as found:
        return dict(found.sources)


def _is_sound(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA quick_check").fetchall() == [("ok",)])


def _our_shape() -> list[tuple[str, ...]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES + INDEXES)
        return _shape(connection)


def _shape(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return sorted((type, name, table, " ".join((sql or "").split())) for type, name, table, sql in rows)
