"""Plans, runs and explanations as commands."""

import json
from pathlib import Path

from tests.cli.server import Server, Wharf
from tests.kit.images import image

POLICY = """
version: 1
lifecycle:
  - name: cli
    repositories: cli/runs
    ceiling: 100%
    rules:
      - keep: {tags: "prod-*"}
      - delete: {}
"""
ONE, TWO = image(seed=51), image(seed=52)


def test_what_goes_is_planned_applied_and_brought_back(admin: Wharf, server: Server, tmp_path: Path) -> None:
    server.push("cli/runs", ONE, "dev-1")
    server.push("cli/runs", TWO, "prod-1")
    (tmp_path / "policy.yaml").write_text(POLICY)
    admin.done("apply", str(tmp_path / "policy.yaml"), "--yes")
    out = tmp_path / "plan.jsonl"
    said = admin("lifecycle", "plan", "--repository", "cli/*", "--out", str(out))
    assert said.status == 2
    assert f"    {ONE.digest} dev-1" in said.out
    assert "- cli/runs: 1 image, " in said.out
    assert "1 of " in said.out
    assert json.loads(out.read_bytes().splitlines()[0])["format"] == "wharfinger-lifecycle-plan/1"
    assert "now: it goes, by cli/2" in admin.done("explain", "cli/runs:dev-1").out
    assert "now: it stays, by cli/1" in admin.done("explain", "cli/runs:prod-1").out
    head, *rest = out.read_bytes().splitlines(keepends=True)
    (tmp_path / "other").write_bytes(b"".join([json.dumps(json.loads(head) | {"server": "x"}).encode() + b"\n", *rest]))
    other = admin.refused("lifecycle", "apply", str(tmp_path / "other"), "--yes")
    assert f"{tmp_path / 'other'}: line 1: this plan was made for another server" in other
    assert "no terminal to ask on" in admin("lifecycle", "apply", str(out)).err
    assert "1 deleted" in admin.done("lifecycle", "apply", str(out), "--yes").out
    row = next(row for row in admin.done("lifecycle", "runs").rows if row[1] == "plan")  # the newest
    assert row[2] == "finished"
    assert ONE.digest in admin.done("lifecycle", "run", row[0]).out
    assert admin.done("lifecycle", "undo", row[0]).out == "Brought back: 1 image.\n"
    assert admin.done("explain", "cli/runs:dev-1", "--json").json["now"]["verdict"] == "delete"
    out.write_bytes(b"".join(out.read_bytes().splitlines(keepends=True)[:-1]))
    assert "not a plan" in admin.refused("lifecycle", "apply", str(out))


def test_a_changed_image_is_named(admin: Wharf, server: Server, tmp_path: Path) -> None:
    server.push("cli/runs", ONE, "dev-1")
    (tmp_path / "policy.yaml").write_text(POLICY)
    admin("apply", str(tmp_path / "policy.yaml"), "--yes")
    out = tmp_path / "plan.jsonl"
    admin("lifecycle", "plan", "--repository", "cli/runs", "--out", str(out))
    server.push("cli/runs", ONE, "prod-2")
    assert "it would stay by now: cli/1 keeps what has a tag prod-*" in admin.refused(
        "lifecycle", "apply", str(out), "--yes"
    )
    assert admin("lifecycle", "apply", str(out), "--yes", "--skip-changed").status == 3
