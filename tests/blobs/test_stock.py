"""What stores hold: the contract in front of each kind of store."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.store import AzureStore, MemoryStore, S3Store

from tests.contracts.blob_store import DIGEST, some_bytes, stored, whole
from tests.contracts.stock import StockContract, all_of
from tests.kit.parts.stores import S3, Azure
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.blobs.object import ObjectStore
from wharfinger.blobs.stock import Item, Stock
from wharfinger.blobs.stock_files import FileStock
from wharfinger.blobs.stock_objects import ObjectStock
from wharfinger.blobs.store import BlobStore


class TestFiles(StockContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[BlobStore]:
        store = FilesystemStore(tmp_path / "store")
        yield store
        await store.close()

    @pytest.fixture
    async def stock(self, tmp_path: Path) -> AsyncIterator[Stock]:
        stock = FileStock(tmp_path / "store")
        yield stock
        await stock.close()

    async def test_what_no_store_has_made_is_passed_over(self, store: BlobStore, stock: Stock, tmp_path: Path) -> None:
        location = await stored(store, b"x")
        (tmp_path / "store" / "uploads" / "README.txt").write_text("by hand")
        (tmp_path / "store" / "uploads" / "link").symlink_to("/etc/passwd")
        assert [item.location for item in await all_of(stock.items())] == [location]


class ObjectsContract(StockContract):
    @pytest.fixture
    def backend(self) -> MemoryStore | S3Store | AzureStore:
        raise NotImplementedError

    @pytest.fixture
    def prefix(self) -> str:
        return f"{secrets.token_hex(4)}/wharf"

    @pytest.fixture
    def store(self, backend: MemoryStore, prefix: str) -> BlobStore:
        return ObjectStore(backend, prefix=prefix)

    @pytest.fixture
    def stock(self, backend: MemoryStore, prefix: str) -> Stock:
        return ObjectStock(backend, prefix=prefix)

    async def test_what_is_too_large_to_be_copied_goes_through_here(
        self, backend: MemoryStore, store: BlobStore, prefix: str
    ) -> None:
        content = some_bytes(300_000)
        location = await store.seal(await stored(store, content), DIGEST)
        stock = ObjectStock(backend, prefix=prefix, most_copied=1000)
        item = Item(location, len(content), 0.0, DIGEST)
        await stock.put_aside(item)
        assert await store.size(location) is None
        await stock.put_back(item)
        assert await whole(store.read(location, 0, len(content))) == content

    async def test_a_mark_of_bytes_that_are_gone_is_taken_away(self, store: BlobStore, stock: Stock) -> None:
        location = await self.sealed(store)
        await store.delete(location)
        assert await all_of(stock.marks()) == [(location, DIGEST)]
        await stock.unmark(location, DIGEST)
        assert await all_of(stock.marks()) == []


class TestObjects(ObjectsContract):
    @pytest.fixture
    def backend(self) -> MemoryStore:
        return MemoryStore()


@pytest.mark.system
class TestSwift(ObjectsContract):
    @pytest.fixture
    def backend(self, swift_server: S3) -> S3Store:
        return S3Store(**swift_server.obstore())


@pytest.mark.system
class TestAzurite(ObjectsContract):
    @pytest.fixture
    def backend(self, azurite_server: Azure) -> AzureStore:
        return AzureStore(**azurite_server.obstore())
