"""The command line ``acr purge …``: alone, or as the ``cmd:`` of an ACR task (acr-cli: cmd/acr/purge.go)."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from wharfinger.access import yaml_tree
from wharfinger.access.yaml_tree import Scalar, Sequence, Tree
from wharfinger.errors import RequestInvalid

LENGTH_AT_MOST = 64 * 1024
FILTERS_AT_MOST = 100
_VALUES = {"-f": "--filter", "-r": "--registry", "-c": "--config", "-u": "--username", "-p": "--password"}
_VALUED = (
    "--filter", "--ago", "--keep", "--registry", "--repository-page-size", "--concurrency", "--config", "--username",
    "--password", "--filter-timeout-seconds",
)  # fmt: skip
_FLAGS = ("--untagged", "--untagged-only", "--include-locked", "--dry-run")
_AGO = re.compile(r"(?:([0-9]{1,6})d)?((?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|ms|us|ns|m|s))*)")
_GO = re.compile(r"([0-9.]+)(h|ms|us|ns|m|s)")
_UNITS: Mapping[str, int | Fraction] = {
    "h": 3_600,
    "m": 60,
    "s": 1,
    "ms": Fraction(1, 10**3),
    "us": Fraction(1, 10**6),
    "ns": Fraction(1, 10**9),
}
_NO_DELIMITERS = re.compile(r"\(\?[A-Za-z-]*:|\[:\^?[a-z]+:\]|\\.")


@dataclass(frozen=True, slots=True)
class Filter:
    """``<repositories>:<tags>``, two regular expressions."""

    text: str
    repositories: str
    tags: str


@dataclass(frozen=True, slots=True)
class Purge:
    """The command, read. ``ago`` is in seconds; None where it is not given."""

    filters: tuple[Filter, ...]
    ago: int | None
    keep: int
    untagged: bool
    untagged_only: bool
    dry_run: bool


def read(text: str) -> Purge:
    """The one ``acr purge`` in a command line or a task. Raises RequestInvalid."""
    if len(text) > LENGTH_AT_MOST:
        raise RequestInvalid(f"more than {LENGTH_AT_MOST} characters")
    if re.search(r"(?m)^\s*(?:-\s*)?(?:cmd|steps)\s*:", text) or text.lstrip().startswith("{"):
        found = [(f"{place}: cmd: ", command) for place, command in _commands(yaml_tree.read(text))]
    else:
        found = [("", text)]
    purges = [(where, words) for where, command in found if (words := _words(where, command))]
    if len(purges) != 1:
        said = "no `acr purge` in it" if not purges else "more than one `acr purge`: translate them one by one"
        raise RequestInvalid(said)
    where, words = purges[0]
    try:
        return _purge(words)
    except RequestInvalid as error:
        raise RequestInvalid(f"{where}{error.message}") from error


def _commands(root: Tree | None) -> Iterator[tuple[yaml_tree.Place, str]]:
    """Every ``cmd`` of a task, at any depth; the reader has bounded it."""
    waiting = [root]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, Sequence):
            waiting += node.items
        elif isinstance(node, yaml_tree.Mapping):
            for key, value in node.pairs:
                if isinstance(key, Scalar) and key.text == "cmd" and isinstance(value, Scalar):
                    yield value.place, value.text
                waiting.append(value)


def _words(where: str, command: str) -> list[str]:
    """What follows ``acr purge``; nothing if it is another command."""
    try:
        words = shlex.split(command.strip().replace("\\\r\n", " ").replace("\\\n", " "))
    except ValueError as error:
        raise RequestInvalid(f"{where}not a command line: {error}") from error
    if words[:1] == ["az"]:
        raise RequestInvalid(
            f"{where}want the command `acr purge …` itself, not the az command that makes a task of it"
        )
    if len(words) < 2 or words[1] != "purge" or not re.search(r"(?:^|/)acr(?:-cli)?(?::[\w.-]+)?$", words[0]):
        return []
    return words[2:]


def _purge(words: list[str]) -> Purge:
    options, flags = _options(words)
    filters = tuple(_filter(text) for text in options.get("--filter", []))
    untagged_only = "--untagged-only" in flags
    if untagged_only and "--untagged" in flags:
        raise RequestInvalid("--untagged and --untagged-only exclude each other")
    if "--include-locked" in flags:
        raise RequestInvalid("--include-locked is not translated: here what is protected never goes")
    if not untagged_only and not filters:
        raise RequestInvalid("--filter is missing")
    if not untagged_only and "--ago" not in options:
        raise RequestInvalid("--ago is missing")
    return Purge(
        filters=filters,
        ago=_ago(options["--ago"][0]) if "--ago" in options else None,
        keep=_number("--keep", options.get("--keep", ["0"])[0]),
        untagged="--untagged" in flags,
        untagged_only=untagged_only,
        dry_run="--dry-run" in flags,
    )


def _options(words: list[str]) -> tuple[dict[str, list[str]], set[str]]:
    options: dict[str, list[str]] = {}
    flags: set[str] = set()
    waiting = list(words)
    while waiting:
        name, has_value, value = waiting.pop(0).partition("=")
        name = _VALUES.get(name, name)
        if name in _FLAGS:
            if value not in {"", "true", "false"}:
                raise RequestInvalid(f"{name} wants true or false, not {value[:80]!r}")
            flags |= {name} if value != "false" else set()
        elif name in _VALUED:
            if not has_value and not waiting:
                raise RequestInvalid(f"{name} wants a value")
            options.setdefault(name, []).append(value if has_value else waiting.pop(0))
        else:
            raise RequestInvalid(f"unknown word {name[:80]!r}: known are {', '.join(_VALUED + _FLAGS)}")
    _refuse_repeated(options)
    return options, flags


def _refuse_repeated(options: dict[str, list[str]]) -> None:
    for name, values in options.items():
        if name != "--filter" and len(values) > 1:
            raise RequestInvalid(f"{name} is given twice")
        if len(values) > FILTERS_AT_MOST:
            raise RequestInvalid(f"more than {FILTERS_AT_MOST} filters")


def _filter(text: str) -> Filter:
    """Split at the one colon that is not of a group ``(?i:…)`` or a class ``[:…:]``."""
    masked = _NO_DELIMITERS.sub(lambda found: "_" * len(found[0]), text)
    at = masked.find(":")
    if at < 1 or at == len(text) - 1 or ":" in masked[at + 1 :]:
        raise RequestInvalid(f"--filter {text[:80]!r}: want <repositories>:<tags>, with one colon between them")
    return Filter(text, text[:at], text[at + 1 :])


def _ago(text: str) -> int:
    found = _AGO.fullmatch(text)
    if not text or not found:
        raise RequestInvalid(f"--ago {text[:80]!r}: want days and a duration, such as 30d, 2d3h6m, 36h")
    try:
        seconds = sum((Fraction(number) * _UNITS[unit] for number, unit in _GO.findall(found[2])), Fraction(0))
    except ValueError as error:
        raise RequestInvalid(f"--ago {text[:80]!r}: not a duration") from error
    if seconds.denominator != 1:
        raise RequestInvalid(f"--ago {text[:80]!r} is not translated: parts of a second")
    return int(found[1] or 0) * 86_400 + int(seconds)


def _number(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise RequestInvalid(f"{name} {text[:80]!r}: want a whole number")
    return int(text)
