"""A Dockerfile as instructions whose every character knows where it stood. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*([a-zA-Z][a-zA-Z0-9]*)[ \t]*=[ \t]*(.*?)[ \t]*", re.ASCII)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:\"([^\"\s]+)\"|'([^'\s]+)'|([a-zA-Z_][a-zA-Z0-9_.]*))")
_WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Word:
    """Text without blanks. ``places`` says where each character stood, for words may go on in the next line."""

    text: str
    places: Sequence[int]

    def part(self, start: int, end: int | None = None) -> "Word":
        return Word(self.text[start:end], self.places[start:end])

    def after(self, prefix: str) -> "Word":
        return self.part(len(prefix))

    @property
    def is_whole(self) -> bool:
        """Whether it stands in one piece."""
        return not self.places or self.places[-1] - self.places[0] == len(self.places) - 1


@dataclass(frozen=True, slots=True)
class Instruction:
    """``name`` in capitals, and its words."""

    name: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Directive:
    """``# name=value`` at the top."""

    name: str
    value: Word


def read(text: str) -> Iterator[Directive | Instruction]:
    """All of the file, in its order."""
    lines = [(match.start(), match.group().rstrip("\r\n")) for match in _LINE.finditer(text)]
    directives = list(_directives(lines))
    yield from directives
    escape = next((each.value.text for each in directives if each.name == "escape"), "\\")
    yield from _instructions(lines, escape if escape in {"\\", "`"} else "\\")


def _directives(lines: Sequence[tuple[int, str]]) -> Iterator[Directive]:
    seen: set[str] = set()
    for start, line in lines:
        found = _DIRECTIVE.fullmatch(line)
        if found is None or found[1].lower() in seen:
            return
        seen.add(found[1].lower())
        yield Directive(found[1].lower(), Word(found[2], range(start + found.start(2), start + found.end(2))))


def _instructions(lines: Sequence[tuple[int, str]], escape: str) -> Iterator[Instruction]:
    at = 0
    while at < len(lines):
        text: list[str] = []
        places: list[int] = []
        more = True
        while more and at < len(lines):
            start, line = lines[at]
            at += 1
            if not line.strip() or line.lstrip().startswith("#"):
                more = bool(text)  # comments and empty lines do not end what goes on
                continue
            kept, more = _continued(line, escape)
            text.append(kept)
            places += range(start, start + len(kept))
        instruction = _instruction("".join(text), places)
        if instruction is not None:
            yield instruction
            at = _after_heredocs(lines, at, instruction, "".join(text))


def _continued(line: str, escape: str) -> tuple[str, bool]:
    stripped = line.rstrip(" \t")
    return (stripped[:-1], True) if stripped.endswith(escape) else (line, False)


def _instruction(text: str, places: Sequence[int]) -> Instruction | None:
    words = [Word(m.group(), places[m.start() : m.end()]) for m in _WORD.finditer(text)]
    while words and words[0].text.upper() == "ONBUILD":
        words = words[1:]
    return Instruction(words[0].text.upper(), tuple(words[1:])) if words else None


def _after_heredocs(lines: Sequence[tuple[int, str]], at: int, instruction: Instruction, text: str) -> int:
    """The line after the last of its documents; one that never ends takes the rest, as it does for BuildKit."""
    if instruction.name not in _WITH_HEREDOCS:
        return at
    for found in _HEREDOC.finditer(text):
        ending = found[2] or found[3] or found[4]
        while at < len(lines):
            line = lines[at][1]
            at += 1
            if (line.lstrip("\t") if found[1] else line) == ending:
                break
    return at
