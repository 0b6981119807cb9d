"""Which request goes to which handler, and the action it needs. A route without an action cannot be written."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from wharfinger.access.roles import Action
from wharfinger.errors import MethodUnsupported, NoSuchRoute
from wharfinger.web.http import Reply, Request

Handler = Callable[[Request], Awaitable[Reply]]

_PLACES = {"name": r"(?P<name>.+)", "rest": r"(?P<rest>[^/]+)", "digest": r"(?P<rest>[^/]*:[^/]*)"}


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table; ``action`` is None only for what any account may do.

    In ``pattern``, ``{name}`` is the repository (it may have slashes), ``{rest}`` one segment, and ``{digest}`` one
    with a colon.
    """

    method: str
    pattern: str
    handler: Handler
    action: Action | None

    @property
    def expression(self) -> re.Pattern[str]:
        """The pattern as a regular expression over the whole path."""
        return re.compile(re.sub(r"\{(\w+)\}", lambda place: _PLACES[place[1]], self.pattern))


class Router:
    """The table made ready: rows are tried in their order, those of the request's method alone."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_method: dict[str, list[tuple[re.Pattern[str], Route]]] = {}
        for route in routes:
            self._by_method.setdefault(route.method, []).append((route.expression, route))

    def find(self, method: str, path: str) -> tuple[Route, str, str]:
        """The route, the repository's name as it was sent, and the rest. Raises NoSuchRoute or MethodUnsupported."""
        for expression, route in self._by_method.get(method, ()):
            match = expression.fullmatch(path)
            if match is not None:
                found = match.groupdict()
                return route, found.get("name", ""), found.get("rest", "")
        others = [m for m, rows in self._by_method.items() if any(row.fullmatch(path) for row, _ in rows)]
        if others:
            raise MethodUnsupported(f"{method[:16]} is not possible here, only {', '.join(sorted(others))}")
        raise NoSuchRoute(f"{path[:200]!r} is not part of the API")
