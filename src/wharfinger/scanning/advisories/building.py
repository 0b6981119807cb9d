"""A new set of advisories from files: staged beside the old one, checked, and put in its place in one step.

    imported = bring_in(Path("advisories"), Path("advisories.db"))

What is there already is copied first, so that archives whose hash is as before are not opened, and records whose bytes
are as before are not parsed. The old file stays, with ``.old`` at its end. A crash leaves the old set, or the new one.
"""

import contextlib
import fcntl
import glob
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from wharfinger.errors import Refusal
from wharfinger.scanning.advisories import reading
from wharfinger.scanning.advisories.filling import Filling
from wharfinger.scanning.advisories.reports import Imported
from wharfinger.scanning.advisories.tables import FORMAT, FORMATS, INDEXES, TABLES
from wharfinger.scanning.garbage import without_collector

LOST_AT_MOST = 0.2
"""The part of its records that a source may lose at once; more is taken for a broken mirror."""


_STAGED = ".new"


def bring_in(
    path: Path,
    database: Path,
    *,
    force: bool = False,
    exact: bool = False,
    facts: Mapping[str, str] = MappingProxyType({}),
) -> Imported:
    """Read everything at the path into the database, and say what came of it. Raises Refusal, and changes nothing then.

    Sources that the path does not have stay, unless ``exact``. ``force`` accepts a source that lost over a fifth, and
    a set of nothing. ``facts`` are kept with the set.
    """
    with staged(database) as staging:
        if database.exists() and _require_ours(database) == FORMAT:
            shutil.copyfile(database, staging)
        imported = _filled(path, staging, exact=exact, facts=facts)
        if imported.is_changed or facts or not database.exists():
            if not force:
                _check(imported)
            swap(staging, database)
    return imported


@contextlib.contextmanager
def staged(database: Path) -> Iterator[Path]:
    """A file beside the database, empty; gone at the end if it was not moved away. What the disk refuses is told.

    It is locked meanwhile, by which it is told from what a killed process has left; that goes now.
    """
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        _clear_away(database)
        handle, name = tempfile.mkstemp(prefix=f".{database.name}.", suffix=_STAGED, dir=database.parent)
        staging = Path(name)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield staging
        finally:
            staging.unlink(missing_ok=True)
            os.close(handle)
    except (OSError, sqlite3.OperationalError) as error:
        raise Refusal(f"{database} cannot be made: {error}") from error


def _clear_away(database: Path) -> None:
    """What processes that were killed have left beside the database: nobody holds its lock."""
    for left in database.parent.glob(f".{glob.escape(database.name)}.*{_STAGED}"):
        with contextlib.suppress(OSError), left.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _require_ours(database: Path) -> str:
    found = _format(database)
    if found is None:
        raise Refusal(f"{database} is there, and is no database of advisories")
    return found


def is_database(path: Path) -> bool:
    """Whether the file is a set of advisories of this version's format."""
    return _format(path) == FORMAT


def _format(path: Path) -> str | None:
    """What the file says of itself, if it is a set of ours of whatever version."""
    with path.open("rb") as opened:
        if opened.read(16) != b"SQLite format 3\0":
            return None
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT value FROM fact WHERE name = 'format'").fetchone()
    except sqlite3.DatabaseError:
        return None
    return str(row[0]) if row is not None and str(row[0]).startswith(FORMATS) else None


def _filled(path: Path, staging: Path, *, exact: bool, facts: Mapping[str, str]) -> Imported:
    with contextlib.closing(sqlite3.connect(staging, isolation_level=None)) as connection, without_collector():
        is_new = staging.stat().st_size == 0
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
        connection.execute("BEGIN")
        if is_new:
            for statement in filter(str.strip, TABLES.split(";")):
                connection.execute(statement)
            connection.execute("INSERT INTO fact VALUES ('format', ?)", (FORMAT,))
        filling = Filling(connection)
        budget = reading.Budget()
        for container in reading.containers(path):
            filling.take(container, budget)
        if exact:
            filling.forget_others()
        imported = filling.finish()
        connection.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", facts.items())
        for statement in filter(str.strip, INDEXES.split(";")):
            connection.execute(statement)
        connection.execute("COMMIT")
        return imported


def _check(imported: Imported) -> None:
    if not imported.records:
        raise Refusal("there is not one advisory in it. The set is as it was")
    require_kept({each.name: each.before for each in imported.sources}, {s.name: s.records for s in imported.sources})


def require_kept(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Refuse a set in which a source lost over a fifth of its records."""
    lost = [
        f"{name} would have {after.get(name, 0)} records, and had {count}"
        for name, count in before.items()
        if after.get(name, 0) < count * (1 - LOST_AT_MOST)
    ]
    if lost:
        raise Refusal(f"{'; '.join(lost)}: if that is right, say --force. The set is as it was", lost=lost)


def old_of(database: Path) -> Path:
    """Where the set before this one stays."""
    return database.with_name(database.name + ".old")


def swap(staging: Path, database: Path) -> None:
    """First the bytes, then the old set's second name, then the new set under the first."""
    with staging.open("rb") as opened:
        os.fsync(opened.fileno())
    staging.chmod(0o644)
    if database.exists():
        old = old_of(database)
        old.unlink(missing_ok=True)
        os.link(database, old)
    staging.replace(database)
    folder = os.open(database.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
