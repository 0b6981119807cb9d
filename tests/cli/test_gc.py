"""``wharf gc``: what waits, what would go, and having it go now."""

import asyncio

from tests.cli.server import Server, Wharf
from tests.kit.client import Client, require
from tests.kit.images import image
from wharfinger.spec import digest as digests

IMAGE = image(layers=[b"x" * 1000], seed=40)
UNNEEDED = b"y" * 500
DIGEST = digests.of(UNNEEDED)


def push_blob(server: Server) -> None:
    async def push() -> None:
        async with Client(server.url, account=("admin", server.password)) as client:
            require(await client.push_blob("gc/app", UNNEEDED), 201)

    asyncio.run(push())


def delete_blob(server: Server) -> None:
    async def delete() -> None:
        async with Client(server.url, account=("admin", server.password)) as client:
            require(await client.delete_blob("gc/app", DIGEST), 202)

    asyncio.run(delete())


def test_what_waits_would_go_and_goes(admin: Wharf, server: Server) -> None:
    server.push("gc/app", IMAGE, "1")
    before = admin.done("gc", "status", "--json").json
    push_blob(server)
    waiting = admin.done("gc", "status", "--json").json
    assert (waiting["links"], waiting["due"]) == (before["links"] + 1, before["due"])
    assert DIGEST not in admin.done("gc", "run", "--dry-run").out  # its grace has just begun
    delete_blob(server)
    assert [DIGEST, "500", "no repository holds it"] in admin.done("gc", "run", "--dry-run").rows
    assert "given back" in admin.done("gc", "run").out
    assert admin.done("gc", "run", "--dry-run", "--json").json == []
    after = admin.done("gc", "status", "--json").json
    assert after["last"]["bytes"] >= 500
    assert (after["due"], after["doomed"]) == (0, 0)
    assert admin.done("gc", "run", "--json").json["blobs"] == 0
    assert "up for review" in admin.done("gc", "status").out
