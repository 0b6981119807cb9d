"""Where a server under test keeps its facts and its bytes, and how a test looks at them behind its back."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from obstore.store import S3Store

from tests.kit.facts import Bucket, Folder, Shelf
from tests.kit.parts.postgres import fresh_database, postgres
from tests.kit.parts.stores import S3
from tests.kit.parts.swift import swift

PREFIX = "registry/one"


@dataclass(frozen=True)
class Backend:
    """A database and a byte store; ``environment`` tells a server of them."""

    environment: Mapping[str, str]
    database: str
    shelf: Shelf


def local(data: Path) -> Backend:
    """What a server has that is told nothing but its data folder."""
    return Backend({}, f"sqlite:///{data}/wharf.db", Folder(data))


@contextmanager
def shared(folder: Path) -> Iterator[Backend]:
    """What several nodes can share: PostgreSQL and Swift's S3, which run meanwhile in ``folder``."""
    with ExitStack() as programs:
        database = programs.enter_context(fresh_database(programs.enter_context(postgres(folder))))
        yield in_bucket(database, programs.enter_context(swift(folder)))


def in_bucket(database: str, store: S3) -> Backend:
    """The database at this SQLAlchemy URL, and a folder in the bucket."""
    environment = {
        "WHARF_DATABASE": database.replace("+psycopg", ""),
        "WHARF_STORAGE": f"s3://{store.bucket}/{PREFIX}",
        "WHARF_STORAGE_ENDPOINT": store.endpoint,
        "WHARF_STORAGE_REGION": store.region,
        "WHARF_STORAGE_ACCESS_KEY": store.access_key,
        "WHARF_STORAGE_SECRET_KEY": store.secret_key,
    }
    return Backend(environment, database, Bucket(S3Store(prefix=PREFIX, **store.obstore())))


@contextmanager
def backend(kind: str, folder: Path) -> Iterator[Backend]:
    """``local`` or ``shared``, with everything in ``folder``."""
    if kind == "shared":
        with shared(folder) as found:
            yield found
    else:
        yield local(folder / "data")
