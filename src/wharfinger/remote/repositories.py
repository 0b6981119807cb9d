"""Repositories of any registry: manifests and blobs, read by digest and seen to be what they are called."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from wharfinger.errors import BlobUnknown, ManifestUnknown, Unauthorized, Unreachable
from wharfinger.remote.asking import Answer, Asker, Stream
from wharfinger.remote.authorizing import Authorizer
from wharfinger.remote.references import DOCKER, ImageReference
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest

MANIFEST_AT_MOST = 4 * 1024 * 1024
_REASON_AT_MOST = 1000
PULL, PUSH = "pull", "pull,push"
_HOST_OF_DOCKER = "registry-1.docker.io"
_ACCEPTED = (
    media_types.OCI_INDEX,
    media_types.DOCKER_LIST,
    media_types.OCI_MANIFEST,
    media_types.DOCKER_MANIFEST,
)
"""Indexes too: a registry that hears of manifests alone would answer with the image for one platform."""


Asking = Callable[[Mapping[str, str]], Answer]
"""Sends one request with these headers."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest as it came, its media type, and the digest that it was found to have."""

    raw: bytes
    media_type: str
    digest: Digest


class Repositories:
    """Asks registries; what a challenge wants is kept for the next request to the same repository."""

    def __init__(self, asker: Asker, authorizer: Authorizer) -> None:
        self._asker = asker
        self._authorizer = authorizer
        self._authorizations: dict[tuple[str, str, str], str] = {}

    def told(self, reference: ImageReference) -> Digest | None:
        """The digest of the tag by HEAD; None from a registry that does not answer it or says no digest."""
        answer = self._manifest("HEAD", reference, reference.meant_tag)
        if answer.status not in {400, 404, 405, 501}:
            require_found(answer, reference)
        said = answer.headers.get("docker-content-digest", "")
        return digests.parse(said) if answer.status == 200 and digests.is_digest(said) else None

    def manifest(self, reference: ImageReference, digest: Digest | None = None) -> Fetched:
        """The manifest or index with this digest, else what the tag points at. Raises Refusal."""
        answer = self._manifest("GET", reference, digest or reference.meant_tag)
        require_found(answer, reference)
        kind = media_types.bare(answer.headers.get("content-type", ""))
        if kind not in _ACCEPTED:
            sent = kind[:80] or "something"
            raise Unreachable(f"{reference}: its registry sends {sent}, which is no image that is known")
        seen = digests.of(answer.content, digests.algorithm(digest) if digest else digests.CANONICAL)
        if digest is not None and seen != digest:
            raise Unreachable(f"{reference}: its registry says {digest}, and sends what is {seen}: not used")
        return Fetched(answer.content, kind, seen)

    @contextmanager
    def blob(self, reference: ImageReference, digest: Digest, size: int) -> Iterator[Iterator[bytes]]:
        """The blob in chunks. The last is followed by Unreachable where it is not of this digest and size."""
        url = self.url(reference, f"blobs/{digest}")
        key = (reference.registry, reference.repository, PULL)
        for attempt in (1, 2):
            headers = {"Authorization": self._authorizations[key]} if key in self._authorizations else {}
            with self._asker.stream("GET", url, headers, size=size) as stream:
                if stream.status != 401 or attempt == 2:
                    _require_blob(stream, reference, digest)
                    yield _verified(stream.chunks, reference, digest, size)
                    return
                answer = Answer(stream.status, stream.headers, b"")
            self._authorizations[key] = self._authorizer.authorization(answer, reference, url, actions=PULL)

    def referrers(self, reference: ImageReference, digest: Digest) -> Answer:
        """What the registry answers when it is asked which manifests are about this one."""
        url = self.url(reference, f"referrers/{digest}")
        return self.authorized(reference, url, PULL, lambda headers: self._ask("GET", url, headers))

    def authorized(self, reference: ImageReference, url: str, actions: str, ask: Asking) -> Answer:
        """What ``ask`` is answered with the Authorization that the registry wants for ``actions``."""
        key = (reference.registry, reference.repository, actions)
        known = self._authorizations.get(key)
        answer = ask({"Authorization": known} if known else {})
        if answer.status == 401:
            self._authorizations.pop(key, None)
            self._authorizations[key] = self._authorizer.authorization(answer, reference, url, actions=actions)
            answer = ask({"Authorization": self._authorizations[key]})
        return answer

    def url(self, reference: ImageReference, path: str) -> str:
        """Where ``path`` of the repository is."""
        host = _HOST_OF_DOCKER if reference.registry == DOCKER else reference.registry
        scheme = "http" if self._asker.is_plain(host) else "https"
        return f"{scheme}://{host}/v2/{reference.repository}/{path}"

    def _manifest(self, method: str, reference: ImageReference, which: str) -> Answer:
        url = self.url(reference, f"manifests/{which}")
        accept = {"Accept": ", ".join(_ACCEPTED)}
        return self.authorized(reference, url, PULL, lambda headers: self._ask(method, url, {**accept, **headers}))

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        return self._asker.send(method, url, headers, size=MANIFEST_AT_MOST)


def require_found(answer: Answer | Stream, reference: ImageReference) -> None:
    """Nothing where the answer is there to be read. Raises what else it says."""
    if answer.status == 404:
        raise ManifestUnknown(f"{reference}: its registry does not have it")
    _require_answered(answer, reference)


def _require_blob(answer: Stream, reference: ImageReference, digest: Digest) -> None:
    if answer.status == 404:
        raise BlobUnknown(f"{reference}: its registry does not have {digest}", digest=digest)
    _require_answered(answer, reference)


def _require_answered(answer: Answer | Stream, reference: ImageReference) -> None:
    match answer.status:
        case 200:
            return
        case 401 | 403:
            said = _reason(answer.content) if isinstance(answer, Answer) and answer.status == 403 else ""
            refusal = f"refuses it: {said}" if said else "does not say: it may not be pulled, or is not there"
            raise Unauthorized(f"{reference}: its registry {refusal}")
        case 429:
            raise Unreachable(f"{reference}: its registry has been asked too often: log in there, or try later")
        case status:
            raise Unreachable(f"{reference}: its registry answered {status}")


def _reason(content: bytes) -> str:
    """Why the registry refuses, in its own words: a gate's refusal names the finding and the way out."""
    try:
        said = json.loads(content)["errors"][0]["message"]
    except (ValueError, LookupError, TypeError):
        return ""
    return "".join(filter(str.isprintable, str(said)))[:_REASON_AT_MOST]


def _verified(chunks: Iterator[bytes], reference: ImageReference, digest: Digest, size: int) -> Iterator[bytes]:
    hasher, read = hashlib.new(digests.algorithm(digest)), 0
    for chunk in chunks:
        hasher.update(chunk)
        read += len(chunk)
        yield chunk
    if read != size or not digest.endswith(f":{hasher.hexdigest()}"):
        raise Unreachable(f"{reference}: what its registry sends as {digest} has another digest or size")
