"""What a registry wants in Authorization: a token for what is to be done, or a name and a password."""

import base64
import json
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import httpx2

from wharfinger.errors import Unauthorized, Unreachable
from wharfinger.remote import challenges
from wharfinger.remote.asking import Answer, Asker, is_here
from wharfinger.remote.challenges import Challenge
from wharfinger.remote.credentials import Credentials
from wharfinger.remote.references import ImageReference

TOKEN_AT_MOST = 256 * 1024

Known = Callable[[str], Credentials | None]


class Authorizer:
    """Answers challenges with what is ``known`` of each registry; ``helper`` names the program that did not know."""

    def __init__(self, asker: Asker, known: Known, helper: Callable[[str], str] = lambda _: "") -> None:
        self._asker = asker
        self._known = known
        self._helper = helper

    def authorization(self, answer: Answer, reference: ImageReference, url: str, *, actions: str) -> str:
        """What the challenge in ``answer`` asks for. Raises Unauthorized where it cannot be had."""
        asked = {each.scheme: each for each in reversed(challenges.parse(answer.headers.get("www-authenticate", "")))}
        known = self._known(reference.registry)
        if "bearer" in asked:
            return f"Bearer {self._token(asked['bearer'], reference, known, url, actions)}"
        if "basic" not in asked:
            raise Unreachable(f"{reference.registry} wants credentials in a way that is not spoken here")
        if known is None or not known.username:
            raise self._no_credentials(reference)
        self.require_sealed(url, url, reference)
        return _basic(known)

    def _token(
        self, asked: Challenge, reference: ImageReference, known: Credentials | None, url: str, actions: str
    ) -> str:
        realm = asked.parameters.get("realm", "")
        fields = {"scope": asked.parameters.get("scope") or f"repository:{reference.repository}:{actions}"}
        if service := asked.parameters.get("service"):
            fields["service"] = service
        if known is not None:
            self.require_sealed(realm, url, reference)
        if known is not None and known.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": known.identity_token, "client_id": "wharf"}
            answer = self._asker.post(realm, fields | form, size=TOKEN_AT_MOST)
        else:
            headers = {"Authorization": _basic(known)} if known is not None else {}
            asking = f"{realm}{'&' if '?' in realm else '?'}{urlencode(fields)}"
            answer = self._asker.send("GET", asking, headers, size=TOKEN_AT_MOST, follow=False)
        if answer.status in {401, 403}:
            raise _refused(reference) if known is not None else self._no_credentials(reference)
        return _token_in(answer, reference)

    def require_sealed(self, realm: str, url: str, reference: ImageReference) -> None:
        """Credentials travel encrypted, or not beyond this machine; nobody elsewhere can have them sent to it."""
        try:
            to, by = httpx2.URL(realm), httpx2.URL(url)
        except httpx2.InvalidURL as error:
            raise Unreachable(f"{reference.registry} names no URL to log in at") from error
        if to.scheme != "https" and not (is_here(to.host) and is_here(by.host)):
            raise Unauthorized(f"{reference.registry} wants credentials sent unencrypted, which is not done")

    def _no_credentials(self, reference: ImageReference) -> Unauthorized:
        registry = reference.registry
        if helper := self._helper(registry):
            return Unauthorized(f"{registry} wants credentials, and docker-credential-{helper} has none")
        return Unauthorized(f"{registry} wants credentials: run 'docker login {registry}' or 'wharf login'")


def _token_in(answer: Answer, reference: ImageReference) -> str:
    try:
        fields = json.loads(answer.content) if answer.status == 200 else None
    except (ValueError, RecursionError):
        fields = None
    token = (fields.get("token") or fields.get("access_token")) if isinstance(fields, Mapping) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise Unreachable(f"{reference.registry} gives no token: its realm answered {answer.status}")
    return token


def _basic(known: Credentials) -> str:
    pair = f"{known.username}:{known.password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _refused(reference: ImageReference) -> Unauthorized:
    return Unauthorized(f"{reference.registry} does not accept what 'docker login' or 'wharf login' left here")
