"""Pushing and pulling manifests: what is taken, what is refused, and that the bytes stay what they were."""

import json
from typing import Any

import pytest

from tests.kit.client import Client, Registry, code_of, require
from tests.kit.images import Fields, Image, blob, descriptor, image, index, made
from wharfinger.spec import digest as digests
from wharfinger.spec.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

REPO = "team/app"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
KINDS = {
    "image": image(layers=2, seed=1),
    "image without layers": image(layers=0),
    "Docker image": image(docker=True),
    "artifact": image(artifact_type="application/vnd.example.sbom", annotations={"org.example": "é"}),
    "artifact about an image": image(artifact_type="application/vnd.example.sbom", subject=image(seed=9)),
    "index": index([image(seed=1), image(seed=2)]),
    "index of nothing": index(),
    "index of indexes": index([index([image(seed=1)]), index([image(seed=2)])]),
    "index about an image": index([image(seed=1)], subject=image(seed=9), artifact_type="application/vnd.example"),
    "Docker list": index([image(seed=1, docker=True), image(seed=2, docker=True)], docker=True),
    "index of both": index([image(seed=1), image(seed=2, docker=True)]),
}


async def push_parts(client: Client, *images: Image) -> None:
    """Everything but the manifests themselves."""
    for one in images:
        for content in one.blobs.values():
            require(await client.push_blob(REPO, content), 201)
        for child in one.children:
            require(await client.push(REPO, child), 201)


async def digest_of(client: Client, tag: str) -> str | None:
    """What the tag points at."""
    answer = await client.head_manifest(REPO, tag)
    return answer.headers["Docker-Content-Digest"] if answer.status_code == 200 else None


# Kinds --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pushed", KINDS.values(), ids=KINDS)
async def test_what_is_pushed_is_pulled(registry: Registry, pushed: Image) -> None:
    await registry.client.push_image(REPO, pushed, "latest")
    for reference in ("latest", pushed.digest):
        assert await registry.client.pull_image(REPO, reference) == pushed


@pytest.mark.parametrize("pushed", KINDS.values(), ids=KINDS)
async def test_the_answer_to_a_push_says_where_and_what(registry: Registry, pushed: Image) -> None:
    answer = require(await registry.client.push(REPO, pushed, "latest"), 201)
    assert answer.headers["Location"] in {f"/v2/{REPO}/manifests/{name}" for name in ("latest", pushed.digest)}
    assert answer.headers["Docker-Content-Digest"] == pushed.digest
    require(await registry.client.request("GET", answer.headers["Location"]), 200)


@pytest.mark.parametrize("reference", ["latest", image().digest])
async def test_head_says_what_get_would_and_sends_nothing(registry: Registry, reference: str) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    head = require(await registry.client.head_manifest(REPO, reference), 200)
    get = require(await registry.client.get_manifest(REPO, reference), 200)
    assert head.content == b""
    assert head.headers["Content-Length"] == str(len(image().raw))
    assert head.headers["ETag"] == f'"{image().digest}"'
    for name in ("Content-Length", "Content-Type", "Docker-Content-Digest", "ETag"):
        assert head.headers[name] == get.headers[name]


async def test_odd_bytes_stay_as_they_are(registry: Registry) -> None:
    raw = b"\r\n\t" + image().raw.replace(b": ", b"  :\n") + b"\n\n   "
    await push_parts(registry.client, image())
    answer = require(await registry.client.put_manifest(REPO, "odd", raw, OCI_MANIFEST), 201)
    assert answer.headers["Docker-Content-Digest"] == digests.of(raw)
    pulled = require(await registry.client.get_manifest(REPO, "odd"), 200)
    assert pulled.content == raw
    assert pulled.headers["Content-Length"] == str(len(raw))


async def test_a_manifest_of_four_megabytes_is_taken_and_a_larger_one_is_not(registry: Registry) -> None:
    room = (4 << 20) - len(image(annotations={"x": ""}).raw)
    largest = image(annotations={"x": "x" * room})
    assert len(largest.raw) == 4 << 20
    await registry.client.push_image(REPO, largest, "large")
    assert (await registry.client.get_manifest(REPO, "large")).content == largest.raw
    answer = await registry.client.put_manifest(REPO, "larger", largest.raw + b" ", OCI_MANIFEST)
    code_of(require(answer, 413))
    assert await digest_of(registry.client, "larger") is None


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/html", OCI_INDEX, DOCKER_MANIFEST, "application/json;q=0", "a/b, c"]
)
@pytest.mark.parametrize("pushed", [image(), index([image()]), image(docker=True)], ids=["image", "index", "Docker"])
async def test_accept_never_converts_and_never_refuses(registry: Registry, pushed: Image, accept: str) -> None:
    await registry.client.push_image(REPO, pushed, "latest")
    answer = require(await registry.client.get_manifest(REPO, "latest", accept=accept), 200)
    assert answer.content == pushed.raw
    assert answer.headers["Content-Type"] == pushed.media_type
    require(await registry.client.head_manifest(REPO, "latest", accept=accept), 200)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_client_that_has_the_manifest_is_told_so(registry: Registry, method: str) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    path = f"/v2/{REPO}/manifests/latest"
    answer = await registry.client.request(method, path, headers={"If-None-Match": f'"{image().digest}"'})
    assert require(answer, 304).content == b""
    assert answer.headers["Docker-Content-Digest"] == image().digest
    require(await registry.client.request(method, path, headers={"If-None-Match": '"other"'}), 200)


async def test_what_was_never_pushed_is_unknown(registry: Registry) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    for reference in ("other", image(seed=1).digest):
        answer = await registry.client.get_manifest(REPO, reference)
        assert code_of(require(answer, 404)) == "MANIFEST_UNKNOWN"
        assert require(await registry.client.head_manifest(REPO, reference), 404).content == b""
    answer = await registry.client.get_manifest("never/pushed", "latest")
    assert code_of(require(answer, 404)) in {"NAME_UNKNOWN", "MANIFEST_UNKNOWN"}


async def test_a_manifest_is_readable_only_through_a_repository_it_was_pushed_to(registry: Registry) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    await registry.client.push_image("team/other", image(seed=1), "latest")
    require(await registry.client.get_manifest("team/other", image().digest), 404)


# Media types --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [f"{OCI_MANIFEST}; charset=utf-8", f"{OCI_MANIFEST};q=1;v=2"])
async def test_parameters_of_the_content_type_are_ignored(registry: Registry, content_type: str) -> None:
    await push_parts(registry.client, image())
    require(await registry.client.put_manifest(REPO, "latest", image().raw, content_type), 201)
    answer = await registry.client.get_manifest(REPO, "latest")
    assert answer.headers["Content-Type"] == OCI_MANIFEST


@pytest.mark.parametrize("content_type", [DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST, "text/plain"])
async def test_a_content_type_that_is_not_the_media_type_is_refused(registry: Registry, content_type: str) -> None:
    await push_parts(registry.client, image())
    answer = await registry.client.put_manifest(REPO, "latest", image().raw, content_type)
    assert code_of(require(answer, 400)) == "MANIFEST_INVALID"
    assert await digest_of(registry.client, "latest") is None


async def test_a_manifest_without_media_type_is_what_the_content_type_says(registry: Registry) -> None:
    await push_parts(registry.client, image())
    fields = {name: value for name, value in image().fields.items() if name != "mediaType"}
    raw = json.dumps(fields).encode()
    for content_type in (OCI_MANIFEST, DOCKER_MANIFEST):
        require(await registry.client.put_manifest(REPO, "latest", raw, content_type), 201)
        answer = await registry.client.get_manifest(REPO, "latest")
        assert answer.headers["Content-Type"] == content_type


@pytest.mark.parametrize("kind", ["v1+json", "v1+prettyjws"])
async def test_schema_1_is_refused(registry: Registry, kind: str) -> None:
    raw = json.dumps({"schemaVersion": 1, "name": REPO, "tag": "latest", "fsLayers": [], "history": []}).encode()
    media_type = f"application/vnd.docker.distribution.manifest.{kind}"
    answer = await registry.client.put_manifest(REPO, "latest", raw, media_type)
    assert code_of(require(answer, 400)) == "MANIFEST_INVALID"


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff", b'{"schemaVersion":2}', b"{" * 100_000])
async def test_what_is_no_manifest_is_refused(registry: Registry, raw: bytes) -> None:
    answer = await registry.client.put_manifest(REPO, "latest", raw, OCI_MANIFEST)
    assert code_of(require(answer, 400)) == "MANIFEST_INVALID"


# What a manifest needs ----------------------------------------------------------------------------------------------


async def test_every_blob_that_is_missing_is_named(registry: Registry) -> None:
    pushed = image(layers=3)
    config, *layers = pushed.blobs
    require(await registry.client.push_blob(REPO, pushed.blobs[layers[0]]), 201)
    answer = await registry.client.put_manifest(REPO, "latest", pushed.raw, pushed.media_type)
    assert code_of(require(answer, 404)) == "MANIFEST_BLOB_UNKNOWN"
    assert all(missing in answer.text for missing in (config, *layers[1:]))
    assert layers[0] not in answer.text
    require(await registry.client.get_manifest(REPO, pushed.digest), 404)


async def test_every_child_that_is_missing_is_named(registry: Registry) -> None:
    images = [image(seed=seed) for seed in range(3)]
    require(await registry.client.push(REPO, images[1]), 201)
    pushed = index(images)
    answer = await registry.client.put_manifest(REPO, "latest", pushed.raw, pushed.media_type)
    assert code_of(require(answer, 404)) == "MANIFEST_BLOB_UNKNOWN"
    assert [child.digest in answer.text for child in images] == [True, False, True]


async def test_what_another_repository_holds_is_missing_all_the_same(registry: Registry) -> None:
    require(await registry.client.push("team/other", index([image()])), 201)
    for pushed in (image(), index([image()])):
        answer = await registry.client.put_manifest(REPO, "latest", pushed.raw, pushed.media_type)
        assert code_of(require(answer, 404)) == "MANIFEST_BLOB_UNKNOWN"


async def test_a_foreign_layer_may_be_missing_and_another_beside_it_may_not(registry: Registry) -> None:
    config = b"{}"
    require(await registry.client.push_blob(REPO, config), 201)

    def windows(*layers: Fields) -> Image:
        return made(DOCKER_MANIFEST, {"config": descriptor(config), "layers": [*layers]})

    foreign = descriptor(blob(10), FOREIGN) | {"urls": ["https://example.test/layer"]}
    require(await registry.client.put_manifest(REPO, "latest", windows(foreign).raw, DOCKER_MANIFEST), 201)
    both = windows(foreign, descriptor(blob(11)))
    answer = await registry.client.put_manifest(REPO, "latest", both.raw, DOCKER_MANIFEST)
    assert code_of(require(answer, 404)) == "MANIFEST_BLOB_UNKNOWN"
    assert foreign["digest"] not in answer.text


async def test_an_index_may_list_blobs_as_build_caches_do(registry: Registry) -> None:
    cache = made(OCI_INDEX, {"manifests": [descriptor(blob(10))]}, blobs=[blob(10)])
    answer = await registry.client.put_manifest(REPO, "cache", cache.raw, OCI_INDEX)
    assert code_of(require(answer, 404)) == "MANIFEST_BLOB_UNKNOWN"
    await registry.client.push_image(REPO, cache, "cache")


# Digests and tags ---------------------------------------------------------------------------------------------------


async def test_a_digest_that_is_not_that_of_the_manifest_is_refused(registry: Registry) -> None:
    await push_parts(registry.client, image())
    answer = await registry.client.put_manifest(REPO, image(seed=1).digest, image().raw, OCI_MANIFEST)
    assert code_of(require(answer, 400)) == "DIGEST_INVALID"
    require(await registry.client.get_manifest(REPO, image().digest), 404)


async def test_a_push_by_digest_makes_no_tag(registry: Registry) -> None:
    await registry.client.push_image(REPO, image())
    assert (await registry.client.tags(REPO)).json()["tags"] == []


async def test_a_tag_moves_and_what_it_pointed_at_stays(registry: Registry) -> None:
    for seed in (0, 1):
        await registry.client.push_image(REPO, image(seed=seed), "latest")
    assert await digest_of(registry.client, "latest") == image(seed=1).digest
    require(await registry.client.get_manifest(REPO, image().digest), 200)


async def test_a_push_by_digest_may_set_tags(registry: Registry) -> None:
    tags = ["1.2.3", "1.2", "1", "latest", *(f"more-{i}" for i in range(10))]
    await push_parts(registry.client, image())
    answer = await registry.client.put_manifest(REPO, image().digest, image().raw, OCI_MANIFEST, tags=tags)
    assert answer_tags(require(answer, 201).headers.get_list("OCI-Tag")) == tags
    assert (await registry.client.tags(REPO)).json()["tags"] == sorted(tags)
    assert await digest_of(registry.client, "1.2") == image().digest


@pytest.mark.parametrize("tag", ["", ".", "a/b", "a b", "а", "x" * 129, "\0"])
async def test_one_bad_tag_among_them_and_nothing_is_pushed(registry: Registry, tag: str) -> None:
    await push_parts(registry.client, image())
    answer = await registry.client.put_manifest(REPO, image().digest, image().raw, OCI_MANIFEST, tags=["good", tag])
    code_of(require(answer, 400))
    assert await digest_of(registry.client, "good") is None
    require(await registry.client.get_manifest(REPO, image().digest), 404)


def answer_tags(headers: list[Any]) -> list[str]:
    """The tags of all OCI-Tag headers, which may be lists themselves."""
    return [tag.strip() for header in headers for tag in header.split(",")]


async def test_a_manifest_by_sha512_is_found_by_sha512(registry: Registry) -> None:
    pushed = image(algorithm="sha512")
    await push_parts(registry.client, pushed)
    answer = await registry.client.put_manifest(REPO, pushed.digest, pushed.raw, OCI_MANIFEST, tags=["long"])
    assert require(answer, 201).headers["Docker-Content-Digest"] == pushed.digest
    for reference in (pushed.digest, "long"):
        pulled = require(await registry.client.get_manifest(REPO, reference), 200)
        assert pulled.headers["Docker-Content-Digest"] == pushed.digest
        assert pulled.headers["ETag"] == f'"{pushed.digest}"'


async def test_a_tag_remembers_the_digest_it_was_last_pushed_under(registry: Registry) -> None:
    long, short = image(algorithm="sha512"), image()
    await push_parts(registry.client, short)
    for pushed in (long, short, long):
        answer = await registry.client.put_manifest(REPO, pushed.digest, pushed.raw, OCI_MANIFEST, tags=["latest"])
        require(answer, 201)
        assert await digest_of(registry.client, "latest") == pushed.digest


# Conditions ---------------------------------------------------------------------------------------------------------

OLD, NEW = image(seed=1), image(seed=2)


@pytest.fixture
async def old(registry: Registry) -> Client:
    """``latest`` is OLD, and NEW may be pushed."""
    await registry.client.push_image(REPO, OLD, "latest")
    await push_parts(registry.client, NEW)
    return registry.client


@pytest.mark.parametrize(
    ("tag", "condition"),
    [
        ("latest", {"If-Match": f'"{OLD.digest}"'}),
        ("latest", {"If-Match": f'"x", "{OLD.digest}"'}),
        ("latest", {"If-Match": "*"}),
        ("other", {"If-None-Match": "*"}),
    ],
)
async def test_a_push_whose_condition_holds_moves_the_tag(old: Client, tag: str, condition: dict[str, str]) -> None:
    require(await old.put_manifest(REPO, tag, NEW.raw, NEW.media_type, headers=condition), 201)
    assert await digest_of(old, tag) == NEW.digest


@pytest.mark.parametrize(
    ("tag", "condition", "still"),
    [
        ("latest", {"If-Match": f'"{NEW.digest}"'}, OLD.digest),
        ("latest", {"If-Match": ""}, OLD.digest),
        ("latest", {"If-None-Match": "*"}, OLD.digest),
        ("other", {"If-Match": f'"{OLD.digest}"'}, None),
        ("other", {"If-Match": "*"}, None),
    ],
)
async def test_a_push_whose_condition_does_not_hold_changes_nothing(
    old: Client, tag: str, condition: dict[str, str], still: str | None
) -> None:
    answer = await old.put_manifest(REPO, tag, NEW.raw, NEW.media_type, headers=condition)
    assert code_of(require(answer, 412)) == "PRECONDITION_FAILED"
    assert await digest_of(old, tag) == still
    require(await old.get_manifest(REPO, NEW.digest), 404)
