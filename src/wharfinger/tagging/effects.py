"""What a change of a tag rule does to the tags that are there."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from wharfinger.access.policy_things import Item
from wharfinger.meta import tag_rules
from wharfinger.tagging import parsing
from wharfinger.tagging.rules import Rule

TAGS_AT_MOST = 200_000
"""Tags that are looked at; whoever plans must not wait for a million."""
NAMED_AT_MOST = 3


def of(tx: Connection, before: Item | None, after: Item | None, _whole: Sequence[Item] = ()) -> str:
    """What becomes of how many present tags by this rule alone: every rule that covers a tag counts."""
    was, is_ = (None if item is None else parsing.rule(item.plain) for item in (before, after))
    counts, odd, seen = Counter[str](), list[str](), 0
    for repository, tag in _tags(tx, was, is_):
        seen += 1
        old, new = _held(was, repository, tag), _held(is_, repository, tag)
        counts.update(_LOSES[word] for word in old - new)
        counts.update(_GAINS[word] for word in new - old)
        if "form" in new - old:
            odd.append(f"{repository}:{tag}")
            del odd[NAMED_AT_MOST:]
    told = [f"{count} {said}" for said, count in counts.items()]
    example = f" ({', '.join(odd)})" if odd else ""
    if not told:
        return f"none of {_count(seen)} is another by it"
    return f"of {_count(seen)} {'; '.join(told)}{example}"


def _count(seen: int) -> str:
    least = "at least " if seen >= TAGS_AT_MOST else ""
    return f"{least}{seen} present tag{'' if seen == 1 else 's'}"


def _tags(tx: Connection, *rules: Rule | None) -> Iterator[tuple[str, str]]:
    """(repository, tag) of all that one of the rules may be about."""

    def concerned(repository: str) -> bool:
        return any(rule is not None and rule.repositories.matches(repository) for rule in rules)

    return tag_rules.every_tag(tx, concerned, TAGS_AT_MOST)


_GAINS = {
    "immutable": "can no longer be moved",
    "undeletable": "can no longer be removed",
    "moved_by": "can be made, moved and removed only by those who are named",
    "forward_only": "can only move forward",
    "form": "are not of the form, and stay as they are",
}
_LOSES = {
    "immutable": "can be moved again",
    "undeletable": "can be removed again",
    "moved_by": "can be made, moved and removed by everybody who may push",
    "forward_only": "can move backward again",
    "form": "are no longer of a wrong form",
}


def _held(rule: Rule | None, repository: str, tag: str) -> set[str]:
    """What the rule says of the tag."""
    if rule is None or not rule.covers(repository, tag):
        return set()
    wrong = rule.form is not None and not rule.form.matches(tag)
    held = {
        "immutable": rule.immutable,
        "undeletable": rule.undeletable,
        "moved_by": rule.moved_by is not None,
        "forward_only": rule.forward_only,
        "form": wrong,
    }
    return {word for word, holds in held.items() if holds}
