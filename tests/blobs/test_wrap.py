"""Metrics around a store change nothing and tell what was done."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from tests.contracts.blob_store import DIGEST, Holdings, StoreContract, Stuck, broken, content_of, stored
from tests.kit.flaky_store import Fault, FlakyStore
from tests.kit.memory_store import MemoryStore
from wharfinger.blobs.store import BlobStore
from wharfinger.blobs.wrap import Measured
from wharfinger.errors import BlobUnknown, Disconnected, StorageFull, Unavailable


class TestContract(StoreContract):
    @pytest.fixture
    def memory(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def store(self, memory: MemoryStore) -> BlobStore:
        return Measured(memory, CollectorRegistry())

    @pytest.fixture
    def holdings(self, memory: MemoryStore) -> Holdings:
        async def keys() -> list[str]:
            return sorted(memory.objects)

        return keys


def counted(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["operation"], sample.labels["outcome"]): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "wharf_store_operations_total" and sample.value
    }


async def test_operations_and_bytes_are_counted() -> None:
    registry = CollectorRegistry()
    store = Measured(MemoryStore(), registry)
    location = await store.seal(await stored(store, b"content"), DIGEST)
    assert await content_of(store, location) == b"content"
    await store.url(location, 60)
    await store.delete(location)
    await store.probe()
    assert counted(registry) == dict.fromkeys(
        [(operation, "ok") for operation in ("write", "seal", "size", "read", "url", "delete", "probe")], 1
    )
    assert registry.get_sample_value("wharf_store_bytes_total", {"direction": "in"}) == 7
    assert registry.get_sample_value("wharf_store_bytes_total", {"direction": "out"}) == 7
    assert registry.get_sample_value("wharf_store_seconds_count", {"operation": "read"}) == 1


async def test_what_went_wrong_is_told_apart() -> None:
    registry = CollectorRegistry()
    faults = [
        Fault("size", range(1, 2)),
        Fault("size", range(2, 3), error=lambda: StorageFull("full")),
        Fault("size", range(3, 4), error=lambda: BlobUnknown("unknown")),
    ]
    store = Measured(FlakyStore(MemoryStore(), *faults), registry)
    for refusal in (Unavailable, StorageFull, BlobUnknown):
        with pytest.raises(refusal):
            await store.size(store.new_location())
    with pytest.raises(Disconnected):
        await store.write(store.new_location(), broken([b"abc"], Disconnected("gone")))
    body = Stuck([b"abc"])
    writing = asyncio.create_task(store.write(store.new_location(), body))
    await body.waiting.wait()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert counted(registry) == {
        ("size", "unavailable"): 1,
        ("size", "full"): 1,
        ("size", "unknown"): 1,
        ("write", "broken"): 1,
        ("write", "cancelled"): 1,
    }
