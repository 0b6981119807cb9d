"""The advisories of a server, held open while they are the same file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wharfinger.errors import Refusal
from wharfinger.scanning.advisories.database import Advisories, Damaged
from wharfinger.scanning.advisories.known import NOTHING, Known
from wharfinger.scanning.advisories.opening import open_database


class Held:
    """The advisories in a file; where there is none, none. Another set is another file, moved over the last one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._alone = asyncio.Lock()
        self._open: Advisories | None = None
        self._seen: tuple[int, ...] = ()
        self._damaged: tuple[int, ...] | None = None

    @asynccontextmanager
    async def now(self) -> AsyncIterator[Known]:
        """The advisories as they are now, for one at a time. Raises Refusal where they cannot be read."""
        async with self._alone:
            try:
                yield await asyncio.to_thread(self._current)
            except Damaged:
                self._damaged = _identity(self.path)
                raise

    async def is_readable(self) -> bool:
        """Whether there are advisories, and nothing was found wrong with them so far."""
        try:
            async with self.now():
                found = _identity(self.path)
                return found not in {(), self._damaged}
        except Refusal:
            return False

    @property
    def changed_at(self) -> float:
        """When they were brought in; 0 where there are none."""
        return self.path.stat().st_mtime if self.path.is_file() else 0.0

    def _current(self) -> Known:
        seen = _identity(self.path)
        if seen != self._seen or self._open is None:
            self.close()
            self._open = open_database(self.path) if seen else None
            self._seen = seen
        return self._open or NOTHING

    def close(self) -> None:
        """Give the file back."""
        if self._open is not None:
            self._open.close()
        self._open, self._seen = None, ()


def _identity(path: Path) -> tuple[int, ...]:
    if not path.is_file():
        return ()
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
