"""What the audit trail says of a start: the key it is signed with, and the settings that differ from the last time."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection

from wharfinger.access import audit_keys
from wharfinger.access.caller import system
from wharfinger.meta import audit
from wharfinger.meta.db import Database

LOOKED_AT = 50
"""Starts of other nodes that are looked through for the last one of this."""


async def prepare_trail(
    db: Database, key: Path, settings: Mapping[str, str], node: str, now: Callable[[], float]
) -> None:
    """See to it that there is a key, and note what changed. ``settings`` are as they are shown, without secrets."""
    made = audit_keys.make(key)
    await db.write(_note, audit_keys.load(key).public if made else None, settings, node, now())


def _note(tx: Connection, new_key: str | None, settings: Mapping[str, str], node: str, now: float) -> None:
    by = system("start", now)
    if new_key is not None:
        audit.add(tx, by.entry("key.add", detail={"key": new_key, "for": "the audit trail", "node": node}))
    before = _last_settings(tx, node)
    changed = {
        name: {"before": before.get(name), "after": settings.get(name)}
        for name in sorted(before.keys() | settings.keys())
        if before.get(name) != settings.get(name)
    }
    if changed:
        detail = {"node": node, "changed": changed if before else {}, "settings": settings}
        audit.add(tx, by.entry("settings.change", detail=detail))


def _last_settings(tx: Connection, node: str) -> dict[str, str]:
    """What they were at the last start of this node; empty where there was none."""
    for record in audit.latest(tx, "system:start", "settings.change", LOOKED_AT):
        detail = json.loads(record.detail)
        if detail.get("node") == node:
            found: dict[str, str] = detail["settings"]
            return found
    return {}
