"""What was noted outlives the process: kill -9 takes nothing from the audit trail, and nothing is in it twice."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests.access.test_trail import DIGEST, Away, refusal
from tests.kit.clock import Clock
from wharfinger.access.caller import Caller, Origin, system
from wharfinger.access.noted import Noted, Orphan
from wharfinger.access.trail import SINGLE_AT_MOST, Trail
from wharfinger.errors import Unavailable
from wharfinger.meta import audit
from wharfinger.meta.audit import Entry, Filter, Record
from wharfinger.meta.db import Database

SMALL = 2048
"""Bytes of a segment in which there is room for a few records."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "noted"


def entry(number: int = 0, **more: object) -> Entry:
    made = Entry(1000.0 + number, "pull", "anna", repository="shop/web", tag="1.0", digest=DIGEST, request=f"r{number}")
    return replace(made, **more)  # type: ignore[arg-type]


def killed(folder: Path, note: Callable[[Noted], object], **more: int) -> None:
    """A process that notes, and is killed at once."""
    pid = os.fork()
    if not pid:
        try:
            noted = Noted(folder, **more)
            noted.open()
            note(noted)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def folders(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def files(folder: Path) -> list[Path]:
    return list(folder.glob("*/*"))


def left(folder: Path) -> list[Entry]:
    found = []
    for orphan in Noted(folder).orphans():
        with orphan:
            found += orphan.entries()
    return found


def test_what_a_killed_process_had_put_is_there_as_it_was(folder: Path) -> None:
    odd = entry(2, client="\ud800 \u00fc\x00", account="x" * 500, detail={"a": [1, None, {"b": "\n"}], "c": ("d",)})

    def note(noted: Noted) -> None:
        often, once, written = (noted.put(entry(number), 1, 1000.5) for number in (0, 1, 3))
        noted.put(odd, 7, 1002.25)
        assert often is not None
        often.tell(3, 1003.75)
        assert once is not None
        noted.release(written)

    killed(folder, note)
    assert left(folder) == [
        replace(entry(0), count=3, last_at=1003.75),
        replace(entry(1), last_at=1000.5),
        replace(odd, count=7, last_at=1002.25, detail={"a": [1, None, {"b": "\n"}], "c": ["d"]}),
    ]


def test_places_are_used_again_and_what_was_there_before_is_gone(folder: Path) -> None:
    def note(noted: Noted) -> None:
        for round in range(50):
            slots = [noted.put(entry(number, account="a" * (50 - round)), 1, 0.0) for number in range(3)]
            for slot in slots:
                noted.release(slot)
        noted.put(entry(99), 1, 0.0)

    killed(folder, note, segment_bytes=SMALL)
    assert [each.request for each in left(folder)] == ["r99"]
    assert len(files(folder)) == 1


def test_many_need_more_files_which_go_when_they_are_written(folder: Path) -> None:
    noted = Noted(folder, segment_bytes=SMALL)
    noted.open()
    slots = [noted.put(entry(number), 1, 0.0) for number in range(50)]
    assert None not in slots
    assert len(files(folder)) > 3
    for slot in slots:
        noted.release(slot)
    assert len(files(folder)) == 1
    noted.close()
    assert folders(folder) == []


def test_of_several_files_everything_is_read_in_its_order(folder: Path) -> None:
    killed(folder, lambda noted: [noted.put(entry(number), 1, 0.0) for number in range(100)], segment_bytes=SMALL)
    assert [each.request for each in left(folder)] == [f"r{number}" for number in range(100)]


def test_a_full_disk_keeps_nobody_from_pulling(folder: Path) -> None:
    noted = Noted(folder, segment_bytes=1 << 62)  # no disk has as much
    noted.open()
    assert noted.put(entry(), 1, 0.0) is None
    noted.release(None)
    assert noted.put(entry(), 1, 0.0) is None
    assert files(folder) == []
    noted.close()


def test_a_record_that_is_longer_than_a_file_is_not_kept(folder: Path) -> None:
    noted = Noted(folder, segment_bytes=SMALL)
    noted.open()
    assert noted.put(entry(detail={"long": "x" * SMALL}), 1, 0.0) is None
    assert noted.put(entry(), 1, 0.0) is not None
    noted.close()


def test_where_there_can_be_no_folder_one_does_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    noted = Noted(tmp_path / "file" / "noted")
    noted.open()
    assert noted.put(entry(), 1, 0.0) is None
    assert list(noted.orphans()) == []
    noted.close()


def test_nobody_takes_over_from_the_living_nor_two_from_one_who_is_dead(folder: Path) -> None:
    alive, looking = Noted(folder), Noted(folder)
    alive.open()
    looking.open()
    alive.put(entry(), 1, 0.0)
    assert list(looking.orphans()) == []
    killed(folder, lambda noted: noted.put(entry(), 1, 0.0))
    first = looking.orphans()
    with next(first) as orphan:
        assert list(alive.orphans()) == []
        orphan.remove()
    assert list(alive.orphans()) == []
    alive.close()
    looking.close()


def test_a_file_of_which_only_a_part_reached_the_disk_is_read_as_far_as_it_goes(folder: Path) -> None:
    killed(folder, lambda noted: [noted.put(entry(number), 1, 0.0) for number in range(3)])
    (file,) = files(folder)
    whole = file.read_bytes()
    for cut in range(0, len(whole.rstrip(b"\0")), 7):
        file.write_bytes(whole[:cut])
        assert [each.request for each in left(folder)] == [f"r{number}" for number in range(3)][: len(left(folder))]
    file.write_bytes(whole.replace(b'"r1"', b'"r1\0', 1))
    assert [each.request for each in left(folder)] == ["r0"]


# --- the trail's own


def pull(trail: Trail, clock: Clock, request: str, tag: str = "1.0") -> None:
    by: Caller = system("tests", clock())
    by.identity = replace(by.identity, name="anna")
    by.origin = Origin("10.0.0.1", "crane", request)
    by.rule = "grant 1"
    trail.pull(by, "shop/web", tag, DIGEST)


def of_a_worker(db: Database, clock: Clock) -> Callable[[Noted], None]:
    """Everything that a worker notes: three pulls as one, one alone, a note, and more refusals than are told singly."""

    def note(noted: Noted) -> None:
        trail = Trail(db, clock, noted=noted)
        for number in range(3):
            pull(trail, clock, f"r{number}")
        pull(trail, clock, "other", "2.0")
        trail.note(Entry(clock(), "login", "anna", request="r7", detail={"method": "password"}))
        for number in range(SINGLE_AT_MOST + 5):
            told = refusal(clock, address="10.0.0.9")
            trail.refuse(replace(told, at=told.at + number / 1000, request=f"f{number}", tag=f"t{number}"))

    return note


async def recorded(db: Database) -> list[Record]:
    return list(reversed(await db.read(audit.page, Filter(), None, 1000)))


async def test_a_new_worker_writes_what_one_had_noted_that_was_killed(db: Database, clock: Clock, folder: Path) -> None:
    killed(folder, of_a_worker(db, clock))
    trail = Trail(db, clock, noted=Noted(folder))
    await trail.adopt()
    found = await recorded(db)
    assert {(r.action, r.tag, r.count, r.request) for r in found if r.action == "pull"} == {
        ("pull", "1.0", 3, "r0"),
        ("pull", "2.0", 1, "other"),
    }
    refused = [record for record in found if record.outcome == "failed"]
    assert [record.count for record in refused] == [1] * SINGLE_AT_MOST + [5]
    assert refused[-1].tag is None  # what the five differ in
    assert [record.detail for record in found if record.request == "r7"] == ['{"method": "password"}']
    assert folders(folder) == []


async def test_what_was_written_before_the_kill_is_not_written_again(db: Database, clock: Clock, folder: Path) -> None:
    note = of_a_worker(db, clock)
    killed(folder, note)
    written = [entry for entry in left(folder) if entry.request != "other"]
    await db.write(audit.add_many, written)
    trail = Trail(db, clock, noted=Noted(folder))
    await trail.adopt()
    assert len(await recorded(db)) == len(written) + 1
    assert sum(record.count for record in await recorded(db)) == 3 + 1 + 1 + SINGLE_AT_MOST + 5


async def test_it_waits_for_a_database_that_is_away(db: Database, clock: Clock, folder: Path) -> None:
    killed(folder, of_a_worker(db, clock))
    away = Away(db)
    away.problem = Unavailable("away")
    trail = Trail(away, clock, noted=Noted(folder))  # type: ignore[arg-type]
    await trail.adopt()
    assert await recorded(db) == []
    away.problem = None
    await trail.adopt()
    assert len(await recorded(db)) == 3 + SINGLE_AT_MOST + 1


async def test_a_mistake_in_one_does_not_hold_up_the_others(db: Database, clock: Clock, folder: Path) -> None:
    killed(folder, of_a_worker(db, clock))
    away = Away(db)
    away.problem = ValueError("a mistake of ours")
    trail = Trail(away, clock, noted=Noted(folder))  # type: ignore[arg-type]
    await trail.adopt()
    assert len(folders(folder)) == 1  # it is kept, to be looked at


async def test_a_trail_that_is_stopped_leaves_nothing_behind(db: Database, clock: Clock, folder: Path) -> None:
    trail = Trail(db, clock, noted=Noted(folder, segment_bytes=SMALL))
    trail.start()
    for number in count():
        pull(trail, clock, f"r{number}", f"t{number}")
        if len(files(folder)) > 2:
            break
    await trail.stop()
    assert len(await recorded(db)) == number + 1
    assert folders(folder) == []


async def test_what_is_lost_while_the_database_is_away_is_no_longer_kept(
    db: Database, clock: Clock, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wharfinger.access.trail.WAITING_AT_MOST", 2)
    away = Away(db)
    away.problem = Unavailable("away")
    trail = Trail(away, clock, noted=Noted(folder))  # type: ignore[arg-type]
    trail.start()
    for number in range(5):
        pull(trail, clock, f"r{number}", f"t{number}")
    await trail.stop()
    (mine,) = folders(folder)
    with pytest.raises(OSError):  # the process is still there
        Orphan(mine)
    away.problem = None
    await trail.flush(everything=True)
    assert [(record.action, record.count) for record in await recorded(db)] == [
        ("audit.lost", 3),
        ("pull", 1),
        ("pull", 1),
    ]
