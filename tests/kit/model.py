"""What a registry must do, small enough to be believed: the stateful tests compare the real one with it.

Every method does to the model what the request does to the registry, and returns the status that the answer must have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.kit.images import Image
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest


@dataclass
class Session:
    """An upload. ``became`` is the blob it was finished as."""

    repository: str
    location: str
    held: bytes = b""
    cancelled: bool = False
    became: Digest | None = None
    forgotten_at: float = float("inf")

    @property
    def open(self) -> bool:
        return self.became is None and not self.cancelled


@dataclass
class Repository:
    """What a repository holds."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    manifests: dict[Digest, Image] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)

    def users(self, blob: Digest) -> set[Digest]:
        """The manifests that need a blob."""
        return {one.digest for one in self.manifests.values() if blob in one.blobs}

    def parents(self, manifest: Digest) -> set[Digest]:
        """The indexes that list a manifest."""
        return {
            one.digest for one in self.manifests.values() if any(child.digest == manifest for child in one.children)
        }

    def referrers(self, subject: Digest) -> set[Digest]:
        """The manifests that are about another one."""
        return {one.digest for one in self.manifests.values() if one.fields.get("subject", {}).get("digest") == subject}

    def missing(self, manifest: Image) -> set[Digest]:
        """What must be pushed before a manifest."""
        blobs = {digest for digest in manifest.blobs if digest not in self.blobs}
        return blobs | {child.digest for child in manifest.children if child.digest not in self.manifests}


class Model:
    """A registry of dictionaries."""

    REPEAT_SECONDS = 600

    def __init__(self, repositories: Iterable[str]) -> None:
        self.repositories = {name: Repository() for name in repositories}

    def __getitem__(self, repository: str) -> Repository:
        return self.repositories[repository]

    # Uploads ----------------------------------------------------------------------------------------------------

    def append(self, session: Session, chunk: bytes, *, start: int | None = None) -> int:
        """A PATCH, at ``start`` if it has a Content-Range."""
        if not session.open:
            return 404
        if start is not None and start != len(session.held):
            return 416
        session.held += chunk
        return 202

    def finish(
        self, session: Session, expected: Digest, rest: bytes = b"", *, start: int | None = None, now: float
    ) -> int:
        """The closing PUT."""
        if not session.open:
            return self._repeat(session, expected, now)
        if start is not None and start != len(session.held):
            return 416
        content = session.held + rest
        if digests.of(content, digests.algorithm(expected)) != expected:
            return 400
        session.became, session.forgotten_at = expected, now + self.REPEAT_SECONDS
        self[session.repository].blobs[expected] = content
        return 201

    def _repeat(self, session: Session, expected: Digest, now: float) -> int:
        held = session.became == expected and expected in self[session.repository].blobs
        return 201 if held and now < session.forgotten_at else 404

    def cancel(self, session: Session) -> int:
        """A DELETE of the session."""
        if not session.open:
            return 404
        session.cancelled = True
        return 204

    # Blobs ------------------------------------------------------------------------------------------------------

    def push_blob(self, repository: str, content: bytes) -> int:
        self[repository].blobs[digests.of(content)] = content
        return 201

    def mount(self, repository: str, digest: Digest, source: str) -> int:
        """A mount; 202 is a session instead."""
        content = self[source].blobs.get(digest)
        if content is None:
            return 202
        self[repository].blobs[digest] = content
        return 201

    def delete_blob(self, repository: str, digest: Digest) -> int:
        if digest not in self[repository].blobs:
            return 404
        if self[repository].users(digest):
            return 405
        del self[repository].blobs[digest]
        return 202

    # Manifests --------------------------------------------------------------------------------------------------

    def put_manifest(
        self,
        repository: str,
        manifest: Image,
        tags: Sequence[str],
        *,
        current: Digest | None = None,
        absent: bool = False,
    ) -> int:
        """A push; ``current`` is what its tags must point at (If-Match), ``absent`` that they must not exist."""
        held = self[repository]
        if held.missing(manifest):
            return 404
        if current is not None and any(held.tags.get(tag) != current for tag in tags):
            return 412
        if absent and any(tag in held.tags for tag in tags):
            return 412
        held.manifests[manifest.digest] = manifest
        held.tags.update(dict.fromkeys(tags, manifest.digest))
        return 201

    def delete_tag(self, repository: str, tag: str) -> int:
        return 404 if self[repository].tags.pop(tag, None) is None else 202

    def delete_manifest(self, repository: str, digest: Digest) -> int:
        held = self[repository]
        if digest not in held.manifests:
            return 404
        if held.parents(digest):
            return 405
        del held.manifests[digest]
        held.tags = {tag: target for tag, target in held.tags.items() if target != digest}
        return 202
