"""An image comes into a repository while a verdict on it is written, on two connections of PostgreSQL, in both orders.

Neither sees what the other has not committed, and whoever comes last has to make the row that pulls read. The first
one's transaction is held open after its last statement. Then the second one runs as far as it can. Then the first
commits.
"""

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.kit.clock import Clock
from tests.kit.held import Held, race
from tests.kit.images import image
from tests.kit.parts.postgres import fresh_database
from tests.registry.shop import REPO, Shop
from wharfinger.meta import gates, policy_sections
from wharfinger.meta.db import open_database
from wharfinger.meta.gates import Row
from wharfinger.registry.manifests import Manifests, Sparse
from wharfinger.registry.tag_changes import Precondition
from wharfinger.scanning.admission import service
from wharfinger.scanning.books import Books
from wharfinger.scanning.packages import Catalogue
from wharfinger.scanning.targets.images import Image
from wharfinger.scanning.verdicts import Verdicts, scanned
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as parsed
from wharfinger.spec import names

pytestmark = [pytest.mark.system, pytest.mark.postgresql]

APP = image(seed=1)
RULE = {"name": "no-critical", "repositories": "**", "block": {"severity": "critical"}}


@dataclass
class Two:
    """Whoever pushes and whoever judges, each over a connection of its own."""

    shop: Shop
    pushing: Held
    manifests: Manifests
    judging: Held
    verdicts: Verdicts

    def pushed(self) -> Awaitable[Any]:
        manifest = parsed.parse(APP.raw, APP.media_type)
        by, tags = self.shop.by(), [names.tag("1")]
        return self.manifests.put(by, REPO, manifest, tags, Precondition(), lambda _tag: None)

    def judged(self) -> Awaitable[Any]:
        config = digests.of(b"config")
        found = scanned(Image(APP.digest, "linux/amd64"), REPO, config, Catalogue(()), self.shop.clock())
        return self.verdicts.keep(found, [])

    async def row(self) -> Row | None:
        return await self.shop.db.read(gates.find, REPO, APP.digest)


@pytest.fixture
async def two(postgres_server: str, migrated_database: str, clock: Clock, tmp_path: Path) -> AsyncIterator[Two]:
    with fresh_database(postgres_server, template=migrated_database) as url:
        pushing, judging = Held(open_database(url)), Held(open_database(url))
        shop = Shop(pushing.as_database, clock)
        mine, others = (
            service.build(each.as_database, clock, Books(), lambda: 1, CollectorRegistry()).making
            for each in (pushing, judging)
        )
        put = Manifests(
            pushing.as_database, clock, sparse=Sparse.REFUSE, trash=shop.trash, facts=shop.facts, pushed=mine.on_push
        )
        await shop.db.write(shop._blobs, APP)
        await shop.db.write(policy_sections.write, "gates", json.dumps([RULE]), clock())
        with closing(
            Verdicts(judging.as_database, shop.store, tmp_path / "none.db", clock, others.changed)
        ) as verdicts:
            await verdicts.judge_again()  # the set of advisories by which the image is judged
            yield Two(shop, pushing, put, judging, verdicts)
        await pushing.close()
        await judging.close()


async def test_a_verdict_that_comes_second_makes_the_row_for_the_repository_that_has_the_image_now(two: Two) -> None:
    two.pushing.arm()
    pushed, judged = await race(two.pushing, two.pushed(), two.judged)
    assert not isinstance(pushed, Exception)
    assert not isinstance(judged, Exception)
    assert await two.row() is not None


async def test_a_push_that_comes_second_makes_the_row_by_the_verdict_that_there_is_now(two: Two) -> None:
    two.judging.arm("_write")
    judged, pushed = await race(two.judging, two.judged(), two.pushed)
    assert not isinstance(pushed, Exception)
    assert not isinstance(judged, Exception)
    assert await two.row() is not None
