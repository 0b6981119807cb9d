"""Notes in memory, which keep the same promises as the others; ``dies_at`` ends the process at a call of them."""

import re

from wharfinger.errors import BlobUnknown


class Killed(BaseException):
    """The process is no more: nothing catches this but the test."""


class MemoryNotes:
    """``kept`` is what there is. With ``dies_at`` N the N-th change is the last thing that is done."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.dies_at: int | None = None
        self.changes = 0

    async def keep(self, name: str, content: bytes) -> None:
        self.kept[_checked(name)] = content
        self._changed()

    async def read(self, name: str) -> bytes:
        if _checked(name) not in self.kept:
            raise BlobUnknown(f"there is no note {name}")
        return self.kept[name]

    async def names(self) -> list[str]:
        return sorted(self.kept)

    async def remove(self, name: str) -> None:
        self.kept.pop(_checked(name), None)
        self._changed()

    async def close(self) -> None:
        return

    def _changed(self) -> None:
        self.changes += 1
        if self.changes == self.dies_at:
            raise Killed


def _checked(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(name)
    return name
