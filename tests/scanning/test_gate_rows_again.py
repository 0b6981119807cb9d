"""Other rules: the rows of all images are made again, many repositories at once, each by its own rules."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from tests.kit.clock import Clock
from wharfinger.meta import advisory_sets, gates, in_use, policy_sections, repos, verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.jobs import Job
from wharfinger.meta.schema import manifests
from wharfinger.meta.schema_gates import gate_rows
from wharfinger.scanning.admission import making
from wharfinger.scanning.admission.book import GateBook, compiled
from wharfinger.scanning.admission.making import Making
from wharfinger.scanning.books import Books
from wharfinger.scanning.packages import Catalogue
from wharfinger.scanning.targets.images import Image
from wharfinger.scanning.verdicts import scanned
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types
from wharfinger.spec.names import RepoName

NAMES = [RepoName(f"{team}/app-{n}") for team in ("blue", "green", "red") for n in range(4)]
EACH = 3
STRICT = {"name": "strict", "repositories": "blue/**", "block": {"severity": "low"}, "unscanned": "block"}
MILD = {"name": "mild", "repositories": "{blue,green}/**", "warn": {"severity": "high"}}
UNJUDGED = digests.of(b"nobody has judged it")


def _fill(tx: Connection) -> None:
    advisory_sets.finish(tx, advisory_sets.begin(tx, "", {}, 0.0).id, 0.0)
    for name in NAMES:
        key = repos.ensure(tx, name, 0.0)
        for number in range(EACH):
            digest = digests.of(f"{name} {number}".encode())
            image = scanned(Image(digest, "linux/amd64"), name, digest, Catalogue(()), 0.0)
            verdicts.put(tx, verdicts.put_image(tx, image), 1, None, 0.0)
            _place(tx, key, digest)
        _place(tx, key, UNJUDGED)


def _place(tx: Connection, repository_id: int, digest: str) -> None:
    row = {"repository_id": repository_id, "digest": digest, "media_type": media_types.OCI_MANIFEST, "size": 2}
    tx.execute(insert(manifests).values(row | {"annotations": "{}", "pushed_at": 0.0, "raw": b"{}"}))


class Counting:
    """A database of which is noted how many transactions wrote to it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.read = db.read
        self.writes = 0

    async def write(self, *args: Any) -> Any:
        self.writes += 1
        return await self._db.write(*args)


async def _apply(db: Database, clock: Clock, *rules: Mapping[str, Any]) -> tuple[int, dict[str, set[str]]]:
    """How many transactions it took, and by which rules the images of each repository stand now."""
    await db.write(policy_sections.write, "gates", json.dumps(rules), 0.0)
    counted = Counting(db)
    made = Making(counted, GateBook(), Books(), clock)  # type: ignore[arg-type]
    await made.make_again(Job(1, making.KIND, making.ALL, {}, 1, 0.0))
    return counted.writes, await db.read(_rows)


def _rows(tx: Connection) -> dict[str, set[str]]:
    names = {key: name for name, key in repos.keys(tx, NAMES).items()}
    found: dict[str, set[str]] = defaultdict(set)
    count = 0
    for row in tx.execute(select(gate_rows)):
        found[names[row.repository_id]].add(row.rules)
        count += 1
    assert count == len(found) * EACH
    return found


def _expected(*rules: Mapping[str, Any]) -> dict[str, set[str]]:
    book = compiled("", rules)
    return {name: {found.id} for name in NAMES if (found := book.within(name)) is not None}


async def test_each_repository_goes_over_to_its_own_rules_in_a_few_transactions(db: Database, clock: Clock) -> None:
    await db.write(_fill)
    orders: Sequence[Sequence[Mapping[str, Any]]] = ([STRICT, MILD], [MILD], [STRICT], [STRICT], [MILD, STRICT], [])
    for rules in orders:
        writes, found = await _apply(db, clock, *rules)
        assert found == _expected(*rules)
        assert writes <= 2  # and not one for every repository


@pytest.mark.parametrize("at_once", [1, 5, 7])
async def test_more_images_than_go_at_once_all_go(
    db: Database, clock: Clock, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "AT_ONCE", at_once)
    monkeypatch.setattr(making, "LISTED", at_once + 1)
    await db.write(_fill)
    _, found = await _apply(db, clock, STRICT, MILD)
    assert found == _expected(STRICT, MILD)


async def test_what_runs_unjudged_goes_on_only_where_the_rules_begin_to_refuse_it(db: Database, clock: Clock) -> None:
    await db.write(_fill)
    keys = await db.read(repos.keys, NAMES)
    uses = [in_use.Use(key, UNJUDGED, ()) for key in keys.values()]
    await db.write(in_use.replace, "cluster", "a", 60, uses, 0.0)
    await _apply(db, clock, STRICT, MILD)
    now = clock()
    spared = [n for n, key in keys.items() if await db.read(gates.is_grandfathered, key, UNJUDGED, now)]
    assert spared == [name for name in NAMES if name.startswith("blue/")]
    await _apply(db, clock, MILD)
    await _apply(db, clock, {**STRICT, "repositories": "red/**"})
    spared = [n for n, key in keys.items() if await db.read(gates.is_grandfathered, key, UNJUDGED, now)]
    assert spared == [name for name in NAMES if name.startswith("red/")]
