"""``wharf exception`` and ``wharf vex``, against a real server."""

import json
from pathlib import Path

from tests.cli.server import Server, Wharf
from tests.scanning.test_vex import openvex

ASKED = ("--package", "openssl@<3.0.17", "--repository", "excused/*", "--reason", "no TLS is spoken")


def log_in(wharf: Wharf, server: Server, name: str, password: str) -> None:
    wharf.done("login", server.url, "--username", name, "--password-stdin", stdin=f"{password}\n")


def test_one_asks_another_decides_and_the_list_says_what_ends_soon(
    admin: Wharf, server: Server, tmp_path: Path
) -> None:
    admin.done("users", "add", "exc-dev", "--password-stdin", stdin=f"{server.password}\n")
    admin.done("grant", "add", "exc-dev", "publisher", "excused/**")
    log_in(admin, server, "exc-dev", server.password)
    asked = admin.done("exception", "request", "CVE-2026-1000", *ASKED, "--until", "3d", "--ticket", "SEC-1", "--json")
    number = str(asked.json["id"])
    other = str(
        admin.done("exception", "request", "ghsa-aaaa-bbbb-cccc", *ASKED, "--until", "90d", "--json").json["id"]
    )
    assert "asked for" in admin.done("exception", "request", "CVE-2026-2", *ASKED, "--until", "90d").out
    assert "may not approve everywhere in excused/*" in admin.refused("exception", "approve", number)
    assert "at most 180 days" in admin.refused("exception", "request", "CVE-2026-1", *ASKED, "--until", "200d")
    assert "at most 180 days" in admin.refused("exception", "request", "CVE-2026-1", *ASKED, "--until", "2020-01-01")
    log_in(admin, server, "admin", server.password)
    assert "CVE-2026-1000 is excused until" in admin.done("exception", "approve", number, "--because", "agreed").out
    admin.done("exception", "refuse", other, "--because", "it is reachable")
    assert "is refused" in admin.refused("exception", "withdraw", other)
    assert "no exception 999999" in admin.refused("exception", "show", "999999")

    result = admin("exception", "list", "--repository", "excused/app")
    assert [row[1:5] for row in result.rows[:2]] == [
        ["approved", "CVE-2026-1000", "openssl@<3.0.17", "excused/*"],
        ["refused", "GHSA-AAAA-BBBB-CCCC", "openssl@<3.0.17", "excused/*"],
    ]
    assert result.err == f"These end within a week: {number}\n"
    assert [row[0] for row in admin.done("exception", "list", "--expiring", "7d").rows] == [number]
    assert admin.done("exception", "list", "--expiring", "1d").rows == []
    assert "--expiring" in admin.refused("exception", "list", "--expiring", "soon")
    shown = dict(admin.done("exception", "show", number).rows)
    assert shown["ticket"] == "SEC-1"
    assert shown["requested"].endswith("by exc-dev")
    assert shown["approved"].endswith("by admin: agreed")
    assert json.loads(admin("exception", "list", "--state", "approved", "--json").out)[0]["decided_by"] == "admin"
    admin.done("exception", "withdraw", number)
    assert "withdrawn" in dict(admin.done("exception", "show", number).rows)


def test_a_vex_document_is_brought_listed_and_removed(admin: Wharf, tmp_path: Path) -> None:
    file = tmp_path / "openssl.vex.json"
    file.write_text(json.dumps(openvex("pkg:deb/debian/openssl")))
    assert "1 statements, by example.org" in admin.done("vex", "import", str(file), "--repository", "excused/**").out
    (row,) = admin.done("vex", "list").rows
    assert (row[1:6]) == ["openssl.vex.json", "example.org", "1", "excused/**", "admin"]
    assert "Removed" in admin.done("vex", "rm", row[0]).out
    assert "no VEX document" in admin.refused("vex", "rm", row[0])
    file.write_bytes(b"\xff")
    assert "UTF-8" in admin.refused("vex", "import", str(file), "--repository", "x")
    assert "cannot read it" in admin.refused("vex", "import", str(tmp_path / "none"), "--repository", "x")
