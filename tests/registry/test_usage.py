"""The figures of usage are those that counting everything gives, whatever happened to the links."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select, update

from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import image, index
from wharfinger.access.caller import system
from wharfinger.meta import schema, usage_figures, usage_reading
from wharfinger.meta.db import Database
from wharfinger.meta.schema_usage import usage_blobs, usage_changes, usage_repositories
from wharfinger.meta.usage_sums import STORE, Change, Delta, Held, sums
from wharfinger.registry.usage import DAY, Usage
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

APPS = [image(layers=[b"shared by all", 500 + n], seed=n) for n in range(5)]
BOTH = index(APPS[:2])


def counted(tx: Connection) -> dict[int, Delta]:
    """The figures by counting every link."""
    sizes = {row.digest: row.size for row in tx.execute(select(schema.blobs))}
    links = [(row.repository_id, row.digest) for row in tx.execute(select(schema.blob_links))]
    holders = Counter(digest for _, digest in links)
    found = {STORE: Delta(len(sizes), sum(sizes.values()), sum(sizes[digest] for digest in holders))}
    for key, digest in links:
        own = sizes[digest] if holders[digest] == 1 else 0
        found[key] = found.get(key, Delta()).plus(1, sizes[digest], own)
    return found


def kept(tx: Connection) -> dict[int, Delta]:
    """The figures that are kept, but for those that are nothing."""
    rows = tx.execute(select(usage_repositories))
    found = {row.repository_id: Delta(row.blobs, row.bytes, row.exclusive) for row in rows}
    return {key: delta for key, delta in found.items() if delta != Delta()}


async def settled(db: Database, usage: Usage) -> dict[int, Delta]:
    while await usage.fold():
        pass
    return await db.read(kept)


async def full_day(registry: Registry) -> None:
    client, by, trash = registry.client, system("tests", registry.clock()), registry.services.keeping.trash
    await client.push_image("shop/web", BOTH, "multi")
    for number, each in enumerate(APPS):
        await client.push_image("shop/api", each, f"1.{number}")
    layer = next(iter(APPS[4].blobs))
    require(await client.mount("other/one", layer, "shop/api"), 201)
    require(await client.delete_blob("other/one", layer), 202)
    require(await client.mount("other/two", layer, "shop/api"), 201)
    for each in APPS[2:4]:
        require(await client.delete_manifest("shop/api", each.digest), 202)
    await trash.restore(by, RepoName("shop/api"), APPS[2].digest)
    await trash.empty(by, RepoName("shop/api"), [APPS[3].digest])


async def collected(registry: Registry) -> None:
    registry.clock.advance(days=3)
    for _ in range(3):
        await registry.services.collector.collect(rest=0)


class TestSums:
    """The arithmetic alone."""

    @given(st.data())
    def test_however_changes_are_cut_into_batches_the_figures_are_those_of_the_links(self, data: st.DataObject) -> None:
        links: set[tuple[int, str]] = set()
        held: dict[str, Held] = {}
        figures: dict[int, Delta] = {}
        sizes = {"a": 1, "b": 10, "c": 100}
        pair = st.tuples(st.integers(1, 4), st.sampled_from(sorted(sizes)))
        for batch in data.draw(st.lists(st.lists(pair, max_size=8), max_size=6)):
            changes = []
            for key, digest in batch:
                sign = -1 if (key, digest) in links else 1
                (links.discard if sign < 0 else links.add)((key, digest))
                changes.append(Change(key, digest, sizes[digest], sign))
            after, deltas = sums(held, data.draw(st.permutations(changes)))
            held |= after
            for key, delta in deltas.items():
                figures[key] = figures.get(key, Delta()).plus(delta.blobs, delta.bytes, delta.exclusive)
        holders = Counter(digest for _, digest in links)
        wanted = {STORE: Delta(0, 0, sum(sizes[digest] for digest in holders))}
        for key, digest in links:
            own = sizes[digest] if holders[digest] == 1 else 0
            wanted[key] = wanted.get(key, Delta()).plus(1, sizes[digest], own)
        nothing = Delta()
        assert {k: v for k, v in figures.items() if v != nothing} == {k: v for k, v in wanted.items() if v != nothing}


async def test_figures_are_those_of_counting(registry: Registry) -> None:
    db, usage = registry.services.db, Usage(registry.services.db, registry.clock)
    await full_day(registry)
    assert await settled(db, usage) == await db.read(counted)
    await collected(registry)
    before, after = await db.read(kept), await settled(db, usage)
    assert after == await db.read(counted)
    assert after[STORE].bytes < before[STORE].bytes
    assert after[STORE].bytes > after[STORE].exclusive - 1


async def test_right_figures_are_not_taken_for_wrong_ones_while_changes_wait(registry: Registry) -> None:
    db, usage = registry.services.db, Usage(registry.services.db, registry.clock)
    await full_day(registry)
    assert (await usage.compare()).count == 0
    await settled(db, usage)
    await registry.client.push_image("shop/web", APPS[3], "more")
    assert (await usage.compare()).count == 0
    assert await settled(db, usage) == await db.read(counted)


def _spoil(tx: Connection) -> None:
    some = select(usage_blobs.c.digest).order_by(usage_blobs.c.digest).limit(2)
    spoilt = update(usage_blobs).where(usage_blobs.c.digest.in_(some))
    tx.execute(spoilt.values(holders=usage_blobs.c.holders + 1, key_sum=usage_blobs.c.key_sum + 77))
    tx.execute(
        delete(usage_blobs).where(
            usage_blobs.c.digest
            == select(usage_blobs.c.digest).order_by(usage_blobs.c.digest.desc()).limit(1).scalar_subquery()
        )
    )
    tx.execute(update(usage_repositories).values(bytes=usage_repositories.c.bytes + 5))
    last = select(usage_repositories.c.repository_id).order_by(usage_repositories.c.repository_id.desc()).limit(1)
    tx.execute(delete(usage_repositories).where(usage_repositories.c.repository_id == last.scalar_subquery()))


def _lose_a_change(tx: Connection) -> None:
    first = select(usage_changes.c.id).order_by(usage_changes.c.id).limit(2)
    tx.execute(delete(usage_changes).where(usage_changes.c.id.in_(first)))


@pytest.mark.parametrize("fault", [_spoil, _lose_a_change])
async def test_wrong_figures_are_found_and_mended_also_while_changes_wait(registry: Registry, fault: Any) -> None:
    db, usage = registry.services.db, Usage(registry.services.db, registry.clock)
    await full_day(registry)
    if fault is _spoil:
        await settled(db, usage)
    await db.write(fault)
    await registry.client.push_image("shop/web", APPS[4], "more")
    assert (await usage.compare()).count > 0
    assert (await usage.compare()).count == 0
    assert await settled(db, usage) == await db.read(counted)


async def test_the_comparison_is_nightly_and_only_the_holder_of_the_lease_mends(registry: Registry) -> None:
    db, usage = registry.services.db, Usage(registry.services.db, registry.clock)
    other = Usage(db, registry.clock)
    await full_day(registry)
    await settled(db, usage)
    await db.write(_spoil)
    assert await other.check() == 0
    assert await usage.check() > 0
    await db.write(_spoil)
    assert await usage.check() == 0
    registry.clock.advance(DAY + 1)
    assert await other.check() > 0
    last = await db.read(usage_figures.last_check)
    assert last is not None
    assert last[0] == registry.clock()


async def test_a_day_is_remembered_as_it_was_at_its_end(registry: Registry) -> None:
    db, usage = registry.services.db, Usage(registry.services.db, registry.clock)
    await registry.client.push_image("shop/web", APPS[0], "1")
    for more in APPS[1:3]:
        await settled(db, usage)
        await usage.sample()
        registry.clock.advance(hours=2)
        await registry.client.push_image("shop/web", more, "1")
    registry.clock.advance(DAY)
    await settled(db, usage)
    await usage.sample()
    days = await db.read(usage_figures.samples_of, RepoName("shop/web"), 0)
    sizes = [
        sum(map(len, {d: c for each in some for d, c in each.blobs.items()}.values())) for some in (APPS[:2], APPS[:3])
    ]
    assert [size for _, size, _ in days] == sizes
    registry.clock.advance(500 * DAY)
    await usage.sample()
    assert len(await db.read(usage_figures.samples_of, RepoName("shop/web"), 0)) == 1


@pytest.mark.parametrize("which", [BOTH, APPS[0], APPS[4]], ids=["an index", "a child", "an image"])
async def test_what_deleting_would_give_back_is_what_it_gives_back(registry: Registry, which: Any) -> None:
    db, client = registry.services.db, registry.client
    usage, by = Usage(db, registry.clock), system("tests", registry.clock())
    await client.push_image("shop/web", BOTH, "multi")
    await client.push_image("shop/web", image(layers=[700], artifact_type="x/y", subject=which, seed=70))
    await client.push_image("shop/web", APPS[4], "4")
    await client.push_image("shop/web", APPS[2], "2")
    await client.push_image("shop/api", APPS[1], "other")
    before = (await settled(db, usage))[STORE].bytes
    said = await db.read(usage_reading.freed, RepoName("shop/web"), which.digest)
    going = await db.read(usage_reading._going, await db.read(lambda tx: _key(tx, "shop/web")), which.digest)
    if which is APPS[0]:
        require(await client.delete_manifest("shop/web", BOTH.digest), 202)
    for digest in sorted(going, key=lambda each: each != which.digest):
        require(await client.delete_manifest("shop/web", digest), 202)
    await registry.services.keeping.trash.empty(by, RepoName("shop/web"), [*map(Digest, going), BOTH.digest])
    await collected(registry)
    assert before - (await settled(db, usage))[STORE].bytes == said.bytes
    assert said.bytes > 0


def _key(tx: Connection, name: str) -> int:
    return int(tx.execute(select(schema.repositories.c.id).filter_by(name=name)).scalar_one())


async def test_what_is_asked_over_the_api_is_what_is_kept(registry: Registry) -> None:
    await full_day(registry)
    await settled(registry.services.db, Usage(registry.services.db, registry.clock))
    answer = require(await registry.client.request("GET", "/api/v1/usage"), 200).json()
    named = {row["name"]: row for row in answer["usage"]}
    assert set(named) == {"other/one", "other/two", "shop/api", "shop/web"}
    figures = await registry.services.db.read(kept)
    by_name = {n: figures.get(await registry.services.db.read(_key, n), Delta()) for n in named}
    assert {n: (r["blobs"], r["bytes"], r["exclusive"]) for n, r in named.items()} == {
        n: (d.blobs, d.bytes, d.exclusive) for n, d in by_name.items()
    }
    store = require(await registry.client.request("GET", "/api/v1/usage/store"), 200).json()
    assert store["bytes"] == figures[STORE].bytes
    assert json.dumps(store)
