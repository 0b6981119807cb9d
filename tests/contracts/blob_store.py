"""What every byte store promises. A test class inherits it and says with fixtures which store it is about."""

import asyncio
import gc
import itertools
import re
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import pytest

from wharfinger.blobs.store import BlobStore, Bytes
from wharfinger.errors import BlobUnknown, Disconnected, Unavailable
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

MIB = 1024 * 1024
DIGEST = digests.of(b"any digest will do, for stores do not hash")
LONG_DIGEST = digests.of(b"and any algorithm", "sha512")

Holdings = Callable[[], Awaitable[list[str]]]
"""Everything that a store under test holds: bytes, markers, unfinished uploads. For the test, not part of the port."""


async def stream(chunks: Iterable[bytes]) -> Bytes:
    for chunk in chunks:
        yield chunk


async def broken(chunks: Iterable[bytes], error: BaseException) -> Bytes:
    for chunk in chunks:
        yield chunk
    raise error


class Stuck:
    """A body that stops arriving after some chunks; ``waiting`` is set when it does."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.waiting = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        self.waiting.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


async def whole(chunks: Bytes) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def stored(store: BlobStore, content: bytes) -> Location:
    location = store.new_location()
    assert await store.write(location, stream([content])) == len(content)
    return location


async def content_of(store: BlobStore, location: Location) -> bytes | None:
    size = await store.size(location)
    return None if size is None else await whole(store.read(location, 0, size))


async def until_empty(holdings: Holdings) -> None:
    """Waits for what goes on after its caller was told not to wait."""
    for _ in range(500):
        if not await holdings():
            return
        await asyncio.sleep(0.02)
    assert await holdings() == []


def some_bytes(size: int) -> bytes:
    """Bytes in which no two places look alike."""
    words = itertools.count(size)
    return b"".join(next(words).to_bytes(8, "big") for _ in range(size // 8 + 1))[:size]


BEGINNINGS = {
    "at its very start": (),
    "after a few bytes": (b"abc", b"", b"def"),
    "after many": (some_bytes(MIB),) * 13,
}
beginnings = pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS.keys())


class StoreContract:
    """Every promise of ``BlobStore``."""

    @pytest.fixture
    def store(self) -> BlobStore:
        raise NotImplementedError

    @pytest.fixture
    def holdings(self) -> Holdings:
        raise NotImplementedError

    # --- locations

    async def test_locations_are_new_each_time_and_of_harmless_characters(self, store: BlobStore) -> None:
        locations = {store.new_location() for _ in range(1000)}
        assert len(locations) == 1000
        sealed = {store.sealed(location, LONG_DIGEST) for location in locations}
        assert len(sealed) == 1000
        assert all(re.fullmatch(r"[a-z0-9]+(/[a-z0-9]+)*", location) for location in locations | sealed)

    async def test_nothing_is_at_a_new_location(self, store: BlobStore) -> None:
        location = store.new_location()
        assert await store.size(location) is None
        for start, stop in ((0, 0), (0, 1), (5, 10 * MIB)):
            with pytest.raises(BlobUnknown):
                await anext(store.read(location, start, stop))

    # --- writing

    @pytest.mark.parametrize("size", [0, 1, 20, 64 * 1024, 64 * 1024 + 1, MIB, 5 * MIB, 12 * MIB + 3])
    async def test_what_was_written_is_read(self, store: BlobStore, size: int) -> None:
        content = some_bytes(size)
        location = store.new_location()
        pieces = [content[start : start + 300_000] for start in range(0, size, 300_000)]
        assert await store.write(location, stream(pieces)) == size
        assert await store.size(location) == size
        chunks = [chunk async for chunk in store.read(location, 0, size)]
        assert all(0 < len(chunk) <= MIB for chunk in chunks)
        assert b"".join(chunks) == content

    async def test_very_small_chunks_and_empty_ones_are_fine(self, store: BlobStore) -> None:
        content = some_bytes(20_000)
        pieces = itertools.chain.from_iterable((bytes([byte]), b"") for byte in content)
        location = store.new_location()
        assert await store.write(location, stream(pieces)) == len(content)
        assert await content_of(store, location) == content

    async def test_a_body_is_not_asked_again_after_its_end(self, store: BlobStore) -> None:
        class Once:
            ended = False

            def __aiter__(self) -> AsyncIterator[bytes]:
                return self

            async def __anext__(self) -> bytes:
                assert not self.ended
                self.ended = True
                raise StopAsyncIteration

        assert await store.write(store.new_location(), Once()) == 0

    @beginnings
    async def test_a_broken_write_is_never_readable(
        self, store: BlobStore, holdings: Holdings, beginning: tuple[bytes, ...]
    ) -> None:
        location = store.new_location()
        error = Disconnected("the client went away")
        with pytest.raises(Disconnected) as raised:
            await store.write(location, broken(beginning, error))
        assert raised.value is error
        assert await store.size(location) is None
        with pytest.raises(BlobUnknown):
            await anext(store.read(location, 0, 1))
        assert await holdings() == []

    async def test_what_a_body_raises_comes_out_as_it_is(self, store: BlobStore) -> None:
        # Stores translate errors of the operating system and of networks; these are the client's.
        for error in (ConnectionResetError(), FileNotFoundError(), TimeoutError(), BlobUnknown("of the upstream")):
            with pytest.raises(type(error)) as raised:
                await store.write(store.new_location(), broken([b"abc"], error))
            assert raised.value is error

    @beginnings
    async def test_a_cancelled_write_is_never_readable(
        self, store: BlobStore, holdings: Holdings, beginning: tuple[bytes, ...]
    ) -> None:
        location, body = store.new_location(), Stuck(beginning)
        writing = asyncio.create_task(store.write(location, body))
        await body.waiting.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await store.size(location) is None
        assert await holdings() == []

    @pytest.mark.parametrize("beginning", [(b"abc",), BEGINNINGS["after many"]], ids=["a few bytes", "many"])
    @pytest.mark.parametrize("seconds", [0.001, 0.01, 0.03])
    async def test_a_write_that_is_cancelled_twice_leaves_nothing_either(
        self, store: BlobStore, holdings: Holdings, seconds: float, beginning: tuple[bytes, ...]
    ) -> None:
        writing = asyncio.create_task(store.write(store.new_location(), stream(beginning)))
        await asyncio.sleep(seconds)
        writing.cancel()
        await asyncio.sleep(0)
        writing.cancel()
        try:
            await writing
        except asyncio.CancelledError:
            await until_empty(holdings)

    @pytest.mark.parametrize("seconds", [0, 0.001, 0.01, 0.03, 0.1])
    async def test_a_write_is_whole_or_nothing_whenever_it_is_cancelled(
        self, store: BlobStore, holdings: Holdings, seconds: float
    ) -> None:
        location, content = store.new_location(), some_bytes(MIB)
        writing = asyncio.create_task(store.write(location, stream([content] * 7)))
        await asyncio.sleep(seconds)
        writing.cancel()
        try:
            await writing
        except asyncio.CancelledError:
            assert await holdings() == []
        else:
            assert await content_of(store, location) == content * 7

    async def test_many_write_and_read_at_once(self, store: BlobStore) -> None:
        contents = [some_bytes(100_000 + number) for number in range(24)]
        locations = await asyncio.gather(*(stored(store, content) for content in contents))
        assert await asyncio.gather(*(content_of(store, location) for location in locations)) == contents

    # --- reading

    @pytest.mark.parametrize(
        ("start", "stop"),
        [
            (0, 0), (0, 1), (7, 8), (100, 100), (3 * MIB, 3 * MIB), (3 * MIB - 1, 3 * MIB),
            (5, 5 + 64 * 1024), (5, 6 + 64 * 1024), (MIB - 1, 2 * MIB + 1), (1, 3 * MIB),
        ],
    )  # fmt: skip
    async def test_a_range_is_read(self, store: BlobStore, start: int, stop: int) -> None:
        content = some_bytes(3 * MIB)
        location = await stored(store, content)
        assert await whole(store.read(location, start, stop)) == content[start:stop]

    @pytest.mark.parametrize(("start", "stop"), [(0, 101), (50, 150), (0, MIB), (100, 101), (200, 300)])
    async def test_a_read_that_cannot_be_complete_does_not_end_as_if_it_were(
        self, store: BlobStore, start: int, stop: int
    ) -> None:
        location = await stored(store, some_bytes(100))
        with pytest.raises(Unavailable):
            await whole(store.read(location, start, stop))

    async def test_a_reader_may_stop_early(self, store: BlobStore) -> None:
        location = await stored(store, some_bytes(3 * MIB))
        reading = store.read(location, 0, 3 * MIB)
        await anext(reading)
        if isinstance(reading, AsyncGenerator):
            await reading.aclose()
        assert await store.size(location) == 3 * MIB

    # --- sealing

    @pytest.mark.parametrize("digest", [DIGEST, LONG_DIGEST], ids=digests.algorithm)
    async def test_sealed_bytes_are_where_they_were_said_to_be(self, store: BlobStore, digest: Digest) -> None:
        location = await stored(store, b"content")
        sealed = await store.seal(location, digest)
        assert sealed == store.sealed(location, digest)
        assert await content_of(store, sealed) == b"content"

    async def test_nothing_is_sealed_where_nothing_was_written(self, store: BlobStore, holdings: Holdings) -> None:
        with pytest.raises(BlobUnknown):
            await store.seal(store.new_location(), DIGEST)
        assert await holdings() == []

    async def test_sealing_may_be_repeated(self, store: BlobStore, holdings: Holdings) -> None:
        location = await stored(store, b"content")
        sealed = await store.seal(location, DIGEST)
        before = await holdings()
        assert await store.seal(location, DIGEST) == sealed
        assert await content_of(store, sealed) == b"content"
        assert await holdings() == before

    async def test_two_may_seal_at_once(self, store: BlobStore) -> None:
        for _ in range(5):
            location = await stored(store, b"content")
            results = await asyncio.gather(*(store.seal(location, DIGEST) for _ in range(4)))
            assert set(results) == {store.sealed(location, DIGEST)}
            assert await content_of(store, results[0]) == b"content"

    async def test_a_seal_that_was_cancelled_may_be_repeated(self, store: BlobStore) -> None:
        for seconds in (0, 0.0005, 0.002, 0.01):
            location = await stored(store, b"content")
            sealing = asyncio.create_task(store.seal(location, DIGEST))
            await asyncio.sleep(seconds)
            sealing.cancel()
            await asyncio.gather(sealing, return_exceptions=True)
            assert await content_of(store, await store.seal(location, DIGEST)) == b"content"

    async def test_bytes_of_one_digest_may_be_there_twice(self, store: BlobStore) -> None:
        first, second = [await store.seal(await stored(store, b"content"), DIGEST) for _ in range(2)]
        assert first != second
        await store.delete(first, DIGEST)
        assert await store.size(first) is None
        assert await content_of(store, second) == b"content"

    # --- deleting

    async def test_a_delete_may_be_repeated_and_leaves_nothing(self, store: BlobStore, holdings: Holdings) -> None:
        staged, location = await stored(store, b"staged"), await stored(store, b"sealed")
        sealed = await store.seal(location, DIGEST)
        for _ in range(2):
            await store.delete(staged)
            await store.delete(sealed, DIGEST)
        assert await store.size(staged) is None
        assert await store.size(sealed) is None
        assert await holdings() == []
        await store.delete(store.new_location())
        await store.delete(store.new_location(), DIGEST)

    async def test_who_does_not_know_whether_it_was_sealed_deletes_both(
        self, store: BlobStore, holdings: Holdings
    ) -> None:
        for seals in (True, False):
            location = await stored(store, b"content")
            if seals:
                await store.seal(location, DIGEST)
            await store.delete(location, DIGEST)
            assert await holdings() == []

    async def test_many_are_deleted_at_once(self, store: BlobStore, holdings: Holdings) -> None:
        sealed = {await store.seal(await stored(store, b"sealed"), DIGEST): DIGEST for _ in range(20)}
        longer = await store.seal(await stored(store, b"sealed"), LONG_DIGEST)
        half = await stored(store, b"whoever was to seal it was killed")
        kept = await store.seal(await stored(store, b"kept"), DIGEST)
        before = await holdings()
        assert await store.delete_many({**sealed, longer: LONG_DIGEST, half: DIGEST}) == {}
        assert [await store.size(location) for location in (*sealed, longer, half)] == [None] * 22
        assert await content_of(store, kept) == b"kept"
        assert len(await holdings()) < len(before)
        await store.delete(kept, DIGEST)
        assert await holdings() == []

    async def test_what_is_gone_already_may_be_among_those_that_are_deleted(
        self, store: BlobStore, holdings: Holdings
    ) -> None:
        gone, there = [await store.seal(await stored(store, b"content"), DIGEST) for _ in range(2)]
        await store.delete(gone, DIGEST)
        wanted = {gone: DIGEST, there: DIGEST, store.new_location(): DIGEST}
        for _ in range(2):
            assert await store.delete_many(wanted) == {}
            assert await holdings() == []
        assert await store.delete_many({}) == {}

    async def test_a_delete_does_not_disturb_who_seals_the_same_digest(self, store: BlobStore) -> None:
        kept = []
        for _ in range(5):
            old = await store.seal(await stored(store, b"content"), DIGEST)
            new = await stored(store, b"content")
            await asyncio.gather(store.delete(old, DIGEST), store.seal(new, DIGEST), store.seal(new, DIGEST))
            kept.append(store.sealed(new, DIGEST))
        assert [await content_of(store, location) for location in kept] == [b"content"] * 5

    # --- the rest

    async def test_a_store_that_can_be_used_says_so(self, store: BlobStore) -> None:
        await store.probe()

    async def test_an_address_is_one_or_none(self, store: BlobStore) -> None:
        url = await store.url(await stored(store, b"content"), 60)
        assert url is None or url.startswith(("http://", "https://"))


@asynccontextmanager
async def bounded(most: int) -> AsyncIterator[None]:
    """Fails when Python's memory grows by more than ``most`` bytes inside."""
    gc.collect()
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] <= most
    finally:
        tracemalloc.stop()


class StreamingContract(StoreContract):
    """And what a store promises that does not keep everything in memory."""

    async def test_memory_does_not_depend_on_the_size(self, store: BlobStore) -> None:
        piece = some_bytes(400 * 1024)
        location = store.new_location()
        async with bounded(48 * MIB):
            size = await store.write(location, stream(itertools.repeat(piece, 200)))
        async with bounded(16 * MIB):
            async for chunk in store.read(location, 0, size):
                assert len(chunk) <= MIB
