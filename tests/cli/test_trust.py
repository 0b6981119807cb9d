import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.server import Server, Wharf
from tests.kit.parts.issuer import AUDIENCE, Issuer, github, issuer


@pytest.fixture
def ci() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


@pytest.fixture
def account(server: Server) -> str:
    """A service account, as other commands make it."""
    with sqlite3.connect(server.data / "wharf.db", timeout=10) as database:
        database.execute("UPDATE access_revision SET revision = revision + 1")
        database.execute(
            "INSERT INTO accounts (name, password, disabled, generation, created_at, kind, owner) "
            "SELECT 'ci-' || revision, '', 0, revision, 1, 'service', 'admin' FROM access_revision"
        )
        name: str = database.execute("SELECT name FROM accounts ORDER BY id DESC LIMIT 1").fetchone()[0]
    database.close()
    return name


def test_an_issuer_and_a_rule_are_made_listed_tried_and_removed(
    admin: Wharf, server: Server, ci: Issuer, account: str, tmp_path: Path
) -> None:
    said = admin.done("issuer", "add", ci.url, "--audience", AUDIENCE, "--allow-private").out
    assert said == f"Registered {ci.url} for tokens with the audience {AUDIENCE}.\n"
    assert [ci.url, AUDIENCE, "fetched, private network"] in admin.done("issuer", "list").rows
    said = admin.done(
        "trust", "add", account, ci.url, "repository_id=123", "ref=refs/heads/main", "ref=refs/tags/v1"
    ).out
    rule = said.split()[1].rstrip(":")
    assert said.endswith(f"with ref=refs/heads/main|refs/tags/v1 repository_id=123 may act as {account}.\n")
    row = [rule, account, ci.url, "ref=refs/heads/main|refs/tags/v1 repository_id=123"]
    assert admin.done("trust", "list", "--account", account).rows == [row]
    assert admin.done("trust", "list", "--account", account, "--json").json[0]["claims"]["repository_id"] == ["123"]

    token = ci.sign(github(ci.url, time.time()))
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    tried = admin.done("trust", "test", account, "--token-file", str(file)).out
    assert f"Rule {rule}:\n" in tried
    assert "  ok  repository_id is '123', want '123'\n" in tried
    assert tried.endswith(f"Accepted: it may act as {account}.\n")
    assert server.accepts("oidc", token)

    other = admin("trust", "test", account, "--token-file", "-", stdin=ci.sign(github(ci.url, time.time(), ref="x")))
    assert other.status == 1
    assert "  NO  ref is 'x', want 'refs/heads/main' or 'refs/tags/v1'\n" in other.out
    assert f"Refused: rule {rule}: ref is 'x', not " in other.out

    assert admin.done("trust", "rm", rule).out == f"Removed rule {rule}.\n"
    assert not server.accepts("oidc", token)
    assert admin.done("issuer", "rm", ci.url).out == f"Removed {ci.url} and 0 rules.\n"
    assert ci.url not in admin.done("issuer", "list").out


def test_keys_are_given_in_a_file_and_replaced(admin: Wharf, ci: Issuer, account: str, tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(ci.jwks()))
    words = ("issuer", "add", ci.url, "--audience", AUDIENCE, "--allow-private", "--jwks", str(file))
    admin.done(*words)
    assert "is there already" in admin.refused(*words)
    added = admin("trust", "add", account, ci.url, "project_id=42")
    assert "note: every branch, tag and merge request of it matches" in added.err
    assert admin.done(*words, "--replace").out.startswith("Changed ")
    assert admin.done("issuer", "rm", ci.url).out == f"Removed {ci.url} and 1 rule.\n"
    assert ci.asked == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("issuer", "add", "http://issuer.test", "--audience", "x"), "want https"),
        (("issuer", "add", "https://127.0.0.1", "--audience", "x"), "is this machine itself"),
        (("issuer", "add", "https://issuer.test", "--audience", "x", "--jwks", "/nowhere"), "cannot read /nowhere"),
        (("issuer", "rm", "https://issuer.test"), "is not registered"),
        (("trust", "add", "nobody", "https://issuer.test", "sub=x"), "service account nobody is not known"),
        (("trust", "add", "nobody", "https://issuer.test", "sub"), "is not CLAIM=VALUE"),
        (("trust", "add", "nobody", "https://issuer.test", "ref=x"), "(--allow-names)"),
        (("trust", "rm", "999999"), "trust rule 999999 is not known"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(admin: Wharf, words: tuple[str, ...], expected: str) -> None:
    assert expected in admin.refused(*words)


def test_a_token_that_cannot_be_read_is_no_answer(admin: Wharf) -> None:
    said = admin.refused("trust", "test", "nobody", "--token-file", "/nowhere", status=2)
    assert "cannot read /nowhere: No such file" in said
