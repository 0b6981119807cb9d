"""What the tests of the journal share: a registry whose journal is in memory, and what a reader makes of that."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from tests.kit.clock import Clock
from tests.kit.memory_notes import MemoryNotes
from wharfinger.meta import journal_states
from wharfinger.meta import schema as tables
from wharfinger.meta.db import Database
from wharfinger.meta.journal_states import Place
from wharfinger.meta.schema_tagging import tag_history
from wharfinger.meta.schema_trash import trash
from wharfinger.registry import segments
from wharfinger.registry.journal import Journal

Key = tuple[str, str, str]


def journal_of(db: Database, notes: MemoryNotes, clock: Clock) -> Journal:
    return Journal(db, notes, clock)


def told(notes: MemoryNotes) -> dict[Key, dict[str, Any]]:
    """The last thing that the journal says of everything that is not gone, found by a reader of the test's own."""
    found: dict[Key, dict[str, Any]] = {}
    parsed = segments.names(notes.kept)
    start = max((name.number for name in parsed if name.kind == "complete"), default=0)
    kept = [name for name in parsed if name.kind == "snapshot" and name.number == start]
    kept += sorted((name for name in parsed if name.kind == "segment" and name.number > start), key=lambda n: n.number)
    for name in kept:
        for record in segments.decode(segments.text(name), notes.kept[segments.text(name)])[1]:
            found[record["kind"], record["repository"], record["name"]] = record
    return {key: record for key, record in found.items() if record["state"] != "gone"}


def there(tx: Connection) -> set[tuple[str, str, str, str]]:
    """What the journal must speak of, and in which state, by the tables themselves."""
    names = {row.id: row.name for row in tx.execute(select(tables.repositories))}
    found = {("repository", name, name, "live") for name in names.values()}
    columns: Mapping[str, Any] = {
        "manifest": tables.manifests.c.digest,
        "tag": tables.tags.c.name,
        "event": tag_history.c.id,
    }
    for kind, column in columns.items():
        for key, name in tx.execute(select(column.table.c.repository_id, column)):
            found.add((kind, names[key], str(name), "live"))
    for key, name in tx.execute(select(trash.c.repository_id, trash.c.digest)):
        found.add(("manifest", names[key], name, "trash"))
    return found


async def require_told(db: Database, notes: MemoryNotes) -> None:
    """The journal says what is there, no more and no less."""
    found = told(notes)
    assert {(*key, record["state"]) for key, record in found.items()} == await db.read(there)
    assert found == {key: record for key, record in (await db.read(_now)).items() if record["state"] != "gone"}


def _now(tx: Connection) -> dict[Key, dict[str, Any]]:
    """Everything, as the journal describes it: what it says must not be out of date in any word."""
    place: Place | None = Place()
    found: dict[Key, dict[str, Any]] = {}
    while place is not None:
        records, place = journal_states.page(tx, place)
        found |= {(record["kind"], record["repository"], record["name"]): record for record in records}
    return found
