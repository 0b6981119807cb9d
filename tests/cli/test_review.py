"""``wharf access review``: the commands that it prints put right what it found."""

import asyncio
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.cli.server import Wharf
from tests.kit.parts.wharf import wharf
from wharfinger.access.findings import RULES
from wharfinger.meta import accounts, audit, grants, trusts
from wharfinger.meta.accounts import PERSON, SERVICE, Account
from wharfinger.meta.audit import Entry
from wharfinger.meta.db import open_database
from wharfinger.meta.grants import GrantRow, IssuerRow, SecretRow, TrustRow

DAY = 86400.0
PASSWORD = "correct horse battery"
GITHUB = "https://token.actions.githubusercontent.com"


def neglect(tx: Connection) -> None:
    """Everything that a review can find, as it comes to be within half a year."""
    now = time.time()
    old = now - 200 * DAY
    generation = accounts.begin_change(tx)

    def account(name: str, kind: str, owner: str | None = None, *, disabled: bool = False) -> None:
        accounts.add(tx, Account(name, "", disabled, generation, old, kind, owner))

    def grant(who: str, role: str, where: str, **more: object) -> int:
        made = GrantRow(0, who, role, where, (), (), None, deny=False, created_at=old, created_by="admin")
        return grants.add_grant(tx, replace(made, **more))  # type: ignore[arg-type]

    def used(id: int, action: str, repository: str) -> None:
        audit.add(tx, Entry(now - DAY, action, "ci", repository=repository, rule=f"grant {id}: …"))

    def secret(id: str, label: str, *, kind: str = "secret", age: float, **more: object) -> None:
        made = SecretRow(id, "ci", kind, label, id, None, None, now - age * DAY, "admin", now + DAY, now)
        grants.add_secret(tx, replace(made, **more))  # type: ignore[arg-type]

    audit.add(tx, Entry(old, "login", "admin"))
    account("left", PERSON, disabled=True)
    account("ci", SERVICE, "admin")
    account("inherited", SERVICE, "left")
    account("orphan", SERVICE)
    grant("left", "reader", "shop/web", created_at=now)  # too young to be called unused
    grant("ci", "reader", "idle/*")
    used(grant("ci", "maintainer", "wide/**", tags=("v*", "it-*"), until=now + DAY + 0.1234567), "pull", "wide/web")
    used(grant("ci", "reader", "twice/**"), "pull", "twice/web")
    used(grant("ci", "reader", "twice/web"), "pull", "twice/web")
    used(grant("ci", "publisher", "**"), "push", "every/where")
    grant("ci", "administrator", "own/*")
    grant("ci", "reader", "shop/x", until=now - 1.5)
    grant("ci", "gone", "shop/y")
    grant("anonymous", "reader", "open/*")
    grants.add_group(tx, "Nobody here", old)
    grant("group:Nobody here", "reader", "shop/z")
    secret("old", "-it's old", age=100)
    secret("idle", "idle", age=60, used_at=None)
    secret("endless", "endless", age=1, expires_at=None)
    secret("token", "token", kind="token", age=1, expires_at=None)
    trusts.add_issuer(tx, IssuerRow(GITHUB, "ours", None, private=False, created_at=old))
    trusts.add_trust(tx, TrustRow(1, GITHUB, "ci", {"repository": ["acme/shop"]}, old, "admin"))


@pytest.fixture
def admin(stranger: Wharf, tmp_path: Path) -> Iterator[Wharf]:
    """The administrator of a registry of its own, which was neglected: other tests' accounts are left alone."""
    (tmp_path / "server").mkdir()
    with wharf(tmp_path / "server", password=PASSWORD) as host:
        asyncio.run(_write(tmp_path / "server" / "wharf" / "wharf.db"))
        stranger.done("login", f"http://{host}", "--username", "admin", "--password-stdin", stdin=PASSWORD)
        yield stranger


async def _write(file: Path) -> None:
    db = open_database(f"sqlite:///{file}")
    await db.write(neglect)
    await db.close()


def test_every_command_can_be_run_and_ends_its_finding(admin: Wharf) -> None:
    met: set[str] = set()
    kept: set[str] = set()
    while left := [f for f in admin("access", "review", "--format", "json").json["findings"] if f["id"] not in kept]:
        finding = left[0]
        met.add(finding["rule"])
        for command in finding["commands"]:
            program, *words = shlex.split(command)
            assert program == "wharf"
            assert admin(*words).status == 0, (finding, command)
        after = admin("access", "review", "--format", "json").json["findings"]
        if finding["commands"]:
            assert finding["id"] not in {each["id"] for each in after}
        else:
            kept.add(finding["id"])
    assert met == set(RULES)
    assert kept == {"may-delete/grant/1"}  # without it nobody would administer anything
