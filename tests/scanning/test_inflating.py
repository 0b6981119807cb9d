"""A layer is inflated in a thread while another looks at what it was."""

import gzip
import io
import threading

import pytest

from wharfinger.scanning.inflating import AHEAD, Inflating
from wharfinger.scanning.limits import MIB, Unreadable

CONTENT = bytes(range(256)) * 16 * 1024
PATIENCE = 60


class Watched(io.BytesIO):
    """A stream of which each piece is one chunk, and that tells how many were asked for."""

    def __init__(self, pieces: int) -> None:
        super().__init__(bytes(pieces))
        self.asked = 0
        self.is_filled, self.is_beyond = threading.Event(), threading.Event()

    def read(self, _size: int | None = -1, /) -> bytes:
        self.asked += 1
        if self.asked == AHEAD:
            self.is_filled.set()
        if self.asked > AHEAD:
            self.is_beyond.set()
        return super().read(4 if self.asked == 1 else 1)


@pytest.fixture
def inflating() -> Inflating:
    made = Inflating()
    made.start()
    return made


def test_it_is_what_was_compressed_of_one_layer_after_the_other(inflating: Inflating) -> None:
    for content in (CONTENT, b"", CONTENT[:MIB]):
        with inflating.chunks(io.BytesIO(gzip.compress(content))) as chunks:
            assert b"".join(chunks) == content


def test_what_is_broken_is_raised_after_what_came_before(inflating: Inflating) -> None:
    found: list[bytes] = []
    with inflating.chunks(io.BytesIO(gzip.compress(CONTENT)[:-9])) as chunks, pytest.raises(Unreadable):
        found.extend(chunks)
    assert found
    assert CONTENT.startswith(b"".join(found))


def test_memory_that_is_at_its_end_is_told_to_whoever_looks(inflating: Inflating) -> None:
    class Short(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise MemoryError

    with pytest.raises(MemoryError), inflating.chunks(Short()) as chunks:
        next(chunks)


def test_no_more_is_made_than_there_is_room_for(inflating: Inflating) -> None:
    stream = Watched(1000)
    with inflating.chunks(stream):
        assert stream.is_filled.wait(PATIENCE)
        assert not stream.is_beyond.wait(0.3)


def test_of_a_layer_that_is_left_nothing_is_being_read_any_more(inflating: Inflating) -> None:
    class Slow(Watched):
        is_being_read = False

        def read(self, size: int | None = -1, /) -> bytes:
            self.is_being_read = True
            threading.Event().wait(0.2)
            self.is_being_read = False
            return super().read(size)

    stream = Slow(1000)
    with inflating.chunks(stream) as chunks:
        next(chunks)
    assert not stream.is_being_read
    with inflating.chunks(io.BytesIO(b"the next one")) as chunks:
        assert b"".join(chunks) == b"the next one"
