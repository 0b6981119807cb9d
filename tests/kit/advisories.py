"""Advisories for tests: an excerpt of real ones in ``tests/data/advisories``, and all where they are at hand."""

import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from wharfinger.scanning.advisories.database import Advisories
from wharfinger.scanning.advisories.opening import open_advisories

ROOT = Path(__file__).parents[2]
EXCERPT = ROOT / "tests" / "data" / "advisories"
WHOLE = ROOT.parent / "shared" / "advisories"
"""Tens of thousands of real records, and the verdicts of the ecosystems' own programs; not in every checkout."""

Raw = Mapping[str, Any]


def excerpt(name: str) -> Any:
    return json.loads((EXCERPT / name).read_text())


def whole() -> Path | None:
    """Where all of them are, if they are here; looked for beside the checkout, also when that is a worktree."""
    places = (WHOLE, ROOT.parent.parent / "shared" / "advisories")
    return next((place for place in places if place.is_dir()), None)


def write_zip(path: Path, records: Iterable[Raw]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in records:
            archive.writestr(f"{str(record['id']).replace(':', '_')}.json", json.dumps(record))
    return path


def advisories(folder: Path, **sources: Sequence[Raw]) -> Advisories:
    """A set with these sources."""
    records = folder / "records"
    records.mkdir()
    for name, found in sources.items():
        write_zip(records / f"{name}.zip", found)
    return open_advisories(records, cache=folder / "cache")


def for_server(folder: Path, records: Iterable[Raw]) -> dict[str, str]:
    """The setting of a server that is to judge by these records."""
    with closing(open_advisories(write_zip(folder / "known.zip", records), cache=folder)) as known:
        os.link(known.path, folder / "advisories.db")
    return {"WHARF_ADVISORIES": str(folder / "advisories.db")}


def osv(
    id: str, ecosystem: str, name: str, *events: Mapping[str, str], versions: Sequence[str] = (), **fields: Any
) -> dict[str, Any]:
    """A record about one package."""
    affected: dict[str, Any] = {"package": {"ecosystem": ecosystem, "name": name}}
    if events:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}]
    if versions:
        affected["versions"] = list(versions)
    affected |= {key: fields.pop(key) for key in ("ecosystem_specific", "database_specific") if key in fields}
    return {"id": id, "modified": "2026-01-01T00:00:00Z", "affected": [affected]} | fields


def up_to(fixed: str) -> tuple[dict[str, str], dict[str, str]]:
    """Every version before this one."""
    return {"introduced": "0"}, {"fixed": fixed}
