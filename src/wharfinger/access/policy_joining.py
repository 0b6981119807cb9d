"""A policy that lies in several files, as the one document that they are together. Pure.

What a file says at the top, and under ``access``, is joined with what the others say there: lists one after the other,
in the order of the files, and mappings with all their keys. The same key of a mapping in two files, and two things of
one name in two files, are refused. Everything else is for the readers of the document to judge.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from wharfinger.access import yaml_tree
from wharfinger.access.policy_reading import Problem, Reading, refusal
from wharfinger.access.yaml_tree import Mapping, Place, Scalar, Tree
from wharfinger.access.yaml_tree import Sequence as List
from wharfinger.errors import RequestInvalid

_PLACED = re.compile(r"([1-9]\d{0,8}):\d+(?=: )")
_NAMES = ("name", "url")
"""What a thing in a list is known by, if by anything."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The document, and of each of its lines where that was written."""

    text: str
    places: tuple[Place, ...]

    def told(self, problem: str) -> str | None:
        """The same problem of the document, with its place in its file; None for one that has no place."""
        found = _PLACED.match(problem)
        if found is None or int(found[1]) > len(self.places):
            return None
        return f"{self.places[int(found[1]) - 1]}{problem[found.end() :]}"


def join(files: Sequence[tuple[str, str]]) -> Joined:
    """The (name, text) of files, joined. Raises RequestInvalid, each of whose problems begins with a file's name."""
    joining = _Joining()
    roots = [root for name, text in files if (root := joining.read(name, text)) is not None]
    joining.finish()
    lines = list(written(joining.mapping("", roots, joining.same_key)))
    joining.finish()
    return Joined("".join(f"{line}\n" for line, _ in lines), tuple(place for _, place in lines))


class _Joining:
    """Notes everything that stands against joining."""

    def __init__(self) -> None:
        self._reading = Reading()
        self._unreadable: list[str] = []

    def finish(self) -> None:
        """Raise what was noted, if anything was."""
        noted = self._reading.problems
        if self._unreadable:
            told = [*self._unreadable, *map(str, noted)]
            raise RequestInvalid(f"the policy is wrong: {'; '.join(told)}", problems=told)
        if noted:
            raise refusal(noted)

    def read(self, name: str, text: str) -> Tree | None:
        """A file's document, which is a policy's at first sight; else None, and what is wrong is noted."""
        try:
            root = yaml_tree.read(text, name)
        except RequestInvalid as error:
            self._unreadable.append(error.message)
            return None
        if root is None:
            root = Mapping(Place(1, 1, name))
            self._reading.note(root, "", "there is nothing in it")
        return root

    def mapping(self, path: str, parts: Sequence[Tree], same: Callable[[str, list[Tree]], Tree]) -> Mapping:
        """One mapping with the keys of all. ``same`` makes one value of those that several files give to one key."""
        keys: dict[str, Scalar] = {}
        values: dict[str, list[Tree]] = {}
        for part in parts:
            for key, value, _ in self._reading.pairs(part, path):
                keys.setdefault(key, Scalar(value.place, key, plain=False))
                values.setdefault(key, []).append(value)
        pairs: list[tuple[Tree, Tree]] = [
            (keys[key], found[0] if len(found) == 1 else same(f"{path}.{key}".lstrip("."), found))
            for key, found in values.items()
        ]
        return Mapping(parts[0].place, pairs)

    def same_key(self, path: str, values: list[Tree]) -> Tree:
        """What several files say under one key of the top, or of ``access``."""
        if all(isinstance(value, List) for value in values):
            return self._list(path, values)
        if all(isinstance(value, Mapping) for value in values):
            return self.mapping(path, values, self.same_key if path == "access" else self._refuse)
        if path == "version" and len({value.text if isinstance(value, Scalar) else None for value in values}) == 1:
            return values[0]
        return self._refuse(path, values)

    def _refuse(self, path: str, values: list[Tree]) -> Tree:
        for value in values[1:]:
            self._reading.note(value, path, f"what {values[0].place} says cannot be joined with this")
        return values[0]

    def _list(self, path: str, parts: Sequence[Tree]) -> List:
        joined = List(parts[0].place)
        known: dict[tuple[str, str], Place] = {}
        for part in parts:
            items = part.items if isinstance(part, List) else []
            for number, item in enumerate(items, start=len(joined.items)):
                for key, name in _names(item):
                    before = known.setdefault((key, name.text), name.place)
                    if before.file != name.place.file:
                        told = f"{name.text[:128]!r} is the {key} of another in {before}"
                        self._reading.problems.append(Problem(name.place, f"{path}[{number}].{key}", told))
            joined.items += items
        return joined


def _names(item: Tree) -> Iterator[tuple[str, Scalar]]:
    for key, value in item.pairs if isinstance(item, Mapping) else ():
        if isinstance(key, Scalar) and key.text in _NAMES and isinstance(value, Scalar):
            yield key.text, value


def written(node: Tree, after: str = "") -> Iterator[tuple[str, Place]]:
    """The lines of YAML that are read as the same tree, each with the place of what begins there."""
    if isinstance(node, Scalar):
        yield f"{_scalar(node)}{after}", node.place
    elif isinstance(node, List):
        yield "[", node.place
        for item in node.items:
            yield from written(item, ",")
        yield f"]{after}", node.place
    else:
        yield "{", node.place
        for key, value in node.pairs:
            # A key that is marked as one may have any length, and be of any kind.
            yield "?", key.place
            yield from written(key)
            yield ":", value.place
            yield from written(value, ",")
        yield f"}}{after}", node.place


def _scalar(node: Scalar) -> str:
    """Without quotes only where they make a difference: a number is text to us."""
    if node.is_null:
        return "null"
    if node.plain and node.text in {"true", "false"}:
        return node.text
    return '"' + "".join(map(_character, node.text)) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
