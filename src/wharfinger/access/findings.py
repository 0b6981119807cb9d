"""What a review of access finds: the words, and how bad it is."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How soon it should be looked at."""

    NOTE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. ``commands`` put it right, in their order; ``subject`` is a grant, a secret, an account."""

    rule: str
    severity: Severity
    subject: str
    reason: str
    commands: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The same from review to review."""
        return f"{self.rule}/{self.subject.replace(' ', '/')}"


RULES: dict[str, str] = {
    "grant-unused": "A grant that nobody used in the whole period",
    "grant-wider-than-used": "A grant of more than was used in the whole period",
    "grant-ended": "A grant that has run out",
    "grant-without-role": "A grant of a role that is gone",
    "grant-on-everything": "Something other than administration is granted on every repository",
    "grant-to-everybody": "Something is public",
    "administrator-is-a-service": "A service account administers",
    "may-delete": "Who can delete",
    "secret-old": "A secret that was not rotated",
    "secret-unused": "A secret that nobody uses",
    "secret-without-end": "A secret that does not expire",
    "token-without-end": "A personal token that does not expire",
    "account-without-owner": "A service account for which nobody answers",
    "account-owner-gone": "A service account whose owner is gone or locked out",
    "account-disabled-with-grants": "A locked account that still has grants",
    "group-empty": "A group without members",
    "trust-on-names": "Trust in a workload by a name that somebody else may come to have",
}
"""Every rule there is, and what it is about."""
