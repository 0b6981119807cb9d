"""Globs: ``*`` within a part of a path, ``**`` across parts, ``?``, ``[a-z]``, ``[!a-z]``, ``{a,b}``.

``**/web`` is ``web`` at any depth, also at the top; ``shop/**`` is everything below ``shop/``, which ``shop`` is not.
"""

import re
from dataclasses import dataclass

from wharfinger.errors import RequestInvalid
from wharfinger.select.linear import LENGTH_AT_MOST

BRACES_AT_MOST = 10
"""How deep braces may be nested."""
_META = frozenset("*?[{")
_REFUSED = frozenset("\\]}")


@dataclass(frozen=True, slots=True)
class Translated:
    """A glob as an expression for RE2, and its letters: what stands in it as itself, ranges included."""

    expression: str
    letters: frozenset[str]


def prefix(glob: str) -> str:
    """What every text that matches begins with."""
    return glob[: next((i for i, letter in enumerate(glob) if letter in _META), len(glob))]


def is_exact(glob: str) -> bool:
    """Whether only one text matches: the glob itself."""
    return len(prefix(glob)) == len(glob)


def translate(glob: str) -> Translated:
    """What the glob is in the words of RE2. Raises RequestInvalid for one that is cut short or can match nothing."""
    if not glob:
        raise RequestInvalid("an empty pattern matches nothing")
    if len(glob) > LENGTH_AT_MOST:
        raise RequestInvalid(f"a pattern of more than {LENGTH_AT_MOST} characters")
    return _Translation(glob).whole()


class _Translation:
    """Goes through a glob once, from left to right."""

    def __init__(self, glob: str) -> None:
        self._glob = glob
        self._at = 0
        self._depth = 0
        self._out: list[str] = []
        self._letters: set[str] = set()

    def whole(self) -> Translated:
        while self._at < len(self._glob):
            self._out.append(self._next())
        if self._depth:
            raise RequestInvalid(f"the pattern {self._shown} opens a brace {{ and does not close it")
        return Translated("(?s)" + "".join(self._out), frozenset(self._letters))

    @property
    def _shown(self) -> str:
        return repr(self._glob[:80])

    def _next(self) -> str:
        letter = self._glob[self._at]
        match letter:
            case "*":
                return self._star()
            case "[":
                return self._class()
            case "?":
                expression = "[^/]"
            case "{":
                expression = self._open()
            case "}" if self._depth:
                self._depth -= 1
                expression = ")"
            case "," if self._depth:
                expression = "|"
            case _:
                expression = self._letter(letter)
        self._at += 1
        return expression

    def _letter(self, letter: str) -> str:
        if letter in _REFUSED:
            raise RequestInvalid(f"the pattern {self._shown} has a {letter} that closes or escapes nothing")
        self._letters.add(letter)
        return re.escape(letter)

    def _open(self) -> str:
        self._depth += 1
        if self._depth > BRACES_AT_MOST:
            raise RequestInvalid(f"the pattern {self._shown} nests braces more than {BRACES_AT_MOST} deep")
        return "(?:"

    def _star(self) -> str:
        start = self._at
        while self._at < len(self._glob) and self._glob[self._at] == "*":
            self._at += 1
        if self._at - start == 1:
            return "[^/]*"
        if self._at - start > 2:
            raise RequestInvalid(f"the pattern {self._shown} has more than two * in a row")
        begins_a_part = start == 0 or self._glob[start - 1] == "/"
        if begins_a_part and self._glob.startswith("/", self._at):
            self._at += 1
            return "(?:.*/)?"
        return ".*"

    def _class(self) -> str:
        begin = self._at + 1
        negated = self._glob.startswith(("!", "^"), begin)
        begin += negated
        end = self._glob.find("]", begin)
        inside = self._glob[begin:end]
        if end < 0 or not inside:
            raise RequestInvalid(f"the pattern {self._shown} opens a class [ and does not close it, or it is empty")
        if any(letter in "/[\\" for letter in inside):
            raise RequestInvalid(f"the pattern {self._shown} has a class with one of / [ \\ in it")
        self._at = end + 1
        ranges = self._ranges(inside, negated=negated)
        return f"[^/{ranges}]" if negated else f"[{ranges}]"

    def _ranges(self, inside: str, *, negated: bool) -> str:
        out, i = [], 0
        while i < len(inside):
            first = last = inside[i]
            if i + 2 < len(inside) and inside[i + 1] == "-":
                last = inside[i + 2]
                i += 2
            i += 1
            if last < first or (first <= "/" <= last and first != last):
                raise RequestInvalid(f"the pattern {self._shown} has an impossible range {first}-{last}")
            if not negated:
                self._letters |= {first, last}
            out.append(re.escape(first) if first == last else f"{re.escape(first)}-{re.escape(last)}")
        return "".join(out)
