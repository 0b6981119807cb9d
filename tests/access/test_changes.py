"""What a change is decided on: what is true in its transaction, read there only where something has changed since."""

import pytest
from sqlalchemy import Connection

from tests.conftest import Registry
from tests.kit.granting import caller, store_grant
from wharfinger.access import changes
from wharfinger.access.caller import Caller
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import RequestInvalid

ADMIN = "a-administrator"


def begun(tx: Connection, by: Caller) -> tuple[int, Snapshot, Snapshot]:
    """The generation, what is taken for what was before, and what is stored."""
    generation, before = changes.begin(tx, by)
    return generation, before, changes.now_stored(tx)


async def test_nothing_is_read_again_that_the_caller_came_with(registry: Registry) -> None:
    by = await caller(registry.services.db, ADMIN, registry.clock)
    generation, before, stored = await registry.services.db.write(begun, by)
    assert before is by.snapshot
    assert generation == before.revision + 1
    assert (before.policy.grants, before.accounts) == (stored.policy.grants, stored.accounts)


async def test_what_has_changed_since_is_read(registry: Registry) -> None:
    by = await caller(registry.services.db, ADMIN, registry.clock)
    id = await store_grant(registry.services.db, "a-reader", "reader", "late/**")
    _, before, _ = await registry.services.db.write(begun, by)
    assert before is not by.snapshot
    assert id in [grant.id for grant in before.policy.grants]


async def test_so_it_is_after_a_change_by_the_same_caller(registry: Registry) -> None:
    by = await caller(registry.services.db, ADMIN, registry.clock)
    for own in (True, False):
        _, before, _ = await registry.services.db.write(begun, by)
        assert (before is by.snapshot) == own


async def test_a_change_that_failed_has_changed_nothing(registry: Registry) -> None:
    def fail(tx: Connection, by: Caller) -> None:
        changes.begin(tx, by)
        raise RequestInvalid("no")

    by = await caller(registry.services.db, ADMIN, registry.clock)
    with pytest.raises(RequestInvalid):
        await registry.services.db.write(fail, by)
    _, before, _ = await registry.services.db.write(begun, by)
    assert before is by.snapshot


async def test_who_administers_everything_is_seen_in_a_part_of_what_is_stored(registry: Registry) -> None:
    """The part that is read after each change; narrow grants, ends and networks make nobody an administrator."""
    db, now = registry.services.db, registry.clock()
    assert await administrators(registry) == ([ADMIN], [ADMIN])
    await store_grant(db, "a-reader", "administrator", "shop/**")
    await store_grant(db, "a-auditor", "administrator", "**", until=now + 60)
    await store_grant(db, "a-publisher", "administrator", "**", networks=("192.0.2.0/24",))
    assert await administrators(registry) == ([ADMIN], [ADMIN])
    await store_grant(db, "a-maintainer", "administrator", "**")
    assert await administrators(registry) == ([ADMIN, "a-maintainer"], [ADMIN, "a-maintainer"])
    await store_grant(db, "a-maintainer", "reader", "shop/web", deny=True)
    assert await administrators(registry) == ([ADMIN, "a-maintainer"], [ADMIN])
    await store_grant(db, "a-maintainer", "administrator", "**", deny=True)
    assert await administrators(registry) == ([ADMIN], [ADMIN])


async def administrators(registry: Registry) -> tuple[list[str], list[str]]:
    """By that part; first seen to be the same by all there is."""
    part, whole = [
        (changes.administrators(known, registry.clock()), changes.unlimited(known, registry.clock()))
        for known in [await registry.services.db.read(read) for read in (changes.wide, changes.now_stored)]
    ]
    assert part == whole
    return part
