"""Asks the OpenID Connect provider that the operator has named: what it offers, its keys, and tokens for codes.

An operator's own provider may be on a private network or, for a trial, on this machine. It is asked by ``fetch.py``:
by TLS, without redirects and proxies, within bounds of time and size; and at most a few questions at once.
"""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import structlog

from wharfinger.access.fetch import Answer, Fetch
from wharfinger.config.people import is_loopback
from wharfinger.errors import LoginRefused, RequestInvalid, TooManyRequests, Unavailable, Unreachable

AT_ONCE = 8
KEEP = 3600.0
"""Seconds for which what the provider offers is remembered, and its keys."""
ASK_AGAIN = 30.0
"""Seconds between two questions for keys that might be new: a stranger's token must not make us ask."""

_log = structlog.get_logger("wharfinger.oidc")


@dataclass(frozen=True, slots=True)
class Offer:
    """What the provider says of itself (OpenID Connect Discovery 1.0)."""

    authorization: str
    token: str
    keys: str
    secret_in_form: bool


class Provider:
    """One provider."""

    def __init__(
        self,
        issuer: str,
        client: str,
        secret: str | None,
        fetch: Fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self.client = client
        self._secret = secret
        self._fetch = fetch
        self._clock = clock
        self._asking = 0
        self._offer: tuple[float, Offer] | None = None
        self._keys: tuple[float, Sequence[object]] | None = None

    async def offer(self) -> Offer:
        """What it offers. Raises Unavailable."""
        if self._offer is None or self._clock() - self._offer[0] >= KEEP:
            fields = await self._ask("GET", self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            self._offer = self._clock(), self._read_offer(fields)
        return self._offer[1]

    async def keys(self, *, newer: bool = False) -> Sequence[object]:
        """Its public keys; ``newer`` than those that are remembered, if these are not quite new. Raises Unavailable."""
        keep = ASK_AGAIN if newer else KEEP
        if self._keys is None or self._clock() - self._keys[0] >= keep:
            found = (await self._ask("GET", (await self.offer()).keys)).get("keys")
            if not isinstance(found, list):
                raise _unusable("its keys are no key set")
            self._keys = self._clock(), found
        return self._keys[1]

    async def id_token(self, code: str, verifier: str, redirect: str) -> str:
        """The ID token for the code. Raises LoginRefused when the provider refuses it, and Unavailable."""
        offer = await self.offer()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        headers = {}
        if self._secret is None or offer.secret_in_form:
            form["client_id"] = self.client
        if self._secret is not None and offer.secret_in_form:
            form["client_secret"] = self._secret
        elif self._secret is not None:
            headers["authorization"] = _basic(self.client, self._secret)
        token = (await self._ask("POST", offer.token, form, headers)).get("id_token")
        if not isinstance(token, str):
            raise LoginRefused("the identity provider has sent no ID token: is `openid` among oidc_scopes?")
        return token

    def _read_offer(self, fields: Mapping[str, Any]) -> Offer:
        if fields.get("issuer") != self.issuer:
            itself = repr(fields.get("issuer"))[:200]
            raise _unusable(f"it calls itself {itself}, and oidc_issuer must be exactly that")
        methods = fields.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Offer(
            self._endpoint(fields, "authorization_endpoint"),
            self._endpoint(fields, "token_endpoint"),
            self._endpoint(fields, "jwks_uri"),
            secret_in_form=isinstance(methods, list) and "client_secret_basic" not in methods,
        )

    def _endpoint(self, fields: Mapping[str, Any], name: str) -> str:
        url = fields.get(name)
        if not isinstance(url, str) or not url.isascii() or not url.isprintable() or not is_safe(url, self.issuer):
            raise _unusable(f"its {name} is no https URL")
        return url

    async def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        if self._asking >= AT_ONCE:
            raise TooManyRequests("too many people are logging in: try again in a moment", retry_after=2)
        sent = {"Accept": "application/json", **(headers or {})}
        content = None
        if form is not None:
            sent["Content-Type"], content = "application/x-www-form-urlencoded", urlencode(form).encode("ascii")
        self._asking += 1
        try:
            answer = await self._fetch.send(method, url, content=content, headers=sent, private=True)
            return _fields(answer, asked_for_token=form is not None)
        except (RequestInvalid, Unreachable, ValueError, RecursionError) as error:
            raise _unusable(str(error) or type(error).__name__) from error
        finally:
            self._asking -= 1


def is_safe(url: str, issuer: str) -> bool:
    """Whether secrets may be sent there: by TLS, or on this machine if the issuer itself is there."""
    try:
        parts = urlsplit(url)
        loopback = is_loopback(url) and is_loopback(issuer)
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and loopback)


def _fields(answer: Answer, *, asked_for_token: bool) -> Mapping[str, Any]:
    fields = json.loads(answer.content) if answer.status == 200 or asked_for_token else None
    if answer.status == 200 and isinstance(fields, dict):
        return fields
    if asked_for_token and isinstance(fields, dict) and 400 <= answer.status < 500:
        word = fields.get("error")
        told = word if isinstance(word, str) and word.isascii() and word.replace("_", "").isalpha() else "no reason"
        _log.warning("refused by the provider", error=told[:40], status=answer.status)
        raise LoginRefused(f"the identity provider has refused the log-in ({told[:40]}): try again")
    raise _unusable(f"it answers with status {answer.status}")


def _unusable(reason: str) -> Unavailable:
    _log.warning("the identity provider cannot be used", reason=reason)
    return Unavailable("the identity provider does not answer as it should: the log says more")


def _basic(client: str, secret: str) -> str:
    # Both are form-encoded first (RFC 6749, section 2.3.1).
    pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
