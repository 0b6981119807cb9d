"""What is left on a disk when the power goes.

A Recorder stands in for the operating system: it does what it is asked, and keeps a list of it. A Disk goes through
that list up to some cut, and knows at each point what has certainly reached the platter and what is only in memory:

- the content of a file is certain as far as it had been written at the last sync of the file; of the rest, any
  beginning may have been written, or zeros of its length;
- an entry of a folder (from creating, renaming, removing) is certain after the next sync of that folder; until then it
  may be there or not, each for itself;
- a rename takes the old name away no sooner than it brings the new one. A filesystem without this would lose the file
  between the two names whatever one syncs; ext4, XFS, Btrfs and ZFS all have it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from errno import EIO
from pathlib import Path
from random import Random
from threading import Lock
from typing import TypeVar

from wharfinger.blobs.os_calls import OsCalls

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Event:
    """One call that changed the disk or its certainty; paths are relative to the base."""

    kind: str
    path: str
    data: bytes = b""
    other: str = ""


class Recorder:
    """Makes the calls below ``base`` and records them; the ``dropped``-th sync is only pretended."""

    def __init__(self, base: Path, *, dropped: int | None = None) -> None:
        self.events: list[Event] = []
        self.syncs: list[str] = []
        self._base = base
        self._dropped = dropped
        self._paths: dict[int, str] = {}
        self._lock = Lock()

    def calls(self, *, dies_at: int | None = None) -> OsCalls:
        """The calls of one process, which is no more from the event of this number on."""

        def alive(call: Callable[..., T]) -> Callable[..., T]:
            def guarded(*arguments: object) -> T:
                # Under a lock, so that the list has the order in which things happened.
                with self._lock:
                    if dies_at is not None and len(self.events) >= dies_at:
                        raise OSError(EIO, "this process is dead")
                    return call(*arguments)

            return guarded

        return OsCalls(
            open=alive(self._open), close=alive(self._close), writev=alive(self._writev), fsync=alive(self._fsync),
            # It starts writing early. The test is to show that nothing relies on it.
            fdatasync=lambda _: None,
            mkdir=alive(self._mkdir), rename=alive(self._rename), unlink=alive(self._unlink), rmdir=alive(self._rmdir),
        )  # fmt: skip

    def _record(self, kind: str, path: str, data: bytes = b"", other: str = "") -> None:
        self.events.append(Event(kind, self._relative(path), data, self._relative(other) if other else ""))

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self._base)

    def _open(self, path: str, flags: int, mode: int) -> int:
        descriptor = os.open(path, flags, mode)
        self._paths[descriptor] = path
        if flags & os.O_CREAT:
            self._record("create", path)
        return descriptor

    def _close(self, descriptor: int) -> None:
        del self._paths[descriptor]
        os.close(descriptor)

    def _writev(self, descriptor: int, chunks: Sequence[bytes]) -> int:
        self._record("write", self._paths[descriptor], b"".join(chunks))
        return os.writev(descriptor, chunks)

    def _fsync(self, descriptor: int) -> None:
        self.syncs.append(self._relative(self._paths[descriptor]))
        if self._dropped != len(self.syncs) - 1:
            self._record("sync", self._paths[descriptor])

    def _mkdir(self, path: str, mode: int) -> None:
        os.mkdir(path, mode)  # noqa: PTH102 - the call itself is what is recorded
        self._record("mkdir", path)

    def _rename(self, old: str, new: str) -> None:
        os.rename(old, new)  # noqa: PTH104 - likewise
        self._record("rename", old, other=new)

    def _unlink(self, path: str) -> None:
        os.unlink(path)  # noqa: PTH108 - likewise
        self._record("remove", path)

    def _rmdir(self, path: str) -> None:
        os.rmdir(path)  # noqa: PTH106 - likewise
        self._record("remove", path)


@dataclass(eq=False, slots=True)
class File:
    content: bytes = b""
    certain: int = 0


@dataclass(eq=False, slots=True)
class Folder:
    seen: dict[str, "Node"] = field(default_factory=dict)
    certain: dict[str, "Node"] = field(default_factory=dict)
    pending: list["Change"] = field(default_factory=list)


Node = File | Folder


@dataclass(eq=False, slots=True)
class Change:
    """An entry that comes (or goes, without a node), not before ``first`` has."""

    folder: Folder
    name: str
    node: Node | None
    first: "Change | None" = None

    def reach(self, entries: dict[str, Node]) -> None:
        if self.node is None:
            entries.pop(self.name, None)
        else:
            entries[self.name] = self.node

    def settle(self) -> None:
        if self in self.folder.pending:
            if self.first is not None:
                self.first.settle()
            self.reach(self.folder.certain)
            self.folder.pending.remove(self)


class Disk:
    """The disk after some events."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._base = Folder()
        for event in events:
            getattr(self, f"_{event.kind}")(event)

    def survivors(self, random: Random, mixes: int) -> Iterator["Survivor"]:
        """What may be left: all uncertain entries lost, none lost, and some mixes of it."""
        yield Survivor(self._base, lambda: False, lambda file: file.content[: file.certain])
        yield Survivor(self._base, lambda: True, lambda file: file.content[: file.certain])
        for _ in range(mixes):
            yield Survivor(self._base, lambda: random.random() < 0.5, lambda file: _part(file, random))

    def _find(self, path: str) -> tuple[Folder, str]:
        folder = self._base
        *parents, name = path.split("/")
        for parent in parents:
            below = folder.seen[parent]
            assert isinstance(below, Folder)
            folder = below
        return folder, name

    def _node(self, path: str) -> Node:
        folder, name = self._find(path)
        return folder if name == "." else folder.seen[name]

    def _change(self, path: str, node: Node | None, first: Change | None = None) -> Change:
        folder, name = self._find(path)
        change = Change(folder, name, node, first)
        change.reach(folder.seen)
        folder.pending.append(change)
        return change

    def _create(self, event: Event) -> None:
        self._change(event.path, File())

    def _mkdir(self, event: Event) -> None:
        self._change(event.path, Folder())

    def _remove(self, event: Event) -> None:
        self._change(event.path, None)

    def _rename(self, event: Event) -> None:
        arrival = self._change(event.other, self._node(event.path))
        self._change(event.path, None, first=arrival)

    def _write(self, event: Event) -> None:
        file = self._node(event.path)
        assert isinstance(file, File)
        file.content += event.data

    def _sync(self, event: Event) -> None:
        match self._node(event.path):
            case File() as file:
                file.certain = len(file.content)
            case Folder() as folder:
                for change in list(folder.pending):
                    change.settle()


def _part(file: File, random: Random) -> bytes:
    certain, uncertain = file.content[: file.certain], file.content[file.certain :]
    return certain + random.choice(
        [b"", uncertain[: random.randint(0, len(uncertain))], bytes(len(uncertain)), uncertain]
    )


class Survivor:
    """One thing that may be left; each uncertain change is decided once, so that all folders agree."""

    def __init__(self, base: Folder, kept: Callable[[], bool], content: Callable[[File], bytes]) -> None:
        self._base = base
        self._kept = kept
        self._content = content
        self._decided: dict[int, bool] = {}

    def write(self, target: Path) -> None:
        """Make ``target`` a folder with what is left."""
        self._write_folder(self._base, target)

    def _write_folder(self, folder: Folder, target: Path) -> None:
        target.mkdir()
        entries = dict(folder.certain)
        for change in folder.pending:
            if self._decide(change):
                change.reach(entries)
        for name, node in entries.items():
            match node:
                case File():
                    (target / name).write_bytes(self._content(node))
                case Folder():
                    self._write_folder(node, target / name)

    def _decide(self, change: Change) -> bool:
        if change not in change.folder.pending:
            return True
        if id(change) not in self._decided:
            first = change.first is None or self._decide(change.first)
            self._decided[id(change)] = first and self._kept()
        return self._decided[id(change)]
