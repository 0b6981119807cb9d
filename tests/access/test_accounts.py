import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.kit.callers import TESTS
from tests.kit.clock import Clock
from tests.kit.granting import store_grant
from wharfinger.access import changes, snapshot
from wharfinger.access.account_names import AccountName, account_name
from wharfinger.access.accounts import Accounts, Change, create_first_administrator
from wharfinger.access.passwords import Passwords, is_match
from wharfinger.errors import AccountUnknown, AlreadyExists, InUse, RequestInvalid
from wharfinger.meta import grants
from wharfinger.meta.accounts import Account
from wharfinger.meta.db import Database

ADMIN, OTHER, CI = account_name("admin"), account_name("other"), account_name("ci")
PASSWORD = "right horse battery"
TO_DISABLED, TO_ENABLED = Change(disabled=True), Change(disabled=False)


@pytest.fixture
def passwords(clock: Clock) -> Iterator[Passwords]:
    made = Passwords(clock)
    yield made
    made.close()


@pytest.fixture
def told() -> list[str]:
    """What the service said of changes: that there was one, each time."""
    return []


@pytest.fixture
def accounts(db: Database, passwords: Passwords, clock: Clock, told: list[str]) -> Accounts:
    return Accounts(db, passwords, clock, lambda: told.append("changed"))


async def revision(db: Database) -> int:
    return (await db.read(grants.everything)).revision


async def add_administrator(accounts: Accounts, db: Database, name: AccountName, password: str | None = None) -> None:
    await accounts.add(TESTS, name, password)
    await store_grant(db, name, "administrator")


async def find(accounts: Accounts, name: str) -> Account:
    return next(account for account in await accounts.list() if account.name == name)


@pytest.mark.parametrize("name", ["a", "0", "ci", "ci-bot", "a.b_c-d", "x" * 64])
def test_names_that_may_be_given(name: str) -> None:
    assert account_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", ".", "A", "a b", "a:b", "a/b", "ä", "a\n", "x" * 65, "anonymous", "group:a"]
)
def test_names_that_may_not(name: str) -> None:
    with pytest.raises(RequestInvalid):
        account_name(name)


async def test_a_given_password_is_stored_hashed_and_not_told_again(accounts: Accounts, clock: Clock) -> None:
    assert await accounts.add(TESTS, CI, PASSWORD) is None
    stored = await find(accounts, "ci")
    assert is_match(stored.password, PASSWORD)
    assert (stored.kind, stored.disabled, stored.created_at) == ("person", False, clock())


async def test_without_a_password_one_is_generated_and_told_once(accounts: Accounts) -> None:
    generated = await accounts.add(TESTS, CI)
    assert generated is not None
    assert is_match((await find(accounts, "ci")).password, generated)


async def test_a_name_is_given_once(accounts: Accounts) -> None:
    await accounts.add(TESTS, CI)
    with pytest.raises(AlreadyExists):
        await accounts.add(TESTS, CI)
    assert len(await accounts.list()) == 1


async def test_a_short_password_is_refused(accounts: Accounts) -> None:
    with pytest.raises(RequestInvalid, match="12 to 1024"):
        await accounts.add(TESTS, CI, "eleven char")
    await accounts.add(TESTS, CI)
    with pytest.raises(RequestInvalid, match="12 to 1024"):
        await accounts.change(TESTS, CI, Change(password="eleven char"))


@pytest.mark.parametrize("change", [TO_DISABLED, TO_ENABLED, Change(password=PASSWORD)])
async def test_every_change_moves_the_revision_and_the_generation(
    accounts: Accounts, db: Database, change: Change
) -> None:
    await add_administrator(accounts, db, ADMIN)
    await accounts.add(TESTS, CI)
    before = await revision(db), (await find(accounts, "ci")).generation
    await accounts.change(TESTS, CI, change)
    after = await revision(db), (await find(accounts, "ci")).generation
    assert after > before
    assert after[1] > before[1]


async def test_adding_and_removing_move_the_revision(accounts: Accounts, db: Database) -> None:
    seen = [await revision(db)]
    await accounts.add(TESTS, CI)
    seen.append(await revision(db))
    await accounts.remove(TESTS, CI)
    seen.append(await revision(db))
    assert seen == sorted(set(seen))


async def test_a_refused_change_moves_nothing(accounts: Accounts, db: Database) -> None:
    await add_administrator(accounts, db, ADMIN)
    before = await revision(db)
    with pytest.raises(InUse):
        await accounts.remove(TESTS, ADMIN)
    with pytest.raises(AccountUnknown):
        await accounts.remove(TESTS, CI)
    with pytest.raises(AlreadyExists):
        await add_administrator(accounts, db, ADMIN)
    assert await revision(db) == before


async def test_a_name_used_again_is_another_generation(accounts: Accounts) -> None:
    await accounts.add(TESTS, CI)
    first = (await find(accounts, "ci")).generation
    await accounts.remove(TESTS, CI)
    await accounts.add(TESTS, CI)
    assert (await find(accounts, "ci")).generation > first


async def test_several_things_change_together(accounts: Accounts) -> None:
    await accounts.add(TESTS, CI)
    changed = await accounts.change(TESTS, CI, Change(disabled=True, password=PASSWORD))
    assert changed == await find(accounts, "ci")
    assert (changed.disabled, is_match(changed.password, PASSWORD)) == (True, True)


async def test_what_is_not_there_cannot_be_changed(accounts: Accounts) -> None:
    with pytest.raises(AccountUnknown):
        await accounts.change(TESTS, CI, TO_DISABLED)
    with pytest.raises(AccountUnknown):
        await accounts.remove(TESTS, CI)


@pytest.mark.parametrize("change", [TO_DISABLED, Change(password=PASSWORD, disabled=True)])
async def test_the_last_enabled_administrator_stays_one(accounts: Accounts, db: Database, change: Change) -> None:
    await add_administrator(accounts, db, ADMIN)
    await add_administrator(accounts, db, OTHER)
    await accounts.change(TESTS, OTHER, TO_DISABLED)
    with pytest.raises(InUse):
        await accounts.change(TESTS, ADMIN, change)
    with pytest.raises(InUse):
        await accounts.remove(TESTS, ADMIN)
    await accounts.change(TESTS, ADMIN, Change(password=PASSWORD))
    await accounts.change(TESTS, OTHER, TO_ENABLED)
    await accounts.change(TESTS, ADMIN, change)
    await accounts.remove(TESTS, ADMIN)


@pytest.mark.parametrize(
    "weaker",
    [
        {"until": 2_000_000_000.0},
        {"networks": ("10.0.0.0/8",)},
        {"pattern": "shop/**"},
        {"role": "maintainer"},
    ],
    ids=str,
)
async def test_only_who_administers_everything_from_anywhere_and_for_good_is_one_who_is_left(
    accounts: Accounts, db: Database, weaker: dict[str, object]
) -> None:
    await add_administrator(accounts, db, ADMIN)
    await accounts.add(TESTS, OTHER)
    grant: dict[str, object] = {"role": "administrator", "pattern": "**"}
    await store_grant(db, OTHER, **(grant | weaker))  # type: ignore[arg-type]
    with pytest.raises(InUse):
        await accounts.remove(TESTS, ADMIN)


async def test_who_is_an_administrator_by_a_group_counts(accounts: Accounts, db: Database, clock: Clock) -> None:
    await add_administrator(accounts, db, ADMIN)
    await accounts.add(TESTS, OTHER)
    await db.write(grants.add_group, "root", clock())
    await db.write(grants.add_member, "root", OTHER)
    await store_grant(db, "group:root", "administrator")
    known = snapshot.build(await db.read(grants.everything))
    assert changes.administrators(known, clock()) == ["admin", "other"]
    await accounts.remove(TESTS, ADMIN)
    with pytest.raises(InUse):
        await accounts.change(TESTS, OTHER, TO_DISABLED)


async def test_what_was_granted_goes_with_the_account(accounts: Accounts, db: Database) -> None:
    await accounts.add(TESTS, CI)
    await store_grant(db, CI, "reader")
    await accounts.remove(TESTS, CI)
    assert await db.read(grants.every_grant) == []


async def test_whoever_wants_to_know_is_told_of_changes_and_of_nothing_else(
    accounts: Accounts, db: Database, told: list[str]
) -> None:
    await accounts.add(TESTS, CI)
    await accounts.change(TESTS, CI, TO_DISABLED)
    await accounts.remove(TESTS, CI)
    assert len(told) == 3
    with pytest.raises(AccountUnknown):
        await accounts.remove(TESTS, CI)
    assert len(told) == 3


async def test_two_administrators_cannot_disable_each_other(
    accounts: Accounts, db: Database, passwords: Passwords, clock: Clock, open_again: Callable[[], Database]
) -> None:
    elsewhere = Accounts(open_again(), passwords, clock, lambda: None)
    await add_administrator(accounts, db, ADMIN)
    await add_administrator(accounts, db, OTHER)
    for _ in range(20):
        both = await asyncio.gather(
            accounts.change(TESTS, ADMIN, TO_DISABLED),
            elsewhere.change(TESTS, OTHER, TO_DISABLED),
            return_exceptions=True,
        )
        assert {type(outcome) for outcome in both} == {Account, InUse}
        await accounts.change(TESTS, ADMIN, TO_ENABLED)
        await accounts.change(TESTS, OTHER, TO_ENABLED)


async def test_the_first_administrator_is_made_once(db: Database, accounts: Accounts, clock: Clock) -> None:
    generated = await create_first_administrator(db, None, clock)
    assert generated is not None
    admin = await find(accounts, "admin")
    assert is_match(admin.password, generated)
    (grant,) = await db.read(grants.every_grant)
    assert (grant.principal, grant.role, grant.pattern) == ("admin", "administrator", "**")
    assert await create_first_administrator(db, None, clock) is None
    assert await create_first_administrator(db, PASSWORD, clock) is None
    assert await accounts.list() == [admin]
    assert await db.read(grants.every_grant) == [grant]


async def test_a_configured_password_is_used_and_not_told(db: Database, accounts: Accounts, clock: Clock) -> None:
    assert await create_first_administrator(db, "12345678", clock) is None
    assert is_match((await find(accounts, "admin")).password, "12345678")


async def test_a_configured_password_that_is_too_short_is_refused(
    db: Database, accounts: Accounts, clock: Clock
) -> None:
    with pytest.raises(RequestInvalid, match="8 to 1024"):
        await create_first_administrator(db, "1234567", clock)
    assert await accounts.list() == []


async def test_nodes_that_start_at_once_make_one(
    db: Database, accounts: Accounts, clock: Clock, open_again: Callable[[], Database]
) -> None:
    nodes = [db, open_again(), open_again()]
    told = await asyncio.gather(*(create_first_administrator(node, None, clock) for node in nodes))
    assert len([password for password in told if password]) == 1
    assert [account.name for account in await accounts.list()] == ["admin"]
    assert len(await db.read(grants.every_grant)) == 1
