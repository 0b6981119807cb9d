"""Which digest a tag of any registry has now, seen with one's own eyes."""

import base64
import json
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import httpx2

from wharfinger.errors import ManifestUnknown, Refusal, Unauthorized, Unreachable
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest
from wharfinger.tagging.pinning import challenges
from wharfinger.tagging.pinning.asking import Answer, Asker, is_here
from wharfinger.tagging.pinning.challenges import Challenge
from wharfinger.tagging.pinning.credentials import Credentials
from wharfinger.tagging.pinning.references import DOCKER, ImageReference

MANIFEST_AT_MOST = 4 * 1024 * 1024
TOKEN_AT_MOST = 256 * 1024
REFERENCES_AT_MOST = 2_000
_HOST_OF_DOCKER = "registry-1.docker.io"
_ACCEPTED = (
    media_types.OCI_INDEX,
    media_types.DOCKER_LIST,
    media_types.OCI_MANIFEST,
    media_types.DOCKER_MANIFEST,
)
"""Indexes too: a registry that hears of manifests alone would answer with the image for one platform."""

Known = Callable[[str], Credentials | None]


class Resolver:
    """Asks each registry once for each tag."""

    def __init__(self, asker: Asker, known: Known, helper: Callable[[str], str] = lambda _: "") -> None:
        self._asker = asker
        self._known = known
        self._helper = helper
        self._authorizations: dict[tuple[str, str], str] = {}
        self._resolved: dict[tuple[str, str, str], Digest | Refusal] = {}

    def digest(self, reference: ImageReference) -> Digest:
        """The digest of what the tag points at, be it an index or an image. Raises Refusal."""
        key = (reference.registry, reference.repository, reference.meant_tag)
        if key not in self._resolved:
            if len(self._resolved) >= REFERENCES_AT_MOST:
                raise Refusal(f"more than {REFERENCES_AT_MOST} different images at once: name fewer files")
            try:
                self._resolved[key] = self._resolve(reference)
            except Refusal as refusal:
                self._resolved[key] = refusal
        found = self._resolved[key]
        if isinstance(found, Refusal):
            raise found
        return found

    def _resolve(self, reference: ImageReference) -> Digest:
        told = self._told(reference)
        # By digest, where one is told: the tag may move between the two requests.
        answer = self._manifest("GET", reference, told or reference.meant_tag)
        _require_found(answer, reference)
        _require_manifest(answer, reference)
        seen = digests.of(answer.content, digests.algorithm(told) if told else digests.CANONICAL)
        if told is not None and seen != told:
            raise Unreachable(f"{reference}: its registry says {told}, and sends what is {seen}: not pinned")
        return seen

    def _told(self, reference: ImageReference) -> Digest | None:
        """What HEAD says; None from a registry that does not answer it or says no digest."""
        answer = self._manifest("HEAD", reference, reference.meant_tag)
        if answer.status not in {400, 404, 405, 501}:
            _require_found(answer, reference)
        said = answer.headers.get("docker-content-digest", "")
        return digests.parse(said) if answer.status == 200 and digests.is_digest(said) else None

    def _manifest(self, method: str, reference: ImageReference, which: str) -> Answer:
        host = _HOST_OF_DOCKER if reference.registry == DOCKER else reference.registry
        plain = self._asker.is_plain(host)
        url = f"{'http' if plain else 'https'}://{host}/v2/{reference.repository}/manifests/{which}"
        key = (reference.registry, reference.repository)
        answer = self._ask(method, url, key)
        if answer.status == 401:
            self._authorizations.pop(key, None)
            self._authorizations[key] = self._authorization(answer, reference, url)
            answer = self._ask(method, url, key)
        return answer

    def _ask(self, method: str, url: str, key: tuple[str, str]) -> Answer:
        headers = {"Accept": ", ".join(_ACCEPTED)}
        if key in self._authorizations:
            headers["Authorization"] = self._authorizations[key]
        return self._asker.send(method, url, headers, size=MANIFEST_AT_MOST)

    def _authorization(self, answer: Answer, reference: ImageReference, url: str) -> str:
        """What the challenge asks for. Raises Unauthorized where it cannot be had."""
        asked = {each.scheme: each for each in reversed(challenges.parse(answer.headers.get("www-authenticate", "")))}
        known = self._known(reference.registry)
        if "bearer" in asked:
            return f"Bearer {self._token(asked['bearer'], reference, known, url)}"
        if "basic" not in asked:
            raise Unreachable(f"{reference.registry} wants credentials in a way that is not spoken here")
        if known is None or not known.username:
            raise self._no_credentials(reference)
        self._require_sealed(url, url, reference)
        return _basic(known)

    def _token(self, asked: Challenge, reference: ImageReference, known: Credentials | None, url: str) -> str:
        realm = asked.parameters.get("realm", "")
        fields = {"scope": asked.parameters.get("scope") or f"repository:{reference.repository}:pull"}
        if service := asked.parameters.get("service"):
            fields["service"] = service
        if known is not None:
            self._require_sealed(realm, url, reference)
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

    def _require_sealed(self, realm: str, url: str, reference: ImageReference) -> None:
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
            return Unauthorized(f"{registry} wants credentials, and docker-credential-{helper} is not asked for them")
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


def _require_found(answer: Answer, reference: ImageReference) -> None:
    match answer.status:
        case 200:
            return
        case 401 | 403:
            raise Unauthorized(f"{reference}: its registry does not say: it may not be pulled, or is not there")
        case 404:
            raise ManifestUnknown(f"{reference}: its registry does not have it")
        case 429:
            raise Unreachable(f"{reference}: its registry has been asked too often: log in there, or try later")
        case status:
            raise Unreachable(f"{reference}: its registry answered {status}")


def _require_manifest(answer: Answer, reference: ImageReference) -> None:
    kind = media_types.bare(answer.headers.get("content-type", ""))
    if kind not in _ACCEPTED:
        raise Unreachable(
            f"{reference}: its registry sends {kind[:80] or 'something'}, which is no image that is known"
        )


def _basic(known: Credentials) -> str:
    pair = f"{known.username}:{known.password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _refused(reference: ImageReference) -> Unauthorized:
    return Unauthorized(f"{reference.registry} does not accept what 'docker login' or 'wharf login' left here")
