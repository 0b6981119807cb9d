"""Referrers: which manifests are about another one (spec.md, "Listing Referrers")."""

from urllib.parse import parse_qs, urlsplit

import pytest
from httpx2 import Response

from tests.kit.client import Client, Registry, code_of, next_of, require
from tests.kit.images import OCI_CONFIG, Fields, Image, image, index, made
from wharfinger.spec import digest as digests
from wharfinger.spec.media_types import OCI_INDEX

REPO = "team/app"
BASE = image()
SBOM = "application/vnd.example.sbom.v1"
SIGNATURE = "application/vnd.example.signature.v1+json"


def about(artifact_type: str, seed: int = 0, **annotations: str) -> Image:
    """An artifact about BASE."""
    return image(artifact_type=artifact_type, subject=BASE, annotations=annotations or None, layers=1, seed=seed)


def listed(answer: Response) -> list[Fields]:
    """The descriptors of a page, which must be an image index."""
    require(answer, 200)
    assert answer.headers["Content-Type"] == OCI_INDEX
    fields = answer.json()
    assert fields["schemaVersion"] == 2
    assert fields["mediaType"] == OCI_INDEX
    descriptors: list[Fields] = fields["manifests"]
    return descriptors


async def digests_of(client: Client, subject: str = BASE.digest) -> set[str]:
    """The referrers of all pages, of which none may come twice."""
    found = [
        one["digest"] for page in await client.pages(await client.referrers(REPO, subject)) for one in listed(page)
    ]
    assert len(found) == len(set(found))
    return set(found)


async def test_a_manifest_that_nothing_is_about_has_an_empty_index(registry: Registry) -> None:
    await registry.client.push_image(REPO, BASE, "latest")
    answer = await registry.client.referrers(REPO, BASE.digest)
    assert listed(answer) == []
    assert next_of(answer) is None


async def test_so_has_one_that_does_not_exist(registry: Registry) -> None:
    await registry.client.push_blob(REPO, b"so that it exists")
    assert listed(await registry.client.referrers(REPO, BASE.digest)) == []
    assert listed(await registry.client.referrers(REPO, digests.of(b"", "sha512"))) == []


async def test_a_push_with_a_subject_is_answered_with_it(registry: Registry) -> None:
    for pushed in (about(SBOM), index([], subject=BASE)):
        answer = require(await registry.client.push(REPO, pushed, "about"), 201)
        assert answer.headers["OCI-Subject"] == BASE.digest
    assert "OCI-Subject" not in (await registry.client.push(REPO, BASE)).headers


async def test_a_referrer_is_described_with_its_type_and_annotations(registry: Registry) -> None:
    pushed = about(SBOM, created="2022-01-01T14:42:55Z", format="größe")
    await registry.client.push_image(REPO, BASE, "latest")
    await registry.client.push_image(REPO, pushed)
    assert listed(await registry.client.referrers(REPO, BASE.digest)) == [
        {
            "mediaType": pushed.media_type,
            "digest": pushed.digest,
            "size": len(pushed.raw),
            "artifactType": SBOM,
            "annotations": {"created": "2022-01-01T14:42:55Z", "format": "größe"},
        }
    ]


async def test_an_image_without_artifact_type_goes_by_that_of_its_config(registry: Registry) -> None:
    await registry.client.push_image(REPO, image(subject=BASE, seed=1))
    (described,) = listed(await registry.client.referrers(REPO, BASE.digest))
    assert described["artifactType"] == OCI_CONFIG


async def test_an_index_goes_by_its_own_artifact_type_or_by_none(registry: Registry) -> None:
    plain, typed = index([], subject=BASE), index([], subject=BASE, artifact_type=SBOM, annotations={"a": "b"})
    for pushed in (plain, typed):
        await registry.client.push_image(REPO, pushed)
    described = {one["digest"]: one for one in listed(await registry.client.referrers(REPO, BASE.digest))}
    assert "artifactType" not in described[plain.digest]
    assert described[typed.digest]["artifactType"] == SBOM
    assert described[typed.digest]["annotations"] == {"a": "b"}


async def test_referrers_may_come_before_their_subject(registry: Registry) -> None:
    await registry.client.push_image(REPO, about(SBOM))
    assert await digests_of(registry.client) == {about(SBOM).digest}
    await registry.client.push_image(REPO, BASE, "latest")
    assert await digests_of(registry.client) == {about(SBOM).digest}


async def test_referrers_are_those_of_the_repository_and_of_the_subject(registry: Registry) -> None:
    await registry.client.push_image("team/other", about(SBOM))
    await registry.client.push_image(REPO, image(artifact_type=SBOM, subject=image(seed=5)))
    assert await digests_of(registry.client) == set()


async def test_a_referrer_may_have_referrers_itself(registry: Registry) -> None:
    first = about(SBOM)
    second = image(artifact_type=SIGNATURE, subject=first)
    for pushed in (BASE, first, second):
        await registry.client.push_image(REPO, pushed)
    assert await digests_of(registry.client) == {first.digest}
    assert await digests_of(registry.client, first.digest) == {second.digest}


async def test_a_filter_is_applied_and_said_to_be(registry: Registry) -> None:
    for pushed in (about(SBOM), about(SIGNATURE)):
        await registry.client.push_image(REPO, pushed)
    answer = await registry.client.referrers(REPO, BASE.digest, artifact_type=SIGNATURE)
    assert [one["digest"] for one in listed(answer)] == [about(SIGNATURE).digest]
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    answer = await registry.client.referrers(REPO, BASE.digest, artifact_type="application/vnd.nobody")
    assert listed(answer) == []
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert "OCI-Filters-Applied" not in (await registry.client.referrers(REPO, BASE.digest)).headers


@pytest.mark.parametrize("digest", ["sha256:0", "latest", "sha256:" + "A" * 64, "md5:" + "0" * 32, "%00", "sha256:%00"])
async def test_a_digest_that_is_none_is_refused(registry: Registry, digest: str) -> None:
    await registry.client.push_image(REPO, BASE, "latest")
    code_of(require(await registry.client.referrers(REPO, digest), 400))


@pytest.mark.parametrize("wanted", ["\0", "é", "'", "a" * 5000, "%"])
async def test_a_filter_may_say_anything_and_matches_nothing(registry: Registry, wanted: str) -> None:
    await registry.client.push_image(REPO, about(SBOM))
    answer = await registry.client.referrers(REPO, BASE.digest, artifact_type=wanted)
    assert answer.status_code in {200, 400}
    if answer.status_code == 200:
        assert listed(answer) == []
    else:
        code_of(answer)


async def test_a_list_too_large_for_one_index_comes_in_pages(registry: Registry) -> None:
    large = "x" * (1 << 20)
    pushed = [about(SBOM, seed, note=large) for seed in range(6)]
    for one in pushed:
        await registry.client.push_image(REPO, one)
    await registry.client.push_image(REPO, about(SIGNATURE))
    pages = await registry.client.pages(await registry.client.referrers(REPO, BASE.digest, artifact_type=SBOM))
    assert len(pages) > 1
    assert all(len(page.content) <= 4 << 20 for page in pages)
    found = [one["digest"] for page in pages for one in listed(page)]
    assert sorted(found) == sorted(one.digest for one in pushed)
    assert all(page.headers["OCI-Filters-Applied"] == "artifactType" for page in pages)


async def test_the_link_is_relative_and_keeps_the_filter(registry: Registry) -> None:
    for seed in range(3):
        await registry.client.push_image(REPO, about(SIGNATURE, seed))
    path = f"/v2/{REPO}/referrers/{BASE.digest}"
    answer = await registry.client.request("GET", path, params={"n": 2, "artifactType": SIGNATURE})
    assert len(listed(answer)) == 2
    target = urlsplit(next_of(answer) or "")
    assert (target.scheme, target.netloc, target.path) == ("", "", path)
    assert parse_qs(target.query)["artifactType"] == [SIGNATURE]


# Clients that keep a list of their own, under a tag ----------------------------------------------------------------


def fallback(*referrers: Image) -> Image:
    """The index that such a client keeps."""
    listed = [one.descriptor | {"artifactType": one.fields["artifactType"]} for one in referrers]
    return made(OCI_INDEX, {"manifests": listed}, children=referrers)


async def test_what_the_fallback_tag_lists_is_listed_without_duplicates(registry: Registry) -> None:
    first, second = about(SBOM), about(SIGNATURE)
    await registry.client.push_image(REPO, first)
    await registry.client.push_image(REPO, fallback(first, second), digests.referrers_tag(BASE.digest))
    assert await digests_of(registry.client) == {first.digest, second.digest}


async def test_the_fallback_tag_does_not_hide_what_it_does_not_list(registry: Registry) -> None:
    await registry.client.push_image(REPO, fallback(about(SBOM)), digests.referrers_tag(BASE.digest))
    await registry.client.push_image(REPO, about(SIGNATURE))
    assert await digests_of(registry.client) == {about(SBOM).digest, about(SIGNATURE).digest}


async def test_a_fallback_tag_that_is_no_list_adds_nothing(registry: Registry) -> None:
    await registry.client.push_image(REPO, BASE, digests.referrers_tag(BASE.digest))
    await registry.client.push_image(REPO, about(SBOM))
    assert await digests_of(registry.client) == {about(SBOM).digest}


async def test_the_fallback_tag_can_still_be_pushed_and_pulled(registry: Registry) -> None:
    kept, tag = fallback(about(SBOM)), digests.referrers_tag(BASE.digest)
    await registry.client.push_image(REPO, kept, tag)
    assert require(await registry.client.get_manifest(REPO, tag), 200).content == kept.raw
