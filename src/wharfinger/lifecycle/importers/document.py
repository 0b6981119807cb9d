"""What a vendor exports, as JSON, taken apart strictly: what is wrong is refused with its path and, if any, its line.

Nothing is passed over: a key that is not known, a value of another type or out of range, two values for one key.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn, TypeVar

from wharfinger.access import yaml_tree
from wharfinger.access.yaml_tree import Place, Tree
from wharfinger.errors import RequestInvalid

T = TypeVar("T")

BYTES_AT_MOST = 1024 * 1024
ITEMS_AT_MOST = 1000
"""Of one list; no vendor allows nearly as many rules."""
SHOWN_AT_MOST = 80


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands."""

    value: object
    path: str = ""
    steps: tuple[str | int, ...] = ()
    source: str = ""
    """The text of the whole document, and the way to this value in it: for the line, which only a refusal needs."""

    def refuse(self, message: str) -> NoReturn:
        """Raise RequestInvalid: this value is not to be had, and why."""
        raise RequestInvalid(": ".join(part for part in (str(self._place() or ""), self.path, message) if part))

    def _place(self) -> Place | None:
        tree = _tree(self.source) if self.source else None
        for step in self.steps:
            tree = _under(tree, step)
        return tree.place if tree else None

    def _inside(self, step: str | int, value: object) -> "Node":
        shown = f"[{step}]" if isinstance(step, int) else f".{step[:SHOWN_AT_MOST]}"
        return Node(value, f"{self.path}{shown}".lstrip("."), (*self.steps, step), self.source)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    def has(self, key: str) -> bool:
        """Whether there is a value under ``key``; null is none."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def fields(self, *known: str, required: tuple[str, ...] = ()) -> dict[str, "Node"]:
        """The values of a mapping with these keys and no others. Null counts as left out."""
        found = {}
        for key, node in self.pairs():
            if key not in known:
                close = get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
                node.refuse(f"unknown key {key[:SHOWN_AT_MOST]!r}: {hint}")
            if node.value is not None:
                found[key] = node
        for key in required:
            if key not in found:
                self.refuse(f"{key} is missing")
        return found

    def some(self, *known: str) -> dict[str, "Node"]:
        """The values under these keys of a mapping that says much else, which is none of our business."""
        return {key: node for key, node in self.pairs() if key in known and node.value is not None}

    def pairs(self) -> Iterator[tuple[str, "Node"]]:
        """(key, value) of a mapping."""
        if not isinstance(self.value, dict):
            self.refuse(f"want an object, not {self.shown}")
        for key, value in self.value.items():
            yield key, self._inside(key, value)

    def items(self) -> list["Node"]:
        """The values of a list."""
        if not isinstance(self.value, list):
            self.refuse(f"want a list, not {self.shown}")
        if len(self.value) > ITEMS_AT_MOST:
            self.refuse(f"a list of more than {ITEMS_AT_MOST}")
        return [self._inside(i, value) for i, value in enumerate(self.value)]

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            self.refuse(f"want a text, not {self.shown}")
        return self.value

    def word(self, *words: str) -> str:
        """One of these words."""
        if self.value not in words:
            self.refuse(f"want one of {', '.join(words)}, not {self.shown}")
        return self.text()

    def number(self, at_least: int, at_most: int = 2**31 - 1) -> int:
        """A whole number in this range."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.refuse(f"want a whole number, not {self.shown}")
        if not at_least <= self.value <= at_most:
            self.refuse(f"{self.value} is out of range: {at_least} to {at_most}")
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.refuse(f"want true or false, not {self.shown}")
        return self.value

    def made(self, make: Callable[[str], T]) -> T:
        """What ``make`` makes of the text; its refusal gets our place."""
        text = self.text()
        try:
            return make(text)
        except RequestInvalid as error:
            self.refuse(error.message)

    @property
    def shown(self) -> str:
        """The value, for a message."""
        said = json.dumps(self.value)
        return said if len(said) <= SHOWN_AT_MOST else f"{said[:SHOWN_AT_MOST]}…"


def read(text: str, path: str = "") -> Node:
    """The document; ``path`` says where it stands if it is itself the text of a value. Raises RequestInvalid."""
    if len(text.encode("utf-8", "surrogatepass")) > BYTES_AT_MOST:
        raise RequestInvalid(f"more than {BYTES_AT_MOST} bytes: that is too much for a policy")
    where = f"{path}: " if path else ""
    try:
        value = json.loads(text.removeprefix("\N{BYTE ORDER MARK}"), object_pairs_hook=_once, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise RequestInvalid(f"{where or f'{error.lineno}:{error.colno}: '}not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise RequestInvalid(f"{where}not JSON: {error}") from error
    return Node(value, path, source="" if path else text)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:SHOWN_AT_MOST]!r} is given twice in one object")
        found[key] = value
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _tree(text: str) -> Tree | None:
    # JSON is nearly YAML, whose reader knows where everything stood; where it is not, the paths must do.
    try:
        return yaml_tree.read(text.replace("\t", " "))
    except RequestInvalid:
        return None


def _under(tree: Tree | None, step: str | int) -> Tree | None:
    match tree, step:
        case yaml_tree.Sequence(), int():
            return tree.items[step] if step < len(tree.items) else None
        case yaml_tree.Mapping(), str():
            values = (value for key, value in tree.pairs if isinstance(key, yaml_tree.Scalar) and key.text == step)
            return next(values, None)
    return None
