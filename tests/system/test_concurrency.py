"""Many clients at four workers of one server: everybody's images are whole, and of two rivals one wins."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.kit import facts
from tests.kit.backends import local
from tests.kit.client import Client, code_of, location_of, require
from tests.kit.images import blob, image, index
from tests.kit.server import Server, serve
from wharfinger.spec import digest as digests

pytestmark = pytest.mark.system

REPO = "team/app"
CLIENTS = 8
RACES = 50


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Four workers; when all tests are done, database and bytes agree."""
    data = tmp_path_factory.mktemp("concurrency") / "data"
    with serve(data, workers=4, environment={"WHARF_ACCESS_LOG": "false"}) as server:
        yield server
        there = local(data)
        assert facts.check(there.database, there.shelf) == []


@pytest.fixture
async def clients(server: Server) -> AsyncIterator[Sequence[Client]]:
    """Clients with connections of their own, which the kernel spreads over the workers."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(server.client()) for _ in range(CLIENTS)]


async def test_the_same_image_pushed_by_everybody_at_once_is_whole_and_stored_once(
    clients: Sequence[Client], tmp_path: Path
) -> None:
    for race in range(RACES // 5):
        pushed = index([image(layers=[5000, 200_000], seed=race), image(layers=[b"shared by all", 70], seed=-race)])
        await asyncio.gather(*(client.push_image(REPO, pushed, f"same-{race}") for client in clients))
        assert await clients[race % CLIENTS].pull_image(REPO, f"same-{race}") == pushed


async def test_different_images_pushed_at_once_do_not_touch_each_other(clients: Sequence[Client]) -> None:
    images = [image(layers=[b"shared by all", 3000, 100_000], seed=100 + number) for number in range(5 * CLIENTS)]

    async def push(number: int) -> None:
        for each in images[number::CLIENTS]:
            await clients[number].push_image(f"team/app-{number}", each, each.digest[7:15])

    await asyncio.gather(*map(push, range(CLIENTS)))
    for at, each in enumerate(images):
        found = await clients[0].pull_image(f"team/app-{at % CLIENTS}", each.digest[7:15])
        assert found == each


async def test_a_tag_moved_by_everybody_at_once_is_at_one_of_them(clients: Sequence[Client]) -> None:
    images = [image(seed=200 + number) for number in range(CLIENTS)]
    for each in images:
        await clients[0].push_image(REPO, each)
    for _ in range(RACES):
        answers = await asyncio.gather(
            *(
                client.put_manifest(REPO, "moved", each.raw, each.media_type)
                for client, each in zip(clients, images, strict=True)
            )
        )
        assert {answer.status_code for answer in answers} == {201}
        seen = await asyncio.gather(*(client.get_manifest(REPO, "moved") for client in clients))
        # All workers agree, without anybody having moved it since.
        (raw,) = {answer.content for answer in seen}
        assert raw in {each.raw for each in images}


async def test_of_two_chunks_at_one_offset_one_is_kept_and_never_mixed(clients: Sequence[Client]) -> None:
    chance = random.Random(1)
    for race in range(RACES):
        first, second = chance.sample(clients, 2)
        start, *chunks = blob(1000, race), blob(200_000, 2 * race), blob(200_000, 2 * race + 1)
        location = location_of(await first.patch(location_of(await first.start_upload(REPO)), start))
        answers = await asyncio.gather(
            first.patch(location, chunks[0], range="1000-200999"),
            second.patch(location, chunks[1], range="1000-200999"),
        )
        assert sorted(answer.status_code for answer in answers) == [202, 416]
        refused = next(answer for answer in answers if answer.status_code == 416)
        assert refused.headers["Range"] == "0-200999"
        whole = start + chunks[0 if answers[0].status_code == 202 else 1]
        require(await second.put_upload(location, digests.of(whole)), 201)
        assert (await first.get_blob(REPO, digests.of(whole))).content == whole


async def test_of_two_closings_at_once_both_may_succeed_and_the_blob_is_right(clients: Sequence[Client]) -> None:
    chance = random.Random(2)
    both = 0
    for race in range(RACES):
        first, second = chance.sample(clients, 2)
        start, last = blob(100_000, 3000 + race), blob(50_000, 4000 + race)
        digest = digests.of(start + last)
        location = location_of(await first.patch(location_of(await first.start_upload(REPO)), start))
        answers = await asyncio.gather(*(one.put_upload(location, digest, last) for one in (first, second)))
        codes = [answer.status_code for answer in answers]
        assert 201 in codes
        assert all(code == 201 or 400 <= code < 500 for code in codes), codes
        both += codes == [201, 201]
        assert (await first.get_blob(REPO, digest)).content == start + last
    assert both == RACES, f"only {both} of {RACES}: the design answers both with 201"


async def test_a_manifest_is_never_without_what_it_needs_whatever_is_deleted_meanwhile(
    clients: Sequence[Client],
) -> None:
    for race in range(RACES):
        pushed = image(layers=1, seed=5000 + race)
        parent = index([pushed])
        *_, layer = pushed.blobs
        for content in pushed.blobs.values():
            require(await clients[0].push_blob(REPO, content), 201)
        put, deleted = await asyncio.gather(
            clients[1].put_manifest(REPO, pushed.digest, pushed.raw, pushed.media_type),
            clients[2].delete_blob(REPO, layer),
        )
        if put.status_code == 201:
            assert code_of(require(deleted, 405)) == "DENIED"
            put, deleted = await asyncio.gather(
                clients[3].put_manifest(REPO, "parent", parent.raw, parent.media_type),
                clients[4].delete_manifest(REPO, pushed.digest),
            )
        assert sorted((put.status_code, deleted.status_code)) in ([201, 405], [202, 404]), (put.text, deleted.text)
