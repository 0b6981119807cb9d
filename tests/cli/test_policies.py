"""Policies as files, and looking at access, as commands."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.cli.server import Wharf
from tests.kit import sarif


def policy(tmp_path: Path, name: str, group: str, members: str = "") -> str:
    file = tmp_path / name
    file.write_text(f"version: 1\naccess:\n  groups: {{{group}: [{members}]}}\n")
    return str(file)


def test_a_policy_is_planned_applied_and_then_in_force(admin: Wharf, tmp_path: Path) -> None:
    file = policy(tmp_path, "p.yaml", "cli-plan", "admin")
    planned = admin("plan", file)
    assert planned.status == 2
    assert "+ admin in group cli-plan" in planned.out
    assert "Applied 2 changes." in admin("apply", file, "--yes").out
    again = admin("plan", file)
    assert "+" not in again.out


def test_a_saved_plan_is_applied_once_and_not_after_a_change(admin: Wharf, tmp_path: Path) -> None:
    file, saved = policy(tmp_path, "p.yaml", "cli-saved"), str(tmp_path / "plan.json")
    assert admin("plan", file, "--out", saved).status == 2
    admin.done("group", "add", "cli-in-between")
    result = admin("apply", saved, "--yes")
    assert (result.status, "access has changed" in result.err) == (1, True)
    assert admin("plan", file, "--out", saved).status == 2
    assert admin("apply", saved, "--yes").status == 0
    assert admin("apply", saved, "--yes").status == 0  # there is nothing left to do
    assert "saved plan says itself" in admin.refused("apply", saved, "--yes", "--prune")


def directory(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A directory of two files that hold together, and the two."""
    folder = tmp_path / "policy"
    folder.mkdir()
    people, machines = folder / "10-people.yaml", folder / "20-machines.yml"
    people.write_text("version: 1\naccess:\n  groups:\n    cli-apart: [admin]\n")
    machines.write_text(
        "version: 1\naccess:\n  grants:\n    - {principal: 'group:cli-apart', role: reader, on: cli-apart/**}\n"
    )
    (folder / ".hidden.yaml").write_text("not: a policy")
    (folder / "README.md").write_text("not: a policy")
    (folder / "old.yaml").mkdir()
    return folder, people, machines


def test_a_directory_is_planned_saved_tested_and_applied_as_one_policy(admin: Wharf, tmp_path: Path) -> None:
    folder, _, _ = directory(tmp_path)
    saved, tests = tmp_path / "plan.json", tmp_path / "tests.yaml"
    planned = admin("plan", str(folder), "--out", str(saved))
    assert planned.status == 2
    assert "+ admin in group cli-apart" in planned.out
    assert "+ grant: group:cli-apart reader on cli-apart/**" in planned.out
    tests.write_text("version: 1\naccess: [{principal: 'group:cli-apart', may: pull, repository: cli-apart/web}]\n")
    assert admin.done("policy", "test", str(folder), str(tests)).out == "1 of 1 hold.\n"
    assert admin("apply", str(saved), "--yes").out.endswith("Applied 3 changes.\n")
    assert "Nothing else to do" in admin("apply", str(folder), "--yes").err
    assert admin("lifecycle", "replay", "--policy", str(folder)).status == 1  # there is no lifecycle in it


def test_what_is_wrong_in_a_directory_is_told_in_its_file(admin: Wharf, tmp_path: Path) -> None:
    folder, people, machines = directory(tmp_path)
    people.write_text(people.read_text().replace("admin", "cli-nobody"))
    unknown = f"wharf: {people}:4:16: access.groups.cli-apart: cli-nobody is not known: "
    assert admin("plan", str(folder)).err.splitlines()[-1].startswith(unknown)
    assert admin("apply", str(folder), "--yes").err.startswith(unknown)
    machines.write_text(machines.read_text().replace("role:", "rule:"))
    for words in (("plan", folder), ("access", "explain", "ci", "pull", "a", "--policy", folder)):
        first, *_ = admin(*map(str, words)).err.splitlines()
        assert first.startswith(f"wharf: {machines}:4:44: access.grants[0].rule: unknown key"), words
    machines.write_text(people.read_text())
    twice = f"wharf: {machines}:4:16: access.groups.cli-apart: what {people}:4:16 says cannot be joined with this\n"
    assert admin("apply", str(folder), "--yes").err == twice
    for file in (people, machines):
        file.unlink()
    assert "there is no *.yaml" in admin.refused("plan", str(folder))


def test_what_is_exported_is_what_is(admin: Wharf, tmp_path: Path) -> None:
    file = str(tmp_path / "all.yaml")
    admin.done("export", "--out", file)
    assert admin("plan", file, "--prune").status == 0
    assert admin.done("export").out == Path(file).read_text()


def test_without_a_terminal_somebody_must_have_said_yes(admin: Wharf, tmp_path: Path) -> None:
    result = admin("apply", policy(tmp_path, "p.yaml", "cli-unasked"))
    assert (result.status, "--yes" in result.err) == (1, True)
    assert "cli-unasked" not in admin.done("group", "list").out


def test_what_is_wrong_is_told_line_by_line_and_nobody_is_asked(stranger: Wharf, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("version: 2\naccess:\n  grants: [{principal: UP, role: reader, on: '**'}]\n")
    result = stranger("plan", str(file))
    assert result.status == 1
    first, second = result.err.splitlines()
    assert first.startswith(f"wharf: {file}:1:10: version: ")
    assert second.startswith(f"wharf: {file}:3:24: access.grants[0].principal: ")
    assert "cannot read it" in stranger.refused("plan", str(tmp_path / "nowhere.yaml"))


def test_what_the_registry_does_not_know_stands_against_a_plan(admin: Wharf, tmp_path: Path) -> None:
    file = policy(tmp_path, "p.yaml", "cli-unknown", "cli-nobody")
    for command in (("plan", file), ("apply", file, "--yes")):
        result = admin(*command)
        assert result.status == 1
        assert f"wharf: {file}:3:" in result.err
        assert "cli-nobody is not known" in result.err


def test_an_answer_is_explained_and_is_the_exit_status(admin: Wharf) -> None:
    unknown = admin("access", "explain", "nobody-of-this-name", "push", "shop/web:1.4.2")
    assert (unknown.status, unknown.err) == (2, "wharf: there is no account nobody-of-this-name\n")
    allowed = admin("access", "explain", "admin", "push", "shop/web:1.4.2")
    assert allowed.status == 0
    assert allowed.out.startswith("allow: grant ")
    admin.done("users", "add", "cli-explained")
    denied = admin("access", "explain", "cli-explained", "push", "shop/web:1.4.2")
    assert denied.status == 1
    command = denied.out.splitlines()[-1].split()
    assert command == ["wharf", "grant", "add", "cli-explained", "publisher", "shop/web", "--tags", "1.4.2"]
    admin.done(*command[1:])
    assert admin("access", "explain", "cli-explained", "push", "shop/web:1.4.2").status == 0


def test_a_digest_is_asked_about_like_content_without_a_tag(admin: Wharf) -> None:
    admin.done("users", "add", "cli-by-digest")
    admin.done("grant", "add", "cli-by-digest", "maintainer", "shop/web", "--tags", "v*")
    content = f"shop/web@sha256:{'0' * 64}"
    assert admin("access", "explain", "cli-by-digest", "pull", content).status == 0
    assert admin("access", "explain", "cli-by-digest", "delete", content).status == 1
    assert "sha256:0" in admin.refused("access", "explain", "admin", "pull", "shop/web@sha256:0", status=2)


def test_what_could_not_be_answered_is_no_answer(admin: Wharf, stranger: Wharf, tmp_path: Path) -> None:
    nothing = str(tmp_path / "nothing.yaml")
    admin.refused("access", "explain", "admin", "fly", "shop/web", status=2)
    admin.refused("access", "explain", "admin", "push", "shop/web", "--policy", nothing, status=2)
    admin.refused("policy", "test", nothing, nothing, status=2)
    admin.refused("access", "review", "--days", "0", status=2)
    admin.done("logout")
    stranger.refused("access", "explain", "admin", "push", "shop/web", status=2)
    stranger.refused("access", "review", status=2)


def test_a_file_explains_without_a_server(stranger: Wharf, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    grant = "{principal: ci, role: publisher, on: shop/**, from: 10.0.0.0/8, until: 2027-01-31}"
    file.write_text(f"version: 1\naccess:\n  grants: [{grant}]\n")
    words = ("access", "explain", "ci", "push", "shop/web", "--policy", str(file), "--at", "2027-01-30", "--from")
    assert stranger(*words, "10.0.0.1").status == 0
    said = stranger.refused("access", "explain", "group:shpo", "push", "shop/web", "--policy", str(file), status=2)
    assert said == "there is no group:shpo in the file"
    denied = stranger(*words, "192.168.0.1", "--json")
    assert (denied.status, denied.json["near"][0]["aspect"]) == (1, "network")
    assert stranger("access", "explain", "ci", "pull", "other", "--policy", str(file)).status == 1


def test_the_matrix_is_a_table_csv_or_json(admin: Wharf) -> None:
    admin.done("users", "add", "cli-matrix", "--role", "reader", "--on", "matrix/**")
    words = ("access", "matrix", "--as", "cli-matrix")
    (row,) = admin.done(*words).rows
    assert row[:5] == ["cli-matrix", "allow", "pull", "matrix/**", "reader"]
    (read,) = csv.DictReader(io.StringIO(admin.done(*words, "--format", "csv").out))
    (told,) = admin.done(*words, "--format", "json").json
    assert (read["grant"], read["via"]) == (str(told["grant"]), "cli-matrix")
    assert admin.done(*words, "--repo", "elsewhere").rows == []


def test_a_review_fails_on_what_is_as_bad_as_that(admin: Wharf) -> None:
    admin.done("grant", "add", "anonymous", "reader", "cli-public/*")
    found = admin("access", "review", "--format", "json", "--fail-on", "never")
    assert found.status == 0
    (public,) = [each for each in found.json["findings"] if "cli-public/*" in each["reason"]]
    assert public["severity"] == "medium"
    assert admin("access", "review", "--fail-on", "medium").status == 1
    log = json.loads(admin("access", "review", "--format", "sarif", "--fail-on", "never").out)
    assert sarif.problems(log) == []
    results = log["runs"][0]["results"]
    assert public["id"] in {result["partialFingerprints"]["wharfFinding/v1"] for result in results}
    (command,) = public["commands"]
    admin.done(*command.split()[1:])
    again = admin("access", "review", "--format", "json", "--fail-on", "never").json
    assert "cli-public/*" not in str(again["findings"])


def test_the_scaffold_is_applied_as_it_comes(admin: Wharf, tmp_path: Path) -> None:
    for person in ("cli-ann", "cli-ben"):
        admin.done("users", "add", person)
    words = ["access", "scaffold", "--team", "cli-team", "--maintainer", "cli-ann", "--maintainer", "cli-ben"]
    file, tests = tmp_path / "policy.yaml", tmp_path / "tests.yaml"
    ci = ["--ci", "github:acme/shop", "--audience", "registry"]
    file.write_text(admin.done(*words, *ci).out)
    unfinished = admin("plan", str(file))
    assert (unfinished.status, "placeholder" in unfinished.err) == (1, True)
    file.write_text(admin.done(*words, *ci, "--repository-id", "123").out)
    tests.write_text(admin.done(*words, "--tests").out)
    admin.done("policy", "test", str(file), str(tests))
    assert admin("apply", str(file), "--yes").status == 0
    assert admin("access", "explain", "ci-cli-team", "push", "cli-team/web").status == 0
    assert admin("access", "explain", "ci-cli-team", "delete", "cli-team/web").status == 1
    assert admin("access", "explain", "production-cli-team", "pull", "cli-team/web:1.0").status == 1


def test_a_test_that_fails_is_told_as_a_difference(stranger: Wharf, tmp_path: Path) -> None:
    file, tests, junit = (tmp_path / name for name in ("policy.yaml", "tests.yaml", "junit.xml"))
    file.write_text("version: 1\naccess:\n  grants: [{principal: ci, role: publisher, on: shop/**}]\n")
    tests.write_text("version: 1\naccess:\n  - {principal: ci, may: push, may_not: tag, repository: shop/web}\n")
    result = stranger("policy", "test", str(file), str(tests), "--junit", str(junit))
    assert result.status == 1
    assert result.out.splitlines() == [
        f"{tests}:3:5: ci may not tag shop/web",
        "- deny",
        "+ allow: grant 1: ci publisher on shop/**",
    ]
    suite = ET.fromstring(junit.read_text())
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.find("failure") is not None for case in suite] == [False, True]
