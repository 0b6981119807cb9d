"""The trash: what is deleted can come back as it was, until its time is over."""

import json
from typing import Any

import pytest

from tests.kit.clock import Clock
from tests.kit.images import image, index
from tests.registry.shop import LIVE, REPO, TRASH, Shop
from wharfinger.errors import Denied, InUse, ManifestUnknown
from wharfinger.meta import history
from wharfinger.meta.audit import Record
from wharfinger.meta.db import Database
from wharfinger.meta.schema import blob_links, manifest_blobs, manifest_children, manifests, tags
from wharfinger.meta.schema_collection import blob_reviews, link_reviews
from wharfinger.meta.schema_trash import trash
from wharfinger.registry.tag_changes import Precondition
from wharfinger.registry.trash import DAY
from wharfinger.spec import digest as digests
from wharfinger.spec import names

APP = image(layers=[b"shared", 10], seed=1)
OTHER = image(layers=[b"shared"], seed=2)
SIGNATURE = image(artifact_type="application/vnd.example.signature", subject=APP, seed=3)
COSIGN = image(artifact_type="application/vnd.example.cosign", seed=4)
"""About APP by nothing but its tag."""
COSIGN_TAG = f"sha256-{APP.digest.removeprefix('sha256:')}.sig"
PLATFORMS = index([APP, OTHER])
IMMUTABLE: dict[str, object] = {"name": "fixed", "repositories": "**", "tags": "fixed*", "immutable": True}
UNDELETABLE: dict[str, object] = {"name": "kept", "repositories": "**", "tags": "kept*", "undeletable": True}


def _detail(told: Record) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(told.detail)
    return detail


@pytest.fixture
def shop(db: Database, clock: Clock) -> Shop:
    return Shop(db, clock)


async def test_what_is_deleted_and_restored_is_as_it_was(shop: Shop, clock: Clock) -> None:
    await shop.push(PLATFORMS, "latest", "1.0")
    await shop.push(OTHER, "other")
    await shop.push(SIGNATURE)
    before = await shop.rows(*LIVE)
    clock.advance(60)
    await shop.delete(PLATFORMS, APP, SIGNATURE, root=PLATFORMS)
    assert await shop.live() == {OTHER.digest}
    assert await shop.trashed() == {PLATFORMS.digest, APP.digest, SIGNATURE.digest}
    clock.advance(60)

    returned = await shop.restore(PLATFORMS)

    assert (sorted(returned.digests), returned.tags, returned.left, returned.missing) == (
        sorted([PLATFORMS.digest, APP.digest, SIGNATURE.digest]),
        ["1.0", "latest"],
        [],
        [],
    )
    after = await shop.rows(*LIVE)
    untagged = {row["digest"]: row.pop("untagged_at") for row in after["manifests"]}
    assert untagged == {PLATFORMS.digest: None, OTHER.digest: None, APP.digest: clock(), SIGNATURE.digest: clock()}
    for row in before["manifests"]:
        del row["untagged_at"]
    assert after == before
    assert not any((await shop.rows(*TRASH)).values())


async def test_a_deleted_manifest_is_nowhere_to_be_found_and_says_who_did_it(shop: Shop, clock: Clock) -> None:
    await shop.push(APP, "latest")
    await shop.delete(APP)
    with pytest.raises(ManifestUnknown, match="not known in shop/web"):
        await shop.delete(APP)
    (row,) = (await shop.rows(trash))["trash"]
    assert (row["who"], row["root"], row["trashed_at"], row["empties_at"], row["raw"]) == (
        "ann",
        APP.digest,
        clock(),
        clock() + 7 * DAY,
        APP.raw,
    )
    (told,) = await shop.told("manifest.delete")
    assert (told.account, told.digest, _detail(told)["tags"]) == ("ann", APP.digest, ["latest"])


async def test_one_that_an_index_lists_is_not_deleted_unless_the_index_goes_too(shop: Shop) -> None:
    await shop.push(PLATFORMS)
    with pytest.raises(InUse, match=PLATFORMS.digest):
        await shop.delete(APP)
    with pytest.raises(InUse, match=PLATFORMS.digest):
        await shop.delete(APP, OTHER, root=APP)
    assert await shop.trashed() == set()
    await shop.delete(APP, PLATFORMS, root=PLATFORMS)
    assert await shop.live() == {OTHER.digest}


async def test_of_several_of_which_one_is_unknown_none_is_deleted(shop: Shop) -> None:
    await shop.push(APP, "latest")
    with pytest.raises(ManifestUnknown, match=OTHER.digest):
        await shop.delete(APP, OTHER, root=APP)
    assert (await shop.live(), await shop.trashed()) == ({APP.digest}, set())


async def test_what_a_rule_keeps_does_not_go_to_the_trash(shop: Shop) -> None:
    await shop.push(APP, "kept-1")
    await shop.rules(UNDELETABLE)
    with pytest.raises(Denied, match="kept"):
        await shop.delete(APP)
    assert (await shop.live(), await shop.trashed(), await shop.tags()) == ({APP.digest}, set(), {"kept-1": APP.digest})


# --- restoring


async def test_a_tag_that_is_taken_by_now_stays_where_it_is(shop: Shop) -> None:
    await shop.push(APP, "latest", "1.0")
    await shop.delete(APP)
    await shop.push(OTHER, "latest")
    returned = await shop.restore(APP)
    assert returned.tags == ["1.0"]
    ((left),) = returned.left
    assert (left.tag, left.digest) == ("latest", APP.digest)
    assert OTHER.digest in left.why
    assert await shop.tags() == {"latest": OTHER.digest, "1.0": APP.digest}
    (told,) = await shop.told("manifest.restore")
    assert (told.digest, _detail(told)["tags"], _detail(told)["left"]) == (APP.digest, ["1.0"], ["latest"])
    events = await shop.db.read(history.page, REPO, names.tag("1.0"), history.FIRST, 10)
    assert [(event.digest, event.how) for event in events] == [
        (APP.digest, "restore"),
        (None, "delete"),
        (APP.digest, "push"),
    ]


async def test_a_tag_that_the_caller_may_not_make_or_a_rule_forbids_is_not_put_back(shop: Shop) -> None:
    await shop.push(APP, "release")
    await shop.delete(APP)
    await shop.rules({"name": "form", "repositories": "**", "form": {"glob": "v*"}, "example": "v1"})
    returned = await shop.restore(APP)
    assert [("form" in left.why, left.tag) for left in returned.left] == [(True, "release")]
    await shop.rules()
    await shop.tag(APP, "release")
    await shop.delete(APP)
    returned = await shop.restore(APP, by="bob")
    assert [left.tag for left in returned.left] == ["release"]
    assert await shop.tags() == {}


async def test_a_restored_index_brings_its_children_back_whenever_they_went(shop: Shop) -> None:
    await shop.push(PLATFORMS)
    await shop.push(SIGNATURE)
    await shop.delete(PLATFORMS, SIGNATURE, APP)
    returned = await shop.restore(PLATFORMS)
    assert sorted(returned.digests) == sorted([PLATFORMS.digest, APP.digest])
    edges = (await shop.rows(manifest_children))["manifest_children"]
    assert {(row["digest"], row["present"]) for row in edges} == {(one.digest,) * 2 for one in (APP, OTHER)}
    assert await shop.trashed() == {SIGNATURE.digest}, "it was deleted by itself"


async def test_a_child_that_is_gone_for_good_is_named_and_an_index_that_waits_finds_it_when_it_comes(
    shop: Shop,
) -> None:
    await shop.push(PLATFORMS)
    await shop.delete(PLATFORMS, APP)
    await shop.empty(APP)
    assert (await shop.restore(PLATFORMS)).missing == [APP.digest]
    await shop.push(APP)
    with pytest.raises(InUse):
        await shop.delete(APP)


async def test_a_child_that_comes_back_is_protected_by_an_index_that_came_meanwhile(shop: Shop) -> None:
    await shop.push(APP)
    await shop.delete(APP)
    await shop.put(PLATFORMS, sparse=True)
    await shop.restore(APP)
    with pytest.raises(InUse):
        await shop.delete(APP)


async def test_blobs_are_linked_again_also_for_a_manifest_that_waits_for_them(shop: Shop) -> None:
    """The collector has taken the links away, for nothing live needed them; the trash kept the blobs."""
    await shop.push(APP)
    await shop.delete(APP)
    for digest in APP.blobs:
        await shop.deletes.blob(shop.by(), REPO, digest)
    await shop.put(OTHER, sparse=True)
    assert (await shop.rows(blob_links))["blob_links"] == []
    await shop.restore(APP)
    held = {row["digest"] for row in (await shop.rows(blob_links))["blob_links"]}
    assert held == {*APP.blobs}
    edges = (await shop.rows(manifest_blobs))["manifest_blobs"]
    assert {row["present"] for row in edges if row["manifest"] == APP.digest} == {*APP.blobs}
    shared = digests.of(b"shared")
    assert [row["present"] for row in edges if row["manifest"] == OTHER.digest and row["digest"] == shared] == [shared]


async def test_restoring_what_is_not_in_the_trash_is_refused(shop: Shop) -> None:
    await shop.push(APP)
    for what in (APP, OTHER):
        with pytest.raises(ManifestUnknown, match="not in the trash"):
            await shop.restore(what)


async def test_a_tag_is_put_back_with_its_time_and_its_image_counts_as_tagged(shop: Shop, clock: Clock) -> None:
    await shop.push(APP, "latest")
    then = clock()
    clock.advance(days=1)
    await shop.delete(APP)
    clock.advance(days=1)
    await shop.restore(APP)
    (row,) = (await shop.rows(manifests))["manifests"]
    assert (row["pushed_at"], row["untagged_at"]) == (then, None)


# --- reviving


async def test_pushing_a_trashed_digest_revives_it_with_its_referrers_but_not_its_tags(shop: Shop) -> None:
    await shop.push(APP, "latest", "1.0")
    await shop.push(SIGNATURE)
    await shop.push(COSIGN, COSIGN_TAG, "stray")
    await shop.delete(APP, SIGNATURE, COSIGN, root=APP)
    await shop.put(APP, "new")
    assert await shop.live() == {APP.digest, SIGNATURE.digest, COSIGN.digest}
    assert await shop.trashed() == set()
    assert await shop.tags() == {"new": APP.digest, COSIGN_TAG: COSIGN.digest}
    (told,) = await shop.told("manifest.revive")
    assert (told.digest, _detail(told)["manifests_in_all"]) == (APP.digest, 2)


async def test_a_revived_child_brings_what_is_about_it_and_leaves_the_rest_of_the_deletion(shop: Shop) -> None:
    await shop.push(PLATFORMS, "latest")
    await shop.push(SIGNATURE)
    await shop.push(COSIGN, COSIGN_TAG)
    await shop.delete(PLATFORMS, APP, OTHER, SIGNATURE, COSIGN, root=PLATFORMS)
    await shop.put(APP)
    assert await shop.live() == {APP.digest, SIGNATURE.digest, COSIGN.digest}
    assert await shop.trashed() == {PLATFORMS.digest, OTHER.digest}


async def test_a_push_that_is_refused_leaves_the_trash_as_it_was(shop: Shop) -> None:
    await shop.push(APP, "latest")
    await shop.push(OTHER, "fixed")
    await shop.rules(IMMUTABLE)
    await shop.delete(APP)
    before = await shop.rows(*TRASH)
    with pytest.raises(Denied):
        await shop.put(APP, "fixed")
    assert await shop.rows(*TRASH) == before
    assert await shop.live() == {OTHER.digest}


# --- names that stay taken


async def test_a_push_under_another_tag_brings_the_immutable_ones_back_and_only_those(shop: Shop, clock: Clock) -> None:
    await shop.rules(IMMUTABLE)
    await shop.push(APP, "fixed", "latest")
    await shop.push(OTHER)
    then = clock()
    clock.advance(days=1)
    await shop.delete(APP)
    await shop.put(APP, "around")
    assert await shop.tags() == {"around": APP.digest, "fixed": APP.digest}
    assert {row["name"]: row["moved_at"] for row in (await shop.rows(tags))["tags"]}["fixed"] == then
    with pytest.raises(Denied, match="the tag fixed is immutable: push under another tag"):
        await shop.put(OTHER, "fixed")


async def test_so_do_those_of_what_comes_back_with_it(shop: Shop) -> None:
    await shop.rules(IMMUTABLE)
    await shop.push(PLATFORMS, "latest")
    await shop.push(SIGNATURE, "fixed-signature", "stray")
    await shop.delete(PLATFORMS, APP, OTHER, SIGNATURE, root=PLATFORMS)
    with pytest.raises(Denied, match="the tag fixed-signature is immutable"):
        await shop.put(APP, "fixed-signature")  # it is the signature's
    await shop.put(APP)
    assert await shop.tags() == {"fixed-signature": SIGNATURE.digest}


async def test_a_push_by_who_may_not_bring_the_immutable_tag_back_is_refused_and_changes_nothing(shop: Shop) -> None:
    await shop.rules(IMMUTABLE, {"name": "mine", "repositories": "**", "tags": "fixed*", "moved_by": ["ann"]})
    await shop.push(APP, "fixed")
    await shop.delete(APP)
    before = await shop.rows(*TRASH, *LIVE)
    for _ in range(2):
        with pytest.raises(Denied, match=rf"with the immutable tag fixed.* restore {APP.digest}, or empty the trash"):
            await shop.put(APP, "around", by="bob")
        assert await shop.rows(*TRASH, *LIVE) == before
    await shop.empty(APP)
    await shop.put(APP, "around", by="bob")
    assert await shop.tags() == {"around": APP.digest}


async def test_so_is_restoring_it_by_who_may_not_bring_that_tag_back(shop: Shop) -> None:
    await shop.rules(IMMUTABLE, {"name": "mine", "repositories": "**", "tags": "fixed*", "moved_by": ["ann"]})
    await shop.push(APP, "fixed", "around")
    await shop.delete(APP)
    before = await shop.rows(*TRASH, *LIVE)
    with pytest.raises(Denied, match="with the immutable tag fixed, which you may not bring back"):
        await shop.restore(APP, by="bob")
    assert await shop.rows(*TRASH, *LIVE) == before
    await shop.restore(APP)
    assert await shop.tags() == {"around": APP.digest, "fixed": APP.digest}


async def test_a_push_that_makes_the_immutable_tag_itself_finds_it_free(shop: Shop, clock: Clock) -> None:
    await shop.rules(IMMUTABLE)
    await shop.push(APP, "fixed")
    await shop.delete(APP)
    clock.advance(days=1)
    await shop.put(APP, "fixed", "more", condition=Precondition(absent=True))
    assert await shop.tags() == {"fixed": APP.digest, "more": APP.digest}
    assert {row["moved_at"] for row in (await shop.rows(tags))["tags"]} == {clock()}


async def test_an_immutable_name_stays_taken_while_it_is_in_the_trash(shop: Shop) -> None:
    await shop.rules(IMMUTABLE)
    await shop.push(APP, "fixed", "free")
    await shop.push(OTHER)
    await shop.delete(APP)
    await shop.put(OTHER, "free")
    for attempt in (shop.put(OTHER, "fixed"), shop.tag(OTHER, "fixed")):
        with pytest.raises(Denied, match=rf"rule fixed .*restore {APP.digest}, or empty the trash"):
            await attempt
    await shop.put(APP, "fixed")
    await shop.delete(APP)
    await shop.empty(APP)
    await shop.put(OTHER, "fixed")
    assert await shop.tags() == {"free": OTHER.digest, "fixed": OTHER.digest}


# --- for good


async def test_what_is_due_goes_for_good_and_its_blobs_are_looked_at_at_once(shop: Shop, clock: Clock) -> None:
    await shop.push(APP, "latest")
    await shop.delete(APP)
    clock.advance(days=7, seconds=-1)
    assert await shop.trash.sweep() == 0
    clock.advance(seconds=1)
    assert await shop.trash.sweep() == 1
    assert await shop.trash.sweep() == 0
    assert not any((await shop.rows(*TRASH)).values())
    reviews = (await shop.rows(blob_reviews))["blob_reviews"]
    assert {(row["digest"], row["due_at"]) for row in reviews} == {(digest, clock()) for digest in APP.blobs}
    (told,) = await shop.told("trash.empty")
    assert (told.account, told.repository, told.digest) == ("system:trash", REPO, APP.digest)


async def test_emptying_before_the_grace_is_over_lets_the_blobs_wait_for_it(shop: Shop, clock: Clock) -> None:
    await shop.push(APP)
    await shop.delete(APP)
    then = clock()
    links = (await shop.rows(link_reviews))["link_reviews"]
    assert {(row["digest"], row["due_at"]) for row in links} == {(digest, then + DAY) for digest in APP.blobs}
    clock.advance(hours=1)
    assert await shop.empty(APP, OTHER) == [APP.digest]
    reviews = (await shop.rows(blob_reviews))["blob_reviews"]
    assert {(row["digest"], row["due_at"]) for row in reviews} == {(digest, then + DAY) for digest in APP.blobs}
    with pytest.raises(ManifestUnknown):
        await shop.restore(APP)
