"""The gate rules that are in force, compiled once for each revision of them."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from wharfinger.errors import RequestInvalid, Unavailable
from wharfinger.meta import policy_sections
from wharfinger.scanning.admission import parsing
from wharfinger.scanning.admission.rules import Joined, Rule
from wharfinger.scanning.admission.section import WORD
from wharfinger.spec.names import RepoName

REMEMBERED = 10_000
"""Repositories of which it is remembered which rules cover them."""


class Gates:
    """All rules at one revision."""

    def __init__(
        self, revision: str = policy_sections.NO_REVISION, fields: Sequence[Mapping[str, object]] = ()
    ) -> None:
        self.revision = revision
        self._rules = [(parsing.rule(each), json.dumps(each, sort_keys=True)) for each in fields]
        self._within: dict[str, Joined | None] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    @property
    def rules(self) -> Sequence[Rule]:
        """Every rule there is, in the order of the policy."""
        return [rule for rule, _ in self._rules]

    def within(self, repository: RepoName) -> Joined | None:
        """Those that cover the repository; None where none does."""
        if repository not in self._within:
            if len(self._within) >= REMEMBERED:
                self._within.clear()
            self._within[repository] = self._joined(repository)
        return self._within[repository]

    def _joined(self, repository: RepoName) -> Joined | None:
        own = [(rule, text) for rule, text in self._rules if rule.repositories.matches(repository)]
        if not own:
            return None
        id = hashlib.sha256(json.dumps([text for _, text in own]).encode()).hexdigest()[:32]
        return Joined(id, tuple(rule for rule, _ in own))


class GateBook:
    """The rules as they are in the database."""

    def __init__(self) -> None:
        self._known = Gates()

    def held(self, tx: Connection) -> Gates:
        """The rules, which nobody changes before this transaction ends. Raises Unavailable when they cannot be read."""
        revision = policy_sections.hold(tx, WORD)
        known = self._known  # one assignment, one look: several threads may come here at once
        return known if revision == known.revision else self.read(tx)

    def read(self, tx: Connection) -> Gates:
        """What this transaction sees. Raises Unavailable when they cannot be read: nobody knows what they forbid."""
        body, known = policy_sections.read(tx, WORD), self._known
        if body.revision == known.revision:
            return known
        self._known = found = compiled(body.revision, json.loads(body.text))
        return found


def compiled(revision: str, fields: Sequence[Mapping[str, object]]) -> Gates:
    """The rules of a stored section."""
    try:
        return Gates(revision, fields)
    except (RequestInvalid, ValueError, TypeError, AttributeError) as error:
        raise Unavailable(
            "this version cannot read the gate rules, so nothing can be pulled: apply them again"
        ) from error
