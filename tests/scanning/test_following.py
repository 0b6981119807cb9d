"""Layers are read while they are being pushed; what is read so counts for these very bytes alone."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.conftest import Registry
from tests.kit.client import location_of
from tests.kit.clock import Clock
from tests.kit.layers import archive, dpkg_status, source
from tests.scanning.test_on_push import Counting, Scanner
from tests.scanning.test_reading_ahead import known, read_ahead
from wharfinger.blobs.arriving import Arriving
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.blobs.os_calls import REAL
from wharfinger.blobs.stores import StoreSettings, open_arriving
from wharfinger.scanning.cataloguing import LayerCatalogue, catalogue_layers
from wharfinger.scanning.confining import Reader, Readers
from wharfinger.scanning.following import AHEAD_FROM, Following
from wharfinger.scanning.verdicts import Verdicts
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.spec.names import RepoName

REPOSITORY = RepoName("shop/web")
PATIENCE = 120.0


def layer(number: int) -> bytes:
    """A layer with a package of its own, of which half is enough to be begun with."""
    filler = random.Random(number).randbytes(3 * AHEAD_FROM)
    return archive({"srv/data": filler, "var/lib/dpkg/status": dpkg_status(**{f"package-{number}": "1"})})


LAYERS = [layer(number) for number in range(3)]
FILLER = random.Random(9).randbytes(3 * AHEAD_FROM)


class Noting(Readers):
    """Readers of which one knows which were given out."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Reader] = []

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        with super().reader() as reader:
            reader.start()
            self.given.append(reader)
            yield reader


@dataclass
class Push:
    """A body that stops half-way until it may go on, or breaks off."""

    content: bytes
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    breaks_off: bool = False

    async def body(self) -> AsyncIterator[bytes]:
        half = len(self.content) // 2
        yield self.content[:half]
        await self.go_on.wait()
        if self.breaks_off:
            raise ConnectionResetError
        yield self.content[half:]


@dataclass
class Place:
    """A store of files, and what follows the uploads to it."""

    store: FilesystemStore
    readers: Noting
    following: Following
    clock: Clock
    offsets: list[int]
    """From which bytes on uploads were read."""
    writing: dict[Location, asyncio.Task[int]] = field(default_factory=dict)

    def push(self, content: bytes) -> tuple[Location, Push]:
        """Begin to write the first half."""
        location, push = self.store.new_location(), Push(content)
        self.writing[location] = asyncio.create_task(self.store.write(location, push.body()))
        return location, push

    async def finish(self, location: Location, push: Push) -> LayerCatalogue | None:
        """Let the other half come, and say what became of it."""
        push.go_on.set()
        size, digest = await self.writing[location], digests.of(push.content)
        sealed = await self.store.seal(location, digest)
        return await self.following.finish(sealed, digest, size)

    async def followed(self, count: int) -> None:
        """Return when so many uploads are being read."""
        await until(lambda: self.looked(count))

    async def looked(self, count: int) -> bool:
        return await self.following.look() == count


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110  what other processes have done tells no event
            await asyncio.sleep(0.01)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    store, readers, clock, offsets = FilesystemStore(tmp_path), Noting(), Clock(), list[int]()

    def read(descriptor: int, size: int, offset: int) -> bytes:
        offsets.append(offset)
        return os.pread(descriptor, size, offset)

    arriving = Arriving(tmp_path, replace(REAL, pread=read))
    following = Following(arriving, readers, at_once=2, quiet=PATIENCE, now=clock)
    made = Place(store, readers, following, clock, offsets)
    yield made
    await following.close()
    for each in made.writing.values():
        each.cancel()
    await asyncio.gather(*made.writing.values(), return_exceptions=True)
    await store.close()


def test_objects_are_not_to_be_seen_before_they_are_whole() -> None:
    assert open_arriving(StoreSettings("s3://bucket", access_key="a", secret_key="b", region="r")) is None


async def test_what_is_read_while_it_comes_is_what_is_read_when_it_is_there(place: Place) -> None:
    location, push = place.push(LAYERS[0])
    await place.followed(1)
    (confined,) = catalogue_layers([source(LAYERS[0])])
    assert await place.finish(location, push) == confined
    assert confined.problems == ()
    assert await place.following.look() == 0  # and there is room for another


async def test_whoever_reads_it_lets_others_have_the_processor_first(place: Place) -> None:
    place.push(LAYERS[0])
    await place.followed(1)
    await until(lambda: given(place, 1))
    pid = place.readers.given[0].start().pid
    wanted = min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)

    async def stepped_back() -> bool:
        return os.getpriority(os.PRIO_PROCESS, pid) == wanted

    await until(stepped_back)


async def is_read(place: Place) -> bool:
    """Whether whoever reads has been given something already."""
    return max(place.offsets, default=0) > 0


async def given(place: Place, count: int) -> bool:
    return len(place.readers.given) == count


async def test_uploads_that_come_together_are_not_mixed_and_one_too_many_is_not_followed(place: Place) -> None:
    first, second = place.push(LAYERS[0]), place.push(LAYERS[1])
    await place.followed(2)
    third = place.push(LAYERS[2])
    assert await place.following.look() == 2
    found = [await place.finish(*each) for each in (second, first, third)]
    names = [each and [one.name for said in each.evidence for one in said.found] for each in found]
    assert names == [["package-1"], ["package-0"], None]


async def test_bytes_that_are_not_those_of_the_blob_say_nothing_of_it(place: Place) -> None:
    location, push = place.push(LAYERS[0])
    await place.followed(1)
    push.go_on.set()
    size = await place.writing[location]
    assert await place.following.finish(location, digests.of(LAYERS[1]), size) is None


async def test_a_size_that_is_not_that_of_the_blob_is_as_little(place: Place) -> None:
    location, push = place.push(LAYERS[0])
    await place.followed(1)
    push.go_on.set()
    size = await place.writing[location]
    assert await place.following.finish(location, digests.of(LAYERS[0]), size - 1) is None


async def test_an_upload_that_is_taken_back_is_let_go(place: Place) -> None:
    location, push = place.push(LAYERS[0])
    await place.followed(1)
    push.breaks_off = True
    push.go_on.set()
    with pytest.raises(ConnectionResetError):
        await place.writing[location]
    await place.followed(0)
    assert await place.following.finish(location, digests.of(LAYERS[0]), len(LAYERS[0])) is None


async def test_an_upload_of_which_nothing_comes_makes_room_for_others(place: Place) -> None:
    place.push(LAYERS[0])
    await place.followed(1)

    async def left() -> bool:
        place.clock.advance(PATIENCE)
        return await place.looked(0)

    await until(left)
    assert await place.following.look() == 0  # it is not begun with again


async def test_a_reader_that_is_killed_half_way_has_read_nothing(place: Place) -> None:
    location, push = place.push(LAYERS[0])
    await place.followed(1)
    await until(lambda: is_read(place))
    process = place.readers.given[0].start()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert await place.finish(location, push) is None
    await place.followed(0)


async def test_what_does_not_begin_like_a_layer_is_looked_at_once(place: Place) -> None:
    other, push = place.push(FILLER)
    await until(lambda: is_looked_at(place))
    place.push(LAYERS[0])
    await place.followed(1)
    assert await place.finish(other, push) is None
    assert len(place.readers.given) == 1


async def is_looked_at(place: Place) -> bool:
    return await place.following.look() == 0 and len(place.offsets) == 1


async def test_whoever_closes_does_not_wait_for_the_rest_of_an_upload(place: Place) -> None:
    place.push(LAYERS[0])
    await place.followed(1)
    async with asyncio.timeout(PATIENCE):
        await place.following.close()


def test_a_file_that_comes_within_one_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    arriving, uploads = Arriving(tmp_path), tmp_path / "uploads"
    assert arriving.names() == frozenset()
    uploads.mkdir()
    tick = time.time_ns() + 3_600_000_000_000  # so that the test may take its time
    for number in range(3):
        (uploads / f"{number}").touch()
        os.utime(uploads, ns=(tick, tick))
        assert not arriving.are_as_before()
        assert arriving.names() == {f"{each}" for each in range(number + 1)}
    os.utime(uploads, ns=(1, 1))  # long ago
    assert not arriving.are_as_before()
    arriving.names()
    assert arriving.are_as_before()
    assert arriving.open("none") is None


@dataclass
class Server:
    """A server that scans and follows, of which a test takes the steps."""

    scanner: Scanner
    following: Following
    store: Counting

    async def look(self) -> bool:
        return await self.following.look() == 1

    async def push(self, *pieces: bytes, follow: bool) -> Digest:
        """Push a layer in one piece or several, each followed to its half before it goes on, or not at all."""
        client = self.scanner.registry.client
        at = location_of(await client.start_upload(REPOSITORY))
        for piece in pieces:
            push = Push(piece)
            sending = asyncio.create_task(client.patch(at, push.body()))
            if follow:
                await until(self.look)
            push.go_on.set()
            at = location_of(await sending)
        digest = digests.of(b"".join(pieces))
        assert (await client.put_upload(at, digest)).status_code == 201
        return digest


@pytest.fixture
async def server(registry: Registry, tmp_path: Path) -> AsyncIterator[Server]:
    scanner = Scanner(registry, tmp_path)
    readers = Readers()
    following = Following(Arriving(tmp_path), readers)
    scanner.verdicts.close()
    services, store, advisories = registry.services, scanner.store, tmp_path / "advisories.db"
    scanner.verdicts = Verdicts(services.db, store, advisories, registry.clock, readers=readers, following=following)
    yield Server(scanner, following, store)
    await following.close()
    scanner.verdicts.close()


async def test_a_layer_that_was_read_while_it_came_is_kept_and_its_blob_is_not_read(server: Server) -> None:
    digest = await server.push(LAYERS[0], follow=True)
    assert await read_ahead(server.scanner) == 1
    assert await known(server.scanner, digest) == {digest}
    assert server.store.reads == 0


async def test_an_upload_that_was_taken_up_again_is_read_when_it_is_there(server: Server) -> None:
    half = len(LAYERS[0]) * 3 // 4
    digest = await server.push(LAYERS[0][:half], LAYERS[0][half:], follow=True)
    before = server.store.reads
    assert await read_ahead(server.scanner) == 1
    assert await known(server.scanner, digest) == {digest}
    assert server.store.reads > before


async def test_a_layer_whose_reader_is_gone_is_read_when_it_is_there(server: Server) -> None:
    digest = await server.push(LAYERS[0], follow=True)
    await server.following.close()
    assert await read_ahead(server.scanner) == 1
    assert await known(server.scanner, digest) == {digest}
    assert server.store.reads == 2  # its head, and all of it


async def test_it_looks_by_itself_until_it_is_told_to_stop(place: Place) -> None:
    running = asyncio.create_task(place.following.run())
    location, push = place.push(LAYERS[0])
    await until(lambda: given(place, 1))
    assert await place.finish(location, push) is not None
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
