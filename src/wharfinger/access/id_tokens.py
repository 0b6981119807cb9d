"""ID tokens: whether one is for us, about this log-in, and signed by the provider (OpenID Connect Core, 3.1.3.7)."""

import base64
import hmac
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from wharfinger.errors import LoginRefused

ALGORITHMS = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
"""What we accept, and the type of key that belongs to it. Nothing symmetric: then a public key would be a secret."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""
SUBJECT_AT_MOST = 255
MAX_TOKEN = 64 * 1024

Claims = Mapping[str, Any]


class UnknownKey(Exception):
    """None of the keys is the one that the token names; newer ones may have it."""


def verify(token: str, keys: Sequence[object], *, issuer: str, client: str, nonce: str, now: float) -> Claims:
    """What the token says. Raises LoginRefused, and UnknownKey when it is signed with a key that is not among these."""
    try:
        header = _header(token)
        algorithm = _algorithm(header)
        key = _key(keys, algorithm, header.get("kid"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # RFC 9864 renames EdDSA; providers go on with its old name
            claims = jwt.decode(token, JWKRegistry.import_key(key), algorithms=[algorithm]).claims
        _require(claims, issuer=issuer, client=client, nonce=nonce, now=now)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise LoginRefused(f"the identity provider's token is not valid: {_reason(error)}") from error
    return claims


def _header(token: str) -> dict[str, Any]:
    # Read for the names of algorithm and key alone; that they are true is what verifying shows.
    if len(token) > MAX_TOKEN or token.count(".") != 2:
        raise ValueError("it is not a signed token")
    part = token.partition(".")[0]
    header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(header, dict) or not isinstance(header.get("kid", ""), str):
        raise TypeError("its header is not one")
    return header


def _algorithm(header: Mapping[str, Any]) -> str:
    if header["alg"] not in ALGORITHMS:
        raise ValueError("it is not signed in a way that we accept")
    return str(header["alg"])


def _key(keys: Sequence[object], algorithm: str, id: str | None) -> dict[str, Any]:
    possible = [
        key
        for key in keys
        if isinstance(key, dict)
        and key.get("kty") == ALGORITHMS[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) in {algorithm, "EdDSA" if algorithm == "Ed25519" else algorithm}
        and (id is None or key.get("kid") == id)
    ]
    if not possible:
        raise UnknownKey
    if len(possible) > 1:
        raise ValueError("it does not say which of the provider's keys has signed it")
    return possible[0]


def _require(claims: Claims, *, issuer: str, client: str, nonce: str, now: float) -> None:
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    subject = claims["sub"]
    problems = {
        "another issuer": claims["iss"] != issuer,
        "for another application": client not in audience,
        "not issued to us": claims.get("azp", None if len(audience) > 1 else client) != client,
        "expired": not now < _time(claims["exp"]) + LEEWAY,
        "issued in the future": _time(claims["iat"]) > now + LEEWAY,
        "not valid yet": _time(claims.get("nbf", 0)) > now + LEEWAY,
        "not for this log-in": not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()),
        "without a subject": not isinstance(subject, str) or not 1 <= len(subject) <= SUBJECT_AT_MOST,
    }
    for problem, is_so in problems.items():
        if is_so:
            raise ValueError(problem)
    if not subject.isprintable():
        raise ValueError("its subject has invisible characters")


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a time in it is not a number")
    return float(value)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return "it lacks something"
    return "its signature is wrong" if isinstance(error, JoseError) else str(error)[:100]
