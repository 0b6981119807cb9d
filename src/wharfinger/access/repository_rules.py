"""Whose a repository is, and who may make one by pushing to it. Pure.

Rules are looked at in their order: the first that covers a repository and says something of a question answers it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wharfinger.select import Selector


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for some repositories. ``owner`` None says nothing of it.

    ``create`` says whether a push may make one of them, or which principals' pushes may; None says nothing of it.
    """

    name: str
    repositories: Selector
    owner: str | None = None
    create: bool | frozenset[str] | None = None

    def lets_create(self, held: frozenset[str]) -> bool:
        """Whether somebody who is these principals may make a repository that the rule covers."""
        return bool(held & self.create) if isinstance(self.create, frozenset) else self.create is not False


def owner_of(rules: Iterable[Rule], repository: str) -> str | None:
    """The account, or ``group:NAME``, whose the repository is; None where no rule says it."""
    rule = on_owner(rules, repository)
    return None if rule is None else rule.owner


def on_owner(rules: Iterable[Rule], repository: str) -> Rule | None:
    """The rule that says whose the repository is."""
    return next((rule for rule in rules if rule.owner is not None and rule.repositories.matches(repository)), None)


def on_creation(rules: Iterable[Rule], repository: str) -> Rule | None:
    """The rule that says who may make the repository; None where everybody may who may push there."""
    return next((rule for rule in rules if rule.create is not None and rule.repositories.matches(repository)), None)
