"""What a word of a Dockerfile stands for once its variables are filled in from the file's own defaults. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wharfinger.tagging.pinning.docker_lines import Word

CHARACTERS_AT_MOST = 4096
"""Of what is filled in: variables made of variables grow beyond all bounds. No reference is as long."""

_VARIABLE = re.compile(r"\$(?:([a-zA-Z_]\w*)|\{([a-zA-Z_]\w*)(?:(:?[-+])([^{}$]*))?\})", re.ASCII)
_PLAIN: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Expanded:
    """Text of which each character knows where it stands in the file, and through which variables it came."""

    text: str
    places: Sequence[int]
    through: Sequence[frozenset[str]]

    def by(self, name: str) -> "Expanded":
        return Expanded(self.text, self.places, tuple(names | {name} for names in self.through))

    @property
    def names(self) -> frozenset[str]:
        """Every variable that has a part in it."""
        return _PLAIN.union(*self.through)


Defaults = Mapping[str, Expanded]
NOTHING = Expanded("", (), ())


def plain(word: Word) -> Expanded:
    """The word as it is written."""
    return Expanded(word.text, word.places, (_PLAIN,) * len(word.text))


def named(text: str) -> frozenset[str]:
    """The variables that are named in a text."""
    return frozenset(found[1] or found[2] for found in _VARIABLE.finditer(text))


def expanded(word: Word, defaults: Defaults) -> Expanded:
    """The word with its variables filled in. What cannot be filled in stays, with its dollar sign."""
    pieces: list[Expanded] = []
    length = at = 0
    for found in _VARIABLE.finditer(word.text):
        pieces += (plain(word.part(at, found.start())), _value(word, found, defaults))
        length += len(pieces[-2].text) + len(pieces[-1].text)
        at = found.end()
        if length > CHARACTERS_AT_MOST:
            return plain(word)
    return _joined([*pieces, plain(word.part(at))])


def _joined(pieces: Iterable[Expanded]) -> Expanded:
    text = ""
    places: list[int] = []
    through: list[frozenset[str]] = []
    for piece in pieces:
        text += piece.text
        places += piece.places
        through += piece.through
    return Expanded(text, places, through)


def _value(word: Word, found: re.Match[str], defaults: Defaults) -> Expanded:
    """``${X:-a}`` is a where X is empty or unset, ``${X-a}`` where it is unset, and with a plus the other way round."""
    name, operator = found[1] or found[2], found[3]
    value = defaults.get(name)
    if operator is None:
        return plain(word.part(*found.span())) if value is None else value.by(name)
    is_there = value is not None and (bool(value.text) or not operator.startswith(":"))
    if is_there is operator.endswith("-"):
        return NOTHING if value is None else value.by(name)
    return plain(word.part(*found.span(4))).by(name)
