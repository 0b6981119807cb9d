"""Rules about tags, and what they forbid. Pure.

Every rule that covers a tag counts: a change is made when none of them forbids it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wharfinger.access.moments import written
from wharfinger.select import Selector
from wharfinger.select.versions import Version, parse_version

WORD = "tags"
"""The section of ``policy.yaml`` that has them."""


class Verb(StrEnum):
    """What happens to a tag."""

    MAKE = "make"
    MOVE = "move"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for some tags of some repositories. ``tags`` None covers every tag, less those of ``exceptions``.

    ``until`` is when ``undeletable`` ends; ``form`` None wants none; ``moved_by`` None lets everybody move them.
    """

    name: str
    repositories: Selector
    tags: Selector | None = None
    exceptions: Selector | None = None
    immutable: bool = False
    undeletable: bool = False
    until: float | None = None
    form: Selector | None = None
    form_words: str = ""
    example: str = ""
    moved_by: frozenset[str] | None = None
    forward_only: bool = False

    def covers(self, repository: str, tag: str) -> bool:
        """Whether the rule is about this tag."""
        return self.repositories.matches(repository) and self.covers_tag(tag)

    def covers_tag(self, tag: str) -> bool:
        """The same in a repository that the rule is about."""
        if self.tags is not None and not self.tags.matches(tag):
            return False
        return self.exceptions is None or not self.exceptions.matches(tag)

    def is_undeletable(self, now: float) -> bool:
        """Whether what it covers may not be removed at this time."""
        return self.undeletable and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Asked:
    """A change of one tag. ``principals`` are the account and its groups; None for a part of the registry itself.

    ``shown_before`` and ``shown_after`` are the tags of the image that it leaves, and of the one it comes to.
    """

    repository: str
    tag: str
    verb: Verb
    principals: frozenset[str] | None
    now: float
    shown_before: Sequence[str] = ()
    shown_after: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Which rule forbids it, and why."""

    rule: str
    reason: str

    def __str__(self) -> str:
        return f"the tag rule {self.rule} forbids it: {self.reason}"


def judge(rules: Iterable[Rule], asked: Asked) -> Refused | None:
    """What the first rule that forbids the change says; None when it may be made."""
    for rule in rules:
        if rule.covers(asked.repository, asked.tag):
            reason = _reason(rule, asked)
            if reason is not None:
                return Refused(rule.name, reason)
    return None


def immutable_by(rules: Iterable[Rule], repository: str, tag: str) -> Rule | None:
    """The rule that lets nobody move the tag; None where there is none."""
    return next((rule for rule in rules if rule.immutable and rule.covers(repository, tag)), None)


def needs_versions(rules: Iterable[Rule], repository: str, tag: str) -> bool:
    """Whether :func:`judge` will look at what tags the two images have."""
    return any(rule.forward_only and rule.covers(repository, tag) for rule in rules)


def _reason(rule: Rule, asked: Asked) -> str | None:
    tag = asked.tag
    if rule.moved_by is not None and asked.principals is not None and not asked.principals & rule.moved_by:
        return f"only {', '.join(sorted(rule.moved_by))} may {asked.verb} the tag {tag}"
    if asked.verb is Verb.REMOVE:
        return f"the tag {tag} may not be removed{_until(rule)}" if rule.is_undeletable(asked.now) else None
    if rule.form is not None and not rule.form.matches(tag):
        return f"{tag} is not of the form {rule.form_words}: {rule.example} would be"
    if asked.verb is Verb.MOVE and rule.immutable:
        return f"the tag {tag} is immutable: push under another tag"
    if asked.verb is Verb.MOVE and rule.forward_only:
        return _backward(tag, asked.shown_before, asked.shown_after)
    return None


def _until(rule: Rule) -> str:
    return "" if rule.until is None else f" until {written(rule.until)}"


# --- forward only


def _backward(tag: str, shown_before: Iterable[str], shown_after: Iterable[str]) -> str | None:
    """Why the move is none forward; None when it is one, or when ``tag`` is a full version and does not float."""
    floating = parse_version(tag)
    if floating is not None and not floating.is_floating:
        return None
    before, after = highest(shown_before, floating), highest(shown_after, floating)
    if after is None:
        inside = f"{tag}.…" if floating is not None else "1.4.2"
        return f"{tag} only moves forward, and no tag says which version this image is: tag it {inside} first"
    if before is not None and after < before:
        return f"{tag} only moves forward, and {after} is lower than {before}, where it is"
    return None


def highest(tags: Iterable[str], floating: Version | None) -> Version | None:
    """The highest full version among ``tags`` that begins as ``floating`` does.

    What stands behind a hyphen in ``floating`` (``1.4-alpine``) stands behind one in the version, too.
    """
    found = (version for tag in tags if (version := parse_version(tag)) is not None and not version.is_floating)
    return max((version for version in found if _is_inside(version, floating)), default=None)


def _is_inside(version: Version, floating: Version | None) -> bool:
    if floating is None:
        return True
    if floating.prerelease and version.prerelease != floating.prerelease:
        return False
    return version.numbers[: len(floating.numbers)] == floating.numbers
