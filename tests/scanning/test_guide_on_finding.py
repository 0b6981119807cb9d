"""The examples of the guide print what it says they print."""

import re
from pathlib import Path

import pytest

from tests.cli.server import Wharf
from tests.kit.advisories import write_zip
from tests.scanning import trees
from tests.scanning.test_commands import BOOKWORM, OPENSSL

GUIDE = (Path(__file__).parents[2] / "docs/guides/finding.md").read_text()
EXAMPLES = re.findall(r"```console\n\$ wharf (.*?)\n(.*?)```", GUIDE, re.DOTALL)
NEXT = {
    "etc/os-release": trees.DEBIAN,
    "var/lib/dpkg/status": trees.dpkg(libssl3="openssl 3.0.17-1~deb12u2", zlib1g="zlib 1:1.2.13.dfsg-1"),
}


@pytest.mark.parametrize(("command", "printed"), EXAMPLES, ids=[command[:40] for command, _ in EXAMPLES])
def test_an_example_prints_what_is_below_it(
    command: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    trees.layout(tmp_path / "web", BOOKWORM, tags=["1.4"])
    trees.archive(tmp_path / "next.tar", trees.image([NEXT]), tags=["1.5"])
    Path("known").mkdir()
    write_zip(Path("known/debian.zip"), [OPENSSL])
    result = Wharf(tmp_path, monkeypatch, capsys)(*command.split())
    assert without_layers(result.out + result.err) == printed


def without_layers(text: str) -> str:
    """Without the digests of layers, which another version of zlib makes others."""
    return re.sub(r"\b(?:[0-9a-f]{12}|[0-9a-f]{64})\b", "LAYER", text)
