"""Patterns that strangers write, run on RE2: time linear in the text, whatever the pattern is."""

import re2  # type: ignore[import-untyped]

from wharfinger.errors import RequestInvalid

LENGTH_AT_MOST = 512
"""Characters of one pattern."""
MEMORY_AT_MOST = 1024 * 1024
"""What RE2 may use for one pattern; one that needs more is refused."""


class Linear:
    """A compiled pattern. ``matches`` holds when the whole text matches."""

    __slots__ = ("_compiled",)

    def __init__(self, pattern: str) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = MEMORY_AT_MOST
        try:
            self._compiled = re2.compile(pattern, options)
        except (re2.error, UnicodeError) as error:
            raise RequestInvalid(f"not a regular expression that RE2 knows: {_told(error)}") from error

    def __reduce__(self) -> tuple[type["Linear"], tuple[str]]:
        """Another process compiles it again."""
        return Linear, (self._compiled.pattern,)

    def matches(self, text: str) -> bool:
        """Whether the whole text matches; a text that has no UTF-8 matches nothing."""
        try:
            return self._compiled.fullmatch(text) is not None
        except UnicodeError:
            return False

    @property
    def names(self) -> frozenset[str]:
        """The named parts that the pattern has."""
        return frozenset(self._compiled.groupindex)

    def extract(self, text: str, name: str) -> str | None:
        """What the named part is in a text that matches; None where it has none, or the text does not match."""
        try:
            found = self._compiled.fullmatch(text) if name in self.names else None
        except UnicodeError:
            return None
        return None if found is None else found.group(name)


def _told(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))[:200]
