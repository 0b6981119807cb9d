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

WORDS: Mapping[str, frozenset[Action]] = {
    "pull": frozenset({Action.PULL}),
    "push": frozenset({Action.PULL, Action.PUSH}),  # a client that pushes first asks what is there
    "tag.make": frozenset({Action.PULL, Action.PUSH}),
    "tag.add": frozenset({Action.PULL, Action.PUSH}),
    "tag.move": frozenset({Action.PULL, Action.PUSH, Action.TAG}),
    "tag.remove": frozenset({Action.TAG}),
    "tag.delete": frozenset({Action.TAG}),
    "mount": frozenset({Action.PULL, Action.PUSH}),
}
"""What a word of the trail needs; the rest goes by its noun."""

NOUNS: Mapping[str, frozenset[Action]] = {
    "pull": frozenset({Action.PULL}),
    "push": frozenset({Action.PULL, Action.PUSH}),
    "delete": frozenset({Action.DELETE}),
    "manifest": frozenset({Action.DELETE}),
    "blob": frozenset({Action.DELETE}),
    "scan": frozenset({Action.SCAN}),
    "audit": frozenset({Action.AUDIT}),
    **dict.fromkeys(
        (
            "grant", "role", "group", "member", "account", "service_account", "user", "secret", "token", "trust",
            "issuer", "policy", "setting",
        ),
        frozenset({Action.ADMIN}),
    ),
}  # fmt: skip


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
    return WORDS.get(word) or NOUNS.get(word.partition(".")[0])


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
