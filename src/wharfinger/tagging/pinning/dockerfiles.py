"""Images in a Dockerfile: FROM, the ARGs that FROM uses, COPY --from, RUN --mount, and the syntax line. Pure."""

import re
from dataclasses import dataclass, field

from wharfinger.tagging.pinning.docker_lines import Directive, Instruction, Word, read
from wharfinger.tagging.pinning.found import Found, Gathering

_VARIABLE = re.compile(r"\$(?:([a-zA-Z_][a-zA-Z0-9_]*)|\{([a-zA-Z_][a-zA-Z0-9_]*)\})")
_ASSIGNMENT = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)=(.*)", re.DOTALL)
_NOT_IN_ONE_PIECE = "it goes on in the next line, and is not touched"


@dataclass(slots=True)
class _Stages:
    """What has been named so far: arguments before the first FROM, and stages."""

    arguments: dict[str, Word] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    count: int = 0


def dockerfile(text: str, gathering: Gathering) -> None:
    """Every reference to an image that is not a stage of the file itself."""
    parts = list(read(text))
    every = _all_stages(parts)
    stages = _Stages()
    for part in parts:
        match part:
            case Directive("syntax", value):
                _reference(value, gathering)
            case Instruction("ARG", words) if stages.count == 0:
                _arguments(words, stages)
            case Instruction("FROM", words):
                _from(words, stages, gathering)
            case Instruction("COPY", words):
                _copied(words, every, stages.count, gathering)
            case Instruction("RUN", words):
                _mounted(words, every, stages.count, gathering)


def _all_stages(parts: list[Directive | Instruction]) -> set[str]:
    """Also those further down: COPY --from may name them, and then means no image."""
    named = (_stage(_operands(part.words)) for part in parts if isinstance(part, Instruction) and part.name == "FROM")
    return {name for name in named if name}


def _arguments(words: tuple[Word, ...], stages: _Stages) -> None:
    for word in words:
        found = _ASSIGNMENT.fullmatch(word.text)
        if found is not None:
            stages.arguments[found[1]] = _unquoted(word.part(found.start(2)))


def _from(words: tuple[Word, ...], stages: _Stages, gathering: Gathering) -> None:
    operands = _operands(words)
    if operands:
        image = _argument(_unquoted(operands[0]), stages)
        if image.text.lower() not in stages.named and image.text != "scratch":
            _reference(image, gathering)
    stages.count += 1
    if name := _stage(operands):
        stages.named.add(name)


def _argument(image: Word, stages: _Stages) -> Word:
    """What an argument stands for, if it is all that is written."""
    found = _VARIABLE.fullmatch(image.text)
    return image if found is None else stages.arguments.get(found[1] or found[2], image)


def _copied(words: tuple[Word, ...], stages: set[str], count: int, gathering: Gathering) -> None:
    for word in _flags(words):
        if word.text.lower().startswith("--from="):
            _source(_unquoted(word.after("--from=")), stages, count, gathering)


def _mounted(words: tuple[Word, ...], stages: set[str], count: int, gathering: Gathering) -> None:
    for word in _flags(words):
        if not word.text.lower().startswith("--mount="):
            continue
        at = len("--mount=")
        for part in word.text[at:].split(","):
            if part.lower().startswith("from="):
                _source(word.part(at + len("from="), at + len(part)), stages, count, gathering)
            at += len(part) + 1


def _source(image: Word, stages: set[str], count: int, gathering: Gathering) -> None:
    is_number = image.text.isascii() and image.text.isdigit() and int(image.text[:9]) < count
    if image.text and not is_number and image.text.lower() not in stages and image.text != "scratch":
        _reference(image, gathering)


def _reference(image: Word, gathering: Gathering) -> None:
    if not image.text:
        return
    if image.is_whole:
        gathering.reference(image.places[0], image.text)
    else:
        gathering.add(Found(image.places[0], image.places[0], image.text, trouble=_NOT_IN_ONE_PIECE))


def _operands(words: tuple[Word, ...]) -> tuple[Word, ...]:
    return words[len(_flags(words)) :]


def _flags(words: tuple[Word, ...]) -> tuple[Word, ...]:
    count = next((at for at, word in enumerate(words) if not word.text.startswith("--")), len(words))
    return words[:count]


def _stage(operands: tuple[Word, ...]) -> str:
    named = len(operands) >= 3 and operands[1].text.upper() == "AS"
    return operands[2].text.lower() if named else ""


def _unquoted(word: Word) -> Word:
    quoted = len(word.text) >= 2 and word.text[0] in "\"'" and word.text[-1] == word.text[0]
    return word.part(1, -1) if quoted else word
