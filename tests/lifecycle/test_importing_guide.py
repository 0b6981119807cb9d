"""The guide's examples, and the commands it shows, as somebody types them."""

import json
import re
from pathlib import Path

import pytest

from wharfinger.cli import main
from wharfinger.lifecycle import reading

GUIDE = (Path(__file__).parents[2] / "docs/guides/importing-policies.md").read_text()
EXAMPLES = re.findall(r"```(?:json|sh) (\w+)\n(.*?)```", GUIDE, re.DOTALL)
IMAGES = [
    {"id": "old", "tags": ["prod-1"], "pushed": "2025-01-01T00:00:00Z"},
    {"id": "new", "tags": ["prod-2"], "pushed": "2025-01-02T00:00:00Z"},
]


def test_there_is_an_example_for_each_registry() -> None:
    assert {kind for kind, _ in EXAMPLES} == {"acr", "ecr", "gar", "gitlab", "harbor", "quay"}


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_every_example_can_be_imported(
    kind: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy"
    policy.write_text(text)
    assert main.run(["lifecycle", "import", "--from", kind, str(policy), "--repositories", "shop/**"]) == 0
    (found,) = reading.parse(capsys.readouterr().out)
    assert str(found.repositories.plain()) in {"['shop/**']", "shop/**"}


def test_evaluating_with_the_other_registry_s_own_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy, images = tmp_path / "policy.json", tmp_path / "images.json"
    policy.write_text(dict(EXAMPLES)["ecr"])
    images.write_text(json.dumps(IMAGES))
    words = ["--from", "ecr", "--policy", str(policy), "--images", str(images), "--now", "2026-01-31T00:00:00Z"]
    assert main.run(["lifecycle", "evaluate", *words]) == 0
    old, new = json.loads(capsys.readouterr().out)
    assert (old["verdict"], old["rule"], old["tags_removed"]) == ("delete", 1, ["prod-1"])
    assert (new["verdict"], new["rule"]) == ("keep", 1)
    assert main.run(["lifecycle", "evaluate", *words, "--output", "table"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split("\t")[:4] == ["delete", "", "old", "1"]


@pytest.mark.parametrize("command", ["import", "evaluate"])
def test_a_refusal_names_the_file_the_line_and_the_reason(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, images = tmp_path / "policy.json", tmp_path / "images.json"
    policy.write_text('{"policies": [\n  {"uuid": "u", "method": "number_of_tags", "value": 0}]}')
    images.write_text("[]")
    words = {
        "import": [str(policy)],
        "evaluate": ["--policy", str(policy), "--images", str(images), "--now", "2026-01-31T00:00:00Z"],
    }[command]
    assert main.run(["lifecycle", command, "--from", "quay", *words]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert f"{policy}:2:54: policies[0].value: 0 is out of range" in told.err


def test_warnings_are_said_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(dict(EXAMPLES)["gitlab"])
    assert main.run(["lifecycle", "import", "--from", "gitlab", str(policy)]) == 0
    told = capsys.readouterr()
    assert "1,000 tags" in told.err
    assert told.out.startswith("# keep_n counts per repository here.")
