"""``wharf trash``, ``purge``, ``hold`` and ``inuse``, against a real server."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from tests.cli.server import Server, Wharf
from tests.kit.images import image

APP, OTHER = image(seed=41), image(seed=42)


def test_what_was_removed_is_listed_and_restored_with_its_tags(admin: Wharf, server: Server) -> None:
    server.push("trash/app", APP, "1.0", "latest")
    admin.done("rm", f"trash/app@{APP.digest}", "--yes")
    server.push("trash/app", OTHER, "latest")
    ((row),) = admin.done("trash", "list", "trash/app").rows
    assert (row[0], row[4], row[6]) == (f"trash/app@{APP.digest}", "admin", "1.0 latest")
    out = admin.done("trash", "restore", "trash/app:1.0").out
    assert "1.0: put back" in out
    assert f"latest: not put back: the tag is at {OTHER.digest} now" in out
    assert admin.done("trash", "list", "trash/app").rows == []
    assert "had the tag 1.0" in admin.refused("trash", "restore", "trash/app:1.0")


def test_what_a_brown_out_takes_later_is_pointed_to(admin: Wharf, server: Server, tmp_path: Path) -> None:
    for name in ("trash/doomed", "trash/spared"):
        server.push(name, APP, "1")
    rules = "ceiling: 100%, brownout: 3d, rules: [delete: {}]"
    text = f"version: 1\nlifecycle: [{{name: brief, repositories: 'trash/{{doomed,spared}}', {rules}}}]\n"
    (tmp_path / "policy.yaml").write_text(text)
    (tmp_path / "none.yaml").write_text("version: 1\nlifecycle: []\n")
    assert admin("apply", str(tmp_path / "policy.yaml"), "--yes").status == 0
    admin("lifecycle", "plan", "--repository", "trash/{doomed,spared}", "--out", str(tmp_path / "plan"))
    admin.done("lifecycle", "apply", str(tmp_path / "plan"), "--yes")
    server.pull("trash/spared", "1")
    rows = admin.done("lifecycle", "doomed", "trash/doomed").rows
    assert [row[:2] for row in rows] == [["doomed", f"trash/doomed@{APP.digest}"]]
    for asked in ((), ("--json",)):
        said = admin("trash", "list", "trash/doomed", *asked)
        assert (said.status, said.out.strip() or "[]") == (0, "[]")
        assert "1 image more goes when a brown-out ends, if not pulled: wharf lifecycle doomed trash/doomed" in said.err
    assert admin.done("trash", "list", "trash/spared").rows == []
    (row, *_) = admin.done("lifecycle", "runs").rows
    assert admin.done("lifecycle", "undo", row[0]).out == "Taken off the list: 1 image.\n"
    admin.done("apply", str(tmp_path / "none.yaml"), "--prune", "--yes")  # the other tests have this server, too


def test_the_trash_is_emptied_of_one_or_of_all(admin: Wharf, server: Server) -> None:
    server.push("trash/full", APP, "a")
    server.push("trash/full", OTHER, "b")
    for each in (APP, OTHER):
        admin.done("rm", f"trash/full@{each.digest}", "--yes")
    admin.done("trash", "empty", f"trash/full@{APP.digest}", "--yes")
    assert "not in the trash" in admin.refused("trash", "empty", f"trash/full@{APP.digest}", "--yes")
    assert "Took 1 out" in admin.done("trash", "empty", "trash/full", "--yes").out
    assert json.loads(admin.done("trash", "list", "trash/full", "--json").out) == []
    assert "--yes" in admin.refused("trash", "empty", "trash/full")


def test_a_leaked_secret_is_purged(admin: Wharf, server: Server) -> None:
    leaked = image(layers=[b"a secret of these tests"], seed=43)
    layer = [*leaked.blobs][1]
    server.push("purge/app", leaked, "1")
    assert "is used by purge/app" in admin.refused("purge", layer, "--because", "a key", "--yes")
    out = admin.done("purge", leaked.digest, "--because", "a key", "--yes").out
    assert f"purge/app@{leaked.digest}: gone" in out
    assert f"{layer}: gone" in out
    assert "neither a manifest nor a blob" in admin.refused("purge", layer, "--because", "a key", "--yes")


def test_a_hold_keeps_an_image_until_it_is_taken_away(admin: Wharf, server: Server) -> None:
    server.push("hold/app", APP, "1.4.2")
    admin.done("hold", "hold/app:1.4.2", "--until", "90d", "--because", "the audit")
    admin.done("hold", "add", f"hold/app@{APP.digest}", "--because", "evidence")
    rows = admin.done("hold", "list", "hold/app").rows
    assert [(row[1], row[3], row[5]) for row in rows] == [
        (f"hold/app@{APP.digest}", "admin", "the audit"),
        (f"hold/app@{APP.digest}", "admin", "evidence"),
    ]
    assert rows[1][2] == "it is taken away"
    assert "the audit" in admin.refused("rm", f"hold/app@{APP.digest}", "--yes")
    for row in rows:
        admin.done("hold", "rm", row[0])
    admin.done("rm", f"hold/app@{APP.digest}", "--yes")
    assert "has passed" in admin.refused("hold", "hold/app:1", "--because", "x", "--until", "2020-01-01")


def test_what_a_cluster_runs_is_reported(admin: Wharf, server: Server) -> None:
    server.push("inuse/app", APP, "1.0")
    host = urlsplit(server.url).netloc
    pod = {"kind": "Pod", "metadata": {"namespace": "shop", "name": "app-1"}}
    containers = [{"name": "app", "image": f"{host}/inuse/app:1.0"}, {"name": "x", "image": "docker.io/library/x:1"}]
    listed = json.dumps({"items": [pod | {"spec": {"containers": containers}}]})
    listed = listed.replace("]}}]", f', {{"name": "y", "image": "{host}/Inuse//App:1"}}]}}}}]')
    result = admin.done("inuse", "import", "--reporter", "tests-prod", "--interval", "1h", stdin=listed)
    assert f"left out, not understood: 1 image ({host}/Inuse//App:1)." in result.out
    assert "In use by tests-prod: 1 image." in result.out
    assert "left out, of other registries: 1 image" in result.out
    (row,) = [row for row in admin.done("inuse", "list").rows if row[0] == "tests-prod"]
    assert (row[1:4], row[5]) == (["admin", "1", "3600"], "ok")
    for nothing in ('{"items": []}', "[]", ""):
        admin.refused("inuse", "import", "--reporter", "tests-prod", "--interval", "1h", stdin=nothing)
    said = admin.refused(
        "inuse", "import", "--reporter", "tests-prod", "--interval", "1h", stdin=b'{"items": ["\xe9"]}'
    )
    assert said == "this is no text in UTF-8: want the output of kubectl get … -o json"
    out = admin.done("inuse", "report", "inuse/app:none", "--reporter", "tests-prod", "--interval", "1h").out
    assert "inuse/app:none: not here" in out
    admin.done("inuse", "retire", "tests-prod")
    assert "no reporter" in admin.refused("inuse", "retire", "tests-prod")
