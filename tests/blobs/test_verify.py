"""Hashing while streaming, and gathering chunks."""

import pytest

from tests.contracts.blob_store import MIB, broken, some_bytes, stream
from wharfinger.blobs.batches import MOST_CHUNKS, Batches
from wharfinger.blobs.verify import Hashing
from wharfinger.errors import Disconnected
from wharfinger.spec import digest as digests


@pytest.mark.parametrize("algorithm", digests.ALGORITHMS)
@pytest.mark.parametrize("pieces", [[], [b""], [b"abc"], [some_bytes(MIB), b"", some_bytes(5)]])
async def test_a_stream_passes_unchanged_and_is_known_at_its_end(pieces: list[bytes], algorithm: str) -> None:
    hashing = Hashing(stream(pieces), algorithm)
    assert [chunk async for chunk in hashing] == pieces
    assert hashing.size == sum(map(len, pieces))
    assert hashing.digest == digests.of(b"".join(pieces), algorithm)


async def test_what_a_stream_raises_comes_out() -> None:
    hashing = Hashing(broken([b"abc"], Disconnected("gone")))
    assert await anext(hashing) == b"abc"
    with pytest.raises(Disconnected):
        await anext(hashing)


async def test_batches_are_full_but_the_last_and_never_empty() -> None:
    batches = [batch async for batch in Batches(stream([b"abc", b"", b"de", b"fghij", b"", b"k", b""]), size=5)]
    assert batches == [[b"abc", b"de"], [b"fghij"], [b"k"]]
    assert [batch async for batch in Batches(stream([b"", b""]))] == []


async def test_a_batch_has_no_more_chunks_than_one_call_takes() -> None:
    batches = [batch async for batch in Batches(stream([b"x"] * (MOST_CHUNKS + 1)))]
    assert [len(batch) for batch in batches] == [MOST_CHUNKS, 1]
