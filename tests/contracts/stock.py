"""What a stock promises, whatever its store. A test class inherits it and says with fixtures which that is."""

from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from tests.contracts.blob_store import DIGEST, LONG_DIGEST, content_of, stored
from wharfinger.blobs.stock import Item, Stock
from wharfinger.blobs.store import BlobStore
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

T = TypeVar("T")


async def all_of(pages: AsyncIterator[list[T]]) -> list[T]:
    return [each async for page in pages for each in page]


class StockContract:
    """Every promise of ``Stock``; ``store`` is the byte store whose stock it is."""

    @pytest.fixture
    def store(self) -> BlobStore:
        raise NotImplementedError

    @pytest.fixture
    def stock(self) -> Stock:
        raise NotImplementedError

    async def sealed(self, store: BlobStore, content: bytes = b"content", digest: Digest = DIGEST) -> Location:
        return await store.seal(await stored(store, content), digest)

    async def test_an_empty_store_holds_nothing(self, stock: Stock) -> None:
        for pages in (stock.items(), stock.aside()):
            assert await all_of(pages) == []
        assert await all_of(stock.marks()) == []

    async def test_everything_there_is_is_listed_with_its_size_and_age(self, store: BlobStore, stock: Stock) -> None:
        staged, one = await stored(store, b"four"), await self.sealed(store)
        two = await self.sealed(store, b"sixsix", LONG_DIGEST)
        items = {item.location: item for item in await all_of(stock.items())}
        assert {location: item.size for location, item in items.items()} == {staged: 4, one: 7, two: 6}
        assert all(item.since > 1_600_000_000 for item in items.values())
        assert set(await all_of(stock.marks())) == {(one, DIGEST), (two, LONG_DIGEST)}

    async def test_where_sealed_bytes_were_staged_is_known(self, store: BlobStore, stock: Stock) -> None:
        staged = await stored(store, b"x")
        assert stock.staged(await store.seal(staged, DIGEST)) == staged
        assert stock.staged(staged) == staged

    @pytest.mark.parametrize("digest", [DIGEST, LONG_DIGEST, None], ids=["sha256", "sha512", "staged"])
    async def test_what_is_put_aside_is_out_of_reach_and_can_be_put_back(
        self, store: BlobStore, stock: Stock, digest: Digest | None
    ) -> None:
        location = await stored(store, b"content")
        if digest is not None:
            location = await store.seal(location, digest)
        item = Item(location, 7, 0.0, digest)
        for _ in range(2):
            await stock.put_aside(item)
        assert await store.size(location) is None
        assert await all_of(stock.items()) == []
        assert await all_of(stock.marks()) == []
        [aside] = await all_of(stock.aside())
        assert (aside.location, aside.size, aside.digest) == (location, 7, digest)
        for _ in range(2):
            await stock.put_back(aside)
        assert await content_of(store, location) == b"content"
        assert await all_of(stock.aside()) == []
        assert await all_of(stock.marks()) == ([] if digest is None else [(location, digest)])

    async def test_other_bytes_of_the_same_digest_stay(self, store: BlobStore, stock: Stock) -> None:
        first, second = await self.sealed(store), await self.sealed(store)
        await stock.put_aside(Item(first, 7, 0.0, DIGEST))
        assert await all_of(stock.marks()) == [(second, DIGEST)]
        assert await content_of(store, second) == b"content"
        await self.sealed(store)

    async def test_what_is_thrown_away_is_gone(self, store: BlobStore, stock: Stock) -> None:
        item = Item(await self.sealed(store), 7, 0.0, DIGEST)
        await stock.put_aside(item)
        for _ in range(2):
            await stock.throw_away(item)
        assert await all_of(stock.aside()) == []
        assert await all_of(stock.items()) == []

    async def test_a_mark_of_bytes_that_are_there_stays(self, store: BlobStore, stock: Stock) -> None:
        location = await self.sealed(store)
        await stock.unmark(location, DIGEST)
        assert await all_of(stock.marks()) == [(location, DIGEST)]
