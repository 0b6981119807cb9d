"""The examples of the guide print what it says they print."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.cli.server import Wharf
from tests.kit.advisories import write_zip
from tests.scanning import trees
from tests.scanning.test_commands import BOOKWORM, OPENSSL
from wharfinger.cli.main import build
from wharfinger.scanning.gate.deciding import Rule

GUIDE = (Path(__file__).parents[2] / "docs/guides/scanning.md").read_text()
EXAMPLES = re.findall(r"```console\n\$ wharf (.*?)\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize(("command", "printed"), EXAMPLES, ids=[command[:40] for command, _ in EXAMPLES])
def test_an_example_prints_what_is_below_it(
    command: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    trees.layout(tmp_path / "web", BOOKWORM, tags=["1.4"])
    Path("known").mkdir()
    write_zip(Path("known/debian.zip"), [OPENSSL])
    (vex,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    Path("vex.json").write_text(vex)
    assert json.loads(vex)
    result = Wharf(tmp_path, monkeypatch, capsys)(*command.split())
    assert digests(result.out + result.err).startswith(digests(printed))


def digests(text: str) -> str:
    """Without what another version of zlib makes of the same files, and without what time it is."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "…", re.sub(r"sha256:[0-9a-f]{12}\b", "sha256:…", text))


def test_every_rule_is_in_it() -> None:
    for rule in Rule:
        assert f"`{rule}`" in GUIDE, rule


PIPELINES = (Path(__file__).parents[2] / "docs/guides/scanning-in-ci.md").read_text()
STEPS = re.findall(r"```(?:yaml|groovy)\n(.*?)```", PIPELINES, re.DOTALL)


def test_every_pipelines_steps_are_few_and_are_yaml_where_they_say_so() -> None:
    assert len(STEPS) == 4
    assert all(len(steps.splitlines()) < 15 for steps in STEPS)
    for steps in re.findall(r"```yaml\n(.*?)```", PIPELINES, re.DOTALL):
        assert yaml.safe_load(steps)


def test_every_command_of_a_pipeline_is_one_of_ours_with_options_that_it_has() -> None:
    commands = re.findall(r"\bwharf ((?:gate|scan|advisories) .*?)(?:'?$| > )", PIPELINES, re.MULTILINE)
    assert len(commands) == 7
    for command in commands:
        function, _, _ = build().parse_args(command.split(), exit_on_error=False)
        assert function.__name__ in {"gate", "update"}
