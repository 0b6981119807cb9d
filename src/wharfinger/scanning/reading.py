"""One layer in one pass: its bytes in, its catalogue out. The only place where archives and cataloguers meet."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from wharfinger.scanning import tar
from wharfinger.scanning.cataloguers import INTEREST
from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.contents import Content, File, Held
from wharfinger.scanning.layers import Evidence, Found, LayerCatalogue, Owned, hash_of
from wharfinger.scanning.limits import Limits, Unreadable
from wharfinger.scanning.packages import Distribution, Problem
from wharfinger.scanning.spools import Spooled, Spools
from wharfinger.scanning.tar import Entry, Kind
from wharfinger.scanning.unpacking import Stream, Unpacked

_WHITEOUT, _OPAQUE, _AUFS = ".wh.", ".wh..wh..opq", ".wh..wh."
_HEAD = 4


def read_layer(layer: str, stream: Stream | BinaryIO, limits: Limits, spools: Spools) -> LayerCatalogue:
    """What the layer says. It never raises for what the bytes are: what cannot be read is in ``problems``."""
    return LayerReading(layer, limits, spools).read(stream)


@dataclass
class LayerReading:
    """What is known of a layer while it is being read."""

    layer: str
    limits: Limits
    spools: Spools
    wanted_again: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._evidence: dict[str, list[Evidence]] = {}
        self._whiteouts: list[str] = []
        self._opaque: list[str] = []
        self._files = bytearray()
        self._folders = bytearray()
        self._problems: list[Problem] = []
        self._kept: dict[str, Content] = {}
        self._packages = 0
        self._until = time.monotonic() + self.limits.seconds

    def read(self, stream: Stream | BinaryIO) -> LayerCatalogue:
        """One pass over the bytes."""
        with self._problem_at(""):
            source = Unpacked(stream, self.limits.unpacked, self._tick)
            walk = tar.Walk(source)
            for count, entry in enumerate(walk):
                if count >= self.limits.entries:
                    raise Unreadable(f"it has more than {self.limits.entries} entries")
                self._entry(entry, source, walk)
        self._read_kept()
        return self._catalogue()

    def _tick(self) -> None:
        if time.monotonic() > self._until:
            raise Unreadable(f"reading it took more than {self.limits.seconds:g} seconds")

    def _entry(self, entry: Entry, source: Unpacked, walk: tar.Walk) -> None:
        path = entry.path
        folder, _, name = path.rpartition("/")
        if name.startswith(_WHITEOUT):
            self._whiteout(folder, name)
            return
        (self._folders if entry.kind is Kind.FOLDER else self._files).extend(hash_of(path))
        if entry.kind is not Kind.FOLDER:
            self._evidence.pop(path, None)  # the last of several with one name is the one that stays
        if entry.kind is Kind.FILE:
            self._file(entry, source, walk)
        elif entry.kind is Kind.LINK:
            self._link(entry)
        elif entry.kind is Kind.HARD_LINK:
            self._hard_link(entry)

    def _whiteout(self, folder: str, name: str) -> None:
        if name == _OPAQUE:
            self._opaque.append(folder)
        elif not name.startswith(_AUFS):
            hidden = name[len(_WHITEOUT) :]
            self._whiteouts.append(f"{folder}/{hidden}" if folder else hidden)

    def _file(self, entry: Entry, source: Unpacked, walk: tar.Walk) -> None:
        cataloguers = INTEREST.by_path(entry.path)
        owner = INTEREST.belongs_to(entry.path)
        head = b""
        if not cataloguers and owner is None and entry.size >= _HEAD:
            head = source.read(_HEAD)
            walk.taken(len(head))
            cataloguers = list(INTEREST.by_content(head))
        if cataloguers or owner is not None:
            with self._problem_at(entry.path):
                self._look(entry, head, cataloguers, source, walk)

    def _look(self, entry: Entry, head: bytes, cataloguers: list[Cataloguer], source: Unpacked, walk: tar.Walk) -> None:
        if entry.sparse:
            raise Unreadable("it is stored as a sparse file, which is not put together")
        if entry.size > self.limits.file:
            raise Unreadable(f"it has {entry.size} bytes; {self.limits.file} at most are looked at")
        content = self._content(entry, head, source, walk)
        if not cataloguers or any(each.beside for each in cataloguers):
            self._kept[entry.path] = content  # until its companions have come, too
            return
        try:
            self._ask(entry.path, content, cataloguers, {})
        finally:
            self._give_back(content)

    def _content(self, entry: Entry, head: bytes, source: Unpacked, walk: tar.Walk) -> Content:
        before = source.position
        try:
            if entry.size <= self.limits.held:
                content: Content = Held(head + source.read(entry.size - len(head)))
            else:
                content = self.spools.store(_with(head, source.pieces(entry.size - len(head))))
        finally:
            walk.taken(source.position - before)
        if content.size < entry.size:
            self._give_back(content)
            raise Unreadable("the archive ends in the middle of it")
        return content

    def _give_back(self, content: Content) -> None:
        if isinstance(content, Spooled):
            self.spools.give_back(content)

    def _ask(self, path: str, content: Content, cataloguers: list[Cataloguer], beside: dict[str, Content]) -> None:
        """What the cataloguers make of a file; each on its own, so that one's failure is not another's."""
        for cataloguer in cataloguers:
            found: list[Found] = []
            owned: list[Owned] = []
            distribution: list[Distribution] = []
            with self._problem_at(path):
                for statement in cataloguer.read(File(path, content, beside, self.limits.depth)):
                    self._count()
                    match statement:
                        case Found():
                            found.append(statement)
                        case Owned():
                            owned.append(statement)
                        case Distribution():
                            distribution.append(statement)
            said = Evidence(path, cataloguer.name, tuple(found), tuple(owned), next(iter(distribution), None))
            if found or owned or distribution:
                self._evidence.setdefault(path, []).append(said)

    def _count(self) -> None:
        self._packages += 1
        if self._packages > self.limits.packages:
            raise Unreadable(f"the layer has more than {self.limits.packages} packages")
        if self._packages % 256 == 0:
            self._tick()

    def _link(self, entry: Entry) -> None:
        if any(each.name == "os-release" for each in INTEREST.by_path(entry.path)):
            self._evidence[entry.path] = [Evidence(entry.path, "link", target=entry.target)]

    def _hard_link(self, entry: Entry) -> None:
        """Another name of a file that came before: what it says counts here, too."""
        said = [
            Evidence(entry.path, each.kind, each.found, each.owned, each.distribution)
            for each in self._evidence.get(entry.target, ())
        ]
        if said:
            self._evidence[entry.path] = said

    def _read_kept(self) -> None:
        """The files whose companions have now all come."""
        for path, content in self._kept.items():
            cataloguers = [each for each in INTEREST.by_path(path) if each.beside]
            beside = {
                ending: self._kept[path + ending]
                for each in cataloguers
                for ending in each.beside
                if path + ending in self._kept
            }
            owner = INTEREST.belongs_to(path)
            if cataloguers:
                self._ask(path, content, cataloguers, beside)
            elif owner not in self._kept:
                self._add(path, "it belongs to a file that is not in this layer, so what it changes there is not known")
        for content in self._kept.values():
            self._give_back(content)

    @contextmanager
    def _problem_at(self, path: str) -> Iterator[None]:
        try:
            yield
        except Unreadable as error:
            self._add(path, str(error))
        except MemoryError:
            self._add(path, "reading it takes more memory than is given to it")
        except RecursionError:
            self._add(path, "it is nested too deeply")

    def _add(self, path: str, reason: str) -> None:
        if len(self._problems) < self.limits.problems:
            self._problems.append(Problem(self.layer, path, reason))

    def _catalogue(self) -> LayerCatalogue:
        return LayerCatalogue(
            self.layer,
            evidence=tuple(each for path in sorted(self._evidence) for each in self._evidence[path]),
            whiteouts=tuple(sorted(set(self._whiteouts))),
            opaque=tuple(sorted(set(self._opaque))),
            files=bytes(self._files),
            folders=bytes(self._folders),
            problems=tuple(self._problems),
        )


def _with(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from pieces
