"""Many tags and many repositories, put where each registry keeps them, for pushing them would take hours."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import Connection

from bench.servers import Server
from tests.kit.client import Client
from tests.kit.images import Image, image
from wharfinger.meta import repos, schema
from wharfinger.meta.db import open_database
from wharfinger.meta.sql import insert
from wharfinger.spec import names

PEER = "docker/registry/v2/repositories"


def push(server: Server, repository: str, tag: str, pushed: Image) -> None:
    """Push the image as any client does."""

    async def whole() -> None:
        async with Client(f"http://{server.host}", account=server.account) as client:
            await client.push_image(repository, pushed, tag)

    asyncio.run(whole())


def add_tags(server: Server, repository: str, count: int) -> None:
    """Let the repository have so many tags, all of one image."""
    (first, *others), pushed = [f"1.0.{number:06}" for number in range(count)], image(seed=count)
    push(server, repository, first, pushed)
    if not server.ours:
        folder = f"{PEER}/{repository}/_manifests/tags"
        server.disk.repeat(f"{folder}/{first}", ["current/link"], [f"{folder}/{tag}" for tag in others])
        return

    def add(tx: Connection) -> None:
        same = {
            "repository_id": repos.require(tx, names.repository(repository)),
            "digest": pushed.digest,
            "moved_at": time.time(),
        }
        tx.execute(insert(tx, schema.tags), [{"name": tag, **same} for tag in others])

    asyncio.run(_write(server, add))


def add_repositories(server: Server, first: int, count: int) -> None:
    """Let there be ``count`` more repositories, the first with this number; those of the peer hold an image each."""
    added = [f"catalog/{number:06}" for number in range(first, first + count)]
    if not server.ours:
        template, pushed = f"{PEER}/catalog-template", image()
        push(server, "catalog-template", "v1", pushed)
        links = [f"_layers/{digest.replace(':', '/')}/link" for digest in pushed.blobs]
        server.disk.repeat(template, [*links, "_manifests/tags/v1/current/link"], [f"{PEER}/{name}" for name in added])
        return

    def add(tx: Connection) -> None:
        tx.execute(insert(tx, schema.repositories), [{"name": name, "created_at": time.time()} for name in added])

    asyncio.run(_write(server, add))


async def _write(server: Server, add: Callable[[Connection], None]) -> None:
    database = open_database(server.database)
    await database.write(add)
    await database.close()
