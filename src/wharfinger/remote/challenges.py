"""What a registry asks for in WWW-Authenticate. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

LENGTH_AT_MOST = 8192

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PART = re.compile(rf'({_NAME})(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?')
_BETWEEN = re.compile(r"[\s,]*")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """``scheme`` and the names of parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse(header: str) -> list[Challenge]:
    """The challenges, as far as they can be read; several headers are joined by commas."""
    found: list[tuple[str, dict[str, str]]] = []
    text, at = header[:LENGTH_AT_MOST], 0
    while True:
        at = _end(text, at)
        part = _PART.match(text, at)
        if part is None:
            return [Challenge(scheme, parameters) for scheme, parameters in found]
        at = part.end()
        name, quoted, bare = part.groups()
        if quoted is None and bare is None:
            found.append((name.lower(), {}))
        elif found:
            value = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare
            found[-1][1].setdefault(name.lower(), value)


def _end(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at
