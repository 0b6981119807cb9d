"""What a trust rule may be: a map, claim → the values of which a token must have one. Pure."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from wharfinger.errors import RequestInvalid

CLAIMS_AT_MOST = 20
VALUES_AT_MOST = 50
NAME_AT_MOST = 200
VALUE_AT_MOST = 500

IDS = ("repository_id", "repository_owner_id", "project_id", "namespace_id", "/kubernetes.io/serviceaccount/uid")
"""Claims that stay with what they name: a name that was given up can be taken by somebody else."""

_CHECKED = frozenset({"iss", "exp", "nbf", "iat", "jti"})
_NAMES_IN_SUB = ("repo:", "project_path:")
_SERVICE_ACCOUNT = "system:serviceaccount:"
_BY_NAMESPACE = frozenset({"/kubernetes.io/namespace", "/kubernetes.io/serviceaccount/name"})


def name(text: str) -> str:
    """A claim's name, or the way to it (``/kubernetes.io/namespace``). Raises RequestInvalid."""
    if not text.strip() or len(text) > NAME_AT_MOST or not text.isprintable():
        raise RequestInvalid(f"invalid claim {text[:80]!r}: want 1 to {NAME_AT_MOST} printable characters")
    if text.removeprefix("/") in _CHECKED:
        raise RequestInvalid(f"claim {text} is no matter of a rule: it is checked in every token, or differs in each")
    return text


def value(text: str) -> str:
    """What a claim must be. Raises RequestInvalid."""
    if not text or len(text) > VALUE_AT_MOST or not text.isprintable():
        raise RequestInvalid(f"want a value of 1 to {VALUE_AT_MOST} printable characters")
    if "*" in text:
        raise RequestInvalid(f"{text[:80]!r} has a *, and there are no wildcards: name the values")
    return text


def normal(claims: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The same rule, always written alike."""
    return {
        claim: sorted({values} if isinstance(values, str) else set(values)) for claim, values in sorted(claims.items())
    }


def is_on_names(issuer: str, claims: Mapping[str, Sequence[str]]) -> bool:
    """Whether everything in the rule is a name. Kubernetes names its accounts so itself, within one cluster."""
    if any(claim in claims for claim in IDS) or claims.keys() >= _BY_NAMESPACE:
        return False
    subjects = normal(claims).get("sub", [])
    if not subjects or _is_of_names(issuer):
        return True
    return not (
        all(each.startswith(_SERVICE_ACCOUNT) for each in subjects)
        or not any(each.startswith(_NAMES_IN_SUB) for each in subjects)
    )


def _is_of_names(issuer: str) -> bool:
    """Whether the issuer's ``sub`` is made of names."""
    host = urlsplit(issuer).hostname or ""
    return host in {"gitlab.com", "token.actions.githubusercontent.com"} or host.endswith(".ghe.com")
