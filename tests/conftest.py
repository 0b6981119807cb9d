"""The registry in this process, over a real database and real files; on PostgreSQL too where programs may be run."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection

from tests.kit.client import Client
from tests.kit.clock import Clock
from tests.kit.parts.postgres import fresh_database, postgres
from wharfinger import app as wiring
from wharfinger.access import keys
from wharfinger.config import Secret, Settings
from wharfinger.meta import accounts, grants
from wharfinger.meta.accounts import Account
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.grants import GrantRow
from wharfinger.meta.migrate import migrate
from wharfinger.services import Services
from wharfinger.web.site import Site

ROLES = ("reader", "publisher", "maintainer", "auditor", "administrator")
PASSWORD = "correct horse battery"

# A machine that is busy with something else makes every example slow, which says nothing of the code.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


# Nothing but Python, yet too long for `make check`: whole processes, thousands of races, models, power cuts.
SLOW = (
    "tests/api/",
    "tests/cli/",
    "tests/fuzz/",
    "tests/registry/",
    "tests/serving/",
    "tests/ui/",
    "tests/access/test_accounts.py",
    "tests/access/test_authenticate.py",
    "tests/access/test_changes.py",
    "tests/access/test_claims.py",
    "tests/access/test_explaining.py",
    "tests/access/test_fetch.py",
    "tests/access/test_grants.py",
    "tests/access/test_handing_out.py",
    "tests/access/test_noted.py",
    "tests/access/test_keysets.py",
    "tests/access/test_ldap.py",
    "tests/access/test_matrix.py",
    "tests/access/test_planning.py",
    "tests/access/test_policy_file.py",
    "tests/access/test_policy_tests.py",
    "tests/access/test_real_issuer.py",
    "tests/access/test_repositories.py",
    "tests/access/test_retention.py",
    "tests/access/test_review.py",
    "tests/access/test_sealing.py",
    "tests/access/test_secrets.py",
    "tests/access/test_shipping.py",
    "tests/access/test_starting.py",
    "tests/access/test_trail.py",
    "tests/access/test_verifying.py",
    "tests/access/test_workloads.py",
    "tests/tagging/test_pin_command.py",
    "tests/oci/test_audit.py",
    "tests/oci/test_hostile_names.py",
    "tests/oci/test_manifest_model.py",
    "tests/oci/test_permissions.py",
    "tests/oci/test_roles.py",
    "tests/oci/test_tokens.py",
    "tests/oci/test_upload_protocol.py",
    "tests/blobs/test_power_cut.py",
    "tests/blobs/test_object_faults.py",
    "tests/blobs/test_filesystem.py",
    "tests/spec/test_hostile_manifest.py",
    "tests/tagging/test_enforcement.py",
    "tests/tagging/test_policy.py",
    "tests/access/test_attacks.py",
    "tests/oci/test_attacks.py",
    "tests/oci/test_forged_tokens.py",
    "tests/lifecycle/test_against_the_text.py",
    "tests/lifecycle/test_brownouts.py",
    "tests/lifecycle/test_explaining.py",
    "tests/lifecycle/test_importers_properties.py",
    "tests/lifecycle/test_plans.py",
    "tests/lifecycle/test_running.py",
    "tests/lifecycle/test_runs.py",
    "tests/lifecycle/test_scheduled.py",
    "tests/oci/test_blobs.py",
    "tests/oci/test_limits.py",
    "tests/oci/test_manifests.py",
    "tests/oci/test_ranges.py",
    "tests/oci/test_referrers.py",
    "tests/lifecycle/test_commands.py",
    "tests/scanning/test_adapters.py",
    "tests/scanning/test_adapters_in_lifecycle.py",
    "tests/scanning/test_confinement.py",
    "tests/scanning/test_hostile.py",
    "tests/scanning/test_commands.py",
    "tests/scanning/test_guide.py",
    "tests/scanning/test_guide_on_finding.py",
    "tests/scanning/test_diff.py",
    "tests/scanning/test_why.py",
    "tests/scanning/test_known_by_registry.py",
    "tests/scanning/test_find.py",
    "tests/scanning/test_bills.py",
    "tests/scanning/test_registry.py",
    "tests/scanning/test_exceptions.py",
    "tests/scanning/test_documents.py",
    "tests/scanning/test_judging.py",
    "tests/scanning/test_gates.py",
    "tests/scanning/test_on_push.py",
    "tests/lifecycle/test_crews.py",
    "tests/lifecycle/test_replaying.py",
    "tests/lifecycle/test_severity.py",
    "tests/oci/test_tags.py",
    "tests/oci/test_uploads.py",
    "tests/oci/test_deletes.py",
    "tests/oci/test_mounts.py",
    "tests/tagging/test_pin_properties.py",
    "tests/access/test_secret_management.py",
    "tests/access/test_migration.py",
    "tests/scanning/test_gate_served.py",
    "tests/scanning/test_vex_attached.py",
    "tests/scanning/test_adapters_in_gates.py",
    "tests/scanning/test_gate_outlook.py",
    "tests/scanning/test_reading_ahead.py",
    "tests/lifecycle/test_effects.py",
)


# What is decided before a database is asked, or by what was read of it in one way: on one kind is enough.
ON_ONE_DATABASE = (
    "tests/access/test_workloads.py::test_a_token_that_is_not_for_us_and_now_is_refused",
    "tests/access/test_workloads.py::test_no_other_algorithm_is_taken",
    "tests/access/test_workloads.py::test_the_usual_algorithms_are_taken",
    "tests/access/test_workloads.py::test_what_is_no_token_is_refused",
    "tests/api/test_requests.py",
    "tests/oci/test_attacks.py::test_a_disguised_name_is_none_for_whoever_may_everything",
    "tests/oci/test_attacks.py::test_a_line_of_the_log_stays_one",
    "tests/oci/test_attacks.py::test_a_path_that_leads_elsewhere_leads_nowhere",
    "tests/oci/test_attacks.py::test_what_is_authorised_is_what_is_served",
    "tests/oci/test_forged_tokens.py",
    "tests/oci/test_hostile_names.py::test_a_hostile_header_is_no_failure",
    "tests/oci/test_hostile_names.py::test_a_hostile_repository_is_refused",
    "tests/oci/test_hostile_names.py::test_a_hostile_tag_digest_or_upload_is_refused",
    "tests/oci/test_hostile_names.py::test_a_malformed_query_is_no_failure",
    "tests/oci/test_hostile_names.py::test_a_path_that_is_no_part_of_the_api_is_not_found",
    "tests/oci/test_ranges.py",
    "tests/oci/test_tokens.py::test_a_malformed_form_is_refused",
    "tests/oci/test_tokens.py::test_a_malformed_scope_is_refused_with_its_place",
    "tests/ui/test_oidc.py",
    "tests/ui/test_pages.py",
)


# These start container engines, of which one machine has better one at a time.
ENGINES = ("tests/system/clients/", "tests/parts/")
IN_MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    """Files of what needs no programs but PostgreSQL are in memory where it suffices: no test cuts the real power."""
    if "not system" in config.option.markexpr and _may_be_used(IN_MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


def _may_be_used(folder: Path) -> bool:
    """Whether there is room, and what is written there may be executed."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    has = os.statvfs(folder)
    return has.f_bavail * has.f_frsize >= ENOUGH and not has.f_flag & os.ST_NOEXEC


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even read what is slow where nothing slow is to be run."""
    if "not slow" not in config.option.markexpr:
        return None
    path = collection_path.relative_to(config.rootpath).as_posix()
    return True if f"{path}/".startswith(SLOW) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow where it is, so that the list is in one place, and what is to run one after the other."""
    items[:] = (
        item
        for item in items
        if not (item.nodeid.startswith(ON_ONE_DATABASE) and item.get_closest_marker("postgresql"))
    )
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
        group = "engines" if item.nodeid.startswith(ENGINES) else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Long texts, some of them random, are no names: the processes that share the tests out must call them alike."""
    return argname if isinstance(val, str) and len(val) > 60 else None


@cache
def hashed_password() -> str:
    """Argon2 is slow on purpose, at every check of a hash that asks for it; this one asks for next to nothing."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One PostgreSQL server for the run."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres(tmp_path_factory.mktemp("postgres")))
        except FileNotFoundError as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"PostgreSQL is not to be had here: {missing}")
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the schema and nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "wharf.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres_server: str) -> Iterator[str]:
    """The same on PostgreSQL: the name of a template."""
    with fresh_database(postgres_server) as url:
        _migrate(url)
        yield url.rpartition("/")[2]


def _migrate(url: str) -> None:
    database = open_database(url)
    migrate(database.engine)
    database.engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.system, pytest.mark.postgresql])])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database of each kind, with the schema."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "wharf.db")
        yield f"sqlite:///{tmp_path}/wharf.db"
        return
    server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("migrated_database")
    with fresh_database(server, template=template) as url:
        yield url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The database, opened."""
    database = open_database(database_url)
    yield database
    await database.close()


@dataclass
class Registry:
    """The application, an administrator's client, and clients for the other roles."""

    app: Site
    services: Services
    clock: Clock
    client: Client
    opened: list[Client] = field(default_factory=list)

    def as_(self, role: str) -> Client:
        """A client with the credentials of an account that has this role."""
        self.opened.append(Client(app=self.app, account=(f"a-{role}", PASSWORD)))
        return self.opened[-1]


def _add_accounts(tx: Connection, now: float) -> None:
    for role in ROLES:
        account = Account(f"a-{role}", hashed_password(), disabled=False, generation=1, created_at=now)
        accounts.add(tx, account)
        everywhere = GrantRow(0, account.name, role, "**", (), (), None, deny=False, created_at=now, created_by="tests")
        grants.add_grant(tx, everywhere)


@pytest.fixture
async def registry(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Registry]:
    """A registry with an account for every role."""
    settings = Settings(data=tmp_path, database=Secret(database_url), access_log=False, keep_free=0)
    services, site = wiring.assemble(settings, clock)
    await keys.rotate(services.db, clock)
    await services.db.write(_add_accounts, clock())
    made = Registry(site, services, clock, Client(app=site, account=("a-administrator", PASSWORD)))
    yield made
    for client in (made.client, *made.opened):
        await client.close()
    await services.close()
