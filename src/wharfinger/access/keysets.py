"""The keys of issuers that we trust: given to us, or fetched from where the issuer says they are, and kept for a while.

https://openid.net/specs/openid-connect-discovery-1_0.html and RFC 7517.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from wharfinger.access.fetch import Fetch
from wharfinger.errors import Refusal, RequestInvalid, Unavailable, Unreachable
from wharfinger.meta.grants import IssuerRow

FRESH = 600.0
"""Seconds for which keys are used without asking again."""
FLOOR = 30.0
"""Seconds between two questions to one issuer, whatever tokens say and whatever it answers."""
KEPT = 24 * 3600.0
"""Seconds for which keys are used while the issuer does not answer."""
KEYS_AT_MOST = 100
JWKS_AT_MOST = 60_000
RSA_BITS = range(2048, 8193)

Key = RSAKey | ECKey | OKPKey

ALGORITHMS: Mapping[str, str] = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "EdDSA": "OKP",
    "Ed25519": "OKP",
}
"""What a token may be signed with, and the kind of key that is for. None is symmetric: our keys are public ones."""

_KINDS: Mapping[str, type[Key]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_CURVES = {"EC": {"P-256", "P-384"}, "OKP": {"Ed25519"}}
_PUBLIC = ("kty", "n", "e", "crv", "x", "y")
_log = structlog.get_logger("wharfinger.workloads")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that tokens are verified with. ``alg`` is the only one it is for, where the issuer says so."""

    id: str | None
    kind: str
    alg: str | None
    key: Key = field(repr=False)

    def is_for(self, alg: str) -> bool:
        """Whether a token that is signed with ``alg`` may be signed by this."""
        return ALGORITHMS.get(alg) == self.kind and self.alg in {None, alg}


Keys = tuple[PublicKey, ...]


@dataclass(slots=True)
class _Kept:
    """What is known of one issuer's keys. Times are those of the clock."""

    keys: Keys = ()
    fetched_at: float = float("-inf")
    tried_at: float = float("-inf")
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeySets:
    """Finds the key of an issuer that a token names. One question to an issuer at a time, and not too many."""

    def __init__(self, fetch: Fetch, now: Callable[[], float]) -> None:
        self._fetch = fetch
        self._now = now
        self._kept: dict[IssuerRow, _Kept] = {}

    async def find(self, issuer: IssuerRow, id: str | None, alg: str) -> PublicKey | None:
        """The key of this id for this algorithm; None where the issuer has none. Raises Unavailable.

        Without an id it is the issuer's only key, if it has no more than one.
        """
        if issuer.jwks is not None:
            return _pick(self._given(issuer), id, alg)
        kept = self._kept.setdefault(issuer, _Kept())
        found = _pick(self._usable(kept), id, alg)
        if found is None or (self._now() - kept.fetched_at >= FRESH and not kept.fetching.locked()):
            await self._renew(issuer, kept, missing=found is None)
            found = _pick(self._usable(kept), id, alg)
        if found is None and not self._usable(kept):
            raise Unavailable("the issuer's keys cannot be had at the moment")
        return found

    async def fetch(self, url: str, *, private: bool) -> Keys:
        """The keys of the issuer at ``url``, asked for now. Raises RequestInvalid and Unreachable."""
        found = await self._fetch.get_json(discovery_url(url), private=private)
        jwks_uri = found.get("jwks_uri") if isinstance(found, dict) else None
        if not isinstance(jwks_uri, str) or found.get("issuer") != url:
            raise Unreachable(f"{discovery_url(url)} is not the document of this issuer: want its issuer and jwks_uri")
        return parse(await self._fetch.get_json(jwks_uri, private=private))

    def forget_all_but(self, issuers: Mapping[str, IssuerRow]) -> None:
        """Drop what is kept of issuers that are no more."""
        for issuer in [each for each in self._kept if issuers.get(each.url) != each]:
            del self._kept[issuer]

    def _given(self, issuer: IssuerRow) -> Keys:
        kept = self._kept.get(issuer)
        if kept is None:
            kept = self._kept[issuer] = _Kept(parse_text(str(issuer.jwks)))
        return kept.keys

    def _usable(self, kept: _Kept) -> Keys:
        return kept.keys if self._now() - kept.fetched_at < KEPT else ()

    async def _renew(self, issuer: IssuerRow, kept: _Kept, *, missing: bool) -> None:
        before = kept.fetched_at
        async with kept.fetching:
            if kept.fetched_at != before and missing:
                return  # somebody else has asked meanwhile
            if 0 <= self._now() - kept.tried_at < FLOOR:
                return
            kept.tried_at = self._now()
            try:
                kept.keys = await self.fetch(issuer.url, private=issuer.private)
                kept.fetched_at = kept.tried_at
            except Refusal as refusal:
                _log.warning("issuer keys not fetched", issuer=issuer.url, reason=refusal.message)


def discovery_url(issuer: str) -> str:
    """Where an issuer says what it has to say."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def parse_text(text: str) -> Keys:
    """The keys in a JSON Web Key Set that was given as text. Raises RequestInvalid."""
    if len(text) > JWKS_AT_MOST:
        raise RequestInvalid(f"a key set has at most {JWKS_AT_MOST} characters")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestInvalid("the key set is not JSON") from error
    for each in fields.get("keys", []) if isinstance(fields, dict) and isinstance(fields.get("keys"), list) else []:
        if isinstance(each, dict) and {"d", "p", "q", "k"} & each.keys():
            raise RequestInvalid("the key set has a private or secret key in it: give its public keys alone")
    try:
        return parse(fields)
    except Unreachable as refusal:
        raise RequestInvalid(f"the key set is of no use: {refusal.message}") from refusal


def parse(fields: Any) -> Keys:
    """The keys in a JSON Web Key Set that can verify a token. Raises Unreachable when there are none.

    What is for something else, of a kind that we do not take, weak or malformed is left out: issuers add keys that are
    not for us.
    """
    each = fields.get("keys") if isinstance(fields, dict) else None
    if not isinstance(each, list) or len(each) > KEYS_AT_MOST:
        raise Unreachable(f'want {{"keys": […]}} with at most {KEYS_AT_MOST} of them (RFC 7517)')
    found = tuple(key for key in map(_key, each) if key is not None)
    if not found:
        raise Unreachable(
            "there is no key to verify signatures with in it, of RSA from 2048 bits, P-256, P-384, Ed25519"
        )
    return found


def _key(fields: Any) -> PublicKey | None:
    if not isinstance(fields, dict) or fields.get("use") not in {None, "sig"}:
        return None
    kind, id, alg = str(fields.get("kty")), fields.get("kid"), fields.get("alg")
    if kind not in _KINDS or not isinstance(id, str | None) or not (alg is None or ALGORITHMS.get(str(alg)) == kind):
        return None
    try:
        _require_strong(kind, fields)
        # Its public numbers alone: whatever else a key can bring along is not looked at.
        key = _KINDS[kind].import_key({name: fields[name] for name in _PUBLIC if name in fields})
        key.get_op_key("verify")
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return PublicKey(id, kind, alg, key)


def _require_strong(kind: str, fields: Mapping[str, Any]) -> None:
    if kind == "RSA":
        modulus = base64.urlsafe_b64decode(fields["n"] + "=" * (-len(fields["n"]) % 4))
        if int.from_bytes(modulus).bit_length() not in RSA_BITS or len(fields["e"]) > 8:
            _weak()
    elif fields["crv"] not in _CURVES[kind]:
        _weak()


def _weak() -> NoReturn:
    raise ValueError("too weak, too long, or of a curve that no algorithm here is for")


def _pick(keys: Keys, id: str | None, alg: str) -> PublicKey | None:
    fitting = [key for key in keys if key.is_for(alg)]
    if id is None:
        return fitting[0] if len(keys) == len(fitting) == 1 else None
    return next((key for key in fitting if key.id == id), None)
