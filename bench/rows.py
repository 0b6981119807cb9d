"""The table's rows: what is done to both registries, how it is counted, and what we want of it."""

import json
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench import blobs, images, load, seeds
from bench.load import LoadFailed
from bench.servers import Server
from tests.kit.images import blob, image
from wharfinger.spec import digest as digests

REPOSITORY = "bench/app"
IMAGE = image(layers=[10 * 1024, *range(100, 109)], seed=1)
SMALL_BLOB = blob(10 * 1024, seed=1)
LARGE = 200_000_000
TAGS_PAGE, CATALOG_PAGE = 1000, 100
FEW = 4
CATALOGS = (100, 1_000, 10_000)
TAGS = (1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Pace:
    """How long and how large: a quick look, or figures to publish."""

    seconds: int
    large: int


QUICK = Pace(seconds=3, large=50_000_000)
FULL = Pace(seconds=5, large=LARGE)


@dataclass(frozen=True)
class Row:
    """``prepare`` is done once to each registry; ``measure`` in every round, and more is better."""

    key: str
    title: str
    unit: str
    prepare: Callable[[Server], None]
    measure: Callable[[Server], float]
    target: float | None = None
    peer_in_bucket: bool = True


def rows(pace: Pace) -> Mapping[str, Row]:
    """Every row, in the order in which they are run."""
    every = [*_requests(pace), *_blobs(pace), *_images(), *_tags(pace), *_catalogs(pace)]
    return {row.key: row for row in every}


def _requests(pace: Pace) -> list[Row]:
    manifest, small = f"/v2/{REPOSITORY}/manifests/v1", f"/v2/{REPOSITORY}/blobs/{digests.of(SMALL_BLOB)}"

    def getting(key: str, title: str, path: str, connections: int) -> Row:
        return Row(
            key, f"{title}, {connections} connections", "requests/s", _push_image,
            lambda server: load.get(server, path, connections, pace.seconds), target=10,
        )  # fmt: skip

    return [
        getting("manifest-16", "manifest GET by tag", manifest, 16),
        getting("manifest-64", "manifest GET by tag", manifest, 64),
        Row(
            "manifest-head", "manifest HEAD by tag, 16 connections", "requests/s", _push_image,
            lambda server: load.head(server, manifest, 16, pace.seconds), target=10,
        ),
        getting("blob-small", "blob GET of 10 KiB", small, 16),
    ]  # fmt: skip


def _push_image(server: Server) -> None:
    seeds.push(server, REPOSITORY, "v1", IMAGE)


def _blobs(pace: Pace) -> list[Row]:
    contents = [blobs.Content(pace.large) for _ in range(FEW)]
    size = f"{pace.large // 1_000_000} MB"

    def push_all(server: Server) -> None:
        blobs.push(server, contents)

    def push_new(server: Server, count: int) -> float:
        for content in contents[:count]:
            content.renew()
        speed = blobs.push(server, contents[:count])
        server.disk.forget_large()
        return speed

    return [
        Row("pull-1", f"blob pull, {size}", "MB/s", push_all, lambda server: blobs.pull(server, contents[:1]), 1),
        Row("pull-4", f"blob pull, {FEW} × {size}", "MB/s", push_all, lambda server: blobs.pull(server, contents), 1),
        Row("push-1", f"blob push, {size}", "MB/s", _nothing, lambda server: push_new(server, 1), 2),
        Row("push-4", f"blob push, {FEW} × {size}", "MB/s", _nothing, lambda server: push_new(server, FEW), 2),
    ]


def _images() -> list[Row]:
    size = f"{images.LAYERS} layers of {images.LAYER_BYTES // 1_000_000} MB, crane"

    def pull(server: Server) -> float:
        images.push(server)
        speed = images.pull(server)
        server.disk.forget_large()
        return speed

    def push(server: Server) -> float:
        speed = images.push(server)
        server.disk.forget_large()
        return speed

    return [
        Row("image-push", f"image push, {size}", "MB/s", _nothing, push, target=1.5),
        Row("image-pull", f"image pull, {size}", "MB/s", _nothing, pull, target=1.5),
    ]


def _nothing(_: Server) -> None:
    pass


def _tags(pace: Pace) -> list[Row]:
    def row(count: int) -> Row:
        repository = f"bench/tags-{count}"
        path = f"/v2/{repository}/tags/list?n={TAGS_PAGE}"

        def prepare(server: Server) -> None:
            seeds.add_tags(server, repository, count)
            # Version 2 knows no pages of tags: it sends all of them.
            _require_entries(server, path, "tags", min(count, TAGS_PAGE) if server.ours else count)

        return Row(
            f"tags-{count}", f"first page of {count:,} tags", "requests/s", prepare,
            lambda server: load.get(server, path, FEW, pace.seconds),
            target=20 if count == TAGS[-1] else None, peer_in_bucket=count <= 1_000,
        )  # fmt: skip

    return [row(count) for count in TAGS]


def _catalogs(pace: Pace) -> list[Row]:
    path = f"/v2/_catalog?n={CATALOG_PAGE}"

    def row(count: int, before: int) -> Row:
        def prepare(server: Server) -> None:
            seeds.add_repositories(server, before, count - before)
            _require_entries(server, path, "repositories", CATALOG_PAGE)

        return Row(
            f"catalog-{count}", f"first page of {count:,} repositories", "requests/s", prepare,
            lambda server: load.get(server, path, FEW, pace.seconds),
            target=20 if count == CATALOGS[-1] else None, peer_in_bucket=count <= 100,
        )  # fmt: skip

    return [row(count, before) for count, before in zip(CATALOGS, (0, *CATALOGS), strict=False)]


def _require_entries(server: Server, path: str, field: str, count: int) -> None:
    request = urllib.request.Request(f"http://{server.host}{path}", headers=server.headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        found = len(json.load(answer)[field])
    if found < count:
        raise LoadFailed(f"{server.name} {path}: {found} entries, not {count}")
