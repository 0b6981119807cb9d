"""Tags of what is there, as commands."""

from pathlib import Path

from tests.cli.server import Server, Wharf
from tests.kit.images import image

ONE, TWO = image(seed=31), image(seed=32)


def test_a_version_is_set_with_what_follows_it(admin: Wharf, server: Server) -> None:
    server.push("cli/tag", ONE, "1.5.0", "1", "latest")
    server.push("cli/tag", TWO)
    said = admin.done("tag", f"cli/tag@{TWO.digest}", "--version", "1.4.2", "--commit", "a1b2c3d", "good").out
    assert said.splitlines() == [
        "1.4.2: set",
        "a1b2c3d: set",
        "good: set",
        "1.4: set",
        "1: left where it is: 1.5.0 is higher than 1.4.2",
    ]
    assert admin.done("tag", f"cli/tag@{TWO.digest}", "--version", "1.4.2", "--no-floating").out == (
        "1.4.2: there already\n"
    )
    found = {row[0]: row[2] for row in admin.done("tags", "cli/tag").rows}
    assert {name for name, digest in found.items() if digest == TWO.digest} == {"1.4.2", "1.4", "a1b2c3d", "good"}
    assert found["latest"] == ONE.digest
    assert admin.done("tag", f"cli/tag@{TWO.digest}", "x", "--json").json["changes"][0]["tag"] == "x"
    assert "say which image" in admin.refused("tag", "cli/tag:latest", "x")
    assert "no tag is named" in admin.refused("tag", f"cli/tag@{TWO.digest}")
    assert "no full version" in admin.refused("tag", f"cli/tag@{TWO.digest}", "--version", "1.4")
    assert "--commit is empty" in admin.refused("tag", f"cli/tag@{TWO.digest}", "x", "--commit", "")


def test_a_tag_tells_its_history_and_goes_back(admin: Wharf, server: Server) -> None:
    server.push("cli/back", ONE, "prod")
    server.push("cli/back", TWO, "prod", "other")
    rows = admin.done("history", "cli/back:prod").rows
    assert [row[1:] for row in rows] == [["prod", "push", "admin", each.digest] for each in (TWO, ONE)]
    assert len(admin.done("history", "cli/back", "--limit", "2").rows) == 2
    assert [each["tag"] for each in admin.done("history", "cli/back", "--json").json] == ["other", "prod", "prod"]
    asked = admin("rollback", "cli/back:prod", "--to", ONE.digest)
    assert (asked.status, "use --yes" in asked.err) == (1, True)
    assert f"- cli/back:prod {TWO.digest}\n+ cli/back:prod {ONE.digest}\n" in asked.err
    done = admin("rollback", "cli/back:prod", "--to", ONE.digest, "--yes")
    assert (done.status, done.out) == (0, "Rolled cli/back:prod back.\n")
    assert "is there already" in admin.done("rollback", "cli/back:prod", "--to", ONE.digest).out
    assert admin.done("history", "cli/back:prod").rows[0][2:] == ["rollback", "admin", ONE.digest]
    admin.done("rm", "cli/back:prod")
    assert admin.done("history", "cli/back:prod").rows[0][2:] == ["delete", "admin", "-"]
    admin.done("rm", f"cli/back@{ONE.digest}", "--yes")
    assert admin.done("history", "cli/back:prod").rows[1][4] == f"{ONE.digest} gone"
    assert "is gone" in admin.refused("rollback", "cli/back:prod", "--to", ONE.digest, "--yes")
    assert "there was no tag" in admin.refused("rollback", "cli/back:prod", "--to", "1d-ago", "--yes")
    assert "want a tag" in admin.refused("rollback", f"cli/back@{TWO.digest}", "--to", "1d-ago")
    assert "never changes" in admin.refused("history", f"cli/back@{TWO.digest}")
    assert "never had a tag nope" in admin.refused("history", "cli/back:nope")


def test_history_is_shown_whole_however_long(admin: Wharf, server: Server) -> None:
    server.push("cli/long", ONE, *[f"t{number}" for number in range(105)])
    assert len(admin.done("history", "cli/long").rows) == 105


def test_rules_are_planned_applied_and_in_force(admin: Wharf, server: Server, tmp_path: Path) -> None:
    server.push("cli/ruled", ONE, "1.0")
    server.push("cli/ruled", TWO)
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\ntags:\n- {name: cli, repositories: cli/ruled, immutable: true, except: latest}\n")
    planned = admin("plan", str(file))
    assert planned.status == 2
    assert planned.out == (
        "+ tag rule cli in cli/ruled except latest: immutable\n  of 1 present tag 1 can no longer be moved\n"
    )
    admin.done("apply", str(file), "--yes")
    assert "1.0 is immutable" in admin.refused("tag", f"cli/ruled@{TWO.digest}", "1.0")
    assert "immutable: true" in admin.done("export").out
    assert admin("plan", str(file)).status == 0


def test_a_wrong_rule_is_told_with_its_place_before_anybody_is_asked(stranger: Wharf, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\ntags:\n- {name: cli, repositories: cli/ruled, imutable: true}\n")
    assert f"{file}:3:50: tags[0].imutable: unknown key" in stranger.refused("plan", str(file))


def test_a_policy_with_rules_may_be_tested(stranger: Wharf, tmp_path: Path) -> None:
    file, tests = tmp_path / "policy.yaml", tmp_path / "tests.yaml"
    file.write_text("version: 1\ntags:\n- {name: cli, repositories: cli/ruled, immutable: true}\naccess: {}\n")
    tests.write_text("version: 1\naccess:\n- {principal: anonymous, may_not: pull, repository: shop/web}\n")
    assert stranger.done("policy", "test", str(file), str(tests)).out == "1 of 1 hold.\n"
