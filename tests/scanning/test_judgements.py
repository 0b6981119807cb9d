"""What is kept of what advisories say: each package version by itself, whichever others lie beside it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from wharfinger.meta import judgements, package_versions
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.judged import Outcome
from wharfinger.meta.schema_judging import judgements as table
from wharfinger.scanning.outcomes import versions_of
from wharfinger.scanning.packages import Catalogue, Package


@pytest.fixture
async def db(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    shutil.copyfile(migrated_file, tmp_path / "wharf.db")
    database = open_database(f"sqlite:///{tmp_path}/wharf.db")
    yield database
    await database.close()


def _three(tx: Connection) -> tuple[list[int], int]:
    packages = tuple(Package("npm", name, "1", f"pkg:npm/{name}@1") for name in ("one", "two", "three"))
    kept = package_versions.add(tx, versions_of(Catalogue(packages)))
    said = judgements.add(tx, [Outcome("key", "npm", "for a reason")])["key"]
    judgements.change(tx, 1, {number: [said] for number in kept.values()}, 0.0)
    return sorted(kept.values()), said


async def test_of_a_version_between_those_that_are_looked_at_the_same_is_said_as_before(db: Database) -> None:
    (first, between, last), said = await db.write(_three)
    assert await db.write(judgements.change, 2, {first: [], last: [said]}, 1.0) == 1
    ends = await db.read(lambda tx: {row.package: row.until for row in tx.execute(select(table))})
    assert ends == {first: 2, between: None, last: None}
