"""PostgreSQL, in a cluster of its own."""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.kit.parts.process import free_port, program, run
from tests.kit.parts.tools import tool

# Sorting by ICU's rules for English, not by bytes: a query that relies on the C collation is found out.
_INITDB = [
    *("--username=wharf", "--pwfile=/dev/stdin", "--auth=scram-sha-256", "--no-sync"),
    *("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"),
]
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
}
# What a process wrote outlives it without these. Only the end of the whole machine asks for more, and no test brings
# that about; waiting for the disk at every commit would be most of what the tests wait for.
_WITHOUT_WAITING = {"fsync": "off", "full_page_writes": "off"}


@contextmanager
def postgres(folder: Path, *, waits_for_disk: bool = False) -> Iterator[str]:
    """A server with its data in folder, and the SQLAlchemy URL of its database `postgres`."""
    data, password, port = folder / "postgres", secrets.token_hex(8), free_port()
    as_user = _unprivileged(data)
    run([*as_user, tool("initdb"), "-D", data, *_INITDB], stdin=password)
    settings = _SETTINGS if waits_for_disk else _SETTINGS | _WITHOUT_WAITING
    url = f"postgresql+psycopg://wharf:{password}@127.0.0.1:{port}/postgres"
    with program(
        [
            *(*as_user, tool("postgres"), "-D", data, f"--port={port}"),
            *(f"--{name}={value}" for name, value in settings.items()),
        ],
        folder / "postgres.log",
        ready=lambda: _accepts(url),
        stop_signal=signal.SIGINT,  # "fast": a smart stop would wait for clients that never leave
    ):
        yield url


@contextmanager
def fresh_database(url: str, *, template: str = "template1") -> Iterator[str]:
    """A new database at url, like its template, and its URL; gone afterwards, connected clients or not."""
    name = f"wharf_{secrets.token_hex(6)}"
    # The default writes every page to the log as well: twice the time, for a log that nobody reads.
    _execute(url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        _execute(url, f"DROP DATABASE {name} WITH (FORCE)")


def _unprivileged(data: Path) -> list[str | Path]:
    """PostgreSQL refuses root. The capability lets its own user pass through folders closed to it, as pytest's are."""
    data.mkdir(mode=0o700)
    if os.geteuid() != 0:
        return []
    run(["chown", "postgres:postgres", data])
    capability = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    return [tool("setpriv"), "--reuid=postgres", "--regid=postgres", "--init-groups", *capability]


def _accepts(url: str) -> bool:
    try:
        _execute(url, "SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _execute(url: str, statement: str) -> None:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
        connection.execute(statement.encode())
