"""Deleting: a tag is only a name, a digest is the thing itself, and what is used stays."""

from tests.kit.client import Registry, code_of, require
from tests.kit.images import blob, image, index
from wharfinger.spec import digest as digests

REPO = "team/app"


async def test_deleting_a_tag_takes_only_the_tag(registry: Registry) -> None:
    client = registry.client
    for tag in ("a", "b"):
        await client.push_image(REPO, image(), tag)
    require(await client.delete_manifest(REPO, "a"), 202)
    assert code_of(require(await client.get_manifest(REPO, "a"), 404)) == "MANIFEST_UNKNOWN"
    for reference in ("b", image().digest):
        assert await client.pull_image(REPO, reference) == image()


async def test_the_last_tag_may_go_and_the_manifest_stays(registry: Registry) -> None:
    await registry.client.push_image(REPO, image(), "only")
    require(await registry.client.delete_manifest(REPO, "only"), 202)
    require(await registry.client.get_manifest(REPO, image().digest), 200)
    assert (await registry.client.tags(REPO)).json()["tags"] == []


async def test_deleting_a_digest_takes_the_manifest_and_its_tags(registry: Registry) -> None:
    client = registry.client
    for tag in ("a", "b"):
        await client.push_image(REPO, image(), tag)
    await client.push_image(REPO, image(seed=1), "c")
    require(await client.delete_manifest(REPO, image().digest), 202)
    for reference in ("a", "b", image().digest):
        require(await client.get_manifest(REPO, reference), 404)
    assert (await client.tags(REPO)).json()["tags"] == ["c"]


async def test_what_was_deleted_is_deleted_once(registry: Registry) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    for reference in ("latest", image().digest):
        require(await registry.client.delete_manifest(REPO, reference), 202)
        answer = await registry.client.delete_manifest(REPO, reference)
        assert code_of(require(answer, 404)) == "MANIFEST_UNKNOWN"


async def test_nothing_can_be_deleted_of_a_repository_that_is_unknown(registry: Registry) -> None:
    for reference in ("latest", image().digest):
        answer = await registry.client.delete_manifest("never/pushed", reference)
        assert code_of(require(answer, 404)) in {"NAME_UNKNOWN", "MANIFEST_UNKNOWN"}
    answer = await registry.client.delete_blob("never/pushed", digests.of(b""))
    assert code_of(require(answer, 404)) in {"NAME_UNKNOWN", "BLOB_UNKNOWN"}


async def test_what_was_deleted_may_be_pushed_again(registry: Registry) -> None:
    for _ in range(2):
        await registry.client.push_image(REPO, image(), "latest")
        assert await registry.client.pull_image(REPO, "latest") == image()
        require(await registry.client.delete_manifest(REPO, image().digest), 202)
        for digest in image().blobs:
            require(await registry.client.delete_blob(REPO, digest), 202)


async def test_a_blob_that_nobody_uses_may_go(registry: Registry) -> None:
    content = blob(10)
    require(await registry.client.push_blob(REPO, content), 201)
    require(await registry.client.delete_blob(REPO, digests.of(content)), 202)
    for answer in (
        await registry.client.get_blob(REPO, digests.of(content)),
        await registry.client.delete_blob(REPO, digests.of(content)),
    ):
        assert code_of(require(answer, 404)) == "BLOB_UNKNOWN"


async def test_a_blob_that_a_manifest_uses_stays_and_the_answer_says_which(registry: Registry) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    for digest in image().blobs:
        answer = await registry.client.delete_blob(REPO, digest)
        assert code_of(require(answer, 405)) == "DENIED"
        assert image().digest in answer.text
    assert await registry.client.pull_image(REPO, "latest") == image()


async def test_a_blob_goes_once_every_manifest_that_used_it_is_gone(registry: Registry) -> None:
    shared = blob(10)
    first, second = (image(layers=[shared], seed=seed) for seed in (1, 2))
    for pushed in (first, second):
        await registry.client.push_image(REPO, pushed)
    require(await registry.client.delete_manifest(REPO, first.digest), 202)
    answer = await registry.client.delete_blob(REPO, digests.of(shared))
    assert code_of(require(answer, 405)) == "DENIED"
    assert second.digest in answer.text
    require(await registry.client.delete_manifest(REPO, second.digest), 202)
    require(await registry.client.delete_blob(REPO, digests.of(shared)), 202)


async def test_a_manifest_of_another_repository_does_not_keep_a_blob_here(registry: Registry) -> None:
    await registry.client.push_image("team/other", image(), "latest")
    for content in image().blobs.values():
        require(await registry.client.push_blob(REPO, content), 201)
        require(await registry.client.delete_blob(REPO, digests.of(content)), 202)
    assert await registry.client.pull_image("team/other", "latest") == image()


async def test_a_manifest_that_an_index_lists_stays_and_the_answer_says_which(registry: Registry) -> None:
    pushed = index([image(seed=1), image(seed=2)])
    await registry.client.push_image(REPO, pushed, "latest")
    answer = await registry.client.delete_manifest(REPO, image(seed=1).digest)
    assert code_of(require(answer, 405)) == "DENIED"
    assert pushed.digest in answer.text
    assert await registry.client.pull_image(REPO, "latest") == pushed
    require(await registry.client.delete_manifest(REPO, pushed.digest), 202)
    require(await registry.client.delete_manifest(REPO, image(seed=1).digest), 202)


async def test_a_tag_of_a_listed_manifest_may_go(registry: Registry) -> None:
    await registry.client.push_image(REPO, image(), "one")
    await registry.client.push_image(REPO, index([image()]), "all")
    require(await registry.client.delete_manifest(REPO, "one"), 202)
    assert await registry.client.pull_image(REPO, "all") == index([image()])


async def test_a_subject_may_go_and_its_referrers_stay(registry: Registry) -> None:
    base, about = image(), image(artifact_type="a/b", subject=image())
    for pushed in (base, about):
        await registry.client.push_image(REPO, pushed)
    require(await registry.client.delete_manifest(REPO, base.digest), 202)
    assert await registry.client.pull_image(REPO, about.digest) == about
    listed = require(await registry.client.referrers(REPO, base.digest), 200).json()["manifests"]
    assert [one["digest"] for one in listed] == [about.digest]


async def test_a_referrer_that_is_deleted_is_listed_no_more(registry: Registry) -> None:
    about = image(artifact_type="a/b", subject=image())
    await registry.client.push_image(REPO, about)
    require(await registry.client.delete_manifest(REPO, about.digest), 202)
    assert require(await registry.client.referrers(REPO, image().digest), 200).json()["manifests"] == []


async def test_who_may_not_delete_deletes_nothing(registry: Registry) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    for role in ("reader", "publisher"):
        async with registry.as_(role) as client:
            for answer in (
                await client.delete_manifest(REPO, image().digest),
                await client.delete_blob(REPO, next(iter(image().blobs))),
            ):
                assert code_of(require(answer, 403)) == "DENIED"
    assert await registry.client.pull_image(REPO, "latest") == image()
