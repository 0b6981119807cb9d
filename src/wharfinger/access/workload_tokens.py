"""Tokens of workloads, as their issuers make them: read, and checked in every way that does not depend on a rule.

RFC 7519 with the advice of RFC 8725: the algorithm is one of a list, keys come from the issuer alone, the audience is
ours, and a token lives a day at most.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from wharfinger.access.keysets import ALGORITHMS, KeySets
from wharfinger.errors import Unavailable
from wharfinger.meta.grants import IssuerRow

MAX_TOKEN = 16_000
MAX_HEADER = 600
LEEWAY = 60.0
"""Seconds that another clock may be ahead of ours. None after a token's end: there it is we who would be generous."""
LIFETIME_AT_MOST = 24 * 3600.0

_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)", re.ASCII)
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class NotAccepted(Exception):
    """The token is refused: ``code`` for whoever shows it, ``why`` for the audit trail."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token claims; nobody has looked at its signature."""

    text: str = field(repr=False)
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def issuer(self) -> str:
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else ""


class _Algorithms(JWSRegistry):
    """Takes ``EdDSA`` for ``Ed25519``, which is its name since RFC 9864; of the two curves it stood for we take one."""

    def get_alg(self, name: str) -> Any:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


def read(text: str) -> Unverified | None:
    """The token that ``text`` is, if it has the form of one."""
    parts = _FORM.fullmatch(text) if len(text) <= MAX_TOKEN else None
    if parts is None or len(parts[1]) > MAX_HEADER:
        return None
    header, claims = _fields(parts[1]), _fields(parts[2])
    return None if header is None or claims is None else Unverified(text, header, claims)


def _fields(part: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def end_of(text: str) -> float:
    """When a token ends that was accepted."""
    token = read(text)
    assert token is not None, "it was read when it was accepted"
    return float(token.claims["exp"])


async def verify(token: Unverified, issuer: IssuerRow, keys: KeySets, now: float) -> None:
    """Raise NotAccepted unless the issuer made the token, for us, and it counts now.

    The signature first: what is told of the rest is told to the issuer's own workloads alone.
    """
    await require_signature(token, issuer, keys)
    require_claims(token.claims, issuer, now)


async def require_signature(token: Unverified, issuer: IssuerRow, keys: KeySets) -> None:
    """Raise NotAccepted unless the issuer has signed it, with an algorithm of the list."""
    alg, kid = _header(token.header)
    try:
        key = await keys.find(issuer, kid, alg)
    except Unavailable as refusal:
        raise NotAccepted("keys-unavailable", refusal.message) from refusal
    if key is None:
        raise NotAccepted("signature", f"the issuer has no key {str(kid)[:100]!a} for {alg}")
    try:
        registry = _Algorithms(algorithms=[alg, "Ed25519"], strict_check_header=False)
        jws.deserialize_compact(token.text, key.key, registry=registry)
    except (JoseError, ValueError, TypeError) as error:
        raise NotAccepted("signature", f"the signature is not that of key {str(kid)[:100]!a}") from error


def _header(header: Mapping[str, Any]) -> tuple[str, str | None]:
    alg, kid, type = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise NotAccepted("algorithm", f"signed with {str(alg)[:40]!a}: want one of {', '.join(ALGORITHMS)}")
    if not isinstance(kid, str | None) or not isinstance(type, str) or type.lower() not in _TYPES:
        raise NotAccepted("malformed", f"the header's kid or typ ({str(type)[:40]!a}) is not that of a token")
    if "crit" in header or "b64" in header:
        raise NotAccepted("malformed", "the header demands an extension (crit, b64)")
    return alg, kid


def require_claims(claims: Mapping[str, Any], issuer: IssuerRow, now: float) -> None:
    """Raise NotAccepted unless ``iss``, ``aud`` and the times are as they must be."""
    if claims.get("iss") != issuer.url:
        raise NotAccepted("issuer", "the token is of another issuer")
    audience = claims.get("aud")
    if issuer.audience not in ([audience] if isinstance(audience, str) else _texts(audience)):
        raise NotAccepted("audience", f"made for {str(audience)[:200]!a}, not for {issuer.audience!a}")
    _require_times(claims, now)


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _require_times(claims: Mapping[str, Any], now: float) -> None:
    end, issued, begin = (_time(claims, name) for name in ("exp", "iat", "nbf"))
    if end is None:
        raise NotAccepted("no-expiry", "the token has no exp: one that never ends is as good as a stored secret")
    if now >= end:
        raise NotAccepted("expired", f"the token ended {now - end:.0f} seconds ago")
    if max(issued or 0, begin or 0) > now + LEEWAY:
        raise NotAccepted("not-yet-valid", "the token's iat or nbf is in the future: look at the clocks")
    if end - min(now, now if issued is None else issued) > LIFETIME_AT_MOST:
        raise NotAccepted("lifetime", f"the token lives longer than {LIFETIME_AT_MOST / 3600:.0f} hours")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise NotAccepted("malformed", f"{name} is not a time")
    return float(value)
