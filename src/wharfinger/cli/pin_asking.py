"""Whom ``wharf pin`` asks: registries for digests, our own for its rules."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from wharfinger.cli.client import by_login, quoted
from wharfinger.cli.output import clean
from wharfinger.cli.registries import host, own_login, repositories
from wharfinger.errors import Refusal
from wharfinger.remote.references import ImageReference
from wharfinger.tagging.pinning import judging
from wharfinger.tagging.pinning.judging import Immutable
from wharfinger.tagging.pinning.resolving import Resolver

REFUSALS_AT_MOST = 5
"""A registry that does not answer is not asked about each of a thousand images."""


@contextmanager
def asked(plain: frozenset[str], *, write: bool) -> Iterator[tuple[Immutable, Resolver | None]]:
    """Who knows which tags are immutable, and who resolves them where something is to be written."""
    own = own_login()
    with ExitStack() as stack:
        immutable: Immutable = judging.nobody_knows
        if own is not None:
            rules = Rules(host(own), stack.enter_context(by_login(own)).get)
            stack.callback(rules.tell)
            immutable = rules.immutable
        resolver: Resolver | None = None
        if write:
            resolver = Resolver(stack.enter_context(repositories(plain)))
        yield immutable, resolver


class Rules:
    """What the registry that one is logged in to says of its tags; ``get`` asks its management API."""

    def __init__(self, host: str, get: Callable[[str], object]) -> None:
        self._host = host
        self._get = get
        self._said: dict[tuple[str, str], bool | None] = {}
        self._refusals = 0  # in a row
        self._trouble = ""

    def immutable(self, reference: ImageReference) -> bool | None:
        """Whether a rule keeps the tag where it is; None of other registries, and where the answer is not to be had."""
        if reference.registry != self._host or self._refusals >= REFUSALS_AT_MOST:
            return None
        key = (reference.repository, reference.meant_tag)
        if key not in self._said:
            self._said[key] = self._ask(*key)
        return self._said[key]

    def tell(self) -> None:
        """Say why some of its tags may be immutable and were not taken for it."""
        if self._trouble:
            print(f"wharf: {self._host} was asked which tags are immutable: {clean(self._trouble)}", file=sys.stderr)

    def _ask(self, repository: str, tag: str) -> bool | None:
        try:
            found = self._get(f"/immutable/{repository}/{quoted(tag)}")
        except Refusal as refusal:
            self._refusals += 1
            self._trouble = refusal.message
            return None
        self._refusals = 0
        match found:
            case {"immutable": bool(immutable)}:
                return immutable
        return None
