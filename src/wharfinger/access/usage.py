"""What a grant was used for, as the audit trail tells it. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wharfinger.access import patterns
from wharfinger.access.actions import Action
from wharfinger.access.patterns import EVERYTHING, Pattern, Reach
from wharfinger.errors import Refusal
from wharfinger.meta.review import UseRow

_RULE = re.compile(r"grant (\d+):")

_PUSH = frozenset({Action.PULL, Action.PUSH})  # a client that pushes first asks what is there
_NOTHING: frozenset[Action] = frozenset()

WORDS: Mapping[str, frozenset[Action]] = {
    "pull": frozenset({Action.PULL}),
    **dict.fromkeys(("push", "blob.push", "manifest.push", "blob.mount", "tag.make"), _PUSH),
    "tag.move": _PUSH | {Action.TAG},
    "tag.delete": frozenset({Action.TAG}),
    **dict.fromkeys(("blob.delete", "manifest.delete"), frozenset({Action.DELETE})),
    **dict.fromkeys(("login", "logout", "token.issue", "token.exchange"), _NOTHING),
}
"""What a word of the trail needs."""

NOUNS: Mapping[str, frozenset[Action]] = {
    "scan": frozenset({Action.SCAN}),
    "exception": frozenset({Action.PUSH, Action.APPROVE}),  # asking for one, or deciding about it
    "vex": frozenset({Action.APPROVE}),
    "purge": frozenset({Action.PURGE}),
    "audit": frozenset({Action.AUDIT}),
    **dict.fromkeys(
        (
            *("grant", "role", "group", "member", "account", "service-account"),
            *("secret", "token", "trust", "issuer", "policy", "settings"),
        ),
        frozenset({Action.ADMIN}),
    ),
}
"""What the other words with this noun need: those of managing."""


@dataclass(frozen=True, slots=True)
class Used:
    """The use of one grant. ``actions`` is None where a record tells of something we have no word for."""

    count: int
    last_at: float
    actions: frozenset[Action] | None
    pattern: Pattern | None


def by_grant(rows: Iterable[UseRow]) -> dict[int, Used]:
    """The use of each grant, by its number."""
    found: dict[int, list[UseRow]] = {}
    for row in rows:
        match = _RULE.match(row.rule)
        if match is not None:
            found.setdefault(int(match[1]), []).append(row)
    return {id: _used(of_it) for id, of_it in found.items()}


def _used(rows: list[UseRow]) -> Used:
    known = [actions_of(row.action) for row in rows]
    actions = None if None in known else frozenset().union(*(each for each in known if each is not None))
    return Used(
        count=sum(row.count for row in rows),
        last_at=max(row.last_at for row in rows),
        actions=actions,
        pattern=_pattern(rows),
    )


def actions_of(word: str) -> frozenset[Action] | None:
    """What may have been needed for what the trail calls so; None when that is not known."""
    return WORDS[word] if word in WORDS else NOUNS.get(word.partition(".")[0])


def _pattern(rows: list[UseRow]) -> Pattern | None:
    """The narrowest pattern that all the repositories are of; None when something was done to none."""
    if any(row.first is None or row.last is None or row.deepest is None for row in rows):
        return None
    names = sorted({name for row in rows for name in (row.first, row.last) if name is not None})
    first, last, deepest = names[0], names[-1], max(row.deepest or 0 for row in rows)
    try:
        return _narrowest(first, last, deepest)
    except Refusal:
        return None


def _narrowest(first: str, last: str, deepest: int) -> Pattern:
    if first == last:
        return patterns.parse(first)
    shared = 0
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    prefix, slash, _ = first[:shared].rpartition("/")
    if not slash:
        return EVERYTHING
    reach = Reach.CHILDREN if deepest == prefix.count("/") + 1 else Reach.BELOW
    return Pattern(prefix, reach)
