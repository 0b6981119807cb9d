"""What a worker has noted for the audit trail and not written yet, in memory that outlives it.

A file that is mapped into memory: what is put there stays when the process is killed, and to put it there takes no
system call. A record is its head (length, count, when last) and JSON; a length of 0 is the end. Each process has a
folder of its own and a lock on it; whoever gets that lock knows that the process is gone, and takes over.
"""

import fcntl
import json
import mmap
import os
import secrets
import shutil
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Self

import structlog

from wharfinger.meta.audit import Entry, plain

SEGMENT = 1024 * 1024
"""Bytes of a file; one is enough for a thousand records or two."""

_LENGTH = struct.Struct("<I")
_COUNT = struct.Struct("<Qd")
_HEAD = _LENGTH.size + _COUNT.size
_FIELDS = tuple(name for name in Entry.__slots__ if name not in {"last_at", "count"})
_fields = attrgetter(*_FIELDS)
_encode = json.JSONEncoder(default=plain).encode

_log = structlog.get_logger("wharfinger.audit")


class _Segment:
    """One file."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.end = 0
        self.live = 0
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, size)  # a page for which the disk has no room would kill us when it is touched
            self.memory = mmap.mmap(file, size)
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(file)

    def has_room(self, text: bytes) -> bool:
        return self.end + _HEAD + len(text) + _LENGTH.size <= len(self.memory)

    def append(self, text: bytes, count: int, last: float) -> int:
        """Where it is. The length comes last: a record is there as a whole or not at all."""
        start, body = self.end, self.end + _HEAD
        self.end = body + len(text)
        self.memory[body : self.end] = text
        _COUNT.pack_into(self.memory, start + _LENGTH.size, count, last)
        _LENGTH.pack_into(self.memory, self.end, 0)
        _LENGTH.pack_into(self.memory, start, len(text))
        self.live += 1
        return start

    def rewind(self) -> None:
        self.end = 0
        _LENGTH.pack_into(self.memory, 0, 0)

    def remove(self) -> None:
        self.memory.close()
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one record."""

    segment: _Segment
    start: int

    def tell(self, count: int, last: float) -> None:
        """How often it was by now, and when last."""
        _COUNT.pack_into(self.segment.memory, self.start + _LENGTH.size, count, last)


class Noted:
    """The records of this process. Where the disk has no room for them it does without, and says so in the log."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT) -> None:
        self._parent = folder
        self._segment_bytes = segment_bytes
        self._folder: Path | None = None
        self._lock = -1
        self._made = 0
        self._current: _Segment | None = None
        self._is_full = False

    def open(self) -> None:
        """Begin to keep records."""
        try:
            self._parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = self._parent / f".{secrets.token_hex(8)}"
            new.mkdir(mode=0o700)
            self._lock = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            # Under its name it is never without the lock: or somebody took it for that of a dead process.
            self._folder = new.rename(new.with_name(new.name[1:]))
        except OSError as error:
            _log.warning("what is noted for the audit trail is not kept", reason=str(error))

    def put(self, entry: Entry, count: int, last: float) -> Slot | None:
        """Keep the record until it is released; None where there is no room."""
        if self._folder is None or self._is_full:
            return None
        text = _encode(_fields(entry)).encode("ascii")
        segment = self._current
        if segment is None or not segment.has_room(text):
            segment = self._next()
            if segment is None or not segment.has_room(text):
                return None
        return Slot(segment, segment.append(text, count, last))

    def _next(self) -> _Segment | None:
        assert self._folder is not None, "asked in put()"
        try:
            made = _Segment(self._folder / str(self._made), self._segment_bytes)
        except OSError as error:
            _log.warning("no room for what is noted for the audit trail", reason=str(error))
            self._is_full = True
            return None
        before, self._current = self._current, made
        self._made += 1
        if before is not None and not before.live:
            before.remove()
        return made

    def release(self, slot: Slot | None) -> None:
        """The record is written, or given up."""
        self._is_full = False
        if slot is None:
            return
        slot.tell(0, 0.0)
        segment = slot.segment
        segment.live -= 1
        if segment.live == 0 and segment is self._current:
            segment.rewind()
        elif segment.live == 0:
            segment.remove()

    def close(self) -> None:
        """All of it is written: leave nothing behind."""
        if self._folder is not None:
            if self._current is not None:
                self._current.memory.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)
            self._folder = self._current = None

    def orphans(self) -> Iterator["Orphan"]:
        """The journals of processes that were killed, one after the other; each is ours until it is closed."""
        for path in sorted(self._parent.iterdir()) if self._parent.is_dir() else ():
            if path != self._folder and not path.name.startswith("."):
                with suppress(OSError):  # somebody lives there, or somebody else has cleared it away
                    yield Orphan(path)


class Orphan:
    """What a process left that was killed. Raises OSError while that process, or somebody who takes over, is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise

    def entries(self) -> list[Entry]:
        """What was noted and perhaps not written."""
        files = sorted(self._path.iterdir(), key=lambda file: (len(file.name), file.name))
        return [entry for file in files for entry in _read(file)]

    def remove(self) -> None:
        """All of it is written."""
        shutil.rmtree(self._path, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Whoever comes next may look at what is left."""
        os.close(self._lock)


def _read(file: Path) -> Iterator[Entry]:
    data, start = file.read_bytes(), 0
    while start + _HEAD <= len(data) and (length := _LENGTH.unpack_from(data, start)[0]):
        count, last = _COUNT.unpack_from(data, start + _LENGTH.size)
        text = data[start + _HEAD : start + _HEAD + length]
        start += _HEAD + length
        if not count:
            continue
        try:
            fields = dict(zip(_FIELDS, json.loads(text), strict=True))
        except ValueError:
            # The machine lost its power, and only a part of the file was on the disk.
            _log.warning("what was noted for the audit trail is broken", file=file.name)
            return
        yield Entry(**fields, last_at=last, count=count)
