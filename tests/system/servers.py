"""Servers of ours in front of every kind of database and store."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.kit.parts.postgres import fresh_database, postgres
from tests.kit.parts.swift import swift

BACKENDS = ("sqlite-files", "postgres-s3")


@contextmanager
def server_environment(backend: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """The settings of a server whose facts and bytes are kept there; the programs they name run meanwhile."""
    if backend == "sqlite-files":
        yield {}
        return
    with ExitStack() as programs:
        database = programs.enter_context(fresh_database(programs.enter_context(postgres(folder))))
        store = programs.enter_context(swift(folder))
        yield {
            "WHARF_DATABASE": database.replace("+psycopg", ""),
            "WHARF_STORAGE": f"s3://{store.bucket}",
            "WHARF_STORAGE_ENDPOINT": store.endpoint,
            "WHARF_STORAGE_REGION": store.region,
            "WHARF_STORAGE_ACCESS_KEY": store.access_key,
            "WHARF_STORAGE_SECRET_KEY": store.secret_key,
        }
