"""A refused request is forgotten at once: while something remembers it, the server keeps its connection open."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from tests.registry.nodes import BY, Fleet, Node, body
from wharfinger.blobs.store import Bytes
from wharfinger.errors import Refusal
from wharfinger.spec import digest as digests
from wharfinger.spec import names

REPO = names.repository("team/app")
NOWHERE = "00000000-0000-4000-8000-000000000000"
DIGEST = digests.of(b"nobody has this")


class Connection:
    """What a request holds."""


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def append(node: Node, content: Bytes) -> None:
    await node.uploads.append(REPO, NOWHERE, content, start=None)


async def finish(node: Node, content: Bytes) -> None:
    await node.uploads.finish(BY, REPO, NOWHERE, content, DIGEST, start=None)


async def wrong_digest(node: Node, content: Bytes) -> None:
    upload = await node.uploads.start(BY, REPO)
    await node.uploads.finish(BY, REPO, upload.id, content, DIGEST, start=None)


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("request_", [append, finish, wrong_digest])
async def test_nothing_holds_a_request_that_was_refused(fleet: Fleet, request_: object) -> None:
    assert callable(request_)

    async def refused() -> weakref.ref[Connection]:
        connection, content = Connection(), body(b"abc")
        with pytest.raises(Refusal):
            await request_(fleet.nodes[0], content)
        return weakref.ref(connection)

    held = await asyncio.create_task(refused())
    await asyncio.sleep(0.1)
    assert held() is None
