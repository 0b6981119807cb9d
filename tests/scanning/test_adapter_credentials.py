"""What proves us to other scanners is sealed by a key outside of the database, and bound to whom it is sent."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, update

from tests.conftest import Registry
from tests.kit.parts.adapter import Adapter, adapter, basic
from tests.scanning.test_adapters import Asked
from tests.scanning.test_on_push import Scanner, push
from wharfinger.access.vault import Vault, is_sealed
from wharfinger.errors import RequestInvalid
from wharfinger.meta import scanners
from wharfinger.meta.schema_scanners import scanners as table
from wharfinger.scanning.adapters import credentials
from wharfinger.scanning.adapters.asking import Asking

SECRET = "wharf:a secret: with a colon"


@pytest.fixture
def running() -> Iterator[Adapter]:
    with adapter() as found:
        found.credential = basic(*SECRET.split(":", 1))
        yield found


@pytest.fixture
def asked(registry: Registry, running: Adapter) -> Asked:
    return Asked(registry, running)


@pytest.fixture
def scanner(registry: Registry, tmp_path: Path) -> Scanner:
    return Scanner(registry, tmp_path)


async def kept(asked: Asked) -> str:
    (row,) = await asked.registry.services.db.read(scanners.every)
    return row.secret


async def keep(asked: Asked, **fields: object) -> None:
    def change(tx: Connection) -> None:
        tx.execute(update(table).values(fields))

    await asked.registry.services.db.write(change)


async def test_it_is_kept_sealed_and_sent_as_it_is(asked: Asked, scanner: Scanner) -> None:
    made = await asked.register(auth="basic", secret=SECRET)
    assert SECRET not in str(made)
    assert "secret" not in made
    assert is_sealed(await kept(asked))
    assert "a secret" not in await kept(asked)
    await push(scanner)
    await asked.steps()
    assert (await asked.said())["reported_at"] is not None
    assert (await asked.listed())["problem"] == ""


async def test_it_is_not_sent_to_whom_the_database_says_instead(asked: Asked, scanner: Scanner) -> None:
    await asked.register(auth="basic", secret=SECRET)
    await push(scanner)
    with adapter() as other:
        await keep(asked, url=other.url)
        await asked.step()
        assert other.asked == []
    assert "is not what was sealed for it" in (await asked.listed())["problem"]


async def test_another_node_without_the_key_says_so_and_keeps_nobody_from_asking(
    asked: Asked, scanner: Scanner, tmp_path: Path
) -> None:
    await asked.register(auth="basic", secret=SECRET)
    await push(scanner)
    services, here = asked.registry.services, asked.asking
    before = len(asked.adapter.asked)
    there = Vault(tmp_path / "another" / "sealing.key")
    there.seal("x", about="x")
    asked.asking = Asking(services.db, services.authenticator, asked.registry.clock, there)
    await asked.step()
    assert len(asked.adapter.asked) == before
    assert "sealed by another key" in (await asked.listed())["problem"]
    asked.asking = here
    asked.registry.clock.advance(seconds=3600)
    await asked.steps()
    assert (await asked.listed())["problem"] == ""


async def test_what_was_kept_in_the_clear_is_sealed_at_the_next_start(asked: Asked, scanner: Scanner) -> None:
    await asked.register(auth="basic", secret=SECRET)
    await keep(asked, secret=SECRET)  # as versions before this one have kept it
    services = asked.registry.services
    await credentials.seal_all(services.db, services.scanners.vault)
    sealed = await kept(asked)
    assert is_sealed(sealed)
    await credentials.seal_all(services.db, services.scanners.vault)
    assert await kept(asked) == sealed
    await push(scanner)
    await asked.steps()
    assert (await asked.said())["reported_at"] is not None


async def test_what_is_still_in_the_clear_is_not_sent(asked: Asked, scanner: Scanner) -> None:
    await asked.register(auth="basic", secret=SECRET)
    await push(scanner)
    before = len(asked.adapter.asked)
    await keep(asked, secret=SECRET)
    await asked.step()
    assert len(asked.adapter.asked) == before


async def test_two_keys_do_not_seal_in_one_database(asked: Asked, tmp_path: Path) -> None:
    await asked.register(auth="basic", secret=SECRET)
    services = asked.registry.services

    def copy(tx: Connection) -> None:
        (row,) = scanners.every(tx)
        fields = {name: getattr(row, name) for name in type(row).__slots__}
        tx.execute(insert(table).values(fields | {"name": "clear", "secret": SECRET}))

    await services.db.write(copy)
    with pytest.raises(RequestInvalid, match="sealed by another key"):
        await credentials.seal_all(services.db, Vault(tmp_path / "another"))
    assert not (tmp_path / "another").exists()


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "sealing.key"
    sealed = Vault(file).seal(SECRET, about="x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert Vault(file).open(sealed, about="x") == SECRET
    assert Vault(file).seal(SECRET, about="x") != sealed
    assert Vault(file).seal("", about="x") == Vault(file).open("", about="x") == ""


def test_what_was_changed_or_is_about_something_else_is_not_opened(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "sealing.key")
    sealed = vault.seal(SECRET, about="trivy")
    changed = sealed[:-6] + ("AAAA" if sealed[-6:-2] != "AAAA" else "BBBB") + sealed[-2:]
    for text, about in ((sealed, "clair"), (changed, "trivy"), (sealed[:60], "trivy"), (f"{sealed}é", "trivy")):
        with pytest.raises(RequestInvalid, match="is not what was sealed"):
            vault.open(text, about=about)
    for text in (SECRET, "sealed:1:", f"sealed:2:{sealed[9:]}"):
        with pytest.raises(RequestInvalid, match="another key"):
            vault.open(text, about="trivy")


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40])
def test_a_file_that_is_no_key_seals_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "sealing.key"
    file.write_bytes(content)
    with pytest.raises(RequestInvalid, match="is not a key"):
        Vault(file).seal(SECRET, about="x")
