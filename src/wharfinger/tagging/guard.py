"""Asks the rules, in the transaction of whatever changes a tag."""

import json
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.errors import Denied, RequestInvalid
from wharfinger.meta import policy_sections, tag_rules, trash
from wharfinger.registry.tag_changes import Guard, TagChange, Where
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag
from wharfinger.tagging import parsing, rules
from wharfinger.tagging.rules import WORD, Asked, Refused, Rule, Verb


class RuleBook:
    """The rules as they are in the database, compiled once for each revision of them."""

    def __init__(self) -> None:
        self._known: tuple[str, tuple[Rule, ...]] = (policy_sections.NO_REVISION, ())

    def rules(self, tx: Connection) -> tuple[Rule, ...]:
        """The rules, which nobody changes before this transaction ends.

        Raises Denied when they cannot be read: then nobody knows what they forbid.
        """
        revision = policy_sections.hold(tx, WORD)
        known, found = self._known  # one assignment, one look: several threads may come here at once
        if revision != known:
            found = _compiled(policy_sections.read(tx, WORD).text)
            self._known = (revision, found)
        return found


def _compiled(body: str) -> tuple[Rule, ...]:
    try:
        return tuple(parsing.rule(fields) for fields in json.loads(body))
    except (RequestInvalid, ValueError, TypeError, AttributeError) as error:
        raise Denied("this version cannot read the tag rules, so no tag can be changed: apply them again") from error


class TagGuard(Guard):
    """Refuses what a rule forbids."""

    def __init__(self, book: RuleBook) -> None:
        self._book = book

    def __call__(self, tx: Connection, by: Caller, where: Where, changes: Sequence[TagChange], now: float) -> None:
        """Raise Denied, naming the rule, when one forbids one of these changes, which have been made."""
        found = self._book.rules(tx)
        for change in changes:
            refused = _judge(found, tx, by, where, change, now)
            if refused is not None:
                by.rule = f"tag rule {refused.rule}"  # for the record of the denial
                raise Denied(str(refused), rule=refused.rule, repository=where.name, tag=change.tag)

    def judge(self, tx: Connection, by: Caller, where: Where, change: TagChange, now: float) -> Refused | None:
        """What forbids a change that has not been made yet."""
        return _judge(self._book.rules(tx), tx, by, where, change, now)

    def undeletable(self, tx: Connection, now: float) -> Callable[[str], Callable[[str], bool] | None]:
        """Of a repository, what says which tags may not be removed; None where no rule says so of any."""
        found = [rule for rule in self._book.rules(tx) if rule.is_undeletable(now)]

        def within(repository: str) -> Callable[[str], bool] | None:
            own = [rule for rule in found if rule.repositories.matches(repository)]
            return (lambda tag: any(rule.covers_tag(tag) for rule in own)) if own else None

        return within

    def immutable_by(self, tx: Connection, repository: RepoName, tag: Tag) -> Rule | None:
        """The rule that lets nobody move the tag."""
        return rules.immutable_by(self._book.rules(tx), repository, tag)


def _judge(
    found: Sequence[Rule],
    tx: Connection,
    by: Caller,
    where: Where,
    change: TagChange,
    now: float,
) -> Refused | None:
    verb = Verb.REMOVE if change.after is None else Verb.MAKE if change.before is None else Verb.MOVE
    if verb is Verb.MAKE:
        taken = _taken(found, tx, where, change)
        if taken is not None:
            return taken
    versions = verb is Verb.MOVE and rules.needs_versions(found, where.name, change.tag)
    return rules.judge(
        found,
        Asked(
            repository=where.name,
            tag=change.tag,
            verb=verb,
            principals=None if by.is_system else frozenset(by.identity.principals),
            now=now,
            shown_before=_shown(tx, where, change.before) if versions else (),
            shown_after=_shown(tx, where, change.after) if versions else (),
        ),
    )


def _taken(found: Sequence[Rule], tx: Connection, where: Where, change: TagChange) -> Refused | None:
    """The name of an immutable tag stays taken while what had it can come back from the trash."""
    rule = rules.immutable_by(found, where.name, change.tag)
    holder = trash.holder_of(tx, where.id, change.tag) if rule is not None else None
    if rule is None or holder is None or holder == change.after:
        return None
    out = f"restore {holder}, or empty the trash of it"
    return Refused(rule.name, f"the tag {change.tag} is immutable, and what had it is in the trash: {out}")


def _shown(tx: Connection, where: Where, digest: Digest | None) -> list[Tag]:
    return [] if digest is None else tag_rules.tags_of(tx, where.id, digest)
