"""YAML as a graph that knows, to the character, where each scalar was written. Pure.

Read from the parser's events: no value is a number or a date, no tag makes an object, and an alias leads to the node
that its anchor named, which is never copied.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from wharfinger.errors import RequestInvalid

DEPTH_AT_MOST = 100
NODES_AT_MOST = 1_000_000
ALIASES_AT_MOST = 10_000
MERGES_AT_MOST = 20

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROPERTIES = re.compile(r"(?:[&!][^\s]*[ \t]+)*")
_QUOTES = {"'": "'", '"': '"'}


@dataclass(slots=True, eq=False)
class Scalar:
    """``start`` is where its text begins, after quote and anchor; not ``literal``: it is written otherwise than read.

    Then what is written has escapes, or goes over several lines, and is not touched.
    """

    start: int
    text: str
    literal: bool
    plain: bool
    aliased: bool = False

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(slots=True, eq=False)
class Sequence:
    items: list["Node"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Mapping:
    pairs: list[tuple["Node", "Node"]] = field(default_factory=list)

    def entries(self) -> Iterator[tuple[str, "Node"]]:
        """Keys that are text, with what they lead to, the merged ones last."""
        return _entries(self)

    def get(self, name: str) -> "Node | None":
        return next((value for key, value in self.entries() if key == name), None)

    def text(self, name: str) -> Scalar | None:
        """The value if it is a scalar."""
        value = self.get(name)
        return value if isinstance(value, Scalar) else None


Node = Scalar | Sequence | Mapping


def _entries(mapping: Mapping) -> Iterator[tuple[str, Node]]:
    waiting, seen = [mapping], {id(mapping)}
    for each in waiting:  # which grows meanwhile, up to a bound
        for key, value in each.pairs:
            if not isinstance(key, Scalar):
                continue
            if not (key.text == "<<" and key.plain):
                yield key.text, value
                continue
            several = value.items[:MERGES_AT_MOST] if isinstance(value, Sequence) else [value]
            for merged in several:
                if isinstance(merged, Mapping) and id(merged) not in seen and len(seen) <= MERGES_AT_MOST:
                    seen.add(id(merged))
                    waiting.append(merged)


def walk(root: Node, prune: Callable[[Mapping], bool] = lambda _: False) -> Iterator[tuple[Mapping, str]]:
    """Every mapping with the nearest key above it; once for each such key, however many aliases lead there."""
    waiting: list[tuple[Node, str]] = [(root, "")]
    seen: set[tuple[int, str]] = set()
    while waiting:
        node, key = waiting.pop()
        if isinstance(node, Scalar) or (id(node), key) in seen:
            continue
        seen.add((id(node), key))
        if len(seen) > NODES_AT_MOST:
            raise RequestInvalid("its aliases make more of it than is read")
        if isinstance(node, Sequence):
            waiting += [(item, key) for item in node.items]
        elif not prune(node):
            yield node, key
            waiting += [(value, name.text) for name, value in node.pairs if isinstance(name, Scalar)]


def read(text: str) -> list[Node]:
    """The documents. Raises RequestInvalid with the place of what is wrong."""
    builder = _Builder(text)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}: " if mark else ""
        raise RequestInvalid(f"{place}not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise RequestInvalid(f"not YAML: {' '.join(str(error).split())[:200]}") from error
    return builder.documents


class _Builder:
    """Puts the graph together, one event at a time, without recursion."""

    def __init__(self, text: str) -> None:
        self.documents: list[Node] = []
        self._text = text
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Node | None] = []
        self._anchors: dict[str, Node] = {}
        self._nodes = 0
        self._aliases = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._anchors = {}
            case yaml.AliasEvent():
                self._add(self._named(event), event)
            case yaml.ScalarEvent():
                self._add(self._scalar(event), event)
            case yaml.SequenceStartEvent():
                self._begin(Sequence(), event)
            case yaml.MappingStartEvent():
                self._begin(Mapping(), event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._open.pop()
                self._keys.pop()

    def _named(self, event: yaml.AliasEvent) -> Node:
        self._aliases += 1
        if self._aliases > ALIASES_AT_MOST:
            raise RequestInvalid(f"{_place(event)}: more than {ALIASES_AT_MOST} aliases")
        if event.anchor not in self._anchors:
            raise RequestInvalid(f"{_place(event)}: no anchor {event.anchor!r} before this alias")
        node = self._anchors[event.anchor]
        if isinstance(node, Scalar):
            node.aliased = True
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        start, end = _mark(event.start_mark).index, _mark(event.end_mark).index
        if event.anchor is not None or event.tag is not None:
            found = _PROPERTIES.match(self._text, start, end)
            start = found.end() if found else start
        quote = _QUOTES.get(event.style or "", "")
        source = self._text[start:end]
        plain = event.style in {None, ""}
        literal = (plain or bool(quote)) and source == f"{quote}{event.value}{quote}"
        return Scalar(start + len(quote), event.value, literal, plain)

    def _begin(self, node: Sequence | Mapping, event: yaml.NodeEvent) -> None:
        self._add(node, event)
        if len(self._open) >= DEPTH_AT_MOST:
            raise RequestInvalid(f"{_place(event)}: nested more than {DEPTH_AT_MOST} deep")
        self._open.append(node)
        self._keys.append(None)

    def _add(self, node: Node, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > NODES_AT_MOST:
            raise RequestInvalid(f"{_place(event)}: more than {NODES_AT_MOST} values")
        if not isinstance(event, yaml.AliasEvent) and event.anchor is not None:
            self._anchors[event.anchor] = node
        if not self._open:
            self.documents.append(node)
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif self._keys[-1] is None:
            self._keys[-1] = node
        else:
            parent.pairs.append((self._keys[-1], node))
            self._keys[-1] = None


def _place(event: yaml.Event) -> str:
    mark = _mark(event.start_mark)
    return f"{mark.line + 1}:{mark.column + 1}"


def _mark(mark: Any) -> Any:
    """Events of a text that was given whole always have theirs."""
    assert mark is not None
    return mark
