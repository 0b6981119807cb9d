"""A database of the version before grants: what an account's role was is a grant on everything, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from tests.kit.parts.postgres import fresh_database
from wharfinger.access import snapshot
from wharfinger.access.actions import ROLES, Action
from wharfinger.access.grants import decide
from wharfinger.meta import grants, schema_access
from wharfinger.meta.accounts import Account
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.migrate import configuration, migrate
from wharfinger.meta.schema import metadata
from wharfinger.spec.names import RepoName

BEFORE = ("reader", "publisher", "administrator")
NOW = 1_800_000_000.0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.system, pytest.mark.postgresql])])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/wharf.db"
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
def before(empty_url: str) -> Iterator[Database]:
    """A database with the schema of the version before, an account of each role, one disabled, and a login."""
    db = open_database(empty_url)
    with db.engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number, role in enumerate(BEFORE, start=1):
            _account(connection, number, f"a-{role}", role)
        _account(connection, 4, "off", "administrator", disabled=True)
        connection.execute(
            text("INSERT INTO login_tokens (hash, account_id, generation, created_at, expires_at) VALUES ('h',1,1,0,9)")
        )
        connection.execute(text("INSERT INTO access_revision (id, revision) VALUES (1, 7)"))
    yield db
    db.engine.dispose()


def _account(connection: Connection, id: int, name: str, role: str, *, disabled: bool = False) -> None:
    connection.execute(
        text(
            "INSERT INTO accounts (id, name, password, role, disabled, generation, created_at) "
            "VALUES (:id, :name, 'hash', :role, :disabled, :id, :created)"
        ),
        {"id": id, "name": name, "role": role, "disabled": disabled, "created": 1000.0 + id},
    )


def test_each_account_may_do_what_its_role_let_it_do_and_no_more(before: Database) -> None:
    migrate(before.engine)
    with before.engine.connect() as connection:
        known = snapshot.build(grants.everything(connection))
    assert known.revision == 7
    for role in BEFORE:
        identity = known.identity(f"a-{role}", "password", NOW)
        assert identity is not None
        for action in Action:
            for repository in (None, RepoName("shop/web")):
                decision = decide(known.policy, identity, action, repository, now=NOW)
                assert decision.allowed == (action in ROLES[role])
    assert known.identity("off", "password", NOW) is None


def test_accounts_and_logins_are_those_that_they_were(before: Database) -> None:
    migrate(before.engine)
    with before.engine.connect() as connection:
        found = {account.name: account for account in grants.everything(connection).accounts}
        login = connection.execute(schema_access.login_tokens.select()).mappings().one()
    assert found["a-reader"] == Account("a-reader", "hash", disabled=False, generation=1, created_at=1001.0)
    assert set(found) == {"a-reader", "a-publisher", "a-administrator", "off"}
    assert found["off"].disabled
    assert (login["hash"], login["kind"], login["credential"]) == ("h", "login", "login")


def test_what_is_granted_next_has_a_number_of_its_own(before: Database) -> None:
    migrate(before.engine)
    with before.engine.begin() as connection:
        rows = grants.every_grant(connection)
        assert grants.add_grant(connection, rows[0]) == max(row.id for row in rows) + 1


def test_a_second_migration_changes_nothing(before: Database) -> None:
    migrate(before.engine)
    with before.engine.connect() as connection:
        once = grants.everything(connection)
    migrate(before.engine)
    with before.engine.connect() as connection:
        assert grants.everything(connection) == once


@pytest.mark.parametrize("from_before", [True, False])
def test_the_migrated_schema_is_the_one_that_the_queries_know(
    from_before: bool, empty_url: str, request: pytest.FixtureRequest
) -> None:
    db: Database = request.getfixturevalue("before") if from_before else open_database(empty_url)
    migrate(db.engine)
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    db.engine.dispose()
