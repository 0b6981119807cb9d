"""What is as it was before is not read again: first by the hash of a whole archive, then by that of a record."""

from pathlib import Path

import pytest

from tests.kit.advisories import osv, up_to, write_zip
from wharfinger.scanning.advisories import osv as parsing
from wharfinger.scanning.advisories import reading
from wharfinger.scanning.advisories.building import bring_in
from wharfinger.scanning.advisories.records import Record

RECORDS = [osv(f"PYSEC-2026-{number}", "PyPI", "pip", *up_to("2")) for number in range(5)]
MORE = osv("PYSEC-2026-9", "PyPI", "pip", *up_to("3"))


@pytest.fixture
def records(tmp_path: Path) -> Path:
    (tmp_path / "records").mkdir()
    write_zip(tmp_path / "records" / "a.zip", RECORDS)
    bring_in(tmp_path / "records", tmp_path / "known.db")
    return tmp_path / "records"


def test_nothing_is_taken_out_of_an_archive_that_is_as_it_was(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    monkeypatch.setattr(reading.Budget, "take", lambda _, size: taken.append(size))
    assert not bring_in(records, tmp_path / "known.db").is_changed
    assert taken == []
    write_zip(records / "b.zip", [MORE])
    assert bring_in(records, tmp_path / "known.db").records == 6
    assert len(taken) == 1


def test_of_an_archive_that_changed_only_the_records_that_changed_are_read(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    parse = parsing.parse

    def noted(document: parsing.Document) -> Record:
        read.append(document.id)
        return parse(document)

    monkeypatch.setattr(parsing, "parse", noted)
    write_zip(records / "a.zip", [*RECORDS, MORE])
    assert bring_in(records, tmp_path / "known.db").records == 6
    assert read == ["PYSEC-2026-9"]
