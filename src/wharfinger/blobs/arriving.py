"""Bytes on their way into a store of files, for somebody who wants to read them while they come.

Nothing is changed by it: a staged file is opened to be read, and whoever has it open can read it to its end also when
it is renamed or removed. Stores of objects have nothing like it: what is uploaded is not to be seen until it is whole.
"""

import os
import time
from pathlib import Path

from wharfinger.blobs.files import OpenFile
from wharfinger.blobs.filesystem import os_errors
from wharfinger.blobs.os_calls import REAL, OsCalls
from wharfinger.spec.locations import Location

_SETTLED = 100_000_000
"""Nanoseconds after which a folder that changes again has another time of change, however coarse the clock is."""


class ArrivingFile:
    """A staged file, open to be read while another process writes it. Every method may raise Unavailable."""

    def __init__(self, path: Path, calls: OsCalls) -> None:
        self._file = OpenFile(path, calls)

    def read(self, size: int, offset: int) -> bytes:
        """At most ``size`` bytes from ``offset`` on; none where no more have come."""
        with os_errors():
            return self._file.read(size, offset)

    def size(self) -> int:
        """How many bytes have come."""
        return self._status().st_size

    def quiet_for(self) -> float:
        """Seconds since bytes came last."""
        return time.time() - self._status().st_mtime

    def is_removed(self) -> bool:
        """Whether nobody can come to these bytes by a name any more."""
        return self._status().st_nlink == 0

    def _status(self) -> os.stat_result:
        with os_errors():
            return self._file.status()


class Arriving:
    """What is on its way into a store of files: see :class:`wharfinger.blobs.filesystem.FilesystemStore`."""

    def __init__(self, root: Path, calls: OsCalls = REAL) -> None:
        self._uploads = root / "uploads"
        self._calls = calls
        self._changed: int | None = None
        self._names: frozenset[str] = frozenset()

    def are_as_before(self) -> bool:
        """Whether nothing came or went since the names were asked for; one call to the system. Raises Unavailable."""
        return self._changed_at() == self._changed

    def names(self) -> frozenset[str]:
        """What is there now. Raises Unavailable."""
        changed = self._changed_at()
        if changed != self._changed:
            with os_errors():
                # Names alone, of which there may be many; none where nobody has pushed yet.
                self._names = frozenset(os.listdir(self._uploads) if changed else ())  # noqa: PTH208
            self._changed = changed if time.time_ns() - changed > _SETTLED else None
        return self._names

    def _changed_at(self) -> int:
        with os_errors():
            try:
                return self._uploads.stat().st_mtime_ns
            except FileNotFoundError:
                return 0

    def open(self, name: str) -> ArrivingFile | None:
        """The file with what has come of it; None where it is not on its way any more. Raises Unavailable."""
        with os_errors():
            try:
                return ArrivingFile(self._uploads / name, self._calls)
            except FileNotFoundError:
                return None


def name_of(location: Location) -> str:
    """The name that the bytes at ``location`` had when they arrived."""
    return location.rpartition("/")[2]
