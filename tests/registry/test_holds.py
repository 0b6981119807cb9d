"""Holds: what nobody deletes."""

import pytest

from tests.kit.clock import Clock
from tests.kit.images import image
from tests.registry.shop import REPO, Shop
from wharfinger.errors import GrantUnknown, InUse, ManifestUnknown, RequestInvalid
from wharfinger.meta import holds, repos
from wharfinger.meta.db import Database
from wharfinger.spec import names

APP, OTHER = image(seed=1), image(seed=2)
TAG = names.tag("1.4.2")


@pytest.fixture
def shop(db: Database, clock: Clock) -> Shop:
    return Shop(db, clock)


async def test_what_is_held_is_not_deleted_until_the_hold_is_over_or_taken_away(shop: Shop, clock: Clock) -> None:
    await shop.push(APP, TAG)
    dated = await shop.holds.add(shop.by(), REPO, TAG, clock() + 60, " an audit ")
    endless = await shop.holds.add(shop.by(), REPO, APP.digest, None, "evidence")
    assert (dated.digest, dated.because) == (APP.digest, "an audit")
    clock.advance(60)
    with pytest.raises(InUse, match=rf"ann holds .*evidence.*wharf hold rm {endless.id}"):
        await shop.delete(APP)
    assert await shop.live() == {APP.digest}
    await shop.holds.remove(shop.by(), endless.id)
    await shop.delete(APP)
    assert await shop.live() == set()


async def test_of_a_tag_the_image_is_held_and_the_tag_may_move(shop: Shop) -> None:
    await shop.push(APP, TAG)
    await shop.holds.add(shop.by(), REPO, TAG, None, "evidence")
    await shop.push(OTHER, TAG)
    with pytest.raises(InUse):
        await shop.delete(APP)
    await shop.delete(OTHER)


async def test_holds_are_listed_while_they_are_in_force_to_those_who_may_see_the_repository(
    shop: Shop, clock: Clock
) -> None:
    await shop.push(APP, TAG)
    made = [await shop.holds.add(shop.by(), REPO, TAG, end, "why") for end in (clock() + 60, clock() + 120, None)]
    assert [hold.id for hold in await shop.holds.page(shop.by(), None, 0, 10)] == [hold.id for hold in made]
    assert await shop.holds.page(shop.by(), REPO, made[0].id, 1) == [made[1]]
    assert await shop.holds.page(shop.by("bob"), None, 0, 10) == []
    with pytest.raises(GrantUnknown):
        await shop.holds.remove(shop.by("bob"), made[0].id)

    repository_id = await shop.db.read(repos.require, REPO)
    assert await shop.db.read(holds.in_force, repository_id, clock()) == {APP.digest: None}
    await shop.holds.remove(shop.by(), made[2].id)
    assert await shop.db.read(holds.in_force, repository_id, clock()) == {APP.digest: clock() + 120}
    clock.advance(60)
    assert await shop.holds.page(shop.by(), None, 0, 10) == [made[1]]
    assert await shop.holds.sweep() == 1
    clock.advance(60)
    assert await shop.holds.sweep() == 1
    assert [record.account for record in await shop.told("hold.add")] == ["ann"] * 3
    assert len(await shop.told("hold.remove")) == 1


async def test_a_hold_needs_an_image_a_reason_and_an_end_to_come(shop: Shop, clock: Clock) -> None:
    await shop.push(APP, TAG)
    with pytest.raises(ManifestUnknown):
        await shop.holds.add(shop.by(), REPO, names.tag("none"), None, "why")
    with pytest.raises(ManifestUnknown):
        await shop.holds.add(shop.by(), REPO, OTHER.digest, None, "why")
    with pytest.raises(RequestInvalid):
        await shop.holds.add(shop.by(), REPO, TAG, None, "  ")
    with pytest.raises(RequestInvalid):
        await shop.holds.add(shop.by(), REPO, TAG, clock(), "why")
