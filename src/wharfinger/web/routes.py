"""Which request goes to which handler, and the action it needs. A route without an action cannot be written."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from wharfinger.access import scopes
from wharfinger.access.actions import Action
from wharfinger.errors import MethodUnsupported, NoSuchRoute, Refusal
from wharfinger.spec import names
from wharfinger.web.http import Reply, Request

Handler = Callable[[Request], Awaitable[Reply]]

_PLACES = {
    "name": r"(?P<name>.+)",
    "rest": r"(?P<rest>[^/]+)",
    "reference": r"(?P<rest>[^/]+)",
    "digest": r"(?P<rest>[^/]*:[^/]*)",
}


class Open(Enum):
    """What a route needs that is no action in a repository."""

    TO_CALLERS = "whoever has proved who they are, or has a token for anybody"
    CATALOG = "the same, and their token must be for the catalog"
    TO_ALL = "nothing: the handler looks at the credentials itself, if at all"


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table.

    In ``pattern``, ``{name}`` is the repository (it may have slashes), ``{rest}`` one segment, ``{digest}`` one with a
    colon, and ``{reference}`` one that is a tag unless it has a colon.
    """

    method: str
    pattern: str
    handler: Handler
    needs: Action | Open

    @property
    def expression(self) -> re.Pattern[str]:
        """The pattern as a regular expression over the whole path."""
        return re.compile(re.sub(r"\{(\w+)\}", lambda place: _PLACES[place[1]], self.pattern))

    @property
    def names_tag(self) -> bool:
        """Whether the rest of the path may be a tag."""
        return self.pattern.endswith("{reference}")

    def scope(self, name: str) -> str:
        """The scope of a token that is enough for it; empty where every token is."""
        if self.needs is Open.CATALOG:
            return scopes.CATALOG
        if isinstance(self.needs, Open) or not names.is_repository(name):
            return ""
        word = scopes.word_of(self.needs)
        return f"repository:{name}:{'pull,push' if word == 'push' else word}"


@dataclass(frozen=True, slots=True)
class Match:
    """A route, the repository's name as it was sent, and the rest."""

    route: Route
    word: str
    names_tag: bool
    name: str
    rest: str


class Router:
    """The table made ready: rows are tried in their order, those of the request's method alone."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_method: dict[str, list[tuple[re.Pattern[str], Route, str, bool]]] = {}
        for route in routes:
            word = scopes.word_of(route.needs) if isinstance(route.needs, Action) else ""
            row = (route.expression, route, word, route.names_tag)
            self._by_method.setdefault(route.method, []).append(row)

    def find(self, method: str, path: str) -> Match | None:
        """The row for the request; None where there is none."""
        for expression, route, word, names_tag in self._by_method.get(method, ()):
            match = expression.fullmatch(path)
            if match is not None:
                found = match.groupdict()
                return Match(route, word, names_tag, found.get("name", ""), found.get("rest", ""))
        return None

    def refusal(self, method: str, path: str) -> Refusal:
        """Why there is none."""
        others = [m for m, rows in self._by_method.items() if any(row[0].fullmatch(path) for row in rows)]
        if others:
            return MethodUnsupported(f"{method[:16]} is not possible here, only {', '.join(sorted(others))}")
        return NoSuchRoute(f"{path[:200]!r} is not part of the API")
