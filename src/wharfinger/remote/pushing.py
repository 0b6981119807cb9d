"""Pushing an artifact of a few blobs to any registry: an SBOM beside its image, a set of advisories."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from wharfinger.errors import Denied, Unauthorized, Unreachable
from wharfinger.remote.asking import Answer, Asker
from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import PUSH, Repositories
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest

ANSWER_AT_MOST = 256 * 1024

Opening = Callable[[], AbstractContextManager[Iterable[bytes]]]
"""Opens the content of a blob, from its beginning each time."""


@dataclass(frozen=True, slots=True)
class Content:
    """A blob that is to be pushed."""

    digest: Digest
    size: int
    open: Opening


class Pusher:
    """Pushes where ``repositories`` pulls; blobs first, then the manifest, as the specification asks."""

    def __init__(self, asker: Asker, repositories: Repositories) -> None:
        self._asker = asker
        self._repositories = repositories

    def blob(self, reference: ImageReference, content: Content) -> None:
        """Have the blob in the repository. Nothing is sent that is there already. Raises Refusal."""
        url = self._repositories.url(reference, f"blobs/{content.digest}")
        if self._ask("HEAD", reference, url).status == 200:
            return
        start = self._repositories.url(reference, "blobs/uploads/")
        opened = self._authorized(reference, start, self._sending("POST", start, {}, lambda: iter(()), 0))
        if opened.status not in {201, 202}:
            raise _unexpected(opened, reference, "a new upload")
        if opened.status == 201:
            return
        target = _finishing(start, opened.headers.get("location", ""), content.digest, reference)
        headers = {"Content-Type": "application/octet-stream"}
        send = self._sending("PUT", target, headers, lambda: _chunks(content), content.size)
        # Another host gets no credentials: there, the Location itself says who may write.
        mine = urlsplit(target)[:2] == urlsplit(start)[:2]
        answer = self._authorized(reference, start, send) if mine else send({})
        if answer.status != 201:
            raise _unexpected(answer, reference, f"the blob {content.digest}")

    def manifest(self, reference: ImageReference, raw: bytes, media_type: str, *, tag: str | None = None) -> Digest:
        """Have the manifest in the repository, under its digest or a tag. Raises Refusal."""
        self._put(reference, raw, media_type, tag)
        return digests.of(raw)

    def referrer(self, reference: ImageReference, raw: bytes) -> bool:
        """Have a manifest there that is about another, and say whether the registry will list it as such.

        One that does tells the subject back (spec.md, "Pushing Manifests with Subject"). Raises Refusal.
        """
        return "oci-subject" in self._put(reference, raw, media_types.OCI_MANIFEST, None).headers

    def _put(self, reference: ImageReference, raw: bytes, media_type: str, tag: str | None) -> Answer:
        url = self._repositories.url(reference, f"manifests/{tag or digests.of(raw)}")
        send = self._sending("PUT", url, {"Content-Type": media_type}, lambda: iter((raw,)), len(raw))
        answer = self._authorized(reference, url, send)
        if answer.status != 201:
            raise _unexpected(answer, reference, "the manifest")
        return answer

    def _sending(
        self, method: str, url: str, own: Mapping[str, str], body: Callable[[], Iterator[bytes]], length: int
    ) -> Callable[[Mapping[str, str]], Answer]:
        return lambda headers: self._asker.upload(method, url, {**own, **headers}, body(), length, size=ANSWER_AT_MOST)

    def _ask(self, method: str, reference: ImageReference, url: str) -> Answer:
        return self._authorized(
            reference, url, lambda headers: self._asker.send(method, url, headers, size=ANSWER_AT_MOST)
        )

    def _authorized(self, reference: ImageReference, url: str, ask: Callable[[Mapping[str, str]], Answer]) -> Answer:
        return self._repositories.authorized(reference, url, PUSH, ask)


def _chunks(content: Content) -> Iterator[bytes]:
    with content.open() as chunks:
        yield from chunks


def _finishing(start: str, location: str, digest: Digest, reference: ImageReference) -> str:
    if not location:
        raise Unreachable(f"{reference}: its registry does not say where to upload to")
    target = urljoin(start, location)
    if urlsplit(start).scheme == "https" and urlsplit(target).scheme != "https":
        raise Unreachable(f"{reference}: its registry wants an upload that is not encrypted")
    return f"{target}{'&' if '?' in target else '?'}digest={digest}"


def _unexpected(answer: Answer, reference: ImageReference, what: str) -> Denied | Unauthorized | Unreachable:
    if answer.status == 401:
        return Unauthorized(f"{reference}: its registry does not let {what} be pushed: log in there")
    if answer.status in {403, 405}:
        return Denied(f"{reference}: {what} may not be pushed there")
    return Unreachable(f"{reference}: its registry answered {answer.status} to {what}")
