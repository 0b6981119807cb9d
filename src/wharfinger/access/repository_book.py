"""The rules about repositories that are in force, compiled once for each revision of them."""

import json

from sqlalchemy import Connection

from wharfinger.access import repository_parsing, repository_rules
from wharfinger.access.caller import Caller
from wharfinger.access.repository_rules import Rule
from wharfinger.errors import Denied, RequestInvalid, Unavailable
from wharfinger.meta import policy_sections, repos
from wharfinger.spec.names import RepoName

WORD = "repositories"

Rules = tuple[Rule, ...]


class RepositoryBook:
    """The rules as they are in the database, and what they say to whoever makes a repository."""

    def __init__(self) -> None:
        self._known: tuple[str, Rules] = (policy_sections.NO_REVISION, ())

    def rules(self, tx: Connection) -> Rules:
        """What this transaction sees. Raises Unavailable when they cannot be read: then nobody knows what they say."""
        body = policy_sections.read(tx, WORD)
        known, found = self._known  # one assignment, one look: several threads may come here at once
        if body.revision != known:
            found = compiled(body.text)
            self._known = (body.revision, found)
        return found

    def require_may_create(self, tx: Connection, by: Caller, repository: RepoName) -> None:
        """Raise Denied when nothing was ever stored in the repository, and a rule does not let the caller begin.

        Nobody changes the rules before the transaction ends.
        """
        if repos.find(tx, repository) is not None:
            return
        policy_sections.hold(tx, WORD)
        rule = repository_rules.on_creation(found := self.rules(tx), repository)
        if rule is None or by.is_system or rule.lets_create(frozenset(by.identity.principals)):
            return
        by.rule = f"repository rule {rule.name}"  # for the record of the denial
        raise Denied(_reason(rule, repository, repository_rules.owner_of(found, repository)), rule=rule.name)


def _reason(rule: Rule, repository: RepoName, owner: str | None) -> str:
    allowed = ", ".join(sorted(rule.create)) if isinstance(rule.create, frozenset) else ""
    who = f"only {allowed} may make {repository}" if allowed else f"there is no {repository}, and no push makes it"
    ask = f"; it would belong to {owner}" if owner else ""
    return f"the repository rule {rule.name} forbids it: {who}{ask}"


def compiled(body: str) -> Rules:
    """The rules of a stored section."""
    try:
        return tuple(repository_parsing.rule(fields) for fields in json.loads(body))
    except (RequestInvalid, ValueError, TypeError, AttributeError) as error:
        raise Unavailable("this version cannot read the rules about repositories: apply them again") from error
