"""Images in a Dockerfile: FROM, the ARGs that FROM uses, COPY --from, RUN --mount, and the syntax line. Pure."""

import re
from dataclasses import dataclass, field

from wharfinger.remote.references import ImageReference
from wharfinger.tagging.pinning import docker_composed
from wharfinger.tagging.pinning.docker_lines import Directive, Instruction, Word, read
from wharfinger.tagging.pinning.docker_variables import Defaults, Expanded, expanded, named
from wharfinger.tagging.pinning.found import Found, Gathering, Slot

_VARIABLE = re.compile(r"\$(?:([a-zA-Z_][a-zA-Z0-9_]*)|\{([a-zA-Z_][a-zA-Z0-9_]*)\})")
_ASSIGNMENT = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)=(.*)", re.DOTALL)
_NOT_IN_ONE_PIECE = "it goes on in the next line, and is not touched"


@dataclass(slots=True)
class _Stages:
    """What has been named so far, and the arguments before the first FROM, as they are and filled in.

    ``reused`` are variables that are more than a part of one reference: another has them too, or a stage goes on with
    them. ``slots`` are the references whose digests have a place, for several FROM may be one and the same.
    """

    arguments: dict[str, Word] = field(default_factory=dict)
    defaults: dict[str, Expanded] = field(default_factory=dict)
    reused: frozenset[str] = frozenset()
    slots: set[tuple[Slot, ImageReference]] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    count: int = 0


def dockerfile(text: str, gathering: Gathering) -> None:
    """Every reference to an image that is not a stage of the file itself."""
    parts = list(read(text))
    every = _all_stages(parts)
    stages = _stages(parts)
    for part in parts:
        match part:
            case Directive("syntax", value):
                _reference(value, gathering)
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


def _stages(parts: list[Directive | Instruction]) -> _Stages:
    """Before any of them, with what is to be known of the whole file."""
    every = [part for part in parts if isinstance(part, Instruction)]
    first = next((at for at, part in enumerate(every) if part.name == "FROM"), len(every))
    stages = _Stages()
    for part in every[:first]:
        if part.name == "ARG":
            _arguments(part.words, stages)
    named = _taken_over(every[first:]) | _in_several(every[first:], stages.defaults)
    inner = (stages.defaults[name].names for name in named if name in stages.defaults)
    stages.reused = named.union(*inner)
    return stages


def _arguments(words: tuple[Word, ...], stages: _Stages) -> None:
    for word in words:
        found = _ASSIGNMENT.fullmatch(word.text)
        if found is not None:
            stages.arguments[found[1]] = _unquoted(word.part(found.start(2)))
            stages.defaults[found[1]] = expanded(stages.arguments[found[1]], stages.defaults)


def _taken_over(parts: list[Instruction]) -> frozenset[str]:
    """Variables that a stage goes on with by ``ARG NAME``, and those of ``FROM --platform``."""
    found: set[str] = set()
    for part in parts:
        if part.name == "FROM":
            found.update(*(named(word.text) for word in _flags(part.words)))
        elif part.name == "ARG":
            found.update(word.text for word in part.words if "=" not in word.text)
    return frozenset(found)


def _in_several(parts: list[Instruction], defaults: Defaults) -> frozenset[str]:
    """Variables that different references are made of."""
    made = [expanded(_unquoted(word), defaults) for part in parts if part.name == "FROM" for word in _image(part)]
    texts: dict[str, set[str]] = {}
    for each in made:
        for name in each.names:
            texts.setdefault(name, set()).add(each.text)
    return frozenset(name for name, several in texts.items() if len(several) > 1)


def _image(part: Instruction) -> tuple[Word, ...]:
    return _operands(part.words)[:1]


def _from(words: tuple[Word, ...], stages: _Stages, gathering: Gathering) -> None:
    operands = _operands(words)
    if operands:
        image = _argument(_unquoted(operands[0]), stages)
        if "$" in image.text and image.is_whole and not operands[0].text.startswith("'"):
            _composed(_unquoted(operands[0]), stages, gathering)
        elif not _is_stage(image.text, stages):
            _reference(image, gathering)
    stages.count += 1
    if name := _stage(operands):
        stages.named.add(name)


def _composed(image: Word, stages: _Stages, gathering: Gathering) -> None:
    made = expanded(image, stages.defaults)
    if _is_stage(made.text, stages):
        return
    found = docker_composed.found(image, made, stages.defaults, stages.reused)
    if found.slot is not None and found.reference is not None:
        if (found.slot, found.reference) in stages.slots:
            return
        stages.slots.add((found.slot, found.reference))
    gathering.add(found)


def _is_stage(text: str, stages: _Stages) -> bool:
    return text.lower() in stages.named or text == "scratch"


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
