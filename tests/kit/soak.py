"""Clients that push, pull, delete and ask all at once, for as long as one likes, and write down what must never be.

The registry's grace is short, so that everything is collected again and again under their hands. What a client finds
missing is no mistake if somebody deleted it; it is one if a manifest that is there needs it, or if the client was told
less than a grace ago that it exists.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx2
from httpx2 import Response

from tests.kit.client import Client
from tests.kit.images import Image, blob, image
from wharfinger.spec import digest as digests

GRACE = 8.0
REPOSITORIES = 3
LAYERS = 60
"""Few enough that layers come back after they were collected, and are shared by many images meanwhile."""
REMEMBERED = 300


@dataclass
class Soak:
    """What all clients have in common."""

    chance: random.Random = field(default_factory=lambda: random.Random(5))
    requests: int = 0
    done: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    pushed: list[tuple[str, Image]] = field(default_factory=list)

    async def run(self, clients: Sequence[Client], seconds: float) -> None:
        """Let every client do one thing after the other until the time is over."""
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            for number, client in enumerate(clients):
                tasks.create_task(Visitor(self, client, f"own/of-{number}").work(until))

    def remember(self, repo: str, pushed: Image) -> None:
        self.pushed.append((repo, pushed))
        del self.pushed[:-REMEMBERED]


@dataclass
class Visitor:
    """One client; ``own`` is a repository that no other one uses."""

    soak: Soak
    client: Client
    own: str

    async def work(self, until: float) -> None:
        acts: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.push, 5),
            (self.pull, 5),
            (self.delete, 3),
            (self.untag, 1),
            (self.push_a_blob_for_nothing, 1),
            (self.push_and_delete_a_blob, 1),
            (self.leave_an_upload, 1),
        ]
        names, weights = [act for act, _ in acts], [weight for _, weight in acts]
        while time.monotonic() < until:
            (act,) = self.soak.chance.choices(names, weights)
            try:
                await act()
            except httpx2.HTTPError as error:
                self.soak.problems.append(f"{act.__name__}: {error!r}")
            self.soak.done[act.__name__] += 1

    async def ask(self, answer: Awaitable[Response], *expected: int) -> Response:
        """The answer; one with another status is a problem."""
        found = await answer
        self.soak.requests += 1
        if found.status_code not in expected:
            said = f"{found.request.method} {found.request.url.path}: {found.status_code} {found.text[:300]}"
            self.soak.problems.append(said)
        return found

    def _repo(self) -> str:
        return f"shared/of-{self.soak.chance.randrange(REPOSITORIES)}"

    def _layer(self) -> bytes:
        return blob(self.soak.chance.choice((200, 3000, 40_000)), self.soak.chance.randrange(LAYERS))

    async def push(self) -> None:
        """As docker does it: ask for each blob, mount or push what is not there, then the manifest."""
        repo, chance = self._repo(), self.soak.chance
        pushed = image(layers=[self._layer() for _ in range(chance.randrange(1, 4))], seed=chance.randrange(20))
        told = time.monotonic()
        for digest, content in pushed.blobs.items():
            if (await self.ask(self.client.head_blob(repo, digest), 200, 404)).status_code == 404:
                await self._bring(repo, digest, content)
        tag = f"t{chance.randrange(20)}"
        put = await self.ask(self.client.put_manifest(repo, tag, pushed.raw, pushed.media_type), 201, 404)
        if put.status_code == 201:
            self.soak.remember(repo, pushed)
        elif time.monotonic() - told < GRACE:
            self.soak.problems.append(f"promised and gone: {put.text}")
        else:
            self.soak.done["slower than the grace"] += 1

    async def _bring(self, repo: str, digest: str, content: bytes) -> None:
        if self.soak.chance.random() < 0.5:
            mounted = await self.ask(self.client.mount(repo, digest, self._repo()), 201, 202)
            if mounted.status_code == 202:
                await self.ask(self.client.put_upload(mounted.headers["Location"], digest, content), 201)
        else:
            await self.ask(self.client.push_blob(repo, content), 201)

    async def pull(self) -> None:
        """Manifest, then every blob; what a manifest needs that was there a moment ago is there."""
        if not self.soak.pushed:
            return
        repo, wanted = self.soak.chance.choice(self.soak.pushed)
        began = time.monotonic()
        if (await self.ask(self.client.get_manifest(repo, wanted.digest), 200, 404)).status_code == 404:
            return
        for digest, content in wanted.blobs.items():
            found = await self.ask(self.client.get_blob(repo, digest), 200, 404)
            if found.status_code == 404:
                still = await self.ask(self.client.head_manifest(repo, wanted.digest), 200, 404)
                if still.status_code == 200 or time.monotonic() - began < GRACE:
                    self.soak.problems.append(f"lost: {digest} of {repo}@{wanted.digest}")
            elif found.content != content:
                self.soak.problems.append(f"other bytes: {digest} of {repo}")

    async def delete(self) -> None:
        if self.soak.pushed:
            repo, wanted = self.soak.chance.choice(self.soak.pushed)
            await self.ask(self.client.delete_manifest(repo, wanted.digest), 202, 404)

    async def untag(self) -> None:
        tag = f"t{self.soak.chance.randrange(20)}"
        await self.ask(self.client.delete_manifest(self._repo(), tag), 202, 404)

    async def push_a_blob_for_nothing(self) -> None:
        await self.ask(self.client.push_blob(self._repo(), self._layer()), 201)

    async def push_and_delete_a_blob(self) -> None:
        content = self._layer()
        await self.ask(self.client.push_blob(self.own, content), 201)
        await self.ask(self.client.delete_blob(self.own, digests.of(content)), 202)
        await self.ask(self.client.head_blob(self.own, digests.of(content)), 404)

    async def leave_an_upload(self) -> None:
        started = await self.ask(self.client.start_upload(self._repo()), 202)
        if started.status_code == 202:
            await self.ask(self.client.patch(started.headers["Location"], self._layer()), 202)
