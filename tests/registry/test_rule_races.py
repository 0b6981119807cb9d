"""Rules, and what they forbid, at once: nothing slips through between looking and writing."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from tests.kit.effort import times
from tests.kit.images import Image, image
from tests.kit.parts.postgres import fresh_database
from tests.registry.nodes import BY, Fleet, Node, repeat
from tests.registry.test_reference_races import ANY, any_tag, mount, offer, repository_of
from wharfinger.access.caller import Caller
from wharfinger.access.changes import EVERYTHING
from wharfinger.access.grants import Identity, Policy
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import Denied, ManifestUnknown
from wharfinger.meta import history, policy_sections, repos
from wharfinger.meta.db import open_database
from wharfinger.meta.schema import manifests as manifest_rows
from wharfinger.meta.schema import tags as tag_rows
from wharfinger.registry.deletes import Deletes
from wharfinger.registry.facts import ImageFacts
from wharfinger.registry.manifests import Manifests, Sparse
from wharfinger.registry.tag_changes import TagChanges
from wharfinger.registry.trash import Trash
from wharfinger.spec import manifest as manifests
from wharfinger.spec import names
from wharfinger.spec.names import RepoName, Tag
from wharfinger.tagging.guard import RuleBook, TagGuard
from wharfinger.tagging.tagging import Tagging, Wanted

TIMES = times(20)
ALL = Policy((replace(EVERYTHING, principal="ann"),))
ANN = Caller(Identity("ann", ("ann",)), Snapshot(policy=ALL), BY.now)
"""Who may do everything, as far as permissions go."""
IMMUTABLE = {"name": "fixed", "repositories": "**", "tags": "fixed*", "immutable": True}
UNDELETABLE = {"name": "kept", "repositories": "**", "tags": "kept*", "undeletable": True}
FIXED, KEPT = names.tag("fixed"), names.tag("kept")


class Ruled:
    """What a node has where there are rules."""

    def __init__(self, node: Node, fleet: Fleet) -> None:
        guard = TagGuard(RuleBook())
        changes = TagChanges(guard)
        trash, facts = Trash(node.db, fleet.clock, changes), ImageFacts(node.db, node.store)
        self.db = node.db
        self.manifests = Manifests(node.db, fleet.clock, sparse=Sparse.REFUSE, trash=trash, facts=facts, tags=changes)
        self.deletes = Deletes(node.db, trash, changes)
        self.tagging = Tagging(node.db, fleet.clock, guard, changes)

    async def put(self, repository: RepoName, what: Image, *tags: Tag) -> None:
        manifest = manifests.parse(what.raw, what.media_type)
        await self.manifests.put(BY, repository, manifest, tags, ANY, any_tag)

    async def rules(self, *rules: dict[str, object]) -> None:
        await self.db.write(policy_sections.write, "tags", json.dumps(rules), 0.0)


@pytest.fixture
def ruled(fleet: Fleet) -> dict[int, Ruled]:
    """By node."""
    return {id(node): Ruled(node, fleet) for node in fleet.nodes}


async def test_of_two_pushes_to_one_immutable_tag_one_wins(fleet: Fleet, ruled: dict[int, Ruled]) -> None:
    images = [image(seed=1), image(seed=2)]
    await offer(fleet, *images)
    await ruled[id(fleet.any())].rules(IMMUTABLE)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, *images)
        outcomes = await fleet.race(
            *(lambda node, what=what: ruled[id(node)].put(repository, what, FIXED) for what in images)
        )
        assert sorted(map(str, map(type, outcomes))) == sorted([str(Denied), str(type(None))]), outcomes
        won = images[outcomes.index(None)]
        assert (await fleet.any().pulls.manifest(repository, FIXED)).digest == won.digest
        (event,) = await fleet.any().db.read(history.page, repository, FIXED, history.FIRST, 10)
        assert event.digest == won.digest

    await repeat(TIMES, once)


async def test_once_a_rule_is_made_no_push_that_it_forbids_succeeds(fleet: Fleet, ruled: dict[int, Ruled]) -> None:
    """A push that is under way when the rule comes is before it or after it, never beside it."""
    before, after = image(seed=1), image(seed=2)
    await offer(fleet, before, after)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, before, after)
        await ruled[id(fleet.any())].rules()
        await ruled[id(fleet.any())].put(repository, before, FIXED)

        async def make_rule(node: Node) -> str:
            await ruled[id(node)].rules(IMMUTABLE)
            return (await node.pulls.manifest(repository, FIXED)).digest

        made, pushed = await fleet.race(make_rule, lambda node: ruled[id(node)].put(repository, after, FIXED))
        now = (await fleet.any().pulls.manifest(repository, FIXED)).digest
        assert made == now, pushed
        assert (pushed is None) == (now == after.digest)
        assert pushed is None or isinstance(pushed, Denied)

    await repeat(TIMES, once, at_once=1)  # the rules are everybody's


async def test_a_manifest_goes_or_gets_a_tag_that_keeps_it(fleet: Fleet, ruled: dict[int, Ruled]) -> None:
    what = image()
    await offer(fleet, what)
    await ruled[id(fleet.any())].rules(UNDELETABLE)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, what)
        await ruled[id(fleet.any())].put(repository, what)
        wanted = Wanted(names=[KEPT])
        tagged, deleted = await fleet.race(
            lambda node: ruled[id(node)].tagging.tag(ANN, repository, what.digest, wanted),
            lambda node: ruled[id(node)].deletes.manifest(BY, repository, what.digest),
        )
        if deleted is None:
            assert isinstance(tagged, ManifestUnknown), tagged
        else:
            assert isinstance(deleted, Denied), deleted
            assert (await fleet.any().pulls.manifest(repository, KEPT)).digest == what.digest

    await repeat(TIMES, once)


async def test_whichever_tag_goes_last_the_time_is_noted(fleet: Fleet, ruled: dict[int, Ruled]) -> None:
    one, two = image(seed=1), image(seed=2)
    first, second, third = (names.tag(name) for name in ("first", "second", "third"))
    await offer(fleet, one, two)

    async def once(number: int) -> None:
        repository = repository_of(number)
        await mount(fleet, repository, one, two)
        await ruled[id(fleet.any())].put(repository, one, first, second)
        await fleet.race(
            lambda node: ruled[id(node)].put(repository, two, first),
            lambda node: ruled[id(node)].deletes.tag(BY, repository, second),
            lambda node: ruled[id(node)].put(repository, one, third),
            lambda node: ruled[id(node)].put(repository, two, third),
        )
        assert await fleet.any().db.read(wrongly_noted, repository) == []

    await repeat(TIMES, once)


def wrongly_noted(tx: Connection, repository: RepoName) -> list[str]:
    """Manifests that had a tag, of which is not noted whether they have one now."""
    id = repos.require(tx, repository)
    tagged = set(tx.execute(select(tag_rows.c.digest).where(tag_rows.c.repository_id == id)).scalars())
    rows = tx.execute(
        select(manifest_rows.c.digest, manifest_rows.c.untagged_at).where(manifest_rows.c.repository_id == id)
    )
    return [digest for digest, at in rows if (digest in tagged) != (at is None)]


@pytest.mark.system
@pytest.mark.postgresql
def test_rules_wait_for_who_goes_by_them_and_those_do_not_wait_for_each_other(
    migrated_database: str, postgres_server: str
) -> None:
    """Two connections, one after the other, so that it does not take luck to meet."""
    with fresh_database(postgres_server, template=migrated_database) as url:
        db = open_database(url)
        with db.engine.connect() as pushing, db.engine.connect() as changing, db.engine.connect() as another:
            policy_sections.hold(pushing, "tags")
            policy_sections.hold(another, "tags")
            changing.exec_driver_sql("SET lock_timeout = '50ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                policy_sections.write(changing, "tags", "[]", 0.0)
            changing.rollback()
            pushing.rollback()
            another.rollback()
            policy_sections.write(changing, "tags", "[]", 0.0)
        db.engine.dispose()
