"""Access tokens: JSON Web Tokens, signed with ES256, that say who and at most what (RFC 7519, RFC 7518)."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from wharfinger.access import scopes, workload_tokens
from wharfinger.access.grants import Identity
from wharfinger.access.scopes import Scopes
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import Unauthorized
from wharfinger.meta.grants import KeyRow

NAME = "wharfinger"
"""Issuer and audience of our access tokens, and the ``service`` of our challenge."""
ALGORITHM = "ES256"
LIFETIME = 300
"""Seconds that an access token lasts; what it may do is looked up at each request all the same."""
SCAN_LIFETIME = 1800
"""Seconds that the token lasts with which a scanner pulls an image."""
SCANNER = "scanner:"
"""What the credential of such a token begins with; it may be shown for a password, and exchanged."""
SCANNED = "scanned:"
"""And what the credential of one begins with that was had for it; for that there is no other."""
KEY_DAYS = 30
KEY_SECONDS = KEY_DAYS * 86400.0
LEAD_SECONDS = 60.0
"""A new key is published for so long before anything is signed with it: every process must have seen it."""
MAX_TOKEN = 8192
REMEMBER_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, once its signature and its times were checked."""

    account: str
    credential: str
    generation: int
    scopes: Scopes
    not_before: float
    expires_at: float


class AccessTokens:
    """Signs and verifies. A verified signature is remembered by the token's hash until the token ends."""

    def __init__(self) -> None:
        self._keys: dict[str, ECKey] = {}
        self._verified: OrderedDict[bytes, Claims] = OrderedDict()

    def issue(
        self, snapshot: Snapshot, identity: Identity, granted: Scopes, now: float, lifetime: int = LIFETIME
    ) -> str:
        """A token for ``lifetime`` seconds."""
        key = signing_key(snapshot.keys, now)
        claims = {
            "iss": NAME,
            "aud": NAME,
            "sub": identity.name,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + lifetime,
            "jti": secrets.token_hex(8),
            "access": granted.access(),
            "credential": identity.credential,
            "generation": identity.generation,
        }
        return jwt.encode(
            {"alg": ALGORITHM, "kid": key.id, "typ": "JWT"}, claims, self._key(key), algorithms=[ALGORITHM]
        )

    def verify(self, snapshot: Snapshot, token: str, now: float) -> Claims:
        """What the token says. Raises Unauthorized for one that is not ours, was altered, or is not of this time."""
        hash = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        claims = self._verified.get(hash)
        if claims is None:
            claims = self._verify(snapshot, token)
            self._verified[hash] = claims
            if len(self._verified) > REMEMBER_AT_MOST:
                self._verified.popitem(last=False)
        if now >= claims.expires_at:
            del self._verified[hash]
            raise refused(routine=True)
        if now < claims.not_before - 1:
            raise refused()
        return claims

    def _verify(self, snapshot: Snapshot, token: str) -> Claims:
        if len(token) > MAX_TOKEN:
            raise refused()
        try:
            # The keys are ours by their id alone: nothing in the token's header can bring or name another one.
            keys = KeySet([self._key(key) for key in snapshot.keys])
            decoded = jwt.decode(token, keys, algorithms=[ALGORITHM])
            return _claims(decoded.header, decoded.claims)
        except (JoseError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise refused() from error

    def _key(self, row: KeyRow) -> ECKey:
        key = self._keys.get(row.id)
        if key is None:
            key = self._keys[row.id] = ECKey.import_key(row.private, {"kid": row.id, "use": "sig", "alg": ALGORITHM})
        return key

    def published(self, snapshot: Snapshot) -> dict[str, Any]:
        """The public halves, as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [self._key(row).as_dict(private=False) for row in snapshot.keys]}


def _claims(header: Mapping[str, Any], claims: Mapping[str, Any]) -> Claims:
    if not header.get("kid") or claims["iss"] != NAME or claims["aud"] != NAME:
        raise ValueError("not a token of ours")
    return Claims(
        account=str(claims["sub"]),
        credential=str(claims["credential"]),
        generation=int(claims["generation"]),
        scopes=scopes.of_access(claims["access"]),
        not_before=float(claims["nbf"]),
        expires_at=float(claims["exp"]),
    )


def is_ours(text: str) -> bool:
    """Whether ``text`` is a token that says it is ours, and so no password; nothing about it was verified."""
    token = workload_tokens.read(text) if text.count(".") == 2 else None
    return token is not None and token.issuer == NAME


def refused(*, routine: bool = False) -> Unauthorized:
    """One refusal for every reason."""
    return Unauthorized("the token is not valid, or not any more", error="invalid_token", routine=routine)


def signing_key(keys: tuple[KeyRow, ...], now: float) -> KeyRow:
    """The newest key that every process knows; the very first one signs at once."""
    return next((key for key in reversed(keys) if key.created_at <= now - LEAD_SECONDS), keys[0])


def new_key(now: float) -> KeyRow:
    """A key to sign with for :data:`KEY_DAYS`, and to verify with for as long again."""
    key = ECKey.generate_key("P-256")
    return KeyRow(secrets.token_hex(8), key.as_pem(private=True).decode(), now, now + 2 * KEY_SECONDS)


def needs_new_key(keys: tuple[KeyRow, ...], now: float) -> bool:
    """Whether it is time to rotate."""
    return not keys or keys[-1].created_at <= now - KEY_SECONDS
