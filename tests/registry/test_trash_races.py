"""The trash and pushes at once: what is deleted is in one place, and comes back whole or not at all."""

from functools import partial

from sqlalchemy import Connection, select

from tests.kit.effort import times
from tests.kit.images import Image, image, index
from tests.registry.nodes import BY, Fleet, Node, repeat
from tests.registry.test_reference_races import is_held, mount, offer, put, repository_of
from wharfinger.errors import InUse, ManifestBlobUnknown, ManifestUnknown
from wharfinger.meta import repos
from wharfinger.meta.schema import manifest_blobs, manifest_children
from wharfinger.meta.schema_trash import trash
from wharfinger.registry.trash import Returned
from wharfinger.spec.names import RepoName

TIMES = times(10)
APP, OTHER = image(layers=2, seed=1), image(seed=2)
SIGNATURE = image(artifact_type="application/vnd.example", subject=APP, seed=3)
BOTH = index([APP, OTHER])


async def delete(node: Node, repository: RepoName, what: Image) -> None:
    await node.deletes.manifest(BY, repository, what.digest)


async def restore(node: Node, repository: RepoName, what: Image) -> Returned:
    return await node.trash.restore(BY, repository, what.digest)


async def empty(node: Node, repository: RepoName, what: Image) -> int:
    return len(await node.trash.empty(BY, repository, [what.digest]))


async def begin(fleet: Fleet, number: int, *trashed: Image) -> RepoName:
    """A repository that has had these, and has them in its trash."""
    repository = repository_of(number)
    await mount(fleet, repository, APP, OTHER, SIGNATURE)
    for each in trashed:
        await put(fleet.any(), repository, each, "latest")
    for each in reversed(trashed):
        await delete(fleet.any(), repository, each)
    return repository


def _trashed(tx: Connection, repository: RepoName) -> set[str]:
    query = select(trash.c.digest).where(trash.c.repository_id == repos.require(tx, repository))
    return set(tx.execute(query).scalars())


def _dangling(tx: Connection, repository: RepoName) -> list[str]:
    """Edges that should be guarded and are not."""
    found: list[str] = []
    for table in (manifest_blobs, manifest_children):
        these = (table.c.repository_id == repos.require(tx, repository)) & table.c.present.is_(None)
        found += tx.execute(select(table.c.digest).where(these)).scalars()
    return found


async def require_one_place(fleet: Fleet, repository: RepoName, *images: Image) -> None:
    """Each is live or in the trash or nowhere, and whatever is live is whole."""
    trashed = await fleet.any().db.read(_trashed, repository)
    for each in images:
        assert not (each.digest in trashed and await is_held(fleet, repository, each.digest))
    assert await fleet.any().db.read(_dangling, repository) == []


async def test_a_push_of_what_is_in_the_trash_wins_against_emptying_it(fleet: Fleet) -> None:
    await offer(fleet, APP, OTHER, SIGNATURE)

    async def once(number: int) -> None:
        repository = await begin(fleet, number, APP)
        pushed, _ = await fleet.race(
            lambda node: put(node, repository, APP, "latest"), lambda node: empty(node, repository, APP)
        )
        assert pushed is None
        assert await is_held(fleet, repository, "latest")
        await require_one_place(fleet, repository, APP)

    await repeat(TIMES, once)


async def test_what_is_restored_and_pushed_at_once_is_there_once(fleet: Fleet) -> None:
    await offer(fleet, APP, OTHER, SIGNATURE)

    async def once(number: int) -> None:
        repository = await begin(fleet, number, APP)
        pushed, restored = await fleet.race(
            lambda node: put(node, repository, APP, "new"), lambda node: restore(node, repository, APP)
        )
        assert pushed is None
        assert isinstance(restored, Returned | ManifestUnknown), restored
        assert await is_held(fleet, repository, "new")
        assert await is_held(fleet, repository, "latest") == isinstance(restored, Returned)
        await require_one_place(fleet, repository, APP)
        assert await fleet.any().db.read(_trashed, repository) == set()

    await repeat(TIMES, once)


async def test_what_is_restored_and_emptied_at_once_is_back_or_gone(fleet: Fleet) -> None:
    await offer(fleet, APP, OTHER, SIGNATURE)

    async def once(number: int) -> None:
        repository = await begin(fleet, number, APP)
        restored, emptied = await fleet.race(
            lambda node: restore(node, repository, APP), lambda node: empty(node, repository, APP)
        )
        back = isinstance(restored, Returned)
        assert back or isinstance(restored, ManifestUnknown), restored
        assert (back, emptied) in {(True, 0), (False, 1)}
        assert await is_held(fleet, repository, APP.digest) == back
        await require_one_place(fleet, repository, APP)

    await repeat(TIMES, once)


async def test_of_two_deletions_and_of_two_restorations_one_does_it(fleet: Fleet) -> None:
    await offer(fleet, APP, OTHER, SIGNATURE)

    async def once(number: int) -> None:
        repository = await begin(fleet, number)
        await put(fleet.any(), repository, APP, "latest")
        outcomes = await fleet.race(*[lambda node: delete(node, repository, APP)] * 2)
        assert sorted(map(str, map(type, outcomes))) == sorted([str(type(None)), str(ManifestUnknown)]), outcomes
        back = await fleet.race(*[lambda node: restore(node, repository, APP)] * 2)
        assert sorted(map(str, map(type, back))) == sorted([str(Returned), str(ManifestUnknown)]), back
        await require_one_place(fleet, repository, APP)

    await repeat(TIMES, once)


async def test_an_index_that_is_restored_while_its_child_is_pushed_deleted_or_restored_has_it_or_waits_for_it(
    fleet: Fleet,
) -> None:
    await offer(fleet, APP, OTHER, SIGNATURE)

    async def once(number: int) -> None:
        repository = await begin(fleet, number, APP, OTHER, BOTH)
        outcomes = await fleet.race(
            lambda node: restore(node, repository, BOTH),
            lambda node: put(node, repository, APP),
            lambda node: restore(node, repository, OTHER),
        )
        assert isinstance(outcomes[0], Returned), outcomes
        assert outcomes[1] is None
        for child in (APP, OTHER):
            (refused,) = await fleet.race(partial(delete, repository=repository, what=child))
            assert isinstance(refused, InUse), refused
        await require_one_place(fleet, repository, APP, OTHER, BOTH)

    await repeat(TIMES, once)


async def test_an_index_that_is_restored_while_its_child_comes_back_by_a_push_protects_it(fleet: Fleet) -> None:
    """The child is in neither place: neither sees the other's row, so that one must wait."""
    await offer(fleet, APP, OTHER, SIGNATURE)

    async def once(number: int) -> None:
        repository = await begin(fleet, number, APP, OTHER, BOTH)
        await empty(fleet.any(), repository, APP)
        restored, pushed = await fleet.race(
            lambda node: restore(node, repository, BOTH), lambda node: put(node, repository, APP)
        )
        assert (type(restored), pushed) == (Returned, None)
        (refused,) = await fleet.race(lambda node: delete(node, repository, APP))
        assert isinstance(refused, InUse), refused

    await repeat(TIMES, once)


async def test_an_index_goes_while_its_child_is_pushed_again_and_another_index_of_it_comes(fleet: Fleet) -> None:
    await offer(fleet, APP, OTHER, SIGNATURE)
    second = index([APP])

    async def once(number: int) -> None:
        repository = await begin(fleet, number)
        for each in (APP, OTHER, BOTH):
            await put(fleet.any(), repository, each)
        gone, again, _, listed = await fleet.race(
            lambda node: delete(node, repository, BOTH),
            lambda node: put(node, repository, APP),
            lambda node: delete(node, repository, APP),
            lambda node: put(node, repository, second),
        )
        assert (gone, again) == (None, None)
        assert listed is None or isinstance(listed, ManifestBlobUnknown), listed
        await require_one_place(fleet, repository, APP, OTHER, BOTH, second)
        if listed is None:
            assert await is_held(fleet, repository, APP.digest)

    await repeat(TIMES, once)
