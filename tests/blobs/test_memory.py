"""The fakes of other tests keep the promises of the real stores."""

import asyncio

import pytest

from tests.contracts.blob_store import DIGEST, Holdings, StoreContract, content_of, stored, stream, whole
from tests.kit.flaky_store import ALWAYS, Fault, FlakyStore
from tests.kit.memory_store import MemoryStore
from wharfinger.blobs.store import BlobStore
from wharfinger.errors import Disconnected, Unavailable


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self, memory: MemoryStore) -> BlobStore:
        return memory

    @pytest.fixture
    def holdings(self, memory: MemoryStore) -> Holdings:
        async def keys() -> list[str]:
            return sorted(memory.objects)

        return keys


class TestFlakyWithoutFaults(TestMemory):
    @pytest.fixture
    def store(self, memory: MemoryStore) -> BlobStore:
        return FlakyStore(memory)


async def test_a_fault_is_met_at_the_call_it_was_meant_for(memory: MemoryStore) -> None:
    store = FlakyStore(memory, Fault("size", range(2, 3)))
    location = await stored(store, b"content")
    assert await store.size(location) == 7
    with pytest.raises(Unavailable):
        await store.size(location)
    assert await store.size(location) == 7
    assert store.counts == {"write": 1, "size": 3}


async def test_an_answer_may_be_lost_after_the_deed(memory: MemoryStore) -> None:
    store = FlakyStore(memory, Fault("seal", ALWAYS, late=True))
    location = await stored(store, b"content")
    with pytest.raises(Unavailable):
        await store.seal(location, DIGEST)
    assert await content_of(memory, store.sealed(location, DIGEST)) == b"content"


async def test_a_stream_may_be_cut_at_any_byte(memory: MemoryStore) -> None:
    store = FlakyStore(memory, Fault("write", after=4, error=lambda: Disconnected("gone")), Fault("read", after=5))
    with pytest.raises(Disconnected):
        await store.write(store.new_location(), stream([b"abc", b"def"]))
    assert not memory.objects
    location = await stored(store, b"content")
    received = b""
    with pytest.raises(Unavailable):  # noqa: PT012 - what came before it matters
        async for chunk in store.read(location, 0, 7):
            received += chunk
    assert received == b"conte"
    assert await whole(store.read(location, 0, 7)) == b"content"


async def test_an_operation_may_be_held_until_the_test_says_so(memory: MemoryStore) -> None:
    go_on = asyncio.Event()
    store = FlakyStore(memory, Fault("delete", until=go_on, error=None))
    location = await stored(store, b"content")
    deleting = asyncio.create_task(store.delete(location))
    await asyncio.sleep(0.01)
    assert location in memory.objects
    go_on.set()
    await deleting
    assert location not in memory.objects
