"""What is known of images beside their manifests; and nothing that is written in a config keeps an image out."""

import json
from typing import Any

import pytest

from tests.kit.clock import Clock
from tests.kit.images import Image, image, index
from tests.registry.shop import Shop
from wharfinger.meta.db import Database
from wharfinger.meta.schema import manifests
from wharfinger.spec import config as configs

BUILT = image(
    config=json.dumps(
        {
            "created": "2026-01-31T12:00:00.123456789Z",
            "os": "linux",
            "architecture": "arm64",
            "variant": "v8",
            "config": {"Labels": {"team": "shop", "odd \u0000": "\U0001f980"}},
        }
    ).encode(),
    layers=[b"base", b"app"],
    seed=1,
)
SLIM = image(layers=[b"base"], seed=2)
ARTIFACT = image(artifact_type="application/vnd.example", seed=3)


@pytest.fixture
def shop(db: Database, clock: Clock) -> Shop:
    return Shop(db, clock)


async def known(shop: Shop) -> dict[str, Any]:
    rows = (await shop.rows(manifests))["manifests"]
    return {
        row["digest"]: (row["created_at"], row["platform"], json.loads(row["labels"] or "null"), row["total_size"])
        for row in rows
    }


def size(*images: Image) -> int:
    blobs = {digest: len(content) for each in images for digest, content in each.blobs.items()}
    return sum(len(each.raw) for each in images) + sum(blobs.values())


async def test_a_push_notes_when_it_was_built_for_what_with_which_labels_and_how_large_it_is(shop: Shop) -> None:
    both = index([BUILT, SLIM])
    await shop.push(both)
    await shop.push(ARTIFACT)
    assert await known(shop) == {
        BUILT.digest: (
            pytest.approx(1769860800.123456),
            "linux/arm64/v8",
            {"team": "shop", "odd \u0000": "\U0001f980"},
            size(BUILT),
        ),
        SLIM.digest: (None, "linux/amd64", {"seed": "2"}, size(SLIM)),
        ARTIFACT.digest: (None, None, {}, size(ARTIFACT)),
        both.digest: (None, None, {}, len(both.raw) + size(BUILT, SLIM)),
    }


async def test_what_could_not_be_read_is_read_by_the_sweep_and_an_index_grows_with_its_children(shop: Shop) -> None:
    both = index([BUILT, SLIM])
    await shop.put(both, sparse=True)
    hidden = dict(shop.store.objects)
    await shop.push(SLIM)
    for location in shop.store.objects.keys() - hidden.keys():
        hidden[location] = shop.store.objects.pop(location)
    await shop.put(SLIM)
    await shop.push(BUILT)
    assert (await known(shop))[both.digest][2] is None
    shop.store.objects.update(hidden)
    while await shop.facts.sweep():
        pass
    found = await known(shop)
    assert found[both.digest] == (None, None, {}, len(both.raw) + size(BUILT, SLIM))
    assert found[SLIM.digest] == (None, "linux/amd64", {"seed": "2"}, size(SLIM))


async def test_a_config_that_is_nowhere_is_not_looked_for_for_ever(shop: Shop) -> None:
    await shop.put(SLIM, sparse=True)
    assert (await known(shop))[SLIM.digest][2] is None
    assert await shop.facts.sweep() == 1
    assert await shop.facts.sweep() == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"os":' + b"[" * 500_000,
        b'{"config":' + b'{"a":' * 100_000,
        b'{"created":5,"os":{},"architecture":null,"config":{"Labels":{"a":1}}}',
        b'{"created":"\\ud800","os":"\\u0000","architecture":"x","config":[]}',
        b'{"created":"0001-01-01T00:00:00Z","os":"li nux","architecture":"../x"}',
        b'{"created":"99999-01-01T00:00:00Z","config":{"Labels":{"a":"%s"}}}' % (b"x" * 70_000),
    ],
    ids=range(11),
)
def test_a_config_that_is_none_says_nothing(raw: bytes) -> None:
    assert configs.read(raw) == configs.Config()


def test_what_is_right_is_read_beside_what_is_wrong() -> None:
    raw = b'{"created":7,"os":"linux","architecture":"amd64","config":{"Labels":{"a":"b"},"Env":5},"x":{"y":[{}]}}'
    assert configs.read(raw) == configs.Config(None, "linux/amd64", {"a": "b"})
    assert configs.read(b'{"created":"1970-01-01T01:00:00+01:00"}') == configs.Config(0.0)
    assert configs.read(b'{"config":{"Labels":null}}') == configs.Config()


async def test_hostile_configs_are_pushed_all_the_same_and_a_large_one_is_not_read(shop: Shop) -> None:
    for number, config in enumerate([b'{"os":' + b"[" * 300_000, b" " * configs.MAX_BYTES + b'{"os":"x"}']):
        pushed = image(config=config, seed=number)
        await shop.push(pushed)
        assert (await known(shop))[pushed.digest] == (None, None, {}, size(pushed))
