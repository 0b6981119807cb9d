"""Verdicts go over to another set of advisories some at a time, each row once and in its place."""

from collections.abc import Collection

import pytest
from sqlalchemy import Connection, insert, select, text, update

from wharfinger.meta import advisory_sets, judgements, package_versions, verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.judged import FindingRow, Outcome
from wharfinger.meta.schema_judging import TALLIES, image_packages
from wharfinger.meta.schema_scanning import scanned_images
from wharfinger.meta.schema_scanning import verdicts as table
from wharfinger.scanning.outcomes import versions_of
from wharfinger.scanning.packages import Catalogue, Package
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest

FOUND = FindingRow("CVE-1", "high", "2", "fixed", None, None, frozenset({"CVE-1"}), "{}")
IMAGES = 200


def _fill(tx: Connection, vulnerable: Collection[int] = (), status: str = "complete") -> None:
    """Images by the first set; of the only package of some of them the second says something else."""
    packages = versions_of(Catalogue(tuple(Package("npm", name, "1", f"pkg:npm/{name}@1") for name in ("a", "b"))))
    numbers = package_versions.add(tx, packages)
    said = judgements.add(tx, [Outcome("key", "npm", None, (FOUND,))])["key"]
    for _ in range(2):
        advisory_sets.finish(tx, advisory_sets.begin(tx, "", {}, 1.0).id, 1.0)
    judgements.change(tx, 2, {numbers[packages[0].key]: [said]}, 1.0)
    about = ("repository", "config", "platform", "layers", "cataloguer", "isolation")
    images = [dict.fromkeys(about, "") | {"digest": _digest(n), "scanned_at": 0.0} for n in range(IMAGES)]
    tx.execute(insert(scanned_images), [{"id": n + 1, **each} for n, each in enumerate(images)])
    nothing = dict.fromkeys(TALLIES, 0) | {"advisory_set": 1, "status": status, "judged_at": 1.0, "changed_at": 1.0}
    tx.execute(insert(table), [{"image": n + 1, **nothing} for n in range(IMAGES)])
    has = [{"image": n + 1, "package": numbers[packages[n not in vulnerable].key]} for n in range(IMAGES)]
    tx.execute(insert(image_packages), has)


def _digest(number: int) -> Digest:
    return digests.of(b"%d" % number)


@pytest.mark.parametrize("limit", [7, IMAGES, IMAGES + 1])
async def test_some_at_a_time_all_go_over_and_what_is_changed_is_told_once(db: Database, limit: int) -> None:
    vulnerable = {3, 4, 50, IMAGES - 1}
    await db.write(_fill, vulnerable)
    whole, newer = 51, 60  # by the version before, and pushed meanwhile
    await db.write(
        lambda tx: tx.execute(update(scanned_images).values(report=b"x").where(scanned_images.c.id == whole))
    )
    await db.write(lambda tx: tx.execute(update(table).values(advisory_set=2).where(table.c.image == newer)))
    count, last = 0, 0
    changed: list[Digest] = []
    while True:
        done = await db.write(verdicts.rewrite, 2, last, limit, 9.0)
        count, changed = count + done.count, [*changed, *done.changed]
        if done.last is None:
            break
        last = done.last
    assert count == IMAGES - 2
    assert changed == [_digest(n) for n in sorted(vulnerable) if n + 1 != whole]
    rows = {row.image: row for row in (await db.read(lambda tx: tx.execute(select(table)).all()))}
    assert {image for image, row in rows.items() if row.found_high} == {n + 1 for n in vulnerable if n + 1 != whole}
    assert {image for image, row in rows.items() if row.changed_at == 9.0} == {n + 1 for n in vulnerable} - {whole}
    assert {image for image, row in rows.items() if row.judged_at == 1.0} == {whole, newer}
    assert {image for image, row in rows.items() if row.advisory_set != 2} == {whole}


async def test_an_image_that_could_not_be_read_whole_stays_so_whatever_is_found_in_it(db: Database) -> None:
    await db.write(_fill, {0}, "partial")
    done = await db.write(verdicts.rewrite, 2, 0, IMAGES, 9.0)
    assert len(done.partial) == IMAGES
    statuses = await db.read(lambda tx: tx.execute(select(table.c.status).distinct()).scalars().all())
    assert statuses == ["partial"]


@pytest.mark.system
@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_every_row_is_written_once_and_stays_in_its_page(db: Database) -> None:
    await db.write(_fill, range(0, IMAGES, 2))

    def over(tx: Connection) -> tuple[int, int]:
        verdicts.rewrite(tx, 2, 0, IMAGES, 9.0)
        names = ("updated", "hot_updated")
        return tuple(tx.execute(text(f"SELECT {', '.join(map(_written, names))}")).one())

    assert await db.write(over) == (IMAGES, IMAGES)


def _written(what: str) -> str:
    return f"pg_stat_get_xact_tuples_{what}('image_verdicts'::regclass)"
