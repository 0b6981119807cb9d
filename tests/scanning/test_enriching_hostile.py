"""Broken files beside advisories, as only fuzzing has thought of them, are told and never end an import."""

import json
from pathlib import Path

import pytest

from tests.kit.advisories import osv, up_to
from wharfinger.scanning.advisories.building import bring_in

GOOD = osv("DSA-1", "Debian:12", "zlib", *up_to("2"))

BROKEN = {
    "no-utf-8-in-a-name.json": b'{"cves": {"CVE-2\xd421-4": "2021-12-10"}}',
    "no-utf-8-among-words.json": b'{"CVE-2021-44228": "impor\xd4ant"}',
    "no-utf-8-in-nvd.json": b'{"vulnerabilities": [{"cve": {"id": "CVE-\xd4"}}]}',
    "deep.json": b'{"CVE-2021-44228": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a-field-without-end.csv": b'cve,epss\n"' + b"a" * 200_000 + b'",1\n',
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_rest_is_brought_in(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / name).write_bytes(BROKEN[name])
    (folder / "good.json").write_text(json.dumps(GOOD))
    imported = bring_in(folder, tmp_path / "known.db")
    assert [each.records for each in imported.sources] == [1]
    assert imported.malformed_count + imported.other_count == 1
