"""What a start leaves in the audit trail: its key, and the settings that are not what they were."""

import json
from pathlib import Path

from tests.kit.clock import Clock
from wharfinger.access import audit_keys
from wharfinger.access.starting import prepare_trail
from wharfinger.meta import audit
from wharfinger.meta.audit import Filter
from wharfinger.meta.db import Database

SETTINGS = {"listen": "127.0.0.1:5000", "database": "postgresql://wharf:***@db/wharf"}


async def details(db: Database, action: str) -> list[dict[str, object]]:
    found = await db.read(audit.page, Filter(action=action), None, 100)
    assert {record.account for record in found} <= {"system:start"}
    return [json.loads(record.detail) for record in sorted(found, key=lambda record: record.id)]


async def test_the_key_is_made_once_and_told(db: Database, clock: Clock, tmp_path: Path) -> None:
    key = tmp_path / "keys" / "audit.pem"
    for _ in range(2):
        await prepare_trail(db, key, SETTINGS, "node-a", clock)
    public = audit_keys.load(key).public
    assert await details(db, "key.add") == [{"key": public, "for": "the audit trail", "node": "node-a"}]
    assert "PRIVATE" in key.read_text()


async def test_settings_are_told_when_they_are_not_what_they_were_on_this_node(
    db: Database, clock: Clock, tmp_path: Path
) -> None:
    key = tmp_path / "audit.pem"
    changed = SETTINGS | {"listen": "0.0.0.0:443"}
    for node, settings in (
        ("node-a", SETTINGS),
        ("node-b", changed),
        ("node-a", SETTINGS),
        ("node-b", changed),
        ("node-a", changed),
    ):
        await prepare_trail(db, key, settings, node, clock)
    first, other, second = await details(db, "settings.change")
    assert first == {"node": "node-a", "changed": {}, "settings": SETTINGS}
    assert other["node"] == "node-b"
    moved = {"listen": {"before": "127.0.0.1:5000", "after": "0.0.0.0:443"}}
    assert second == {"node": "node-a", "changed": moved, "settings": changed}
