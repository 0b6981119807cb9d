"""Logging in by OpenID Connect: authorization code with PKCE, state and nonce, all bound to one browser."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from wharfinger.access import id_tokens, signing
from wharfinger.access.directory import Directory
from wharfinger.access.fetch import Fetch
from wharfinger.access.id_tokens import UnknownKey
from wharfinger.access.identity import Found
from wharfinger.access.provider import Provider
from wharfinger.errors import LoginRefused
from wharfinger.meta.grants import KeyRow

LIFETIME = 600.0
"""Seconds that somebody may take at the provider."""
MAX_CODE = 4096
MAX_SEALED = 4096
VALUES_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Choices:
    """The operator's. ``groups`` says which of a claim's values count: ``exact``, ``prefix*``, or ``theirs=ours``."""

    scopes: str = "openid profile email"
    username_claim: str = "preferred_username"
    groups_claim: str = "groups"
    groups: tuple[str, ...] = ()
    create: bool = True


@dataclass(frozen=True, slots=True)
class Flow:
    """One log-in under way, as the browser keeps it for us. ``target`` is where it goes on afterwards."""

    state: str
    nonce: str
    verifier: str
    target: str
    until: float


class OpenIDConnect:
    """The relying party. ``directory`` has the keys that a browser's flow is sealed with, on every node the same."""

    def __init__(
        self, provider: Provider, choices: Choices, directory: Directory, now: Callable[[], float], redirect: str
    ) -> None:
        self.choices = choices
        self._provider = provider
        self._directory = directory
        self._now = now
        self._redirect = redirect

    async def begin(self, target: str) -> tuple[str, str]:
        """Where to send the browser, and what it must bring back. Raises Unavailable."""
        offer = await self._provider.offer()
        flow = Flow(
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(48),
            target,
            self._now() + LIFETIME,
        )
        asked = {
            "response_type": "code",
            "client_id": self._provider.client,
            "redirect_uri": self._redirect,
            "scope": self.choices.scopes,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        glue = "&" if "?" in offer.authorization else "?"
        snapshot = await self._directory.current()
        key = signing.signing_key(snapshot.keys, self._now())
        return f"{offer.authorization}{glue}{urlencode(asked)}", seal(key, flow)

    async def resume(self, sealed: str | None, answer: Mapping[str, str]) -> Flow:
        """The flow that the browser kept, if this is the answer to it. Raises LoginRefused, also for an error."""
        flow = None
        if sealed is not None:
            flow = unseal((await self._directory.current()).keys, sealed)
        if flow is None or flow.until <= self._now():
            raise LoginRefused("this log-in did not begin in this browser, or took too long: begin again")
        if not hmac.compare_digest(answer.get("state", "").encode(), flow.state.encode()):
            raise LoginRefused("this is the answer to another log-in: begin again")
        if answer.get("iss", self._provider.issuer) != self._provider.issuer:  # RFC 9207
            raise LoginRefused("another identity provider has answered: begin again")
        if "error" in answer:
            word = answer["error"]
            known = word if word.replace("_", "").isalpha() and word.isascii() else "error"
            raise LoginRefused(f"the identity provider did not let you in ({known[:40]})")
        return flow

    async def finish(self, flow: Flow, code: str) -> Found:
        """Who it is. Raises LoginRefused, Unavailable, TooManyRequests."""
        if not 1 <= len(code) <= MAX_CODE:
            raise LoginRefused("the identity provider has sent no code: begin again")
        token = await self._provider.id_token(code, flow.verifier, self._redirect)
        claims = await self._verified(token, flow.nonce)
        return Found(
            self._provider.issuer,
            claims["sub"],
            username(claims, self.choices.username_claim),
            chosen(values(claims, self.choices.groups_claim), self.choices.groups),
        )

    async def _verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        for newer in (False, True):
            keys = await self._provider.keys(newer=newer)
            try:
                return id_tokens.verify(
                    token,
                    keys,
                    issuer=self._provider.issuer,
                    client=self._provider.client,
                    nonce=nonce,
                    now=self._now(),
                )
            except UnknownKey:
                continue
        raise LoginRefused("the identity provider's token is signed with a key that it does not publish")


def challenge(verifier: str) -> str:
    """What is shown of the verifier beforehand (RFC 7636, S256)."""
    return _encode(hashlib.sha256(verifier.encode("ascii")).digest())


def username(claims: Mapping[str, Any], claim: str) -> str:
    """What an account for this person would be called: the claim's value, of an e-mail address what is before the @.

    It names a new account and proves nothing: a name that is taken stays with whom it belongs to.
    """
    value = claims.get(claim)
    if not isinstance(value, str) or not value:
        raise LoginRefused(f"the identity provider does not say what you are called: its token has no {claim}")
    if claim == "email" and claims.get("email_verified") is False:
        raise LoginRefused("the identity provider has not verified your e-mail address")
    return value.partition("@")[0].lower()


def values(claims: Mapping[str, Any], claim: str) -> Sequence[str]:
    """The texts that a claim lists; one text is a list of one. What is neither counts as none."""
    value = claims.get(claim, ())
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [each for each in listed[:VALUES_AT_MOST] if isinstance(each, str) and each]


def chosen(groups: Sequence[str], rules: Sequence[str]) -> tuple[str, ...]:
    """Of the provider's groups those that count here, by the names that they have here. No rules: all."""
    if not rules:
        return tuple(groups)
    found: list[str] = []
    for rule in rules:
        theirs, equals, ours = rule.partition("=")
        if equals:
            found += [ours for group in groups if group == theirs]
        elif rule.endswith("*"):
            found += [group for group in groups if group.startswith(rule[:-1])]
        else:
            found += [group for group in groups if group == rule]
    return tuple(dict.fromkeys(found))


def seal(key: KeyRow, flow: Flow) -> str:
    """The flow as text that only we can have written."""
    body = _encode(json.dumps(asdict(flow)).encode())
    return f"{body}.{_mac(key, body)}"


def unseal(keys: Sequence[KeyRow], sealed: str) -> Flow | None:
    """The flow, if we have written it with one of these keys."""
    body, _, mac = sealed.partition(".")
    if len(sealed) > MAX_SEALED or not sealed.isascii():
        return None
    if not any(hmac.compare_digest(mac, _mac(key, body)) for key in keys):
        return None
    return Flow(**json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def _mac(key: KeyRow, body: str) -> str:
    # A key of its own, derived from one that every node has and that nobody else knows.
    derived = hmac.digest(key.private.encode(), b"wharfinger: a log-in under way", "sha256")
    return _encode(hmac.digest(derived, body.encode("ascii"), "sha256"))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def relying_party(
    directory: Directory,
    now: Callable[[], float],
    choices: Choices,
    *,
    issuer: str,
    client: str,
    secret: str | None,
    base: str,
    fetch: Fetch,
) -> OpenIDConnect:
    """All that belongs to one provider; ``base`` is our own URL, as the provider has it registered."""
    return OpenIDConnect(Provider(issuer, client, secret, fetch), choices, directory, now, f"{base}/oidc/callback")
