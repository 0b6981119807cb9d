"""The examples in the guide on access are run, from the first to the last, against a registry of their own."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.server import Wharf
from tests.kit.parts.wharf import wharf
from wharfinger.access import policy_file, scaffold
from wharfinger.access.scaffold import Asked

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "access.md"
FILE = re.compile(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
EXITS = re.compile(r"\s+# exits with (\d)$")
PASSWORD = "correct horse battery"


def commands() -> Iterator[tuple[str, int, list[str]]]:
    """(command, exit status, lines that it prints among others; … stands for anything)."""
    for block in CONSOLE.findall(GUIDE.read_text()):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            first, *lines = example.splitlines()
            exits = EXITS.search(first)
            yield EXITS.sub("", first), int(exits[1]) if exits else 0, lines


def test_every_example_in_the_guide_does_what_it_says(
    stranger: Wharf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "server").mkdir()
    with wharf(tmp_path / "server", password=PASSWORD) as host:
        stranger.done("login", f"http://{host}", "--username", "admin", "--password-stdin", stdin=PASSWORD)
        for person in ("alice", "bob"):
            stranger.done("users", "add", person)
        monkeypatch.chdir(tmp_path)
        for name, text in FILE.findall(GUIDE.read_text()):
            Path(name).write_text(text)
        for command, status, lines in commands():
            program, *words = shlex.split(command)
            assert program == "wharf", command
            result = stranger(*words)
            said = f"{result.out}{result.err}".splitlines()
            assert result.status == status, (command, result)
            for line in lines:
                wanted = re.compile(re.escape(line).replace("…", ".*"))
                assert any(wanted.fullmatch(each) for each in said), (command, line, said)


def test_the_file_in_the_guide_is_the_scaffolds_with_its_administrator() -> None:
    asked = Asked(
        "shop",
        ci="github:acme/shop",
        repository_id="4711",
        audience="registry.example.org",
        maintainers=("alice", "bob"),
    )
    (text,) = (text for name, text in FILE.findall(GUIDE.read_text()) if name == "policy.yaml")
    shown, made = policy_file.parse(text).access, policy_file.parse(scaffold.policy(asked)).access
    assert shown.grants is not None
    assert shown.grants[1:] == made.grants
    assert (shown.groups, shown.services, shown.trusts) == (made.groups, made.services, made.trusts)
