"""Whoever has good bytes when ours are bad: a copy of a store's folder, or another registry.

Nobody is believed: what they give is hashed before it is kept.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx2

from wharfinger.blobs.store import Bytes
from wharfinger.errors import Unreachable
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest

CHUNK = 1024 * 1024
TIMEOUT = 60.0


class Folder:
    """A copy of the folder of blobs, as a backup has it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def __call__(self, digest: Digest, repositories: Sequence[str]) -> Bytes | None:  # noqa: ARG002 - see Registry
        algorithm, encoded = digests.algorithm(digest), digests.encoded(digest)
        folder = self._root / "blobs" / algorithm / encoded[:2] / encoded
        found = await asyncio.to_thread(_first, folder)
        return None if found is None else _file(found)


class Registry:
    """Any registry that has the same repositories: a mirror, a replica, or where they came from."""

    def __init__(self, url: str, login: tuple[str, str] | None = None) -> None:
        self._http = httpx2.AsyncClient(base_url=url, auth=login, timeout=TIMEOUT, follow_redirects=True)

    async def __call__(self, digest: Digest, repositories: Sequence[str]) -> Bytes | None:
        for name in repositories:
            try:
                answer = await self._http.head(f"/v2/{name}/blobs/{digest}")
            except httpx2.HTTPError:
                return None
            if answer.is_success:
                return self._body(f"/v2/{name}/blobs/{digest}")
        return None

    async def _body(self, path: str) -> AsyncIterator[bytes]:
        try:
            async with self._http.stream("GET", path) as answer:
                answer.raise_for_status()
                async for chunk in answer.aiter_raw(CHUNK):
                    yield chunk
        except httpx2.HTTPError as error:
            raise Unreachable("the other registry did not give the blob to the end") from error

    async def close(self) -> None:
        """Give back connections."""
        await self._http.aclose()


def _first(folder: Path) -> Path | None:
    return next((path for path in sorted(folder.glob("*")) if path.is_file()), None)


async def _file(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
