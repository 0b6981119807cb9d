"""``wharf`` itself, ``wharf config``, and what is said when the settings are wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from wharfinger import __version__
from wharfinger.cli.main import run


def test_show_prints_settings_with_their_sources(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHARF_DATABASE", "postgresql://user:hush@db/wharf")
    assert run(["config", "show", "--data", "/srv/wharf"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["data", "/srv/wharf", "--data"] in lines
    assert ["database", "postgresql://user:***@db/wharf", "WHARF_DATABASE"] in lines
    assert ["workers", "1", "default"] in lines


def test_check_says_that_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wharf.yaml").write_text("workers: 2\n")
    assert run(["config", "check", "--config", str(tmp_path / "wharf.yaml")]) == 0
    assert capsys.readouterr().out == "The settings are right.\n"


@pytest.mark.parametrize("command", [["serve"], ["config", "show"], ["config", "check"]])
def test_every_wrong_setting_is_a_line_and_nothing_is_started(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wharf.yaml").write_text("workers: 0\nlisten: here\n")
    assert run([*command, "--config", str(tmp_path / "wharf.yaml")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.partition(" '")[0].partition(" 0 ")[0] for line in said.err.splitlines()] == [
        "wharf: workers:",
        "wharf: listen:",
    ]


def test_the_file_can_be_named_in_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wharf.yaml").write_text("workers: 7\n")
    monkeypatch.setenv("WHARF_CONFIG", str(tmp_path / "wharf.yaml"))
    assert run(["config", "show"]) == 0
    assert f"{tmp_path}/wharf.yaml line 1" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["sreve"], ["serve", "--prot", "1"], ["config", "show", "extra"]])
def test_what_is_not_understood_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert words[-1].lstrip("-") in "".join(capsys.readouterr()) or "prot" in words[1]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_help_does_not_load_the_server() -> None:
    heavy = {"fastapi", "granian", "obstore", "sqlalchemy", "starlette", "uvloop", "structlog"}
    program = "import sys; from wharfinger.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "serve" in done.stdout
    assert heavy & set(done.stderr.split()) == set()
