"""What a request is worth, in this process and in the one beside it."""

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import insert, select

from tests.kit.clock import Clock
from wharfinger.access import credentials, tokens
from wharfinger.access.accounts import Accounts, Change, account_name
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.passwords import Passwords
from wharfinger.access.roles import Role
from wharfinger.errors import RequestInvalid, Unauthorized
from wharfinger.meta import accounts as queries
from wharfinger.meta.db import Database
from wharfinger.meta.schema import login_tokens

CI = account_name("ci")
PASSWORD = "right horse battery"
CHANGES = [Change(password="another horse battery"), Change(role=Role.READER), Change(disabled=True)]


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


RIGHT = basic("ci", PASSWORD)


@pytest.fixture
def here(db: Database, clock: Clock) -> Iterator[Authenticator]:
    made = Authenticator(db, clock)
    yield made
    made.close()


@pytest.fixture
def there(db: Database, open_again: Callable[[], Database], clock: Clock) -> Iterator[Authenticator]:
    made = Authenticator(open_again(), clock)
    yield made
    made.close()


@pytest.fixture
async def accounts(db: Database, here: Authenticator, clock: Clock) -> Accounts:
    made = Accounts(db, here.passwords, clock)
    await made.add(account_name("admin"), Role.ADMINISTRATOR)
    await made.add(CI, Role.PUBLISHER, PASSWORD)
    return made


async def assert_refused(authenticator: Authenticator, authorization: str | None) -> None:
    with pytest.raises(Unauthorized) as refusal:
        await authenticator.authenticate(authorization)
    assert (refusal.value.message, dict(refusal.value.detail)) == (credentials.refused().message, {})


async def test_the_right_password_gives_the_identity(accounts: Accounts, here: Authenticator) -> None:
    for _ in range(2):
        identity = await here.authenticate(RIGHT)
        assert (identity.name, identity.role) == ("ci", Role.PUBLISHER)


async def test_every_wrong_header_gets_the_same_refusal(accounts: Accounts, here: Authenticator) -> None:
    await accounts.add(account_name("off"), Role.READER, PASSWORD)
    await accounts.change(account_name("off"), Change(disabled=True))
    wrong = [
        None,
        "Basic",
        basic("ci", "wrong"),
        basic("nobody", PASSWORD),
        basic("off", PASSWORD),
        basic("CI", PASSWORD),
        basic("ci", tokens.generate()),
        "Bearer x",
        f"Bearer {PASSWORD}",
        f"Bearer {tokens.generate()}",
    ]
    for header in wrong:
        await assert_refused(here, header)


async def test_an_account_without_accounts_around_it_is_refused(db: Database, here: Authenticator) -> None:
    await assert_refused(here, RIGHT)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_counts_at_once_everywhere(
    accounts: Accounts, here: Authenticator, there: Authenticator, change: Change
) -> None:
    token = (await there.login("ci", PASSWORD)).token
    for header in (RIGHT, basic("ci", token), f"Bearer {token}"):
        assert (await here.authenticate(header)).role == Role.PUBLISHER
        assert (await there.authenticate(header)).role == Role.PUBLISHER
    await accounts.change(CI, change)
    for authenticator in (here, there):
        await assert_refused(authenticator, f"Bearer {token}")
        await assert_refused(authenticator, basic("ci", token))
        if change.role is not None:
            assert (await authenticator.authenticate(RIGHT)).role == change.role
        else:
            await assert_refused(authenticator, RIGHT)
        if change.password is not None:
            assert await authenticator.authenticate(basic("ci", change.password))


async def test_a_removed_account_is_gone_also_under_the_same_name(
    accounts: Accounts, here: Authenticator, there: Authenticator
) -> None:
    token = (await here.login("ci", PASSWORD)).token
    await there.authenticate(RIGHT)
    await accounts.remove(CI)
    await assert_refused(there, RIGHT)
    await accounts.add(CI, Role.READER, "another horse battery")
    await assert_refused(there, RIGHT)
    await assert_refused(there, f"Bearer {token}")


async def test_an_account_that_is_enabled_again_has_to_log_in_again(accounts: Accounts, here: Authenticator) -> None:
    token = (await here.login("ci", PASSWORD)).token
    await accounts.change(CI, Change(disabled=True))
    await accounts.change(CI, Change(disabled=False))
    assert await here.authenticate(RIGHT)
    await assert_refused(here, f"Bearer {token}")


async def test_a_change_during_the_check_of_a_password_counts(db: Database, clock: Clock, accounts: Accounts) -> None:
    began, may_end = threading.Event(), threading.Event()

    def slowly(_stored: str | None, _password: str) -> bool:
        began.set()
        return may_end.wait(10)

    slow = Authenticator(db, clock)
    slow.passwords = Passwords(clock, slowly)
    asked = asyncio.create_task(slow.authenticate(RIGHT))
    await asyncio.to_thread(began.wait, 10)
    await accounts.change(CI, Change(disabled=True))
    may_end.set()
    with pytest.raises(Unauthorized):
        await asked
    slow.close()


async def test_connections_that_open_at_once_are_one_check(accounts: Accounts, here: Authenticator) -> None:
    await here.passwords.hash("warm up")
    identities = await asyncio.gather(*(here.authenticate(RIGHT) for _ in range(100)))
    assert {identity.name for identity in identities} == {"ci"}


async def test_a_token_works_alone_and_as_the_password_of_its_own_account(
    accounts: Accounts, here: Authenticator, there: Authenticator
) -> None:
    login = await here.login("ci", PASSWORD)
    assert (await there.authenticate(f"Bearer {login.token}")).name == "ci"
    assert (await there.authenticate(basic("ci", login.token))).name == "ci"
    await assert_refused(there, basic("admin", login.token))


async def test_a_token_ends_after_twelve_hours(accounts: Accounts, here: Authenticator, clock: Clock) -> None:
    login = await here.login("ci", PASSWORD)
    assert login.expires_at == clock() + 12 * 3600
    clock.advance(hours=12, seconds=-1)
    assert await here.authenticate(f"Bearer {login.token}")
    clock.advance(1)
    await assert_refused(here, f"Bearer {login.token}")


async def test_a_token_ends_at_logout(accounts: Accounts, here: Authenticator, there: Authenticator) -> None:
    kept, ended = (await here.login("ci", PASSWORD)).token, (await here.login("ci", PASSWORD)).token
    assert await there.authenticate(f"Bearer {ended}")
    await here.logout(f"Bearer {ended}")
    await here.logout(f"Bearer {ended}")
    await assert_refused(there, f"Bearer {ended}")
    assert await there.authenticate(f"Bearer {kept}")


async def test_there_is_no_logout_from_a_password(accounts: Accounts, here: Authenticator) -> None:
    with pytest.raises(RequestInvalid):
        await here.logout(RIGHT)


async def test_a_login_needs_the_password(accounts: Accounts, here: Authenticator) -> None:
    token = (await here.login("ci", PASSWORD)).token
    for wrong in ("wrong", "", token):
        with pytest.raises(Unauthorized):
            await here.login("ci", wrong)
    with pytest.raises(Unauthorized):
        await here.login("nobody", PASSWORD)


async def test_the_database_does_not_know_the_token(accounts: Accounts, here: Authenticator, db: Database) -> None:
    token = (await here.login("ci", PASSWORD)).token
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM login_tokens").all()
    assert len(rows) == 1
    assert token.removeprefix(tokens.PREFIX) not in str(rows)


async def test_expired_tokens_are_forgotten(
    accounts: Accounts, here: Authenticator, db: Database, clock: Clock
) -> None:
    for _ in range(3):
        await here.login("ci", PASSWORD)
    clock.advance(hours=12)
    await here.login("ci", PASSWORD)
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM login_tokens").scalar() == 1


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_forgets_the_tokens_it_ended(
    accounts: Accounts, here: Authenticator, db: Database, change: Change
) -> None:
    await here.login("ci", PASSWORD)
    await accounts.change(CI, change)
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM login_tokens").scalar() == 0


async def test_a_token_from_before_a_change_is_worth_nothing_even_if_it_is_still_there(
    accounts: Accounts, here: Authenticator, db: Database
) -> None:
    token = (await here.login("ci", PASSWORD)).token
    with db.engine.connect() as connection:
        before = connection.execute(select(login_tokens)).mappings().one()
    await accounts.change(CI, Change(role=Role.READER))
    await db.write(lambda tx: tx.execute(insert(login_tokens).values(before)).rowcount)
    await assert_refused(here, f"Bearer {token}")


async def test_no_token_is_made_for_an_account_that_changed_meanwhile(accounts: Accounts, db: Database) -> None:
    _, rows = await db.read(queries.snapshot)
    generation = next(row.generation for row in rows if row.name == "ci")
    await accounts.change(CI, Change(role=Role.READER))
    assert not await db.write(queries.add_login, "ci", generation, "hash", 1.0, 2.0)
