"""A client that pushes images in every way there is, until its server is gone, and later goes on where it was."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx2

from tests.kit.client import Client, location_of, require
from tests.kit.images import Image, image
from tests.kit.ledger import Ledger
from wharfinger.spec import digest as digests

TAGS = ("latest", "stable", "next")


@dataclass
class Unfinished:
    """An upload whose server went away: ``acknowledged`` bytes must still be there, up to ``sent`` may be."""

    location: str
    content: bytes
    acknowledged: int = 0
    sent: int = 0


@dataclass
class Pusher:
    """Pushes to one repository of its own; each image has a layer of ``shared``."""

    repo: str
    clients: Sequence[Client]
    ledger: Ledger
    chance: random.Random
    shared: Sequence[bytes]
    unfinished: list[Unfinished] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def _client(self) -> Client:
        # Each has connections of its own, which may lead to another worker or node.
        return self.chance.choice(self.clients)

    async def push_until_killed(self) -> None:
        """Push one image after the other until the connection breaks, or it is ``enough``."""
        try:
            while self.unfinished and not self.enough.is_set():
                await self._resume(self.unfinished[0])
                self.unfinished.pop(0)
            while not self.enough.is_set():
                await self._push(self._image())
        except httpx2.TimeoutException:
            raise  # nobody was killed: it hangs
        except httpx2.TransportError:
            return

    def _image(self) -> Image:
        sizes = [int(10 ** self.chance.uniform(1, 5)) + 10 for _ in range(self.chance.choice((1, 1, 2)))]
        own = [self.chance.randbytes(size) for size in sizes]
        return image(layers=[*own, *self.chance.sample(self.shared, 1)], config=self.chance.randbytes(60))

    async def _push(self, pushed: Image) -> None:
        for content in pushed.blobs.values():
            await self._push_blob(content)
        tag = self.chance.choice(TAGS)
        self.ledger.try_tag(self.repo, tag, pushed)
        require(await self._client.put_manifest(self.repo, tag, pushed.raw, pushed.media_type), 201)
        self.ledger.tag(self.repo, tag, pushed)
        self.ledger.acknowledged()

    async def _push_blob(self, content: bytes) -> None:
        way = self.chance.choice((self._at_once, self._by_put, self._streamed, self._in_chunks, self._in_chunks))
        await way(content)

    async def _at_once(self, content: bytes) -> None:
        digest = digests.of(content)
        self.ledger.try_blob(self.repo, digest, content)
        require(await self._client.start_upload(self.repo, digest=digest, content=content), 201)
        self._pushed(content)

    async def _by_put(self, content: bytes) -> None:
        await self._close(await self._start(), content, content)

    async def _streamed(self, content: bytes) -> None:
        location = location_of(await self._client.patch(await self._start(), _pieces(content)))
        await self._close(location, content)

    async def _in_chunks(self, content: bytes) -> None:
        upload = Unfinished(await self._start(), content)
        self.unfinished.append(upload)
        await self._continue(upload)
        self.unfinished.remove(upload)

    async def _start(self) -> str:
        location = location_of(await self._client.start_upload(self.repo))
        self.ledger.acknowledged()
        return location

    async def _continue(self, upload: Unfinished) -> None:
        """Send the rest in up to three chunks, and close."""
        for _ in range(3):
            start, end = upload.acknowledged, len(upload.content)
            if end - start > 4:
                upload.sent = self.chance.randrange(start + 2, end)
                chunk = upload.content[start : upload.sent]
                require(await self._client.patch(upload.location, chunk, range=f"{start}-{upload.sent - 1}"), 202)
                upload.acknowledged = upload.sent
                self.ledger.acknowledged()
        await self._close(upload.location, upload.content, upload.content[upload.acknowledged :])

    async def _resume(self, upload: Unfinished) -> None:
        """Go on after the server was killed, from where it says; close once more if it was closed already."""
        status = await self._client.upload_status(upload.location)
        if status.status_code == 404:
            await self._close(upload.location, upload.content)
            return
        last = int(require(status, 204).headers["Range"].removeprefix("0-"))
        there = last + 1 if last else 0
        assert there in {upload.acknowledged, upload.sent}, (there, upload.acknowledged, upload.sent)
        upload.acknowledged = upload.sent = there
        await self._continue(upload)

    async def _close(self, location: str, content: bytes, rest: bytes = b"") -> None:
        digest = digests.of(content)
        self.ledger.try_blob(self.repo, digest, content)
        require(await self._client.put_upload(location, digest, rest), 201)
        self._pushed(content)

    def _pushed(self, content: bytes) -> None:
        self.ledger.blob(self.repo, digests.of(content), content)
        self.ledger.acknowledged()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 20_000):
        yield content[start : start + 20_000]
