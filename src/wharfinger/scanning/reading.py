"""One layer in one pass: its bytes in, its catalogue out. The only place where archives and cataloguers meet."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Protocol

from wharfinger.scanning import tar
from wharfinger.scanning.cataloguers import INTEREST
from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.contents import Content, Held
from wharfinger.scanning.gathering import Gathering
from wharfinger.scanning.layers import LayerCatalogue
from wharfinger.scanning.limits import Limits, Unreadable
from wharfinger.scanning.spools import Spooled, Spools
from wharfinger.scanning.tar import Entry, Kind
from wharfinger.scanning.unpacking import Unpacked, Unpacking, here

_HEAD = 4
_NO_OWNER = "it belongs to a file that is not in this layer, so what it changes there is not known"


class Layer(Protocol):
    """The bytes of a layer."""

    def read(self, size: int, /) -> bytes:
        """Some bytes, none at the end."""

    def close(self) -> None:
        """They are not needed any more."""


Opening = Callable[[], Layer]
"""The layer's bytes from their beginning; a second time where a hard link leads back to what nobody wanted to see."""


def read_layer(
    layer: str, open: Opening, limits: Limits, spools: Spools, unpacking: Unpacking = here
) -> LayerCatalogue:
    """What the layer says. It never raises for what the bytes are: what cannot be read is in ``problems``."""
    return _Reading(layer, limits, spools, unpacking).read(open)


class _Reading:
    def __init__(self, layer: str, limits: Limits, spools: Spools, unpacking: Unpacking) -> None:
        self._limits, self._spools, self._unpacking = limits, spools, unpacking
        self._gathered = Gathering(layer, limits)
        self._seen: set[str] = set()  # the files that somebody looked into
        self._linked: dict[str, list[str]] = {}  # by files that nobody did: their names that somebody would look at
        self._kept: dict[str, Content] = {}
        self._complete = False
        self._source = Unpacked(iter(()), 0)
        self._walk = tar.Walk(self._source)

    def read(self, open: Opening) -> LayerCatalogue:
        """One pass over the bytes, and rarely a second one."""
        self._pass(open, self._entry)
        if self._linked and self._complete:
            self._pass(open, self._entry_again)
        self._read_kept()
        return self._gathered.catalogue()

    def _pass(self, open: Opening, look: Callable[[Entry], None]) -> None:
        self._complete = False
        with self._gathered.problem_at(""), closing(open()) as layer, self._unpacking(layer) as chunks:
            self._source = Unpacked(chunks, self._limits.unpacked, self._gathered.tick)
            self._walk = tar.Walk(self._source)
            for count, entry in enumerate(self._walk):
                if count >= self._limits.entries:
                    raise Unreadable(f"it has more than {self._limits.entries} entries")
                look(entry)
            self._source.drain()
            self._complete = True

    def _entry(self, entry: Entry) -> None:
        folder, _, name = entry.path.rpartition("/")
        if self._gathered.hides(folder, name):
            return
        if entry.kind is Kind.FOLDER:
            self._gathered.folder(entry.path)
            return
        self._gathered.file(entry.path)
        if entry.kind is Kind.FILE:
            self._file(entry)
        elif entry.kind is Kind.HARD_LINK:
            self._hard_link(entry)
        elif entry.kind is Kind.LINK and any(each.follows for each in INTEREST.by_path(entry.path)):
            self._gathered.link(entry.path, entry.target)

    def _file(self, entry: Entry) -> None:
        cataloguers: Sequence[Cataloguer] = INTEREST.by_path(entry.path)
        head = b""
        if not cataloguers and INTEREST.belongs_to(entry.path) is not None:
            self._look(entry, {})
            return
        if not cataloguers and entry.size >= _HEAD:
            head = self._source.read(_HEAD)
            self._walk.taken(len(head))
            cataloguers = INTEREST.by_content(head)
        if cataloguers:
            self._look(entry, {entry.path: cataloguers}, head)

    def _hard_link(self, entry: Entry) -> None:
        """Another name of an earlier file. Package managers link to stores whose names tell nothing."""
        if self._gathered.copy(entry.path, entry.target) or entry.target in self._seen:
            return
        if INTEREST.by_path(entry.path):
            self._linked.setdefault(entry.target, []).append(entry.path)

    def _entry_again(self, entry: Entry) -> None:
        """A file to which hard links lead, looked at under the names that tell what it is."""
        paths = self._linked.pop(entry.path, None) if entry.kind is Kind.FILE else None
        if paths:
            self._look(entry, {path: INTEREST.by_path(path) for path in paths})

    def _look(self, entry: Entry, asked: Mapping[str, Sequence[Cataloguer]], head: bytes = b"") -> None:
        """Ask about the entry's bytes, for each path those who want it; nobody yet for what belongs to another file."""
        self._seen.add(entry.path)
        with self._gathered.problem_at(entry.path):
            if entry.sparse:
                raise Unreadable("it is stored as a sparse file, which is not put together")
            if entry.size > self._limits.file:
                raise Unreadable(f"it has {entry.size} bytes; {self._limits.file} at most are looked at")
            content = self._content(entry, head)
            if not asked or any(each.beside for every in asked.values() for each in every):
                self._keep(entry.path, content)
                return
            try:
                for path, cataloguers in asked.items():
                    self._gathered.ask(path, content, cataloguers, {})
            finally:
                self._give_back(content)

    def _content(self, entry: Entry, head: bytes) -> Content:
        before = self._source.position
        content: Content
        try:
            if entry.size <= self._limits.held:
                content = Held(head + self._source.read(entry.size - len(head)))
            else:
                content = self._spools.store(_joined(head, self._source.pieces(entry.size - len(head))))
        finally:
            self._walk.taken(self._source.position - before)
        if content.size < entry.size:
            self._give_back(content)
            raise Unreadable("the archive ends in the middle of it")
        return content

    def _keep(self, path: str, content: Content) -> None:
        """Until everything that belongs together has come."""
        if path in self._kept:
            self._give_back(self._kept[path])
        self._kept[path] = content

    def _read_kept(self) -> None:
        for path, content in self._kept.items():
            cataloguers = INTEREST.by_path(path)
            endings = {ending for each in cataloguers for ending in each.beside}
            beside = {ending: self._kept[path + ending] for ending in endings if path + ending in self._kept}
            if cataloguers:
                self._gathered.ask(path, content, cataloguers, beside)
            elif INTEREST.belongs_to(path) not in self._kept:
                self._gathered.problem(path, _NO_OWNER)
        for content in self._kept.values():
            self._give_back(content)

    def _give_back(self, content: Content) -> None:
        if isinstance(content, Spooled):
            self._spools.give_back(content)


def _joined(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from pieces
