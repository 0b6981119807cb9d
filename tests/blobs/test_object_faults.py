"""What becomes of an object store that answers badly, or not at all."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from obstore.store import S3Store

from tests.contracts.blob_store import DIGEST, MIB, some_bytes, stream
from wharfinger.blobs.object import ObjectStore
from wharfinger.blobs.store import BlobStore
from wharfinger.errors import BlobUnknown, Refusal, StorageFull, Unavailable

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
READ_TIMEOUT = 0.3


@asynccontextmanager
async def behaving(handler: Handler) -> AsyncIterator[ObjectStore]:
    """A store whose server behaves like this."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    backend = S3Store(
        "bucket",
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id="key",
        secret_access_key="a secret that stays one",
        client_options={"allow_http": True, "read_timeout": timedelta(seconds=READ_TIMEOUT)},
        retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=2)},
    )
    store = ObjectStore(backend, part=5 * MIB)
    yield store
    await store.close()
    server.close()


def answering(status: str, code: str, *, without_reading: bool = False) -> Handler:
    """A server with the same answer to everything."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if not without_reading:
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.partition(b":")[2]))
        content = "" if head.startswith(b"HEAD") else body
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{content}".encode())
        await writer.drain()

    return handle


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        pass


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)


def operations(store: BlobStore) -> dict[str, Callable[[], Awaitable[object]]]:
    location = store.new_location()
    return {
        "a small write": lambda: store.write(location, stream([b"content"])),
        # The body goes on for ever, so this also shows that a write does not wait for its end.
        "a large write": lambda: store.write(location, stream(itertools.repeat(some_bytes(MIB)))),
        "seal": lambda: store.seal(location, DIGEST),
        "size": lambda: store.size(location),
        "read": lambda: anext(store.read(location, 0, 10)),
        "delete": lambda: store.delete(location, DIGEST),
        "probe": store.probe,
    }


async def refusals(store: BlobStore, *, but: tuple[str, ...] = ()) -> dict[str, type[Refusal]]:
    """How each operation is refused. Fails when one is not, or takes long, or tells too much."""
    found = {}
    for name, operation in operations(store).items():
        if name in but:
            continue
        with pytest.raises(Refusal) as refused:
            async with asyncio.timeout(10):
                await operation()
        assert "127.0.0.1" not in refused.value.message
        assert "secret" not in refused.value.message
        found[name] = refused.type
    return found


@pytest.mark.parametrize("handler", [silent, hanging_up], ids=["silent", "hanging up"])
async def test_a_server_that_does_not_answer_is_unavailable(handler: Handler) -> None:
    async with behaving(handler) as store:
        assert set((await refusals(store)).values()) == {Unavailable}


@pytest.mark.parametrize(
    ("status", "code"), [("503 Slow Down", "SlowDown"), ("403 Forbidden", "AccessDenied"), ("400 Bad", "Odd")]
)
async def test_a_server_that_refuses_is_unavailable(status: str, code: str) -> None:
    async with behaving(answering(status, code)) as store:
        assert set((await refusals(store)).values()) == {Unavailable}


async def test_a_server_that_refuses_before_the_body_has_been_sent_is_unavailable() -> None:
    async with behaving(answering("503 Slow Down", "SlowDown", without_reading=True)) as store:
        assert set((await refusals(store)).values()) == {Unavailable}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("507 Insufficient Storage", "None"),
        ("403 Forbidden", "QuotaExceeded"),
        ("507 Full", "XMinioStorageFull"),
        ("403 Forbidden", "AccountQuotaExceeded"),
    ],
)
async def test_a_full_server_is_full(status: str, code: str) -> None:
    async with behaving(answering(status, code)) as store:
        found = await refusals(store, but=("seal", "size", "read", "delete", "probe"))
        assert set(found.values()) == {StorageFull}


async def test_only_missing_bytes_are_unknown_never_a_missing_bucket() -> None:
    async with behaving(answering("404 Not Found", "NoSuchKey")) as store:
        assert await store.size(store.new_location()) is None
        await store.delete(store.new_location(), DIGEST)
        found = await refusals(store, but=("size", "delete"))
        unknown = {"seal", "read"}
        assert found == {name: BlobUnknown if name in unknown else Unavailable for name in found}
    async with behaving(answering("404 Not Found", "NoSuchBucket")) as store:
        found = await refusals(store, but=("size", "delete", "seal"))
        assert set(found.values()) == {Unavailable}


@dataclass
class Bucket:
    """A server that has deleted what it was told to delete, but for one key; it remembers what it was asked."""

    refused: str = "none"
    there: str = "none"
    asked: list[str] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head.lower())
        keys = re.findall("<Key>(.*?)</Key>", (await reader.readexactly(int(length[1]) if length else 0)).decode())
        kind = f" {keys[0].split('/')[0]}" if keys else ""
        self.asked.append(f"{head.split()[0].decode()} {len(keys)}{kind}")
        done = "".join(map(self._answer, keys))
        content = f"<?xml version='1.0'?><DeleteResult>{done}</DeleteResult>" if keys else ""
        status = "200 OK" if keys or head.split()[1].endswith(self.there.encode()) else "404 Not Found"
        about = "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nETag: none\r\nConnection: close"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{about}\r\n\r\n{content}".encode())
        await writer.drain()

    def _answer(self, key: str) -> str:
        if key.endswith(self.refused):
            return f"<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
        return f"<Deleted><Key>{key}</Key></Deleted>"


async def test_many_are_deleted_in_two_requests_and_each_is_looked_at() -> None:
    bucket = Bucket()
    async with behaving(bucket.handle) as store:
        assert await store.delete_many({store.new_location(): DIGEST for _ in range(20)}) == {}
    assert bucket.asked == ["POST 20 by-digest", "POST 20 blobs", *["HEAD 0"] * 20]


@pytest.mark.parametrize("what", ["marker", "bytes"])
async def test_one_that_cannot_be_deleted_keeps_none_of_the_others(what: str) -> None:
    bucket = Bucket()
    async with behaving(bucket.handle) as store:
        wanted = {store.new_location(): DIGEST for _ in range(20)}
        bad = list(wanted)[7]
        bucket.refused = bad.removeprefix("blobs/") if what == "marker" else bad
        left = await store.delete_many(wanted)
    assert {location: type(why) for location, why in left.items()} == {bad: Unavailable}
    if what == "marker":
        assert "POST 20 blobs" not in bucket.asked, "no bytes go before their markers"


async def test_what_is_still_there_after_it_was_deleted_is_told() -> None:
    bucket = Bucket()
    async with behaving(bucket.handle) as store:
        wanted = {store.new_location(): DIGEST for _ in range(20)}
        bucket.there = list(wanted)[3]
        assert list(await store.delete_many(wanted)) == [bucket.there]


async def test_while_nothing_answers_all_that_were_to_be_deleted_are_left() -> None:
    async with behaving(hanging_up) as store:
        wanted = {store.new_location(): DIGEST for _ in range(3)}
        left = await store.delete_many(wanted)
    assert {location: type(why) for location, why in left.items()} == dict.fromkeys(wanted, Unavailable)


async def test_a_cancelled_write_does_not_wait_for_ever_for_a_dead_server() -> None:
    async with behaving(silent) as store:
        writing = asyncio.create_task(store.write(store.new_location(), stream(itertools.repeat(some_bytes(MIB)))))
        await asyncio.sleep(0.1)
        writing.cancel()
        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                await writing
