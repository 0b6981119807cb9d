import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.kit.clock import Clock
from wharfinger.access.accounts import Accounts, Change, account_name, create_first_administrator
from wharfinger.access.passwords import Passwords, is_match
from wharfinger.access.roles import Role
from wharfinger.errors import AccountUnknown, AlreadyExists, InUse, RequestInvalid
from wharfinger.meta import accounts as queries
from wharfinger.meta.accounts import Account
from wharfinger.meta.db import Database

ADMIN, OTHER, CI = account_name("admin"), account_name("other"), account_name("ci")
PASSWORD = "right horse battery"
TO_READER, TO_DISABLED, TO_ENABLED = Change(role=Role.READER), Change(disabled=True), Change(disabled=False)


@pytest.fixture
def passwords(clock: Clock) -> Iterator[Passwords]:
    made = Passwords(clock)
    yield made
    made.close()


@pytest.fixture
def accounts(db: Database, passwords: Passwords, clock: Clock) -> Accounts:
    return Accounts(db, passwords, clock)


async def revision(db: Database) -> int:
    return (await db.read(queries.snapshot))[0]


async def find(accounts: Accounts, name: str) -> Account:
    return next(account for account in await accounts.list() if account.name == name)


@pytest.mark.parametrize("name", ["a", "0", "ci", "ci-bot", "a.b_c-d", "x" * 64])
def test_names_that_may_be_given(name: str) -> None:
    assert account_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", ".", "A", "a b", "a:b", "a/b", "ä", "a\n", "x" * 65])
def test_names_that_may_not(name: str) -> None:
    with pytest.raises(RequestInvalid):
        account_name(name)


async def test_a_given_password_is_stored_hashed_and_not_told_again(accounts: Accounts, clock: Clock) -> None:
    assert await accounts.add(CI, Role.PUBLISHER, PASSWORD) is None
    stored = await find(accounts, "ci")
    assert is_match(stored.password, PASSWORD)
    assert (stored.role, stored.disabled, stored.created_at) == ("publisher", False, clock())


async def test_without_a_password_one_is_generated_and_told_once(accounts: Accounts) -> None:
    generated = await accounts.add(CI, Role.READER)
    assert generated is not None
    assert is_match((await find(accounts, "ci")).password, generated)


async def test_a_name_is_given_once(accounts: Accounts) -> None:
    await accounts.add(CI, Role.READER)
    with pytest.raises(AlreadyExists):
        await accounts.add(CI, Role.ADMINISTRATOR)
    assert (await find(accounts, "ci")).role == "reader"


async def test_a_short_password_is_refused(accounts: Accounts) -> None:
    with pytest.raises(RequestInvalid, match="12 to 1024"):
        await accounts.add(CI, Role.READER, "eleven char")
    await accounts.add(CI, Role.READER)
    with pytest.raises(RequestInvalid, match="12 to 1024"):
        await accounts.change(CI, Change(password="eleven char"))


@pytest.mark.parametrize("change", [TO_READER, TO_DISABLED, TO_ENABLED, Change(password=PASSWORD)])
async def test_every_change_moves_the_revision_and_the_generation(
    accounts: Accounts, db: Database, change: Change
) -> None:
    await accounts.add(ADMIN, Role.ADMINISTRATOR)
    await accounts.add(CI, Role.PUBLISHER)
    before = await revision(db), (await find(accounts, "ci")).generation
    await accounts.change(CI, change)
    after = await revision(db), (await find(accounts, "ci")).generation
    assert after > before
    assert after[1] > before[1]


async def test_adding_and_removing_move_the_revision(accounts: Accounts, db: Database) -> None:
    seen = [await revision(db)]
    await accounts.add(CI, Role.READER)
    seen.append(await revision(db))
    await accounts.remove(CI)
    seen.append(await revision(db))
    assert seen == sorted(set(seen))


async def test_a_refused_change_moves_nothing(accounts: Accounts, db: Database) -> None:
    await accounts.add(ADMIN, Role.ADMINISTRATOR)
    before = await revision(db)
    with pytest.raises(InUse):
        await accounts.remove(ADMIN)
    with pytest.raises(AccountUnknown):
        await accounts.remove(CI)
    with pytest.raises(AlreadyExists):
        await accounts.add(ADMIN, Role.READER)
    assert await revision(db) == before


async def test_a_name_used_again_is_another_generation(accounts: Accounts) -> None:
    await accounts.add(CI, Role.READER)
    first = (await find(accounts, "ci")).generation
    await accounts.remove(CI)
    await accounts.add(CI, Role.READER)
    assert (await find(accounts, "ci")).generation > first


async def test_several_things_change_together(accounts: Accounts) -> None:
    await accounts.add(CI, Role.READER)
    changed = await accounts.change(CI, Change(role=Role.PUBLISHER, disabled=True, password=PASSWORD))
    assert changed == await find(accounts, "ci")
    assert (changed.role, changed.disabled, is_match(changed.password, PASSWORD)) == ("publisher", True, True)


async def test_what_is_not_there_cannot_be_changed(accounts: Accounts) -> None:
    with pytest.raises(AccountUnknown):
        await accounts.change(CI, TO_DISABLED)
    with pytest.raises(AccountUnknown):
        await accounts.remove(CI)


@pytest.mark.parametrize("change", [TO_READER, TO_DISABLED, Change(role=Role.ADMINISTRATOR, disabled=True)])
async def test_the_last_enabled_administrator_stays_one(accounts: Accounts, change: Change) -> None:
    await accounts.add(ADMIN, Role.ADMINISTRATOR)
    await accounts.add(OTHER, Role.ADMINISTRATOR)
    await accounts.change(OTHER, TO_DISABLED)
    with pytest.raises(InUse):
        await accounts.change(ADMIN, change)
    with pytest.raises(InUse):
        await accounts.remove(ADMIN)
    await accounts.change(ADMIN, Change(password=PASSWORD))
    await accounts.change(OTHER, TO_ENABLED)
    await accounts.change(ADMIN, change)
    await accounts.remove(ADMIN)


async def test_two_administrators_cannot_disable_each_other(
    accounts: Accounts, passwords: Passwords, clock: Clock, open_again: Callable[[], Database]
) -> None:
    elsewhere = Accounts(open_again(), passwords, clock)
    await accounts.add(ADMIN, Role.ADMINISTRATOR)
    await accounts.add(OTHER, Role.ADMINISTRATOR)
    for _ in range(20):
        both = await asyncio.gather(
            accounts.change(ADMIN, TO_DISABLED), elsewhere.change(OTHER, TO_DISABLED), return_exceptions=True
        )
        assert {type(outcome) for outcome in both} == {Account, InUse}
        await accounts.change(ADMIN, TO_ENABLED)
        await accounts.change(OTHER, TO_ENABLED)


async def test_the_first_administrator_is_made_once(db: Database, accounts: Accounts, clock: Clock) -> None:
    generated = await create_first_administrator(db, None, clock)
    assert generated is not None
    admin = await find(accounts, "admin")
    assert (admin.role, is_match(admin.password, generated)) == ("administrator", True)
    assert await create_first_administrator(db, None, clock) is None
    assert await create_first_administrator(db, PASSWORD, clock) is None
    assert await accounts.list() == [admin]


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
