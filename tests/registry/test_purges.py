"""Purging: gone at once, from every repository and every trash, or not at all."""

import json

import pytest

from tests.kit.clock import Clock
from tests.kit.images import image, index
from tests.registry.shop import REPO, Shop
from wharfinger.errors import BlobUnknown, Denied, InUse, RequestInvalid
from wharfinger.meta.db import Database
from wharfinger.meta.schema import blob_links, blobs
from wharfinger.meta.schema_collection import blob_reviews, doomed, link_reviews
from wharfinger.spec import digest as digests

SECRET, SHARED = digests.of(b"secret"), digests.of(b"shared")
LEAKED = image(layers=[b"shared", b"secret"], seed=1)
TOLD = image(layers=[b"shared", b"secret"], seed=2)
CLEAN = image(layers=[b"shared"], seed=3)


@pytest.fixture
def shop(db: Database, clock: Clock) -> Shop:
    return Shop(db, clock)


async def stored(shop: Shop) -> set[str]:
    return {row["digest"] for row in (await shop.rows(blobs))["blobs"]}


async def going(shop: Shop) -> dict[str, str]:
    return {row["digest"]: row["location"] for row in (await shop.rows(doomed))["doomed"]}


async def test_a_manifest_goes_with_the_blobs_that_nothing_else_needs_although_it_is_live(shop: Shop) -> None:
    await shop.push(LEAKED, "latest")
    await shop.push(CLEAN)
    purged = await shop.purges.purge(shop.by(), LEAKED.digest, "a key in it")
    own = {*LEAKED.blobs} - {SHARED}
    assert (set(purged.blobs), purged.kept) == (own, [SHARED])
    assert (await shop.live(), await shop.trashed(), await shop.tags()) == ({CLEAN.digest}, set(), {})
    assert await stored(shop) == {*CLEAN.blobs}
    assert await going(shop) == {digest: f"blobs/{digest}" for digest in own}
    assert {row["digest"] for row in (await shop.rows(blob_links))["blob_links"]} == {*CLEAN.blobs}
    (told,) = await shop.told("purge")
    assert (told.account, told.repository, told.digest) == ("ann", REPO, LEAKED.digest)
    assert json.loads(told.detail)["because"] == "a key in it"


async def test_a_blob_goes_with_the_manifests_in_the_trash_that_need_it(shop: Shop) -> None:
    await shop.push(LEAKED)
    await shop.push(TOLD)
    await shop.push(CLEAN)
    await shop.delete(LEAKED, CLEAN)
    with pytest.raises(InUse, match=f"used by shop/web@{TOLD.digest}"):
        await shop.purges.purge(shop.by(), SECRET, "a key")
    assert await shop.trashed() == {LEAKED.digest, CLEAN.digest}
    await shop.delete(TOLD)
    purged = await shop.purges.purge(shop.by(), SECRET, "a key")
    assert {place.digest for place in purged.manifests} == {LEAKED.digest, TOLD.digest}
    assert await shop.trashed() == {CLEAN.digest}
    assert SECRET not in await stored(shop)
    assert [*await going(shop)] == [SECRET]
    rows = await shop.rows(link_reviews, blob_reviews)
    assert SECRET not in {row["digest"] for each in rows.values() for row in each}
    others = {*LEAKED.blobs, *TOLD.blobs} - {SECRET}
    looked_at = {row["digest"]: row["due_at"] for row in rows["blob_reviews"]}
    assert looked_at == dict.fromkeys(others, shop.clock()), "what went with it has no grace either"


async def test_what_is_listed_held_or_kept_by_a_rule_is_not_purged(shop: Shop) -> None:
    both = index([LEAKED, CLEAN])
    await shop.push(both)
    with pytest.raises(InUse, match=both.digest):
        await shop.purges.purge(shop.by(), LEAKED.digest, "a key")
    await shop.delete(both)
    hold = await shop.holds.add(shop.by(), REPO, LEAKED.digest, None, "evidence")
    with pytest.raises(InUse, match="evidence"):
        await shop.purges.purge(shop.by(), LEAKED.digest, "a key")
    await shop.holds.remove(shop.by(), hold.id)
    await shop.rules({"name": "kept", "repositories": "**", "tags": "kept*", "undeletable": True})
    await shop.tag(LEAKED, "kept")
    with pytest.raises(Denied, match="kept"):
        await shop.purges.purge(shop.by(), LEAKED.digest, "a key")
    assert LEAKED.digest in await shop.live()
    assert await going(shop) == {}


async def test_a_purge_needs_the_right_a_reason_and_something_that_is_there(shop: Shop) -> None:
    await shop.push(LEAKED)
    with pytest.raises(Denied):
        await shop.purges.purge(shop.by("bob"), LEAKED.digest, "a key")
    with pytest.raises(RequestInvalid):
        await shop.purges.purge(shop.by(), LEAKED.digest, " ")
    with pytest.raises(BlobUnknown):
        await shop.purges.purge(shop.by(), CLEAN.digest, "a key")
