"""What a trust rule asks of a token: claims, each with the values of which it must have one. All must match.

A claim goes by its name (``repository_id``), or, when it begins with a slash, by the way to it as a JSON pointer (RFC
6901): ``/kubernetes.io/namespace`` is ``namespace`` within ``kubernetes.io``. Dots mean nothing, for names have them.
There are no expressions and no wildcards: what is compared is text, whole and exact.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wharfinger.access import providers
from wharfinger.errors import RequestInvalid

CLAIMS_AT_MOST = 20
VALUES_AT_MOST = 50
NAME_AT_MOST = 200
VALUE_AT_MOST = 500
SHOWN_AT_MOST = 120
"""Characters of a token's claim that are told to anybody."""

_CHECKED = frozenset({"iss", "exp", "nbf", "iat", "jti"})
"""Claims that are looked at whatever the rule, or that no two tokens share."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ESCAPE = re.compile(r"~(?![01])")

Rule = Mapping[str, Sequence[str]]
Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim of a rule, held against a token. ``found`` is what the token has there, as far as it may be shown."""

    claim: str
    wanted: tuple[str, ...]
    found: str
    matches: bool

    def __str__(self) -> str:
        wanted = " or ".join(repr(value[:SHOWN_AT_MOST]) for value in self.wanted[:5])
        more = f" or one of {len(self.wanted) - 5} more" if len(self.wanted) > 5 else ""
        return f"{self.claim} is {self.found}, {'which is' if self.matches else 'not'} {wanted}{more}"


def parse(issuer: str, wanted: Mapping[str, str | Sequence[str]], *, allow_names: bool = False) -> dict[str, list[str]]:
    """The rule that is wanted for tokens of ``issuer``. Raises RequestInvalid with what is wrong, and where."""
    if not 0 < len(wanted) <= CLAIMS_AT_MOST:
        raise RequestInvalid(f"a trust rule has 1 to {CLAIMS_AT_MOST} claims; this one has {len(wanted)}")
    rule = {name(claim): _values(claim, values) for claim, values in sorted(wanted.items())}
    if not allow_names and not providers.is_bound_to_an_id(issuer, rule):
        raise RequestInvalid(
            f"nothing in the rule stays the same when names change hands: add {providers.wanted_ids(issuer, rule)}, "
            "or say that names are enough (--allow-names)"
        )
    return rule


def findings(rule: Rule, claims: Claims) -> list[Finding]:
    """Each claim of the rule, held against the token's."""
    return [_finding(claim, values, claims) for claim, values in rule.items()]


def matches(rule: Rule, claims: Claims) -> bool:
    """Whether every claim of the rule matches; a rule without any matches nothing."""
    return bool(rule) and all(_finding(claim, values, claims).matches for claim, values in rule.items())


def shown(value: object) -> str:
    """A claim's value for people: short, quoted, and without what a terminal or a log would take for more."""
    if isinstance(value, list):
        return f"[{', '.join(shown(each) for each in value[:5])}{', …' if len(value) > 5 else ''}]"
    if isinstance(value, str):
        return ascii(value if len(value) <= SHOWN_AT_MOST else value[:SHOWN_AT_MOST] + "…")
    if value is None or isinstance(value, bool | int):
        return text_of(value) or "null"
    return f"something that is compared with nothing (a JSON {'object' if isinstance(value, dict) else 'fraction'})"


def text_of(value: object) -> str | None:
    """The one text that a claim's value is compared as; None for what could be written in several ways."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) < 2**63:
        return str(value)
    return None


def _finding(claim: str, values: Sequence[str], claims: Claims) -> Finding:
    is_there, value = _look_up(claim, claims)
    has = {text_of(each) for each in (value if isinstance(value, list) else [value])} - {None}
    return Finding(claim, tuple(values), shown(value) if is_there else "not there", is_there and bool(has & {*values}))


def _look_up(claim: str, claims: Claims) -> tuple[bool, Any]:
    if not claim.startswith("/"):
        return claim in claims, claims.get(claim)
    value: Any = claims
    for step in claim[1:].split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(value, Mapping) or key not in value:
            return False, None
        value = value[key]
    return True, value


def name(claim: str) -> str:
    """The claim, or the way to it, that a rule may have. Raises RequestInvalid."""
    if not claim or len(claim) > NAME_AT_MOST or _UNPRINTABLE.search(claim) or not claim.strip():
        raise RequestInvalid(f"invalid claim {claim[:80]!r}: want 1 to {NAME_AT_MOST} printable characters")
    if claim.startswith("/") and (_ESCAPE.search(claim) or "" in claim[1:].split("/")):
        raise RequestInvalid(
            f"invalid claim {claim[:80]!r}: after a slash want names parted by slashes, like /kubernetes.io/namespace; "
            "write ~1 for a slash within a name and ~0 for ~"
        )
    if claim in _CHECKED or (claim.startswith("/") and claim[1:] in _CHECKED):
        raise RequestInvalid(f"claim {claim} is no matter of a rule: it is checked in every token, or differs in each")
    return claim


def _values(claim: str, wanted: str | Sequence[str]) -> list[str]:
    values = [wanted] if isinstance(wanted, str) else list(dict.fromkeys(wanted))
    if not 0 < len(values) <= VALUES_AT_MOST:
        raise RequestInvalid(f"claim {claim[:80]}: want 1 to {VALUES_AT_MOST} values; there are {len(values)}")
    for each in values:
        try:
            value(each)
        except RequestInvalid as refused:
            raise RequestInvalid(f"claim {claim[:80]}: {refused.message}") from refused
    return values


def value(text: str) -> str:
    """What a claim must be. Raises RequestInvalid."""
    if not text or len(text) > VALUE_AT_MOST or _UNPRINTABLE.search(text):
        raise RequestInvalid(f"want values of 1 to {VALUE_AT_MOST} printable characters")
    if "*" in text:
        raise RequestInvalid(
            f"{text[:80]!r} has a *, and there are no wildcards: name the values, or match on "
            "another claim (ref_type, ref_protected, repository_owner_id, …)"
        )
    return text


def normal(rule: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    """The same rule, always written alike."""
    return {
        claim: sorted({values} if isinstance(values, str) else set(values)) for claim, values in sorted(rule.items())
    }
