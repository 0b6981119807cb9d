"""Scopes of the token protocol: what a client asks for, and the upper bound that its token carries.

``repository:shop/web:pull,push`` and ``registry:catalog:*``, several separated by spaces
(https://distribution.github.io/distribution/spec/auth/scope/). Types and actions that we do not know are not an error:
they are asked for and not granted.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wharfinger.access.actions import Action
from wharfinger.errors import RequestInvalid
from wharfinger.spec import names
from wharfinger.spec.names import RepoName

AT_MOST = 100
"""Scopes in one request; clients ask for two or three."""
CATALOG = "registry:catalog:*"
WORDS = ("pull", "push", "delete")

_TYPE = re.compile(r"[a-z0-9]+(?:\([a-z0-9]+\))?", re.ASCII)
_ACTION = re.compile(r"[a-z0-9_-]+|\*", re.ASCII)

_WORD: Mapping[Action, str] = {
    Action.PULL: "pull",
    Action.PUSH: "push",
    Action.TAG: "delete",
    Action.DELETE: "delete",
}


def word_of(action: Action) -> str:
    """What a token must say for a request that needs ``action``; what it has no word for, no token allows."""
    return _WORD.get(action, action.value)


@dataclass(frozen=True, slots=True)
class Scopes:
    """What is asked for, or allowed at most: words by repository, and whether the catalog is among it."""

    repositories: Mapping[RepoName, frozenset[str]] = field(default_factory=dict)
    catalog: bool = False

    def allow(self, word: str, repository: RepoName) -> bool:
        """Whether the word is in them for this repository."""
        return word in self.repositories.get(repository, ())

    def within(self, bound: "Scopes | None") -> "Scopes":
        """As much of them as is in ``bound`` too; None is no bound."""
        if bound is None:
            return self
        held = {name: words & bound.repositories.get(name, frozenset()) for name, words in self.repositories.items()}
        return Scopes(held, self.catalog and bound.catalog)

    def access(self) -> list[dict[str, object]]:
        """As the ``access`` claim of a token."""
        entries: list[dict[str, object]] = [
            {"type": "repository", "name": name, "actions": [word for word in WORDS if word in words]}
            for name, words in self.repositories.items()
            if words
        ]
        if self.catalog:
            entries.append({"type": "registry", "name": "catalog", "actions": ["*"]})
        return entries


def parse(texts: Iterable[str]) -> Scopes:
    """What these scope parameters ask for. Raises RequestInvalid, which names the scope that is malformed."""
    found: dict[RepoName, frozenset[str]] = {}
    catalog = False
    parts = [part for text in texts for part in text.split(" ") if part]
    if len(parts) > AT_MOST:
        raise RequestInvalid(f"{len(parts)} scopes are asked for; want {AT_MOST} at most")
    for place, part in enumerate(parts, 1):
        type, name, words = _parse(part, place)
        if type == "repository":
            repository = _repository(name, place)
            found[repository] = found.get(repository, frozenset()) | words
        catalog = catalog or (type == "registry" and name == "catalog" and "*" in words)
    return Scopes(found, catalog)


def _parse(text: str, place: int) -> tuple[str, str, frozenset[str]]:
    type, first, rest = text.partition(":")
    name, second, actions = rest.rpartition(":")
    words = actions.split(",") if actions else []
    if not (first and second and name and _TYPE.fullmatch(type) and all(_ACTION.fullmatch(word) for word in words)):
        raise RequestInvalid(f"scope {place} is malformed: {text[:120]!r}; want type:name:action,action")
    kind = type.partition("(")[0]
    return kind, name, frozenset(WORDS) if kind == "repository" and "*" in words else frozenset(words)


def _repository(name: str, place: int) -> RepoName:
    if names.is_repository(name):
        return RepoName(name)
    raise RequestInvalid(f"scope {place} is malformed: {name[:120]!r} is no repository name")


def of_access(entries: Iterable[Mapping[str, object]]) -> Scopes:
    """The scopes in a token's ``access`` claim; the token's signature has been checked."""
    found: dict[RepoName, frozenset[str]] = {}
    catalog = False
    for entry in entries:
        words: Iterable[str] = entry["actions"]  # type: ignore[assignment]
        if entry["type"] == "repository":
            found[RepoName(str(entry["name"]))] = frozenset(words)
        catalog = catalog or entry["type"] == "registry"
    return Scopes(found, catalog)
