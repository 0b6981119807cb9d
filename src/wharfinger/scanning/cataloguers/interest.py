"""Which cataloguers want to see a file, found fast: most files of a layer nobody wants. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from wharfinger.scanning.cataloguers.kind import Cataloguer

Key = TypeVar("Key", str, bytes)


class Interest:
    """All cataloguers, by what they want to see."""

    def __init__(self, cataloguers: Iterable[Cataloguer]) -> None:
        every = tuple(cataloguers)
        self._names = _by((name, each) for each in every for name in each.names)
        self._endings = _by((ending, each) for each in every for ending in each.endings)
        self._folders = _by((folder, each) for each in every for folder in each.folders)
        self._magic = _by((each.magic, each) for each in every if each.magic)
        self._beside = tuple({ending for each in every for ending in each.beside})

    def by_path(self, path: str) -> list[Cataloguer]:
        """Who wants the file that lies there."""
        folder, _, name = path.rpartition("/")
        dot = name.rfind(".")
        wanted = [
            *self._names.get(name, ()),
            *(self._endings.get(name[dot:].lower(), ()) if dot >= 0 else ()),
            *self._folders.get(folder, ()),
        ]
        return [each for each in wanted if each.accepts(path)] if wanted else wanted

    def by_content(self, head: bytes) -> Sequence[Cataloguer]:
        """Who wants a file that begins so."""
        return self._magic.get(head[:4], ())

    def belongs_to(self, path: str) -> str | None:
        """The file to which this one belongs, where somebody wants both."""
        for ending in self._beside:
            if path.endswith(ending) and any(ending in each.beside for each in self.by_path(path[: -len(ending)])):
                return path[: -len(ending)]
        return None


def _by(pairs: Iterable[tuple[Key, Cataloguer]]) -> Mapping[Key, Sequence[Cataloguer]]:
    grouped: dict[Key, list[Cataloguer]] = defaultdict(list)
    for key, cataloguer in pairs:
        grouped[key].append(cataloguer)
    return dict(grouped)
