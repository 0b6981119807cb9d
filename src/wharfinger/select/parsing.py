"""Selectors from plain data, as YAML and JSON give it. Whatever is not one is refused, with its path."""

import string
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from wharfinger.errors import RequestInvalid
from wharfinger.select import calver, globs, ranges
from wharfinger.select.linear import LENGTH_AT_MOST, Linear
from wharfinger.select.selectors import (
    SHA_LENGTHS,
    AllOf,
    AnyOf,
    Calver,
    Exact,
    GitSha,
    Glob,
    Not,
    Regex,
    Selector,
    Semver,
)

T = TypeVar("T")

DEPTH_AT_MOST = 20
PARTS_AT_MOST = 1000
"""How many parts one selector may have, at all depths together."""

Of = Literal["text", "tag", "repository", "digest"]
"""What is matched: a glob with a letter that cannot be in it can match nothing, and is refused."""
_LETTERS: Mapping[str, frozenset[str]] = {
    "tag": frozenset(string.ascii_letters + string.digits + "._-"),
    "repository": frozenset(string.ascii_lowercase + string.digits + "._-/"),
    "digest": frozenset(string.ascii_lowercase + string.digits + ":+._-"),
}

WORDS: Mapping[str, Mapping[str, object]] = {
    "semver": {"semver": "*", "prereleases": True},
    "git-sha": {"git_sha": True},
    "floating": {"regex": r"v?(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))?"},
}
"""Words that stand for a selector wherever tags are meant; a tag of such a name is ``{glob: semver}``."""


def parse(value: object, path: str = "", *, of: Of = "text") -> Selector:
    """The selector that ``value`` is. Raises RequestInvalid; its ``detail`` has the ``path`` and the ``problem``."""
    return _Parser(of).selector(value, path, 0)


class _Parser:
    def __init__(self, of: Of) -> None:
        self._of = of
        self._parts = 0
        self._kinds: Mapping[str, tuple[str | None, Callable[[Mapping[Any, Any], str, int], Selector]]] = {
            "glob": (None, self._spelt_glob),
            "regex": (None, self._regex),
            "semver": ("prereleases", self._semver),
            "calver": (None, self._calver),
            "git_sha": ("prefix", self._git_sha),
            "any": (None, self._any),
            "all": (None, self._all),
            "not": (None, self._not),
        }

    def selector(self, value: object, path: str, depth: int) -> Selector:
        self._parts += 1
        if self._parts > PARTS_AT_MOST:
            raise _wrong(path, f"a selector of more than {PARTS_AT_MOST} parts")
        if depth > DEPTH_AT_MOST:
            raise _wrong(path, f"a selector nested more than {DEPTH_AT_MOST} deep")
        if isinstance(value, str):
            word = WORDS.get(value) if self._of == "tag" else None
            return _at(path, self._glob, value) if word is None else self._mapping(word, path, depth)
        if isinstance(value, list | tuple):
            return AnyOf(self._several(value, path, depth))
        if isinstance(value, Mapping):
            return self._mapping(value, path, depth)
        raise _wrong(path, "want a pattern, a list of them, or a mapping with one of " + ", ".join(self._kinds))

    def _mapping(self, value: Mapping[Any, Any], path: str, depth: int) -> Selector:
        kinds = [key for key in self._kinds if key in value]
        if len(kinds) != 1:
            found = (
                f"not {' and '.join(kinds)} at once" if kinds else f"not {', '.join(map(_shown, value)) or 'nothing'}"
            )
            raise _wrong(path, f"want exactly one of {', '.join(self._kinds)}, {found}")
        kind = kinds[0]
        second, read = self._kinds[kind]
        for key in value:
            if key not in {kind, second}:
                raise _wrong(_join(path, str(key)[:60]), f"unknown key {_shown(key)} beside {kind}")
        return read(value, path, depth)

    def _glob(self, text: str, *, spelt_out: bool = False) -> Selector:
        translated = globs.translate(text)
        strange = translated.letters - _LETTERS.get(self._of, translated.letters)
        if strange:
            raise RequestInvalid(f"{text[:80]!r} matches nothing: no {self._of} has {_shown(min(strange))} in it")
        if globs.is_exact(text):
            return Exact(text, spelt_out)
        prefix = globs.prefix(text)
        is_across = text == f"{prefix}**"
        starts = prefix if is_across or text == f"{prefix}*" else None
        return Glob(text, prefix, spelt_out, compiled=Linear(translated.expression), starts=starts, is_across=is_across)

    def _spelt_glob(self, value: Mapping[Any, Any], path: str, _: int) -> Selector:
        path = _join(path, "glob")
        return _at(path, lambda text: self._glob(text, spelt_out=True), _text(value["glob"], path))

    def _regex(self, value: Mapping[Any, Any], path: str, _: int) -> Selector:
        path = _join(path, "regex")
        text = _text(value["regex"], path)
        if not text:
            raise _wrong(path, "an empty pattern matches nothing")
        return Regex(text, compiled=_at(path, Linear, text))

    def _semver(self, value: Mapping[Any, Any], path: str, _: int) -> Selector:
        at = _join(path, "semver")
        text = _text(value["semver"], at)
        versions = _at(at, ranges.parse, text)
        wanted = _flag(value["prereleases"], _join(path, "prereleases")) if "prereleases" in value else None
        if versions.names_prerelease and not wanted:
            raise _wrong(at, f"the range {text[:80]!r} names a pre-release: add prereleases: true")
        return Semver(text, wanted, versions=versions)

    def _calver(self, value: Mapping[Any, Any], path: str, _: int) -> Selector:
        path = _join(path, "calver")
        return Calver(_at(path, calver.parse, _text(value["calver"], path)))

    def _git_sha(self, value: Mapping[Any, Any], path: str, _: int) -> Selector:
        length = value["git_sha"]
        length = "true" if length is True else length
        if not isinstance(length, str) or length not in SHA_LENGTHS:
            raise _wrong(_join(path, "git_sha"), f"want one of {', '.join(SHA_LENGTHS)}")
        prefix = _text(value["prefix"], _join(path, "prefix")) if "prefix" in value else None
        return GitSha(length, prefix)

    def _any(self, value: Mapping[Any, Any], path: str, depth: int) -> Selector:
        return AnyOf(self._several(value["any"], _join(path, "any"), depth), spelt_out=True)

    def _all(self, value: Mapping[Any, Any], path: str, depth: int) -> Selector:
        return AllOf(self._several(value["all"], _join(path, "all"), depth))

    def _not(self, value: Mapping[Any, Any], path: str, depth: int) -> Selector:
        return Not(self.selector(value["not"], _join(path, "not"), depth + 1))

    def _several(self, value: object, path: str, depth: int) -> tuple[Selector, ...]:
        if not isinstance(value, list | tuple):
            raise _wrong(path, "want a list")
        if not value:
            raise _wrong(path, "an empty list: want at least one selector")
        return tuple(self.selector(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value))


def _at(path: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except RequestInvalid as refused:
        raise _wrong(path, refused.message) from refused


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "want text")
    if len(value) > LENGTH_AT_MOST:
        raise _wrong(path, f"a pattern of more than {LENGTH_AT_MOST} characters")
    return value


def _flag(value: object, path: str) -> bool:
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise _wrong(path, "want true or false")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _shown(key: object) -> str:
    return repr(str(key)[:60])


def _wrong(path: str, problem: str) -> RequestInvalid:
    return RequestInvalid(f"{path}: {problem}" if path else problem, path=path, problem=problem)
