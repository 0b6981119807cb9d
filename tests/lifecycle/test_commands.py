"""``wharf lifecycle evaluate`` and ``wharf policy schema``, as somebody types them; no server is there."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.lifecycle.stock import DEFAULT, NOW, ago, image
from wharfinger.cli import main
from wharfinger.lifecycle import schema


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    policy, stock = tmp_path / "policy.yaml", tmp_path / "images.json"
    policy.write_text(DEFAULT)
    stock.write_text(json.dumps([image("b", "dev-1"), image("a", "prod-1", repository="shop/web")]))
    return policy, stock


def wharf(policy: Path, stock: Path | str, *words: str, now: str = NOW) -> int:
    return main.run(["lifecycle", "evaluate", "--policy", str(policy), "--images", str(stock), "--now", now, *words])


def test_one_record_for_each_image_in_the_order_of_the_images(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert wharf(*files, "--output", "json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first == {
        "id": "b",
        "repository": None,
        "verdict": "delete",
        "rule": "default/4",
        "reason": first["reason"],
        "tags_removed": ["dev-1"],
        "protected_by": None,
    }
    assert (second["id"], second["repository"], second["verdict"]) == ("a", "shop/web", "keep")
    assert wharf(*files, "--output", "table") == 0
    assert capsys.readouterr().out.startswith("delete\t\tb\tdefault/4\tdev-1\t")


def test_images_from_standard_input(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"[]")))
    assert wharf(files[0], "-") == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[\n{]", ":2:2: not JSON"),
        ("[" * 100_000, ":1: not a list of images: nested too deep"),
        ("{}", ":1: want a JSON array"),
        (
            f'[\n {{"id": "a", "tags": [], "pushed": "{ago("1d")}"}}, \n\n {{"id": "b", "tags": []}}]',
            ":4: [1].pushed is missing",
        ),
    ],
)
def test_images_that_are_wrong_are_told_with_file_and_line(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    files[1].write_text(text)
    assert wharf(*files) == 1
    captured = capsys.readouterr()
    assert f"wharf: {files[1]}{said}" in captured.err
    assert captured.out == ""


def test_a_policy_that_is_wrong_is_told_with_file_and_line(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files[0].write_text(DEFAULT.replace("untagged_for", "untagged_since").replace("tags:", "tag:"))
    assert wharf(*files) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"wharf: {files[0]}:6:23: lifecycle[0].rules[0].keep.tag: unknown key")
    assert second.startswith(f"wharf: {files[0]}:7:34: lifecycle[0].rules[1].delete.untagged_since: unknown key")
    assert wharf(files[0].with_name("none.yaml"), files[1]) == 1
    assert "cannot read it" in capsys.readouterr().err


def test_a_directory_of_policies_is_one_list_of_them(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    default = f"version: 1\n{DEFAULT.removeprefix('version: 1')}"
    (folder / "b.yaml").write_text(default)
    (folder / "a.yaml").write_text(
        "version: 1\nlifecycle: [{name: shop, repositories: shop/web, binding: true, rules: [{delete: {}}]}]\n"
    )
    assert wharf(folder, files[1]) == 0
    verdicts = [(each["verdict"], each["rule"]) for each in json.loads(capsys.readouterr().out)]
    assert verdicts == [("delete", "default/4"), ("delete", "shop/1")]
    (folder / "b.yaml").write_text(default.replace("untagged_for", "untagged_since"))
    assert wharf(folder, files[1]) == 1
    assert capsys.readouterr().err.startswith(f"wharf: {folder / 'b.yaml'}:8:34: lifecycle[1].rules[1]")


def test_now_has_a_zone(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert wharf(*files, now="2026-01-31T00:00:00") == 1
    assert "--now: '2026-01-31T00:00:00' is no time" in capsys.readouterr().err


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["policy", "schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["properties"]["lifecycle"] == schema.document()["properties"]["lifecycle"]
