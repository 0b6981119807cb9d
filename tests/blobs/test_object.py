"""Blobs as objects: the contract in front of each kind of object store, and what is particular to them."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from urllib.error import HTTPError
from urllib.request import urlopen

import obstore
import pytest
from obstore.store import AzureStore, MemoryStore, S3Store

from tests.blobs.pending import pending_uploads
from tests.contracts.blob_store import (
    DIGEST,
    MIB,
    Holdings,
    StoreContract,
    StreamingContract,
    Stuck,
    content_of,
    some_bytes,
    stored,
    stream,
)
from tests.kit.parts.stores import S3, Azure
from wharfinger.blobs.object import ObjectStore
from wharfinger.blobs.stores import StoreSettings, open_store
from wharfinger.errors import Unavailable

# The least that S3 takes, so that bodies of a few MiB are of several parts.
PART = 5 * MIB


async def keys(backend: MemoryStore | S3Store | AzureStore, prefix: str) -> list[str]:
    return sorted(found["path"] for found in await obstore.list(backend, prefix).collect_async())


@pytest.fixture
def prefix() -> str:
    return f"{secrets.token_hex(4)}/wharf"


class TestMemory(StoreContract):
    """obstore's own fake: needs no program, so this runs everywhere."""

    @pytest.fixture
    def backend(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def store(self, backend: MemoryStore) -> ObjectStore:
        return ObjectStore(backend, part=PART)

    @pytest.fixture
    def holdings(self, backend: MemoryStore) -> Holdings:
        return lambda: keys(backend, "")

    async def test_the_digest_of_sealed_bytes_is_in_a_name(self, store: ObjectStore, backend: MemoryStore) -> None:
        location = await store.seal(await stored(store, b"content"), DIGEST)
        random = location.removeprefix("blobs/")
        marker = f"by-digest/sha256/{DIGEST.removeprefix('sha256:')}/{random}"
        assert await keys(backend, "") == [f"blobs/{random}", marker]
        await store.delete(location)
        assert await keys(backend, "") == [marker]
        await store.delete(location, DIGEST)
        assert await keys(backend, "") == []


class S3Contract(StreamingContract):
    @pytest.fixture
    def server(self) -> S3:
        raise NotImplementedError

    @pytest.fixture
    def backend(self, server: S3) -> S3Store:
        return S3Store(**server.obstore())

    @pytest.fixture
    async def store(self, backend: S3Store, prefix: str) -> AsyncIterator[ObjectStore]:
        store = ObjectStore(backend, prefix=prefix, presign=True, part=PART)
        yield store
        await store.close()

    @pytest.fixture
    def holdings(self, server: S3, backend: S3Store, prefix: str) -> Holdings:
        async def holdings() -> list[str]:
            pending = await asyncio.to_thread(pending_uploads, server)
            return [key for key in pending if key.startswith(prefix)] + await keys(backend, prefix)

        return holdings

    async def test_pending_uploads_would_be_seen(self, store: ObjectStore, holdings: Holdings) -> None:
        body = Stuck([some_bytes(MIB)] * 7)
        writing = asyncio.create_task(store.write(store.new_location(), body))
        await body.waiting.wait()
        async with asyncio.timeout(10):
            while not await holdings():  # noqa: ASYNC110 - the server has no event to wait for
                await asyncio.sleep(0.02)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        assert await holdings() == []

    async def test_anybody_can_read_at_the_address(self, store: ObjectStore) -> None:
        url = await store.url(await stored(store, b"content"), 60)
        assert url is not None

        def fetch() -> bytes:
            with urlopen(url) as answer:
                return bytes(answer.read())

        assert await asyncio.to_thread(fetch) == b"content"

    async def test_a_missing_bucket_is_not_ready_and_takes_nothing(self, server: S3) -> None:
        store = open_store(settings_for(server, bucket="no-such-bucket"))
        for call in (store.probe(), store.write(store.new_location(), stream([b"x"]))):
            with pytest.raises(Unavailable):
                await call
        with pytest.raises(Unavailable):
            await anext(store.read(store.new_location(), 0, 1))

    async def test_it_works_as_it_is_configured(self, server: S3, prefix: str) -> None:
        store = open_store(settings_for(server, prefix))
        await store.probe()
        location = await stored(store, b"content")
        assert await content_of(store, await store.seal(location, DIGEST)) == b"content"
        assert await store.url(location, 60) is None
        await store.delete(location, DIGEST)
        await store.close()


def settings_for(server: S3, prefix: str = "", bucket: str | None = None) -> StoreSettings:
    return StoreSettings(
        f"s3://{bucket or server.bucket}/{prefix}",
        endpoint=server.endpoint,
        region=server.region,
        access_key=server.access_key,
        secret_key=server.secret_key,
    )


@pytest.mark.system
class TestSwift(S3Contract):
    @pytest.fixture
    def server(self, swift_server: S3) -> S3:
        return swift_server

    async def test_an_address_expires(self, store: ObjectStore) -> None:
        url = await store.url(await stored(store, b"content"), 1)
        assert url is not None
        await asyncio.sleep(2.1)
        with pytest.raises(HTTPError, match="403"):
            await asyncio.to_thread(urlopen, url)


@pytest.mark.system
class TestMoto(S3Contract):
    @pytest.fixture
    def server(self, moto_server: S3) -> S3:
        return moto_server

    async def test_a_slow_reader_is_not_taken_for_a_dead_server(self, server: S3, prefix: str) -> None:
        impatient = {**server.obstore(), "client_options": {"allow_http": True, "read_timeout": "300ms"}}
        store = ObjectStore(S3Store(**impatient), prefix=prefix)
        content = some_bytes(20 * MIB)
        location = await stored(store, content)
        received = b""
        async for chunk in store.read(location, 0, len(content)):
            received += chunk
            if len(received) < 4 * MIB:
                await asyncio.sleep(0.4)
        assert received == content


@pytest.mark.system
class TestAzurite(StreamingContract):
    @pytest.fixture
    def backend(self, azurite_server: Azure) -> AzureStore:
        return AzureStore(**azurite_server.obstore())

    @pytest.fixture
    def store(self, backend: AzureStore, prefix: str) -> ObjectStore:
        return ObjectStore(backend, prefix=prefix, presign=True, part=PART)

    @pytest.fixture
    def holdings(self, backend: AzureStore, prefix: str) -> Holdings:
        # Blocks that were never committed are in no listing, and Azure removes them after a week.
        return lambda: keys(backend, prefix)

    async def test_anybody_can_read_at_the_address(self, store: ObjectStore) -> None:
        url = await store.url(await stored(store, b"content"), 60)
        assert url is not None

        def fetch() -> bytes:
            with urlopen(url) as answer:
                return bytes(answer.read())

        assert await asyncio.to_thread(fetch) == b"content"

    async def test_it_works_as_it_is_configured(self, azurite_server: Azure, prefix: str) -> None:
        server = azurite_server
        store = open_store(
            StoreSettings(
                f"az://{server.container}/{prefix}",
                endpoint=server.endpoint,
                access_key=server.account,
                secret_key=server.key,
            )
        )
        await store.probe()
        location = await stored(store, b"content")
        assert await content_of(store, await store.seal(location, DIGEST)) == b"content"
        await store.delete(location, DIGEST)
        await store.close()
