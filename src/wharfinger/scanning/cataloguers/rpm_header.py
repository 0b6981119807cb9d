"""The header of an installed rpm, as all its databases keep it: an index of tags, then their values. Pure."""

import struct
from collections.abc import Iterator

from wharfinger.scanning.contents import Content, exactly
from wharfinger.scanning.limits import MIB, Unreadable

_TAGS = {
    1000: "name",
    1001: "version",
    1002: "release",
    1003: "epoch",
    1011: "vendor",
    1022: "arch",
    1044: "source",
    1027: "paths",
    1116: "folder-of",
    1117: "base-names",
    1118: "folders",
    5096: "modularity",
}
_LARGEST = 64 * MIB
_MOST_TAGS = 65_536
_INT32, _STRINGS = 4, (6, 8, 9)


class Header:
    """Values by the names of their tags; what is not there is empty. Raises Unreadable."""

    def __init__(self, content: Content) -> None:
        if content.size > _LARGEST:
            raise Unreadable("a package's header is larger than any is")
        tags, size = struct.unpack(">II", exactly(content, 0, 8))
        if tags > _MOST_TAGS:
            raise Unreadable("a package's header has more tags than there are")
        self._values = exactly(content, 8 + 16 * tags, size)
        self._tags: dict[str, tuple[int, int, int]] = {}
        for tag, kind, start, count in struct.iter_unpack(">IIII", exactly(content, 8, 16 * tags)):
            if tag in _TAGS:
                self._tags[_TAGS[tag]] = (kind, start, count)

    def text(self, name: str) -> str:
        """The value, or the first of several."""
        return next(self._texts(name), "")

    def number(self, name: str) -> int:
        """The number, 0 where there is none."""
        return next(iter(self._numbers(name)), 0)

    def files(self) -> list[str]:
        """The paths of the package's files, without the slash before them."""
        folders = list(self._texts("folders"))
        names = zip(self._numbers("folder-of"), self._texts("base-names"), strict=False)
        paths = [f"{folders[folder]}{name}" for folder, name in names if folder < len(folders)]
        return [path.lstrip("/") for path in paths or self._texts("paths")]

    def _texts(self, name: str) -> Iterator[str]:
        kind, start, count = self._tags.get(name, (0, 0, 0))
        if kind not in _STRINGS:
            return
        for _ in range(count):
            end = self._values.find(b"\0", start)
            if end < 0:
                raise Unreadable("a text in a package's header does not end")
            yield self._values[start:end].decode("utf-8", "backslashreplace")
            start = end + 1

    def _numbers(self, name: str) -> tuple[int, ...]:
        kind, start, count = self._tags.get(name, (0, 0, 0))
        raw = self._values[start : start + 4 * count]
        return struct.unpack(f">{len(raw) // 4}I", raw[: len(raw) // 4 * 4]) if kind == _INT32 else ()
