"""To clients, what is in the trash is not there; and what they ask for counts as used."""

from sqlalchemy import Connection, select

from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import image
from wharfinger.meta.schema_trash import last_pulls

REPO = "team/app"
APP = image(seed=1)
SIGNATURE = image(artifact_type="application/vnd.example", subject=APP, seed=2)


async def test_what_is_in_the_trash_is_not_pulled_and_in_no_list(registry: Registry) -> None:
    client = registry.client
    await client.push_image(REPO, APP, "latest")
    await client.push_image(REPO, SIGNATURE)
    for digest in (SIGNATURE.digest, APP.digest):
        require(await client.delete_manifest(REPO, digest), 202)
    for reference in ("latest", APP.digest, SIGNATURE.digest):
        require(await client.get_manifest(REPO, reference), 404)
        require(await client.head_manifest(REPO, reference), 404)
    assert (await client.tags(REPO)).json()["tags"] == []
    assert (await client.referrers(REPO, APP.digest)).json()["manifests"] == []
    require(await client.put_manifest(REPO, APP.digest, APP.raw, APP.media_type), 201)
    require(await client.get_manifest(REPO, APP.digest), 200)


async def test_get_and_head_by_tag_and_digest_count_as_use(registry: Registry) -> None:
    client, now = registry.client, registry.clock
    await client.push_image(REPO, APP, "latest")
    for ask in (client.get_manifest, client.head_manifest):
        for reference in ("latest", APP.digest):
            now.advance(10)
            require(await ask(REPO, reference), 200)
            await registry.services.keeping.last_pulls.flush()
            assert await registry.services.db.read(_pulled) == [(APP.digest, now())]


def _pulled(tx: Connection) -> list[tuple[str, float]]:
    return [(row.digest, row.pulled_at) for row in tx.execute(select(last_pulls))]
