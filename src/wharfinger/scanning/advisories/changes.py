"""What differs between two sets of advisories: about which packages, and which vulnerabilities, there is news."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wharfinger.scanning.advisories.building import is_database

SHARE_AT_MOST = 0.2
"""Where more than this part of all records differs, looking at everything is quicker."""
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Changes:
    """Nothing else can be another than before: packages with these names, and what is known by these names."""

    packages: frozenset[str]
    vulnerabilities: frozenset[str]


def between(old: Path, sha256: str, new: Path) -> Changes | None:
    """What is other in the new set than in the old one. None where that is too much, or the old one is not this set."""
    if not old.is_file() or not is_database(old):
        return None
    try:
        with contextlib.closing(sqlite3.connect(_uri(new), uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("ATTACH ? AS old", (_uri(old),))
            is_it = connection.execute("SELECT value = ? FROM old.fact WHERE name = 'sha256'", (sha256,)).fetchone()
            return _changes(connection) if is_it == (1,) and _has_the_same_ecosystems(connection) else None
    except sqlite3.DatabaseError:
        return None  # one of the two is damaged: looking at everything finds out whether it is the new one


def _uri(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro&immutable=1"


def _has_the_same_ecosystems(connection: sqlite3.Connection) -> bool:
    """Of an ecosystem that comes or goes everything is other, what is affected and what is not."""
    sql = "SELECT name FROM {0}.ecosystem e WHERE EXISTS (SELECT 1 FROM {0}.affected WHERE ecosystem = e.id) ORDER BY 1"
    before, after = (connection.execute(sql.format(place)).fetchall() for place in ("old", "main"))
    return before == after


def _changes(connection: sqlite3.Connection) -> Changes | None:
    records = {"main": _records(connection, "main", "old"), "old": _records(connection, "old", "main")}
    ((total,),) = connection.execute("SELECT max(1, count(*)) FROM main.record").fetchall()
    if sum(map(len, records.values())) > total * SHARE_AT_MOST:
        return None
    packages, vulnerabilities = set[str](), set(_enriched(connection))
    for place, ids in records.items():
        packages.update(_names(connection, f"{place}.affected", ids))
        vulnerabilities.update(_names(connection, f"{place}.named", ids))
    return Changes(frozenset(packages), frozenset(vulnerabilities))


def _records(connection: sqlite3.Connection, here: str, there: str) -> list[int]:
    """The records of one set that the other does not have just so."""
    sql = f"""
        SELECT r.id FROM {here}.record r JOIN {here}.source s ON s.id = r.source
        LEFT JOIN {there}.source os ON os.name = s.name
        LEFT JOIN {there}.record o ON o.source = os.id AND o.advisory = r.advisory AND o.hash = r.hash
        WHERE o.id IS NULL"""  # noqa: S608 - our own names
    return [id for (id,) in connection.execute(sql)]


def _enriched(connection: sqlite3.Connection) -> Iterator[str]:
    """Vulnerabilities that are rated otherwise, or known to be exploited otherwise. Likelihoods are in no verdict."""
    sql = "SELECT name, hash FROM {}.enrichment WHERE kind != 'epss' ORDER BY 1"
    before, after = (connection.execute(sql.format(place)).fetchall() for place in ("old", "main"))
    if before == after:
        return
    for columns in (
        "vulnerability, source, kind, severity, vector FROM {}.rating",
        "vulnerability, day FROM {}.exploited",
    ):
        for here, there in (("main", "old"), ("old", "main")):
            rows = connection.execute(f"SELECT {columns.format(here)} EXCEPT SELECT {columns.format(there)}")
            yield from (row[0] for row in rows)


def _names(connection: sqlite3.Connection, table: str, records: list[int]) -> Iterator[str]:
    for start in range(0, len(records), _IDS_AT_ONCE):
        some = records[start : start + _IDS_AT_ONCE]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT DISTINCT name FROM {table} WHERE record IN ({marks})"  # noqa: S608 - likewise
        yield from (name for (name,) in connection.execute(sql, some))
