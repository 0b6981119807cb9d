"""What clients were told, held against what a registry serves after it was killed.

Acknowledged things must be there, byte for byte. What was tried without an answer may be there, but only whole. A tag
is where the last acknowledged move or a later try has put it; each tag is moved by one client, one move at a time.
"""

import asyncio
from dataclasses import dataclass, field

from tests.kit.client import Client, require
from tests.kit.images import Image
from wharfinger.spec.digest import Digest

Key = tuple[str, str]
"""A repository, and a digest or tag in it."""


@dataclass
class Ledger:
    """What was told, and how many requests were acknowledged."""

    count: int = 0
    tried_blobs: dict[Key, bytes] = field(default_factory=dict)
    blobs: dict[Key, bytes] = field(default_factory=dict)
    tried_manifests: dict[Key, Image] = field(default_factory=dict)
    manifests: dict[Key, Image] = field(default_factory=dict)
    tags: dict[Key, list[Digest | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._waiting: list[tuple[int, asyncio.Event]] = []

    def acknowledged(self) -> None:
        """One request more was answered with success."""
        self.count += 1
        for target, event in self._waiting:
            if self.count >= target:
                event.set()

    async def reached(self, count: int) -> None:
        """Return when so many requests were acknowledged. Raises TimeoutError after a minute."""
        event = asyncio.Event()
        self._waiting = [(count, event)]
        if self.count < count:
            await asyncio.wait_for(event.wait(), 60)

    def try_blob(self, repo: str, digest: str, content: bytes) -> None:
        """It may be there from now on."""
        self.tried_blobs[repo, digest] = content

    def blob(self, repo: str, digest: str, content: bytes) -> None:
        """It was acknowledged."""
        self.blobs[repo, digest] = content

    def try_tag(self, repo: str, tag: str, image: Image) -> None:
        """The manifest and its tag may be there from now on."""
        self.tried_manifests[repo, image.digest] = image
        self.tags.setdefault((repo, tag), [None]).append(image.digest)

    def tag(self, repo: str, tag: str, image: Image) -> None:
        """Both were acknowledged."""
        self.manifests[repo, image.digest] = image
        self.tags[repo, tag] = [image.digest]

    async def verify(self, client: Client) -> None:
        """Assert all of it, and take for granted from now on what was found."""
        for (repo, digest), content in {**self.tried_blobs, **self.blobs}.items():
            await self._verify_blob(client, repo, digest, content)
        for (repo, digest), image in {**self.tried_manifests, **self.manifests}.items():
            await self._verify_manifest(client, repo, digest, image)
        for (repo, tag), expected in self.tags.items():
            answer = await client.head_manifest(repo, tag)
            found = Digest(answer.headers["Docker-Content-Digest"]) if answer.status_code == 200 else None
            assert found in expected, f"{repo}:{tag} is at {found}, not at one of {expected}"
            self.tags[repo, tag] = [found]
        self.tried_blobs.clear()
        self.tried_manifests.clear()

    async def _verify_blob(self, client: Client, repo: str, digest: str, content: bytes) -> None:
        answer = await client.get_blob(repo, digest)
        if answer.status_code == 404:
            assert (repo, digest) not in self.blobs, f"lost: {digest} of {repo}"
        else:
            assert require(answer, 200).content == content, f"other bytes: {digest} of {repo}"
            self.blobs[repo, digest] = content

    async def _verify_manifest(self, client: Client, repo: str, digest: str, image: Image) -> None:
        answer = await client.get_manifest(repo, digest)
        if answer.status_code == 404:
            assert (repo, digest) not in self.manifests, f"lost: {digest} of {repo}"
        else:
            assert require(answer, 200).content == image.raw, f"other bytes: {digest} of {repo}"
            self.manifests[repo, digest] = image

    def settle(self, old: "Ledger") -> None:
        """Move what was verified to ``old``, where it waits to be verified once more; tags stay."""
        old.blobs.update(self.blobs)
        old.manifests.update(self.manifests)
        self.blobs.clear()
        self.manifests.clear()
