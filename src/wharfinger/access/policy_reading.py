"""Takes a YAML tree apart, and notes everything that is wrong with it, each with its place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from wharfinger.access.yaml_tree import Mapping, Place, Scalar, Sequence, Tree
from wharfinger.errors import Refusal, RequestInvalid

T = TypeVar("T")

PROBLEMS_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where: line and column, and the path such as ``access.grants[3].on``."""

    place: Place | None
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(str(part) for part in (self.place, self.path, self.message) if part)


def refusal(problems: list[Problem]) -> RequestInvalid:
    """All of them, as one refusal; ``detail["problems"]`` has them one by one."""
    told = [str(problem) for problem in problems[:PROBLEMS_AT_MOST]]
    count = f"{len(problems)} problems: " if len(problems) > 1 else ""
    more = "; and more" if len(problems) > len(told) else ""
    return RequestInvalid(f"the policy is wrong: {count}{'; '.join(told)}{more}", problems=told)


@dataclass(slots=True)
class Reading:
    """One document being read. Methods note a problem and answer None, or nothing, where the value is not usable."""

    problems: list[Problem] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)

    def note(self, node: Tree | None, path: str, message: str) -> None:
        """Something is wrong here."""
        self.problems.append(Problem(node.place if node else None, path, message))

    def finish(self) -> None:
        """Raise what was noted, if anything was."""
        if self.problems:
            raise refusal(self.problems)

    def fields(
        self, node: Tree | None, path: str, known: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> dict[str, Tree]:
        """The values of a mapping with these keys and no others; each has one."""
        found: dict[str, Tree] = {}
        for key, value, at in self.pairs(node, path):
            if key not in known:
                close = get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
                self.note(value, at, f"unknown key {key[:60]!r}: {hint}")
            elif isinstance(value, Scalar) and value.is_null:
                self.note(value, at, "no value: leave the key out if there is none")
            else:
                found[key] = value
        if isinstance(node, Mapping):
            for key in required:
                if key not in found:
                    self.note(node, path, f"{key} is missing")
        return found

    def pairs(self, node: Tree | None, path: str) -> Iterator[tuple[str, Tree, str]]:
        """(key, value, path) of a mapping; a key that is given twice is a problem, and only its first value counts."""
        if isinstance(node, Scalar) and node.is_null:
            return
        if not isinstance(node, Mapping):
            self.note(node, path, "want a mapping, that is lines of the form 'key: value'")
            return
        seen: set[str] = set()
        for key, value in node.pairs:
            if not isinstance(key, Scalar):
                self.note(key, path, "a key is a word")
            elif key.text in seen:
                self.note(key, _join(path, key.text), "given twice")
            else:
                seen.add(key.text)
                at = _join(path, key.text)
                self.places[at] = value.place
                yield key.text, value, at

    def items(self, node: Tree | None, path: str) -> Iterator[tuple[Tree, str]]:
        """(value, path) of a list."""
        if isinstance(node, Scalar) and node.is_null:
            return
        if not isinstance(node, Sequence):
            self.note(node, path, "want a list")
            return
        for i, item in enumerate(node.items):
            at = f"{path}[{i}]"
            self.places[at] = item.place
            yield item, at

    def texts(self, node: Tree | None, path: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """The values of a list, each parsed; the same twice is a problem. A single value is a list of one."""
        if isinstance(node, Scalar) and not node.is_null:
            value = self.text(node, path, parse)
            return () if value is None else (value,)
        found: list[T] = []
        for item, at in self.items(node, path):
            value = self.text(item, at, parse)
            if value is not None and value in found:
                self.note(item, at, f"{value} is given twice")
            elif value is not None:
                found.append(value)
        return tuple(found)

    def text(self, node: Tree | None, path: str, parse: Callable[[str], T]) -> T | None:
        """A value, parsed."""
        if node is None:
            return None
        if not isinstance(node, Scalar) or node.is_null:
            self.note(node, path, "want one value")
            return None
        try:
            return parse(node.text)
        except Refusal as refused:
            self.note(node, path, refused.message)
            return None

    def flag(self, node: Tree | None, path: str) -> bool:
        """Whether it says true; false where it is left out."""
        if node is None:
            return False
        if isinstance(node, Scalar) and node.plain and node.text in {"true", "false"}:
            return node.text == "true"
        self.note(node, path, "want true or false")
        return False


def _join(path: str, key: str) -> str:
    shown = key if len(key) <= 60 else f"{key[:60]}…"
    return f"{path}.{shown}" if path else shown
