"""Sets of advisories: what is taken in, what is left out and told, and that the old set is never lost."""

import copy
import gzip
import io
import json
import sqlite3
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from tests.kit.advisories import advisories, excerpt, osv, up_to, whole, write_zip
from wharfinger.errors import Refusal
from wharfinger.scanning.advisories import osv as parsing
from wharfinger.scanning.advisories import reading
from wharfinger.scanning.advisories.building import bring_in
from wharfinger.scanning.advisories.database import Advisories
from wharfinger.scanning.advisories.opening import open_advisories, open_database
from wharfinger.scanning.advisories.records import RecordInvalid
from wharfinger.scanning.advisories.reports import Imported
from wharfinger.scanning.versions.schemes import SCHEMES

RECORD = osv("PYSEC-2026-1", "PyPI", "pip", *up_to("2"), aliases=["CVE-2026-0001"])
OTHER = osv("PYSEC-2026-2", "PyPI", "pip", *up_to("3"), aliases=["CVE-2026-0002"])


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "advisories.db"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    folder.mkdir()
    return folder


def sources(imported: Imported) -> Mapping[str, int]:
    return {each.name: each.records for each in imported.sources}


def reasons(imported: Imported) -> Mapping[str, str]:
    return {each.place: each.reason for each in imported.malformed}


def ids(path: Path, version: str = "1.0") -> set[str]:
    found = open_database(path).hits("PyPI", "pip", SCHEMES["pypi"](version))
    return {hit.advisory.id for hit in found}


def tarred(path: Path, mode: str, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


class TestWhereverTheyLie:
    @pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst"])
    def test_archives_of_every_kind(self, records: Path, database: Path, suffix: str) -> None:
        files = {"a.json": json.dumps(RECORD).encode(), "b.json": json.dumps(OTHER).encode()}
        path = records / f"PyPI{suffix}"
        if suffix == ".zip":
            write_zip(path, [RECORD, OTHER])
        elif suffix == ".tar.zst":
            path.write_bytes(zstandard.compress(tarred(records / "x", "w", files).read_bytes()))
        else:
            tarred(path, f"w:{suffix.lstrip('.').removeprefix('tar.').removeprefix('tar').replace('tgz', 'gz')}", files)
        assert sources(bring_in(path, database)) == {"PyPI": 2}
        assert ids(database) == {"PYSEC-2026-1", "PYSEC-2026-2"}

    def test_folders_at_any_depth_and_archives_in_archives(self, records: Path, database: Path) -> None:
        deep = records / "PyPI" / "2026" / "a"
        deep.mkdir(parents=True)
        (deep / "x.json").write_text(json.dumps(RECORD))
        (records / "Go").mkdir()
        write_zip(records / "Go" / "all.zip", [osv("GO-1", "Go", "example.com/m", *up_to("2.0.0"))])
        inner = write_zip(records / "npm.zip", [osv("GHSA-1", "npm", "tar", *up_to("2.0.0"))])
        tarred(records / "bundle.tar.gz", "w:gz", {"deep/er/npm.zip": inner.read_bytes(), "README": b"hello"})
        inner.unlink()
        imported = bring_in(records, database)
        assert sources(imported) == {"Go": 1, "PyPI": 1, "npm": 1}
        assert open_database(database).ecosystems == {"Go", "PyPI", "npm"}

    def test_a_single_record(self, records: Path, database: Path) -> None:
        (records / "one.json").write_text(json.dumps(RECORD))
        assert sources(bring_in(records / "one.json", database)) == {"one": 1}

    def test_the_same_id_in_two_sources_is_two_records(self, records: Path, database: Path) -> None:
        write_zip(records / "a.zip", [RECORD])
        write_zip(records / "b.zip", [OTHER | {"id": RECORD["id"]}])
        assert sources(bring_in(records, database)) == {"a": 1, "b": 1}
        assert len(open_database(database).hits("PyPI", "pip", SCHEMES["pypi"]("1"))) == 2

    @pytest.mark.slow
    @pytest.mark.skipif(whole() is None, reason="the whole collection of advisories is not here")
    def test_the_whole_collection_as_it_stands(self, database: Path) -> None:
        folder = whole()
        assert folder is not None
        imported = bring_in(folder, database)
        assert imported.records == 28_022
        assert sources(imported)["Debian-DSA-DLA"] == 7694
        assert imported.malformed_count == 0
        assert {each.place for each in imported.flawed} >= {"PyPI/PYSEC-2019-125.json", "PyPI/PYSEC-2021-371.json"}
        assert imported.flawed_count < 40
        assert "fixtures/debian-12-main-expected.json" in {each.place for each in imported.other}
        assert imported.enrichments == {"advisories/cve-severity-from-alma.json": 6592, "advisories/kev.json": 1404}
        again = bring_in(folder, database)
        assert (again.is_changed, again.sha256, again.records) == (False, imported.sha256, imported.records)


BAD: Mapping[str, tuple[bytes, str]] = {
    "broken.json": (b'{"id": "X-1", "affected": [', "not JSON"),
    "latin.json": (b'{"id": "X-2", "modified": "caf\xe9"}', "not JSON"),
    "deep.json": (b'{"id": "X-3", "affected": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
    "number.json": (b'{"id": 7, "affected": []}', "its id is none"),
    "blank.json": (b'{"id": "a b", "affected": []}', "its id is none"),
    "long.json": (b'{"id": "' + b"a" * 300 + b'", "affected": []}', "its id is none"),
    "affected.json": (b'{"id": "X-4", "affected": {"package": 1}}', "affected is no list"),
    "aliases.json": (b'{"id": "X-5", "modified": "", "aliases": "CVE-1"}', "aliases is no list"),
    "many.json": (b'{"id": "X-6", "affected": [' + b"1," * 20_001 + b"1]}", "more than 20000"),
    "wolfi.json": (
        json.dumps(osv("CGA-1", "Wolfi", "curl", *up_to("2"))).encode(),
        "its licence forbids this use",
    ),
}


class TestMalformed:
    """Skipped, counted, shown, and never fatal."""

    def test_bad_records_cost_themselves_alone(self, records: Path, database: Path) -> None:
        for name, (data, _) in BAD.items():
            (records / name).write_bytes(data)
        (records / "good.json").write_text(json.dumps(RECORD))
        imported = bring_in(records, database)
        assert imported.malformed_count == len(BAD)
        told = reasons(imported)
        assert {name: told[f"records/{name}"].startswith(reason) for name, (_, reason) in BAD.items()} == dict.fromkeys(
            BAD, True
        )
        assert ids(database) == {"PYSEC-2026-1"}

    def test_a_part_that_is_wrong_costs_that_part(self, records: Path, database: Path) -> None:
        record = osv("PYSEC-1", "PyPI", "pip", *up_to("2"))
        record["affected"] += [
            7,
            {"package": {"ecosystem": "PyPI"}},
            {"package": {"ecosystem": "Unheard of", "name": "x"}, "ranges": []},
            {"package": {"ecosystem": "PyPI", "name": "a"}, "ranges": [7, {"events": [{"introduced": 0}]}]},
            {"package": {"ecosystem": "PyPI", "name": "b"}, "ranges": [{"events": [{"introduced": "x"}]}]},
            {"package": {"ecosystem": "PyPI", "name": "c"}, "ranges": [{"events": [{"begins": "1"}]}]},
        ]
        record |= {"published": "yesterday", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:X"}, 7]}
        write_zip(records / "x.zip", [record])
        imported = bring_in(records, database)
        assert (imported.malformed_count, imported.flawed_count) == (0, 1)
        assert "Unheard of" in imported.flawed[0].reason
        (hit,) = open_database(database).hits("PyPI", "pip", SCHEMES["pypi"]("1"))
        assert (hit.advisory.published, hit.advisory.ratings) == (None, ())

    def test_json_of_another_kind_and_other_files_are_passed_over(self, records: Path, database: Path) -> None:
        (records / "list.json").write_text("[1]")
        (records / "lock.json").write_text('{"name": "x", "packages": {}}')
        (records / "note.txt").write_text("hello")
        (records / "table.csv").write_text("a,b\n1,2\n")
        write_zip(records / "x.zip", [RECORD])
        imported = bring_in(records, database)
        assert (imported.malformed_count, imported.other_count) == (0, 4)

    def test_a_second_record_with_the_same_id_is_told(self, records: Path, database: Path) -> None:
        (records / "a.json").write_text(json.dumps(RECORD))
        (records / "b.json").write_text(json.dumps(OTHER | {"id": RECORD["id"]}))
        imported = bring_in(records, database)
        assert (sources(imported), imported.malformed_count) == ({"records": 1}, 1)

    @pytest.mark.parametrize("cut", [10, 200, -30])
    def test_an_archive_that_breaks_off_is_told(self, records: Path, database: Path, cut: int) -> None:
        whole_zip = write_zip(records / "a.zip", [RECORD, OTHER]).read_bytes()
        (records / "a.zip").write_bytes(whole_zip[:cut])
        write_zip(records / "b.zip", [RECORD])
        imported = bring_in(records, database)
        assert sources(imported) == {"b": 1}
        assert "cannot be read" in imported.malformed[0].reason

    def test_what_came_before_the_break_in_a_tar_is_kept(self, records: Path, database: Path) -> None:
        files = {f"{at}.json": json.dumps(RECORD | {"id": f"PYSEC-{at}"}).encode() for at in range(50)}
        data = tarred(records / "x.tar", "w", files).read_bytes()
        (records / "x.tar").write_bytes(data[: 1024 * 30 + 100])
        imported = bring_in(records / "x.tar", database)
        assert sources(imported) == {"x": 30}
        assert imported.malformed_count == 1


FULL = {
    "id": "ALSA-2026:1",
    "aliases": ["CVE-2026-0001"],
    "upstream": ["CVE-2026-0002"],
    "related": ["CVE-2026-0003"],
    "published": "2026-01-01T00:00:00Z",
    "summary": "Important: nodejs:16 security update",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
    "database_specific": {"severity": "HIGH", "cvss_v3_score": "7.5"},
    "affected": [
        {
            "package": {"ecosystem": "AlmaLinux:8", "name": "nodejs"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "16-1.module_el8"}]}],
            "ecosystem_specific": {"status": "postponed", "urgency": "low"},
        },
        {
            "package": {"ecosystem": "Go", "name": "stdlib"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"last_affected": "1.2.0"}]}],
            "versions": ["1.5.0"],
            "ecosystem_specific": {"imports": [{"path": "x", "goos": ["linux"], "goarch": ["arm64"]}]},
            "database_specific": {"informational": "notice"},
        },
    ],
}
JUNK: tuple[Any, ...] = (
    None,
    True,
    7,
    -1.5,
    "",
    "0",
    "\0",
    "x" * 500,
    [],
    {},
    [None],
    [[]],
    [{}],
    {"": None},
    {"introduced": 7},
)


def places(value: object, way: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*way, key)
        yield from places(inner, (*way, key))


def test_whatever_is_in_any_place_of_a_record_it_is_read_or_refused() -> None:
    refused = 0
    for way in places(FULL):
        for junk in JUNK:
            raw = copy.deepcopy(FULL)
            node: Any = raw
            for key in way[:-1]:
                node = node[key]
            node[way[-1]] = junk
            try:
                record = parsing.parse(msgspec.convert(raw, parsing.Document))
            except RecordInvalid:
                refused += 1
                continue
            assert all(interval.low < interval.high for interval in record.intervals), way
    assert refused > 0


class TestHostile:
    def test_a_bomb_is_not_inflated(self, records: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "FILE_AT_MOST", 2**20)
        bomb = gzip.compress(b"0" * 2**22)
        tarred(records / "bomb.tar", "w", {"a.json.gz": bomb, "good.json": json.dumps(RECORD).encode()})
        with zipfile.ZipFile(records / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("big.json", b"0" * 2**22)
        imported = bring_in(records, database)
        assert sorted(reasons(imported)) == ["bomb/a.json.gz", "bomb/big.json"]
        assert sources(imported) == {"bomb": 1}

    def test_a_size_that_lies_is_not_believed(
        self, records: Path, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "FILE_AT_MOST", 2**20)
        with zipfile.ZipFile(records / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("big.json", b"0" * 2**22)
        data = bytearray((records / "a.zip").read_bytes())
        at = data.rindex(struct.pack("<L", 2**22))  # in the directory at the end
        data[at : at + 4] = struct.pack("<L", 100)
        (records / "a.zip").write_bytes(bytes(data))
        write_zip(records / "b.zip", [RECORD])
        imported = bring_in(records, database)
        assert sources(imported) == {"b": 1}
        assert imported.malformed_count == 1

    def test_more_than_the_bounds_is_refused_and_the_set_stays(
        self, records: Path, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_zip(records / "a.zip", [RECORD])
        before = bring_in(records, database).sha256
        small = reading.Budget(entries=1)
        monkeypatch.setattr(reading, "Budget", lambda: small)
        write_zip(records / "a.zip", [RECORD, OTHER])
        with pytest.raises(Refusal, match="more than"):
            bring_in(records, database)
        assert open_database(database).sha256 == before

    def test_archives_in_archives_end_somewhere(self, records: Path, database: Path) -> None:
        data = write_zip(records / "x.zip", [RECORD]).read_bytes()
        for _ in range(5):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("inner.zip", data)
            data = buffer.getvalue()
        (records / "x.zip").write_bytes(data)
        write_zip(records / "y.zip", [RECORD])
        imported = bring_in(records, database)
        assert sources(imported) == {"y": 1}
        assert "deep" in imported.malformed[0].reason

    def test_names_in_archives_lead_nowhere(self, records: Path, database: Path, tmp_path: Path) -> None:
        files = {"../../escape.json": json.dumps(RECORD).encode(), "/etc/abs.json": json.dumps(OTHER).encode()}
        tarred(records / "a.tar", "w", files)
        before = {each for each in tmp_path.rglob("*") if "data" not in each.parts}
        assert bring_in(records, database).records == 2
        assert {each for each in tmp_path.rglob("*") if "data" not in each.parts} == before

    def test_links_and_sparse_files_are_not_followed(self, records: Path, database: Path) -> None:
        secret = records.parent / "secret.json"
        secret.write_text(json.dumps(OTHER))
        (records / "link.json").symlink_to(secret)
        with tarfile.open(records / "a.tar", "w") as archive:
            link = tarfile.TarInfo("a.json")
            link.type, link.linkname = tarfile.SYMTYPE, str(secret)
            archive.addfile(link)
            data = json.dumps(RECORD).encode()
            info = tarfile.TarInfo("b.json")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        assert bring_in(records, database).records == 1

    def test_a_header_of_a_gigabyte_is_not_read(self, records: Path, database: Path) -> None:
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**30
        (records / "a.tar").write_bytes(info.tobuf() + b"\0" * 4096)
        write_zip(records / "b.zip", [RECORD])
        imported = bring_in(records, database)
        assert "cannot be read further" in imported.malformed[0].reason


class TestReplacing:
    def test_only_what_changed_is_changed(self, records: Path, database: Path) -> None:
        write_zip(records / "a.zip", [RECORD, OTHER])
        write_zip(records / "b.zip", [RECORD | {"id": "GHSA-1"}])
        first = bring_in(records, database)
        newer = OTHER | {"affected": osv("", "PyPI", "pip", *up_to("1"))["affected"]}
        write_zip(records / "a.zip", [RECORD, newer, RECORD | {"id": "PYSEC-2026-3"}])
        second = bring_in(records, database)
        a, b = second.sources
        assert (a.records, a.before, a.added, a.changed, a.removed) == (3, 2, 1, 1, 0)
        assert (b.records, b.added, b.changed, b.removed) == (1, 0, 0, 0)
        assert second.sha256 != first.sha256
        assert ids(database, "1.0") == {"PYSEC-2026-1", "PYSEC-2026-3", "GHSA-1"}

    def test_the_set_is_named_by_its_content_however_it_came(self, records: Path, tmp_path: Path) -> None:
        write_zip(records / "a.zip", [RECORD, OTHER])
        first = bring_in(records, tmp_path / "1.db").sha256
        (records / "a.zip").unlink()
        files = {f"{each['id']}.json": json.dumps(each).encode() for each in (OTHER, RECORD)}
        tarred(records / "a.tar.gz", "w:gz", files)
        assert bring_in(records, tmp_path / "2.db").sha256 == first
        assert bring_in(records, tmp_path / "1.db").sha256 == first

    def test_a_set_made_in_steps_is_the_set_made_at_once(self, records: Path, tmp_path: Path) -> None:
        steps = tmp_path / "steps.db"
        write_zip(records / "a.zip", [RECORD])
        bring_in(records, steps)
        write_zip(records / "a.zip", [OTHER])
        write_zip(records / "b.zip", [RECORD])
        (records / "kev.json").write_text('{"cves": {"CVE-2026-0001": "2026-01-02"}}')
        once, twice = bring_in(records, tmp_path / "once.db"), bring_in(records, steps, force=True)
        assert once.sha256 == twice.sha256
        assert rows(tmp_path / "once.db") == rows(steps)

    def test_a_source_that_lost_over_a_fifth_is_refused(self, records: Path, database: Path) -> None:
        many = [RECORD | {"id": f"PYSEC-{at}"} for at in range(10)]
        write_zip(records / "a.zip", many)
        before = bring_in(records, database).sha256
        write_zip(records / "a.zip", many[:7])
        with pytest.raises(Refusal, match=r"a would have 7 records, and had 10.*--force"):
            bring_in(records, database)
        assert open_database(database).sha256 == before
        write_zip(records / "a.zip", many[:8])
        assert bring_in(records, database).records == 8
        write_zip(records / "a.zip", many[:1])
        assert bring_in(records, database, force=True).records == 1

    def test_sources_that_are_not_there_stay_unless_it_is_exact(self, records: Path, database: Path) -> None:
        write_zip(records / "a.zip", [RECORD])
        bring_in(records, database)
        (records / "a.zip").unlink()
        write_zip(records / "b.zip", [OTHER])
        assert sources(bring_in(records, database)) == {"a": 1, "b": 1}
        with pytest.raises(Refusal, match="a would have 0 records"):
            bring_in(records, database, exact=True)
        assert sources(bring_in(records, database, exact=True, force=True)) == {"a": 0, "b": 1}
        assert open_database(database).sources == {"b": 1}
        assert ids(database) == {"PYSEC-2026-2"}

    def test_the_old_set_stays_beside_the_new_one(self, records: Path, database: Path) -> None:
        write_zip(records / "a.zip", [RECORD])
        first = bring_in(records, database).sha256
        reader = open_database(database)
        write_zip(records / "a.zip", [OTHER, RECORD])
        second = bring_in(records, database).sha256
        assert (reader.sha256, open_database(database).sha256) == (first, second)
        assert len(reader.hits("PyPI", "pip", SCHEMES["pypi"]("1"))) == 1
        assert Advisories(database.with_name("advisories.db.old")).sha256 == first
        assert sorted(each.name for each in database.parent.iterdir()) == ["advisories.db", "advisories.db.old"]

    def test_an_import_that_dies_leaves_the_old_set(
        self, records: Path, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_zip(records / "a.zip", [RECORD])
        before = bring_in(records, database).sha256
        write_zip(records / "b.zip", [OTHER])
        monkeypatch.setattr(parsing, "parse", dies)
        with pytest.raises(MemoryError):
            bring_in(records, database)
        assert open_database(database).sha256 == before
        assert [each.name for each in database.parent.iterdir()] == ["advisories.db"]

    def test_what_is_no_set_of_ours_is_not_overwritten(self, records: Path, database: Path) -> None:
        write_zip(records / "a.zip", [RECORD])
        database.parent.mkdir()
        for content in (b"precious", b"SQLite format 3\0" + b"\0" * 100):
            database.write_bytes(content)
            with pytest.raises(Refusal, match="no database of advisories"):
                bring_in(records, database)
            assert database.read_bytes() == content

    def test_what_the_disk_refuses_is_told(self, records: Path, tmp_path: Path) -> None:
        write_zip(records / "a.zip", [RECORD])
        (tmp_path / "file").write_text("")
        with pytest.raises(Refusal, match="cannot be made"):
            bring_in(records, tmp_path / "file" / "x.db")

    def test_nothing_is_no_set(self, records: Path, database: Path) -> None:
        with pytest.raises(Refusal, match="not one advisory"):
            bring_in(records, database)
        with pytest.raises(Refusal, match="no such file"):
            bring_in(records / "gone", database)
        assert not database.exists()


def dies(*_: object) -> None:
    raise MemoryError


def rows(path: Path) -> list[tuple[object, ...]]:
    """What a set says, whatever numbers its rows have."""
    with sqlite3.connect(path) as connection:
        return sorted(
            connection.execute(
                "SELECT s.name, r.advisory, e.name, a.name, a.low, a.high, a.fixed FROM affected a"
                " JOIN ecosystem e ON e.id = a.ecosystem JOIN record r ON r.id = a.record"
                " JOIN source s ON s.id = r.source"
            ).fetchall()
        )


class TestOpening:
    def test_a_database_and_the_records_it_was_made_from_are_the_same_set(
        self, records: Path, database: Path, tmp_path: Path
    ) -> None:
        write_zip(records / "a.zip", [RECORD, OTHER])
        sha256 = bring_in(records, database).sha256
        for path in (database, records, records / "a.zip"):
            found = open_advisories(path, cache=tmp_path / "cache")
            assert (found.sha256, found.sources) == (sha256, {"a": 2})

    def test_records_that_were_taken_away_are_gone_the_next_time(self, records: Path, tmp_path: Path) -> None:
        write_zip(records / "a.zip", [RECORD, OTHER])
        assert open_advisories(records, cache=tmp_path / "cache").sources == {"a": 2}
        (records / "a.zip").unlink()
        assert open_advisories(records, cache=tmp_path / "cache").sources == {}

    def test_a_cache_that_is_damaged_is_made_again(self, records: Path, tmp_path: Path) -> None:
        write_zip(records / "a.zip", [RECORD])
        path = open_advisories(records, cache=tmp_path / "cache").path
        path.write_bytes(b"not a database")
        assert open_advisories(records, cache=tmp_path / "cache").sources == {"a": 1}

    def test_where_there_is_nothing_it_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(Refusal, match="no such file"):
            open_advisories(tmp_path / "gone", cache=tmp_path / "cache")
        with pytest.raises(Refusal, match="wharf advisories import"):
            open_database(tmp_path / "gone")


class TestEnrichment:
    @pytest.fixture
    def known(self, records: Path, tmp_path: Path) -> Callable[..., Advisories]:
        def make(**files: str) -> Advisories:
            for name, text in files.items():
                (records / name.replace("__", ".")).write_text(text)
            return open_advisories(records, cache=tmp_path / "cache")

        return make

    def test_kev_in_cisas_own_format(self, known: Callable[..., Advisories]) -> None:
        catalogue = {
            "title": "CISA Catalog of Known Exploited Vulnerabilities",
            "catalogVersion": "2026.11.24",
            "count": 1,
            "vulnerabilities": [
                {"cveID": "CVE-2021-44228", "vendorProject": "Apache", "dateAdded": "2021-12-10"},
                {"cveID": "nonsense", "dateAdded": "2021-12-10"},
            ],
        }
        found = known(kev__json=json.dumps(catalogue))
        assert found.exploited(["GHSA-jfh8-c2jp-5v3q", "CVE-2021-44228"]) == date(2021, 12, 10)
        assert found.exploited(["nonsense", "CVE-2021-44229"]) is None

    def test_epss_as_it_is_published(self, known: Callable[..., Advisories]) -> None:
        text = "#model_version:v2026.03.14,score_date:2026-11-24T00:00:00+0000\ncve,epss,percentile\n"
        found = known(epss_scores__csv=text + "CVE-2021-44228,0.94358,0.99958\nCVE-2020-1,x,1\nCVE-2020-0001,7,1\n")
        assert found.likelihood(["CVE-2021-44228"]) == pytest.approx(0.94358)
        assert found.likelihood(["CVE-2020-0001"]) is None

    def test_nvd_in_its_own_format(self, known: Callable[..., Advisories]) -> None:
        vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"
        metrics = {
            "cvssMetricV31": [
                {"source": "cna@example.com", "type": "Secondary", "cvssData": {"baseSeverity": "LOW"}},
                {
                    "source": "nvd@nist.gov",
                    "type": "Primary",
                    "cvssData": {
                        "version": "3.1",
                        "vectorString": vector,
                        "baseScore": 10.0,
                        "baseSeverity": "CRITICAL",
                    },
                },
            ],
            "cvssMetricV2": [
                {
                    "source": "nvd@nist.gov",
                    "type": "Primary",
                    "cvssData": {"version": "2.0", "vectorString": "AV:N/AC:M/Au:N/C:C/I:C/A:C", "baseScore": 9.3},
                    "baseSeverity": "HIGH",
                }
            ],
        }
        cve = {"id": "CVE-2021-44228", "descriptions": [], "metrics": metrics}
        page = {"resultsPerPage": 1, "format": "NVD_CVE", "version": "2.0", "vulnerabilities": [{"cve": cve}]}
        found = known(nvd__json=json.dumps(page)).ratings(["CVE-2021-44228"])
        assert [(each.source, each.kind, each.severity.value) for each in found] == [
            ("NVD", "cvss2", "high"),
            ("NVD", "cvss3", "critical"),
        ]
        assert found[1].vector == vector

    def test_the_ends_of_releases_as_debian_keeps_them(self, known: Callable[..., Advisories]) -> None:
        found = known(
            debian__csv="version,codename,series,created,release,eol,eol-lts,eol-elts\n"
            "12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30\n"
            "14,Forky,forky,2025-08-09\n",
            ubuntu__csv="version,codename,series,created,release,eol,eol-server,eol-esm\n"
            "22.04 LTS,Jammy Jellyfish,jammy,2021-10-14,2022-04-21,2027-06-01,2027-06-01,2032-04-09\n",
        )
        assert found.end_of_life("debian", "12") == date(2028, 6, 30)
        assert found.end_of_life("ubuntu", "22.04") == date(2027, 6, 1)
        assert found.end_of_life("debian", "14") is None

    def test_words_of_somebody_for_cves(self, known: Callable[..., Advisories]) -> None:
        (rating,) = known(vendor__json='{"CVE-2026-0001": "Important", "CVE-2026-0002": "who knows"}').ratings(
            ["CVE-2026-0001", "CVE-2026-0002"]
        )
        assert (rating.source, rating.severity.value, rating.kind) == ("vendor", "high", "other")

    def test_another_edition_replaces_the_one_before(self, known: Callable[..., Advisories]) -> None:
        first = known(kev__json='{"cves": {"CVE-2026-0001": "2026-01-02", "CVE-2026-0002": "2026-01-02"}}')
        second = known(kev__json='{"cves": {"CVE-2026-0002": "2026-01-02"}}')
        assert second.exploited(["CVE-2026-0001"]) is None
        assert second.exploited(["CVE-2026-0002"]) == date(2026, 1, 2)
        assert second.sha256 != first.sha256
        assert second.enrichments == {"records/kev.json": ("kev", 1)}


def test_a_match_is_a_search_in_an_index(tmp_path: Path) -> None:
    known = advisories(tmp_path, debian=excerpt("debian-12.json")["records"])
    with sqlite3.connect(known.path) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT record FROM affected"
            " WHERE ecosystem = 1 AND name = 'apt' AND low <= x'00' AND high > x'00'"
        ).fetchall()
    assert "USING INDEX affected_by_package (ecosystem=? AND name=? AND low<?)" in plan[0][3]
