"""YAML that strangers may write, as a tree that knows where everything stood. No I/O.

Read from the parser's events, so that nothing is built of what is too deep or too much, and no alias is ever followed.
Scalars stay the text that was written: no value is a number or a date because it looks like one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from wharfinger.errors import RequestInvalid

BYTES_AT_MOST = 1024 * 1024
DEPTH_AT_MOST = 100
NODES_AT_MOST = 100_000
SCALAR_AT_MOST = 64 * 1024

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands, counted from one; in which file, where it could be in one of several."""

    line: int
    column: int
    file: str = ""

    def __str__(self) -> str:
        return f"{_begin(self.file, '')}{self.line}:{self.column}"


@dataclass(slots=True)
class Scalar:
    place: Place
    text: str
    plain: bool

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in {"", "~", "null"}


@dataclass(slots=True)
class Sequence:
    place: Place
    items: list["Tree"] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    place: Place
    pairs: list[tuple["Tree", "Tree"]] = field(default_factory=list)


Tree = Scalar | Sequence | Mapping


def read(text: str, file: str = "") -> Tree | None:
    """The document; None where there is none. Raises RequestInvalid with the place of what is wrong."""
    if len(text.encode("utf-8", "surrogatepass")) > BYTES_AT_MOST:
        raise RequestInvalid(f"{_begin(file)}more than {BYTES_AT_MOST} bytes: that is too much for a policy")
    builder = _Builder(file)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{Place(mark.line + 1, mark.column + 1, file)}: " if mark else _begin(file)
        raise RequestInvalid(f"{place}not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise RequestInvalid(f"{_begin(file)}not YAML: {' '.join(str(error).split())[:200]}") from error
    return builder.root


def _begin(file: str, space: str = " ") -> str:
    return f"{file}:{space}" if file else ""


def _events(text: str) -> Iterator[yaml.Event]:
    events: Iterator[yaml.Event] = yaml.parse(text, Loader=_Loader)
    yield from events


class _Builder:
    """Puts the tree together, one event at a time, without recursion."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.root: Tree | None = None
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Tree | None] = []
        self._nodes = 0

    def take(self, event: yaml.Event) -> None:
        mark = event.start_mark
        place = Place(mark.line + 1, mark.column + 1, self._file) if mark else Place(1, 1, self._file)
        _refuse_cleverness(event, place)
        match event:
            case yaml.ScalarEvent():
                self._add(Scalar(place, _short(event.value, place), plain=event.style in {None, ""}))
            case yaml.SequenceStartEvent():
                self._begin(Sequence(place))
            case yaml.MappingStartEvent():
                self._begin(Mapping(place))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._open.pop()
                self._keys.pop()
            case yaml.DocumentStartEvent() if self.root is not None:
                raise RequestInvalid(f"{place}: a second document: want one")

    def _begin(self, node: Sequence | Mapping) -> None:
        self._add(node)
        if len(self._open) >= DEPTH_AT_MOST:
            raise RequestInvalid(f"{node.place}: nested more than {DEPTH_AT_MOST} deep")
        self._open.append(node)
        self._keys.append(None)

    def _add(self, node: Tree) -> None:
        self._nodes += 1
        if self._nodes > NODES_AT_MOST:
            raise RequestInvalid(f"{node.place}: more than {NODES_AT_MOST} values: that is too much for a policy")
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif self._keys[-1] is None:
            self._keys[-1] = node
        else:
            parent.pairs.append((self._keys[-1], node))
            self._keys[-1] = None


def _refuse_cleverness(event: yaml.Event, place: Place) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise RequestInvalid(f"{place}: anchors and aliases are not read: write it out")
    if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) not in {None, "", "!"}:
        raise RequestInvalid(f"{place}: tags like !!python are not read")


def _short(text: str, place: Place) -> str:
    if len(text) > SCALAR_AT_MOST:
        raise RequestInvalid(f"{place}: a value of more than {SCALAR_AT_MOST} characters")
    return text
