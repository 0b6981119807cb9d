"""What a request is worth, in this process and in the one beside it.

``here`` is the process that a change is made through, ``there`` another one over the same database. ``monotonic`` is
the clock by which they look again: it stands still until a test moves it.
"""

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, insert, select

from tests.kit.callers import TESTS
from tests.kit.clock import Clock
from tests.kit.granting import store_grant
from wharfinger.access import credentials, signing, tokens
from wharfinger.access.account_names import account_name
from wharfinger.access.accounts import Accounts, Change
from wharfinger.access.actions import Action
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.caller import NOWHERE
from wharfinger.access.directory import FRESH
from wharfinger.access.passwords import Passwords, is_match
from wharfinger.access.tokens import Kind
from wharfinger.errors import RequestInvalid, Unauthorized
from wharfinger.meta import accounts as queries
from wharfinger.meta import grants
from wharfinger.meta.accounts import NewLogin
from wharfinger.meta.db import Database
from wharfinger.meta.grants import SecretRow
from wharfinger.meta.schema_access import login_tokens

CI = account_name("ci")
PASSWORD = "right horse battery"
CHANGES = [Change(password="another horse battery"), Change(disabled=True)]


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


RIGHT = basic("ci", PASSWORD)
ACCESS_TOKENS = ["Bearer a.b.c", "Bearer .", f"Bearer {'x' * 3000}.{'y' * 5000}.z"]


@pytest.fixture
def monotonic() -> Clock:
    return Clock(0.0)


@pytest.fixture
def here(db: Database, clock: Clock, monotonic: Clock) -> Iterator[Authenticator]:
    made = Authenticator(db, clock, monotonic)
    yield made
    made.close()


@pytest.fixture
def there(db: Database, open_again: Callable[[], Database], clock: Clock, monotonic: Clock) -> Iterator[Authenticator]:
    made = Authenticator(open_again(), clock, monotonic)
    yield made
    made.close()


@pytest.fixture
async def accounts(db: Database, here: Authenticator, clock: Clock) -> Accounts:
    made = Accounts(db, here.passwords, clock, here.directory.forget)
    await made.add(TESTS, account_name("admin"))
    await made.add(TESTS, CI, PASSWORD)
    return made


async def assert_refused(authenticator: Authenticator, authorization: str | None) -> Unauthorized:
    with pytest.raises(Unauthorized) as refusal:
        await authenticator.caller(authorization)
    assert dict(refusal.value.detail) == {}
    return refusal.value


async def test_the_right_password_gives_the_identity(accounts: Accounts, here: Authenticator) -> None:
    for _ in range(2):
        caller = await here.caller(RIGHT)
        assert (caller.name, caller.identity.credential, caller.scopes) == ("ci", "password", None)
        assert not caller.is_anonymous


async def test_every_wrong_header_gets_the_same_refusal(accounts: Accounts, here: Authenticator) -> None:
    await accounts.add(TESTS, account_name("off"), PASSWORD)
    await accounts.change(TESTS, account_name("off"), Change(disabled=True))
    wrong = [
        None,
        "Basic",
        basic("ci", "wrong"),
        basic("nobody", PASSWORD),
        basic("off", PASSWORD),
        basic("CI", PASSWORD),
        *(basic("ci", tokens.generate(kind)) for kind in Kind),
        "Bearer x",
        f"Bearer {PASSWORD}",
        *(f"Bearer {tokens.generate(kind)}" for kind in Kind),
        *ACCESS_TOKENS,
    ]
    said = {(await assert_refused(here, header)).message for header in wrong if header not in ACCESS_TOKENS}
    assert said == {credentials.refused().message}
    said = {(await assert_refused(here, header)).message for header in ACCESS_TOKENS}
    assert said == {signing.refused().message}


@pytest.mark.parametrize(
    "header",
    [*ACCESS_TOKENS, "Bearer x", f"Bearer {tokens.generate(Kind.SECRET)}"],
    ids=["dots", "dot", "long", "short", "secret"],
)
async def test_a_client_that_sent_a_token_is_told_to_get_another(
    accounts: Accounts, here: Authenticator, header: str
) -> None:
    assert (await assert_refused(here, header)).error == "invalid_token"


@pytest.mark.parametrize(
    "header",
    [None, basic("ci", "wrong"), basic("ci", tokens.generate(Kind.SECRET))],
    ids=["none", "password", "secret"],
)
async def test_a_client_that_sent_none_is_not(accounts: Accounts, here: Authenticator, header: str | None) -> None:
    assert (await assert_refused(here, header)).error == ""


async def test_without_any_account_everybody_is_refused(db: Database, here: Authenticator) -> None:
    await assert_refused(here, RIGHT)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_counts_here_at_once_and_elsewhere_within_a_fifth_of_a_second(
    accounts: Accounts, here: Authenticator, there: Authenticator, monotonic: Clock, change: Change
) -> None:
    token = (await there.login("ci", PASSWORD, NOWHERE)).token
    for header in (RIGHT, basic("ci", token), f"Bearer {token}"):
        assert (await here.caller(header)).name == "ci"
        assert (await there.caller(header)).name == "ci"
    await accounts.change(TESTS, CI, change)
    for authenticator in (here, there):
        if authenticator is there:
            monotonic.advance(FRESH)
        await assert_refused(authenticator, f"Bearer {token}")
        await assert_refused(authenticator, basic("ci", token))
        await assert_refused(authenticator, RIGHT)
        if change.password is not None:
            assert await authenticator.caller(basic("ci", change.password))


async def test_a_removed_account_is_gone_also_under_the_same_name(
    accounts: Accounts, here: Authenticator, there: Authenticator, monotonic: Clock
) -> None:
    token = (await here.login("ci", PASSWORD, NOWHERE)).token
    await there.caller(RIGHT)
    await accounts.remove(TESTS, CI)
    monotonic.advance(FRESH)
    await assert_refused(there, RIGHT)
    await accounts.add(TESTS, CI, "another horse battery")
    monotonic.advance(FRESH)
    await assert_refused(there, RIGHT)
    await assert_refused(there, f"Bearer {token}")


async def test_an_account_that_is_enabled_again_has_to_log_in_again(accounts: Accounts, here: Authenticator) -> None:
    token = (await here.login("ci", PASSWORD, NOWHERE)).token
    await accounts.change(TESTS, CI, Change(disabled=True))
    await accounts.change(TESTS, CI, Change(disabled=False))
    assert await here.caller(RIGHT)
    await assert_refused(here, f"Bearer {token}")


async def test_a_change_during_the_check_of_a_password_counts(db: Database, clock: Clock, accounts: Accounts) -> None:
    began, may_end = threading.Event(), threading.Event()

    def slowly(_stored: str | None, _password: str) -> bool:
        began.set()
        return may_end.wait(10)

    slow = Authenticator(db, clock)
    slow.passwords = Passwords(clock, slowly)
    asked = asyncio.create_task(slow.caller(RIGHT))
    await asyncio.to_thread(began.wait, 10)
    await accounts.change(TESTS, CI, Change(disabled=True))
    may_end.set()
    with pytest.raises(Unauthorized):
        await asked
    slow.close()


async def test_connections_that_open_at_once_are_one_check(accounts: Accounts, here: Authenticator) -> None:
    await here.passwords.hash("warm up")
    identities = await asyncio.gather(*(here.caller(RIGHT) for _ in range(100)))
    assert {identity.name for identity in identities} == {"ci"}


async def test_a_token_works_alone_and_as_the_password_of_its_own_account(
    accounts: Accounts, here: Authenticator, there: Authenticator
) -> None:
    login = await here.login("ci", PASSWORD, NOWHERE)
    assert (await there.caller(f"Bearer {login.token}")).name == "ci"
    assert (await there.caller(basic("ci", login.token))).name == "ci"
    await assert_refused(there, basic("admin", login.token))


async def test_a_token_ends_after_twelve_hours(accounts: Accounts, here: Authenticator, clock: Clock) -> None:
    login = await here.login("ci", PASSWORD, NOWHERE)
    assert login.expires_at == clock() + 12 * 3600
    clock.advance(hours=12, seconds=-1)
    assert await here.caller(f"Bearer {login.token}")
    clock.advance(1)
    await assert_refused(here, f"Bearer {login.token}")


async def test_a_token_ends_at_logout(accounts: Accounts, here: Authenticator, there: Authenticator) -> None:
    kept, ended = (await here.login("ci", PASSWORD, NOWHERE)).token, (await here.login("ci", PASSWORD, NOWHERE)).token
    assert await there.caller(f"Bearer {ended}")
    await here.logout(f"Bearer {ended}")
    await here.logout(f"Bearer {ended}")
    await assert_refused(there, f"Bearer {ended}")
    assert await there.caller(f"Bearer {kept}")


async def test_there_is_no_logout_from_a_password(accounts: Accounts, here: Authenticator) -> None:
    with pytest.raises(RequestInvalid):
        await here.logout(RIGHT)


async def test_a_login_needs_the_password(accounts: Accounts, here: Authenticator) -> None:
    token = (await here.login("ci", PASSWORD, NOWHERE)).token
    for wrong in ("wrong", "", token):
        with pytest.raises(Unauthorized):
            await here.login("ci", wrong, NOWHERE)
    with pytest.raises(Unauthorized):
        await here.login("nobody", PASSWORD, NOWHERE)


async def test_the_database_does_not_know_the_token(accounts: Accounts, here: Authenticator, db: Database) -> None:
    token = (await here.login("ci", PASSWORD, NOWHERE)).token
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM login_tokens").all()
    assert len(rows) == 1
    assert token.removeprefix(tokens.PREFIX)[1:] not in str(rows)


async def test_expired_tokens_are_forgotten(
    accounts: Accounts, here: Authenticator, db: Database, clock: Clock
) -> None:
    for _ in range(3):
        await here.login("ci", PASSWORD, NOWHERE)
    clock.advance(hours=12)
    await here.login("ci", PASSWORD, NOWHERE)
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM login_tokens").scalar() == 1


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_forgets_the_tokens_it_ended(
    accounts: Accounts, here: Authenticator, db: Database, change: Change
) -> None:
    await here.login("ci", PASSWORD, NOWHERE)
    await accounts.change(TESTS, CI, change)
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM login_tokens").scalar() == 0


async def test_a_token_from_before_a_change_is_worth_nothing_even_if_it_is_still_there(
    accounts: Accounts, here: Authenticator, db: Database
) -> None:
    token = (await here.login("ci", PASSWORD, NOWHERE)).token
    with db.engine.connect() as connection:
        before = connection.execute(select(login_tokens)).mappings().one()
    await accounts.change(TESTS, CI, Change(disabled=False))
    await db.write(lambda tx: tx.execute(insert(login_tokens).values(before)).rowcount)
    await assert_refused(here, f"Bearer {token}")


async def test_no_token_is_made_for_an_account_that_changed_meanwhile(accounts: Accounts, db: Database) -> None:
    generation = next(row.generation for row in await db.read(queries.every) if row.name == "ci")
    await accounts.change(TESTS, CI, Change(disabled=False))
    assert not await db.write(queries.add_login, "ci", generation, NewLogin("hash", "login", "password", 1.0, 2.0))


async def kept_secret(
    db: Database, here: Authenticator, clock: Clock, kind: Kind = Kind.SECRET, **more: object
) -> tuple[str, str]:
    """A secret of ``ci`` that is part of every snapshot, and its number."""
    secret, id = tokens.generate(kind), f"id{kind.value}"
    fields = {"actions": None, "patterns": None, "expires_at": None, "used_at": None} | more
    row = SecretRow(
        id=id,
        account="ci",
        kind=kind.name.lower(),
        label="",
        hash=tokens.fingerprint(secret),
        created_at=clock(),
        created_by="admin",
        **fields,  # type: ignore[arg-type]
    )
    await db.write(_add_secret, row)
    here.directory.forget()
    return secret, id


def _add_secret(tx: Connection, row: SecretRow) -> None:
    queries.begin_change(tx)
    grants.add_secret(tx, row)


def _remove_secret(tx: Connection, row: SecretRow) -> None:
    queries.begin_change(tx)
    grants.remove_secret(tx, row)


@pytest.mark.parametrize("kind", [Kind.SECRET, Kind.TOKEN])
async def test_a_kept_secret_works_alone_and_as_the_password_of_its_account(
    accounts: Accounts, here: Authenticator, db: Database, clock: Clock, kind: Kind
) -> None:
    secret, id = await kept_secret(db, here, clock, kind)
    for header in (f"Bearer {secret}", basic("ci", secret)):
        caller = await here.caller(header)
        assert (caller.name, caller.identity.credential) == ("ci", f"{kind.name.lower()}:{id}")
    await assert_refused(here, basic("admin", secret))
    await here.note_used_secrets()
    assert [row.used_at for row in await db.read(grants.every_secret)] == [clock()]


async def test_a_kept_secret_counts_until_it_has_expired(
    accounts: Accounts, here: Authenticator, db: Database, clock: Clock
) -> None:
    secret, _ = await kept_secret(db, here, clock, expires_at=clock() + 60)
    clock.advance(59.9)
    assert await here.caller(f"Bearer {secret}")
    clock.advance(0.1)
    await assert_refused(here, f"Bearer {secret}")


@pytest.mark.parametrize("how", ["disable", "remove secret", "remove account"])
async def test_a_kept_secret_that_was_taken_back_is_worth_nothing(
    accounts: Accounts,
    here: Authenticator,
    there: Authenticator,
    db: Database,
    clock: Clock,
    monotonic: Clock,
    how: str,
) -> None:
    secret, id = await kept_secret(db, here, clock)
    login = await here.log_in((await here.caller(f"Bearer {secret}")).identity, Kind.REFRESH)
    assert await there.caller(f"Bearer {secret}")
    match how:
        case "disable":
            await accounts.change(TESTS, CI, Change(disabled=True))
        case "remove account":
            await accounts.remove(TESTS, CI)
        case _:
            row = await db.read(grants.find_secret, id)
            assert row is not None
            await db.write(_remove_secret, row)
            here.directory.forget()
    monotonic.advance(FRESH)
    for authenticator in (here, there):
        await assert_refused(authenticator, f"Bearer {secret}")
        assert await authenticator.of_login(login.token, Kind.REFRESH) is None


async def test_a_login_is_of_one_kind_and_counts_as_no_other(accounts: Accounts, here: Authenticator) -> None:
    identity = (await here.caller(RIGHT)).identity
    for kind in (Kind.LOGIN, Kind.PAGE, Kind.REFRESH):
        token = (await here.log_in(identity, kind)).token
        for other in (Kind.LOGIN, Kind.PAGE, Kind.REFRESH):
            found = await here.of_login(token, other)
            assert (found.name if found else None) == ("ci" if other is kind else None)
        if kind is not Kind.LOGIN:
            await assert_refused(here, f"Bearer {token}")
            await assert_refused(here, basic("ci", token))


class Counting:
    """Stands in for Argon2, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, stored: str | None, password: str) -> bool:
        self.asked += 1
        return is_match(stored, password)


@pytest.mark.parametrize(
    ("name", "password"),
    [("nobody", PASSWORD), ("ci", "wrong"), ("off", "wrong"), ("off", PASSWORD), ("robot", ""), ("robot", PASSWORD)],
)
async def test_whoever_is_refused_costs_one_verification_each_time(
    accounts: Accounts, db: Database, clock: Clock, name: str, password: str
) -> None:
    await accounts.add(TESTS, account_name("off"), PASSWORD)
    await accounts.change(TESTS, account_name("off"), Change(disabled=True))
    robot = queries.Account("robot", "", disabled=False, generation=1, created_at=0, kind=queries.SERVICE)
    await db.write(queries.add, robot)
    counting = Counting()
    here = Authenticator(db, clock)
    here.passwords = Passwords(clock, counting)
    for tries in (1, 2, 3):
        await assert_refused(here, basic(name, password))
        assert counting.asked == tries
    here.close()


async def test_a_caller_keeps_what_was_true_when_the_request_began(
    accounts: Accounts, here: Authenticator, db: Database
) -> None:
    await store_grant(db, "ci", "reader")
    here.directory.forget()
    early = await here.caller(RIGHT)
    await db.write(_remove_grants)
    here.directory.forget()
    late = await here.caller(RIGHT)
    assert (early.may(Action.PULL), late.may(Action.PULL)) == (True, False)


def _remove_grants(tx: Connection) -> None:
    queries.begin_change(tx)
    for row in grants.every_grant(tx):
        grants.remove_grant(tx, row.id)
