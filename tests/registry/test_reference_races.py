"""Things that need each other, pushed and deleted at once: no manifest without what it needs, no dangling tag."""

from tests.kit.effort import times
from tests.kit.images import Image, image, index
from tests.registry.nodes import BY, Fleet, Node, body, repeat
from wharfinger.errors import InUse, ManifestBlobUnknown, ManifestUnknown, PreconditionFailed, Refusal
from wharfinger.registry.tag_changes import Precondition
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

SOURCE = names.repository("race/source")
ANY = Precondition()
LATEST = names.tag("latest")
TIMES = times(20)


def anywhere(_repository: RepoName) -> bool:
    """Whoever mounts here may pull from every repository."""
    return True


def any_tag(_tag: names.Tag) -> None:
    """Whoever pushes here may move every tag."""


def repository_of(number: int) -> RepoName:
    """A repository for one race alone."""
    return names.repository(f"race/of-{number}")


async def put(node: Node, repository: RepoName, what: Image, *tags: str, condition: Precondition = ANY) -> None:
    """Push the manifest alone."""
    manifest = manifests.parse(what.raw, what.media_type)
    await node.manifests.put(BY, repository, manifest, [names.tag(tag) for tag in tags], condition, any_tag)


async def put_sparse(node: Node, repository: RepoName, what: Image) -> None:
    """Push the manifest alone where what it refers to may come later."""
    await node.indexes.put(BY, repository, manifests.parse(what.raw, what.media_type), [], ANY, any_tag)


async def upload(fleet: Fleet, repository: RepoName, content: bytes) -> None:
    """Push a blob."""
    uploads = fleet.any().uploads
    session = await uploads.start(BY, repository)
    await uploads.finish(BY, repository, session.id, body(content), digests.of(content), start=0)


async def offer(fleet: Fleet, *images: Image) -> None:
    """Push the blobs into one repository, from where they are mounted into each race's own."""
    for each in images:
        for content in each.blobs.values():
            await upload(fleet, SOURCE, content)


async def mount(fleet: Fleet, repository: RepoName, *images: Image) -> None:
    """Let the repository hold the blobs."""
    for each in images:
        for digest in each.blobs:
            await fleet.any().uploads.mount(BY, repository, digest, SOURCE, anywhere)


async def is_held(fleet: Fleet, repository: RepoName, reference: str) -> bool:
    """Whether the manifest or tag can be pulled."""
    try:
        await fleet.any().pulls.manifest(repository, names.reference(reference))
    except ManifestUnknown:
        return False
    return True


async def test_a_manifest_and_the_deletion_of_its_blob_cannot_both_succeed(fleet: Fleet) -> None:
    pushed = image(layers=2)
    *_, layer = pushed.blobs
    await offer(fleet, pushed)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, pushed)
        put_, deleted = await fleet.race(
            lambda node: put(node, repository, pushed, "latest"),
            lambda node: node.deletes.blob(BY, repository, layer),
        )
        if put_ is None:
            assert isinstance(deleted, InUse), deleted
        else:
            assert isinstance(put_, ManifestBlobUnknown), put_
            assert deleted is None

    await repeat(TIMES, once)


async def test_a_manifest_that_is_tagged_while_it_is_deleted_is_there_with_its_tag_or_not_at_all(fleet: Fleet) -> None:
    pushed = image()
    await offer(fleet, pushed)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, pushed)
        await put(fleet.any(), repository, pushed, "first")
        outcomes = await fleet.race(
            lambda node: put(node, repository, pushed, "second"),
            lambda node: node.deletes.manifest(BY, repository, pushed.digest),
        )
        assert outcomes == [None, None]
        assert not await is_held(fleet, repository, "first")
        assert await is_held(fleet, repository, "second") == await is_held(fleet, repository, pushed.digest)

    await repeat(TIMES, once)


async def test_an_index_and_the_deletion_of_its_child_cannot_both_succeed(fleet: Fleet) -> None:
    child = image()
    parent = index([child])
    await offer(fleet, child)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, child)
        await put(fleet.any(), repository, child)
        listed, deleted = await fleet.race(
            lambda node: put(node, repository, parent),
            lambda node: node.deletes.manifest(BY, repository, child.digest),
        )
        if listed is None:
            assert isinstance(deleted, InUse), deleted
        else:
            assert isinstance(listed, ManifestBlobUnknown), listed
            assert deleted is None

    await repeat(TIMES, once)


async def test_an_index_that_comes_at_once_with_its_child_protects_it(fleet: Fleet) -> None:
    child = image()
    parent = index([child])
    await offer(fleet, child)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, child)
        outcomes = await fleet.race(
            lambda node: put_sparse(node, repository, parent),
            lambda node: put(node, repository, child),
        )
        assert outcomes == [None, None]
        assert isinstance(await delete(fleet, repository, child.digest), InUse)

    await repeat(TIMES, once)


async def test_a_sparse_manifest_that_comes_at_once_with_its_blob_protects_it(fleet: Fleet) -> None:
    pushed = image()
    config, layer = pushed.blobs
    await offer(fleet, pushed)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await fleet.any().uploads.mount(BY, repository, config, SOURCE, anywhere)
        outcomes = await fleet.race(
            lambda node: put_sparse(node, repository, pushed),
            lambda node: node.uploads.mount(BY, repository, layer, SOURCE, anywhere),
        )
        assert not any(isinstance(outcome, Refusal) for outcome in outcomes), outcomes
        (deleted,) = await fleet.race(lambda node: node.deletes.blob(BY, repository, layer))
        assert isinstance(deleted, InUse), deleted

    await repeat(TIMES, once)


async def test_a_tag_moved_by_many_at_once_is_at_one_of_them(fleet: Fleet) -> None:
    images = [image(seed=seed) for seed in range(4)]
    await offer(fleet, *images)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, *images)
        outcomes = await fleet.race(
            *(lambda node, pushed=pushed: put(node, repository, pushed, "latest") for pushed in images)
        )
        assert outcomes == [None] * 4
        found = await fleet.any().pulls.manifest(repository, LATEST)
        assert found.raw in [pushed.raw for pushed in images]

    await repeat(TIMES, once)


async def test_of_many_that_make_a_tag_or_move_it_from_where_they_saw_it_one_does(fleet: Fleet) -> None:
    images = [image(seed=seed) for seed in range(4)]
    await offer(fleet, *images)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, *images)
        made = await one_of(fleet, repository, images, Precondition(absent=True))
        moved = await one_of(fleet, repository, images, Precondition(current=frozenset({made})))
        assert (await fleet.any().pulls.manifest(repository, LATEST)).digest == moved

    async def one_of(fleet: Fleet, repository: RepoName, images: list[Image], condition: Precondition) -> Digest:
        outcomes = await fleet.race(
            *(
                lambda node, pushed=pushed: put(node, repository, pushed, "latest", condition=condition)
                for pushed in images
            )
        )
        # Who moves the tag to where it is already leaves it as the others want to see it.
        done = [pushed.digest for pushed, outcome in zip(images, outcomes, strict=True) if outcome is None]
        assert all(outcome is None or isinstance(outcome, PreconditionFailed) for outcome in outcomes), outcomes
        assert len([digest for digest in done if digest not in (condition.current or ())]) == 1
        return (await fleet.any().pulls.manifest(repository, LATEST)).digest

    await repeat(TIMES, once)


async def delete(fleet: Fleet, repository: RepoName, digest: Digest) -> object:
    """What the deletion of the manifest came to."""
    (outcome,) = await fleet.race(lambda node: node.deletes.manifest(BY, repository, digest))
    return outcome
