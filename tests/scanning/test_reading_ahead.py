"""A layer is read when it has been pushed; the manifest that comes after it finds it read."""

import asyncio
import random
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.conftest import Registry
from tests.kit.layers import dpkg_status, layer
from tests.scanning import trees
from tests.scanning.test_on_push import BASE, OPENSSL, Scanner
from wharfinger.jobs.queue import Queue
from wharfinger.meta import jobs, verdicts
from wharfinger.scanning.cataloguing import CATALOGUER
from wharfinger.scanning.confining import Readers
from wharfinger.scanning.following import AHEAD_FROM
from wharfinger.scanning.kept_layers import KIND
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

REPOSITORY = RepoName("shop/web")
FILLER = random.Random(1).randbytes(AHEAD_FROM)
LARGE = trees.image([BASE | {"srv/data": FILLER}])


@pytest.fixture
def scanner(registry: Registry, tmp_path: Path) -> Iterator[Scanner]:
    made = Scanner(registry, tmp_path)
    yield made
    made.verdicts.close()


async def read_ahead(scanner: Scanner) -> int:
    """Do the jobs about layers; how many there were."""
    services, count = scanner.registry.services, 0
    queue = Queue(services.db, {KIND: scanner.verdicts.read_ahead}, scanner.registry.clock)
    while await queue.once():
        count += 1
    return count


async def known(scanner: Scanner, *digests: Digest) -> set[Digest]:
    """Those of the layers that are known."""
    return set(await scanner.registry.services.db.read(verdicts.catalogues, digests, CATALOGUER))


async def test_a_layer_is_read_before_its_manifest_comes_and_not_again_after(scanner: Scanner) -> None:
    scanner.advise(OPENSSL)
    config, large = LARGE.blobs
    for content in LARGE.blobs.values():
        await scanner.registry.client.push_blob(REPOSITORY, content)
    assert await read_ahead(scanner) == 1  # the configuration is small
    assert await known(scanner, config, large) == {large}
    await scanner.registry.client.push_image(REPOSITORY, LARGE, "1")
    before = scanner.store.reads
    await scanner.work()
    assert scanner.store.reads - before == 1  # its configuration
    assert await scanner.ids() == ["CVE-2022-1"]


async def test_what_is_no_layer_is_looked_at_and_left(scanner: Scanner) -> None:
    await scanner.registry.client.push_blob(REPOSITORY, FILLER)
    assert await read_ahead(scanner) == 1
    assert scanner.store.reads == 1
    assert await known(scanner, digests.of(FILLER)) == set()


async def test_what_its_repository_has_no_more_is_left(scanner: Scanner) -> None:
    db, now = scanner.registry.services.db, scanner.registry.clock()
    digest = Digest("sha256:" + "0" * 64)
    await db.write(jobs.enqueue, KIND, digest, {"repository": REPOSITORY}, now)
    assert await read_ahead(scanner) == 1
    assert scanner.store.reads == 0


def test_a_reader_that_waits_is_started_already_and_one_that_has_ended_is_replaced() -> None:
    content = layer({"var/lib/dpkg/status": dpkg_status(a="1")})
    with closing(Readers()) as readers:
        readers.prepare()
        with readers.reader() as reader:
            first = reader.start()
            first.send_signal(signal.SIGKILL)
            first.wait()
            assert reader.read(content).problems == ()
            assert reader.start().pid != first.pid
        readers.prepare()
        with readers.reader() as reader:
            waiting = reader.start()
            assert reader.read(content).problems == ()
            assert reader.start().pid == waiting.pid
    readers.prepare()
    readers.close()


async def test_while_something_is_read_no_other_process_is_started() -> None:
    started: list[str] = []

    class Noting(Readers):
        def prepare(self) -> None:
            super().prepare()
            started.append("one")

    async def until(count: int) -> None:
        async with asyncio.timeout(60):
            while len(started) < count:  # noqa: ASYNC110  it is told by a thread
                await asyncio.sleep(0.01)

    with closing(Noting()) as readers:
        keeping = asyncio.create_task(readers.keep_prepared(every=0.01))
        await until(1)
        with readers.reader():
            await asyncio.sleep(0.2)
            assert len(started) == 1
        await until(2)
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
