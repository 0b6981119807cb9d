"""wharf audit: reading, exporting, verifying, with a server and without."""

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.server import Server, Wharf
from tests.kit.images import image
from tests.kit.parts.wharf import wharf

IMAGE = image(seed=7)
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A registry whose trail the tests of this module may spoil."""
    folder = tmp_path_factory.mktemp("audited")
    with wharf(folder, password=PASSWORD) as host:
        yield Server(f"http://{host}", PASSWORD, folder / "wharf")


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


def spoil(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / "wharf.db", timeout=30)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.fixture
def copied(server: Server, tmp_path: Path) -> Path:
    """The data folder of the registry at this moment: its database and its key."""
    eventually(lambda: sealed_and_signed(server.data))
    copy = tmp_path / "copy"
    (copy / "keys").mkdir(parents=True)
    shutil.copy(server.data / "keys/audit.pem", copy / "keys/audit.pem")
    with (
        closing(sqlite3.connect(server.data / "wharf.db")) as here,
        closing(sqlite3.connect(copy / "wharf.db")) as there,
    ):
        here.backup(there)
    return copy


def sealed_and_signed(data: Path) -> bool:
    with closing(sqlite3.connect(data / "wharf.db", timeout=30)) as connection:
        unsealed = connection.execute("SELECT count(*) FROM audit_records WHERE number IS NULL").fetchone()[0]
        return not unsealed and bool(connection.execute("SELECT count(*) FROM audit_checkpoints").fetchone()[0])


def test_what_was_done_is_listed_the_newest_first(admin: Wharf, server: Server) -> None:
    server.push("audit/one", IMAGE, "1.0")
    rows = admin.done("audit", "--repository", "audit/one").rows
    assert [row[2] for row in rows][:1] == ["tag.make"]
    assert {"push", "blob.push"} <= {row[2] for row in rows}
    when, who, what, outcome, where, digest, address, count = rows[0]
    assert when.endswith("Z")
    assert (who, what, outcome, where, digest, address, count) == (
        "admin",
        "tag.make",
        "done",
        "audit/one:1.0",
        IMAGE.digest,
        "127.0.0.1",
        "1",
    )


def test_a_change_of_access_is_listed_with_what_it_is_about(admin: Wharf) -> None:
    admin.done("sa", "add", "audited-ci", "--owner", "admin")
    grant = admin.done("grant", "add", "audited-ci", "reader", "audited/*").out.rpartition("(grant ")[2].rstrip(").\n")
    admin.done("grant", "rm", grant)
    admin.done("grant", "add", "audited-ci", "reader", "audited/*", "--deny")
    id = admin("secret", "add", "audited-ci", "--label", "x").err.split()[1]
    admin.done("group", "add", "audited")
    admin.done("group", "join", "audited", "admin")
    admin.done("role", "add", "audited-role", "pull")
    expected = {
        ("service-account.add", "audited-ci"),
        ("grant.add", "audited-ci reader audited/*"),
        ("grant.remove", "audited-ci reader audited/*"),
        ("grant.add", "deny audited-ci reader audited/*"),
        ("secret.add", f"{id} of audited-ci"),
        ("group.add", "audited"),
        ("member.add", "admin in audited"),
        ("role.put", "audited-role"),
    }
    assert {(row[2], row[4]) for row in admin.done("audit", "--limit", "20").rows} >= expected


def test_filters(admin: Wharf, server: Server) -> None:
    server.push("audit/two", IMAGE, "1.0", "2.0")
    found = admin.done("audit", "list", "--repository", "audit/two", "--action", "tag.make", "--account", "admin")
    assert [row[4] for row in found.rows] == ["audit/two:2.0", "audit/two:1.0"]
    assert len(admin.done("audit", "--repository", "audit/two", "--limit", "1").rows) == 1
    assert admin.done("audit", "--repository", "audit/two", "--until", "2020-01-01").out == ""
    assert admin.done("audit", "--repository", "audit/two", "--since", "2020-01-01", "--digest", IMAGE.digest).out
    assert admin.done("audit", "--repository", "audit/two", "--outcome", "denied").out == ""


def test_json_is_a_line_for_each_record_and_all_of_them(admin: Wharf, server: Server) -> None:
    server.push("audit/three", IMAGE, *(f"v{number}" for number in range(60)))
    lines = admin.done("audit", "--json", "--repository", "audit/three", "--action", "tag.make").out.splitlines()
    records = [json.loads(line) for line in lines]
    assert sorted(record["tag"] for record in records) == sorted(f"v{number}" for number in range(60))
    assert records[0]["detail"] == {"after": IMAGE.digest, "before": None}


def test_who_may_not_is_told_so(admin: Wharf, stranger: Wharf, server: Server) -> None:
    admin.done("users", "add", "audit-nobody", "--password-stdin", stdin=f"{PASSWORD}\n")
    stranger.done("login", server.url, "--username", "audit-nobody", "--password-stdin", stdin=f"{PASSWORD}\n")
    for words, status in (((), 1), (("verify",), 2), (("checkpoint",), 1)):
        assert "audit" in stranger.refused("audit", *words, status=status)


def test_verify_through_the_server_and_beside_it(admin: Wharf, copied: Path) -> None:
    for words in ((), ("--data", str(copied))):
        verified = admin.done("audit", "verify", *words)
        assert verified.out.startswith("Sealed records: ")
        assert "Without an exported checkpoint it cannot be known" in verified.out
        assert verified.out.endswith("The trail is what was sealed.\n")
    assert admin.done("audit", "verify", "--json", "--data", str(copied)).json["findings"] == []


def test_verify_beside_the_server_finds_what_was_altered(stranger: Wharf, copied: Path) -> None:
    spoil(copied, "UPDATE audit_records SET account = 'bob' WHERE number = 2")
    result = stranger("audit", "verify", "--data", str(copied))
    assert (result.status, result.err) == (1, "")
    assert "FOUND: record 2 was altered" in result.out
    assert result.out.endswith("The trail is NOT what was sealed.\n")


def test_an_exported_checkpoint_shows_what_was_cut_off(admin: Wharf, copied: Path, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.json"
    file.write_text(admin.done("audit", "checkpoint", "--data", str(copied)).out)
    admin.done("audit", "verify", "--data", str(copied), "--checkpoint", str(file))
    spoil(copied, "DELETE FROM audit_records WHERE number >= (SELECT max(number) FROM audit_checkpoints)")
    spoil(copied, "DELETE FROM audit_checkpoints")
    result = admin("audit", "verify", "--data", str(copied), "--checkpoint", str(file))
    assert result.status == 1
    assert "its end is missing" in result.out


def test_a_file_that_is_no_checkpoint_is_refused(admin: Wharf, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.json"
    assert "cannot be read" in admin.refused("audit", "verify", "--checkpoint", str(file), status=2)
    for text in ("", "null", "{}", "[1]", '{"number": "x"}', "\xff"):
        file.write_text(text, encoding="latin-1")
        assert "is no checkpoint" in admin.refused("audit", "verify", "--checkpoint", str(file), status=2)


def test_there_is_no_trail_where_there_is_no_registry(stranger: Wharf, tmp_path: Path) -> None:
    said = stranger.refused("audit", "verify", "--data", str(tmp_path), status=2)
    assert "there is no registry's database" in said


def test_a_spoiled_trail_is_found_through_the_server(stranger: Wharf, own: Server) -> None:
    stranger.done("login", own.url, "--username", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    eventually(lambda: sealed_and_signed(own.data))
    exported = stranger.done("audit", "checkpoint").json
    assert exported["kind"] == "head"
    stranger.done("audit", "verify")
    spoil(own.data, "DELETE FROM audit_records WHERE number = 2")
    result = stranger("audit", "verify")
    assert (result.status, result.err) == (1, "")
    assert "FOUND: record 2 is missing" in result.out


def test_a_password_set_beside_the_server_is_in_the_trail(admin: Wharf, server: Server) -> None:
    admin.done("users", "add", "audit-offline")
    new = f"{PASSWORD} of mine\n"
    admin.done("users", "passwd", "audit-offline", "--password-stdin", "--data", str(server.data), stdin=new)
    lines = admin.done("audit", "--json", "--account", "system:offline").out.splitlines()
    record = json.loads(lines[0])
    assert (record["action"], record["detail"]["account"]) == ("account.change", "audit-offline")
    assert record["client"].startswith("wharf users passwd, run by uid ")
    assert PASSWORD not in str(lines)


def test_the_first_start_is_in_the_trail(admin: Wharf) -> None:
    lines = admin.done("audit", "--json", "--account", "system:start").out.splitlines()
    actions = [json.loads(line)["action"] for line in lines]
    assert set(actions) == {"account.add", "grant.add", "settings.change", "key.add"}
    assert PASSWORD not in str(lines)
