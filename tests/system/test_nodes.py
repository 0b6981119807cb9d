"""Two nodes on one PostgreSQL and one bucket, with nothing else between them."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.kit.backends import Backend, shared
from tests.kit.client import location_of, require
from tests.kit.images import blob, image
from tests.kit.server import Server, serve
from wharfinger.spec import digest as digests

pytestmark = pytest.mark.system

REPO = "team/app"
RACES = 20


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with shared(tmp_path_factory.mktemp("shared")) as backend:
        yield backend


@pytest.fixture(scope="module")
def nodes(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    folder = tmp_path_factory.mktemp("nodes")
    with (
        serve(folder / "one", backend=backend, workers=2) as one,
        serve(folder / "two", backend=backend, workers=2) as two,
    ):
        yield one, two


async def test_an_upload_goes_on_at_the_other_node(nodes: tuple[Server, Server]) -> None:
    content = blob(1000)
    async with nodes[0].client() as one, nodes[1].client() as two:
        location = location_of(await one.start_upload(REPO))
        for at, client in enumerate((one, two, one, two)):
            chunk = content[at * 250 : at * 250 + 250]
            location = location_of(await client.patch(location, chunk, range=f"{at * 250}-{at * 250 + 249}"))
        require(await one.put_upload(location, digests.of(content)), 201)
        assert (await two.get_blob(REPO, digests.of(content))).content == content


async def test_of_two_chunks_at_one_offset_one_node_takes_one(nodes: tuple[Server, Server]) -> None:
    async with nodes[0].client() as one, nodes[1].client() as two:
        for race in range(RACES):
            ours, theirs = blob(5000, seed=2 * race), blob(5000, seed=2 * race + 1)
            location = location_of(await one.start_upload(REPO))
            answers = await asyncio.gather(
                one.patch(location, ours, range="0-4999"), two.patch(location, theirs, range="0-4999")
            )
            assert sorted(answer.status_code for answer in answers) == [202, 416]
            kept = ours if answers[0].status_code == 202 else theirs
            require(await two.put_upload(location, digests.of(kept)), 201)
            assert (await one.get_blob(REPO, digests.of(kept))).content == kept


async def test_what_one_node_acknowledged_the_other_serves_at_once(nodes: tuple[Server, Server]) -> None:
    async with nodes[0].client() as one, nodes[1].client() as two:
        for race in range(RACES):
            made = image(layers=2, seed=race)
            await one.push_image(REPO, made, "moving")
            assert (await two.get_manifest(REPO, "moving")).content == made.raw


async def test_the_same_image_pushed_through_both_at_once_is_there_once(nodes: tuple[Server, Server]) -> None:
    async with nodes[0].client() as one, nodes[1].client() as two:
        for race in range(RACES // 2):
            made = image(layers=2, seed=1000 + race)
            await asyncio.gather(one.push_image(REPO, made, f"v{race}"), two.push_image(REPO, made, f"v{race}"))
            await two.pull_image(REPO, f"v{race}")
