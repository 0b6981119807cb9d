"""Pushes, deletions, restorations and tags in any order: the registry and a model of dictionaries agree."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, delete

from tests.kit.clock import Clock
from tests.kit.effort import times
from tests.kit.images import Image, image, index
from tests.registry.shop import Shop
from wharfinger.errors import Refusal
from wharfinger.meta.db import Database
from wharfinger.meta.schema import manifest_blobs, manifest_children, manifests, tags
from wharfinger.meta.schema_trash import trash, trash_blobs, trash_children, trash_tags
from wharfinger.registry.trash import Returned

APP, OTHER = image(seed=1), image(seed=2)
SIGNATURE = image(artifact_type="application/vnd.example", subject=APP, seed=3)
ABOUT_BOTH_TIMES = image(artifact_type="application/vnd.example", subject=SIGNATURE, seed=4)
BOTH, ONE = index([APP, OTHER]), index([APP])
IMAGES = [APP, OTHER, SIGNATURE, ABOUT_BOTH_TIMES, BOTH, ONE]
SUBJECT: dict[str, str] = {SIGNATURE.digest: APP.digest, ABOUT_BOTH_TIMES.digest: SIGNATURE.digest}
CHILDREN: dict[str, set[str]] = {one.digest: {child.digest for child in one.children} for one in IMAGES}
IMMUTABLE: dict[str, object] = {"name": "fixed", "repositories": "**", "tags": "fixed", "immutable": True}

images = st.sampled_from(IMAGES)
names = st.lists(st.sampled_from(["a", "b", "fixed"]), unique=True, max_size=2)


@dataclass
class Gone:
    """What the model has in its trash."""

    root: str
    tags: dict[str, float]
    at: float


@dataclass
class Model:
    """A repository. Every method returns the name of the refusal, or empty; then nothing has changed."""

    live: set[str] = field(default_factory=set)
    tags: dict[str, tuple[str, float]] = field(default_factory=dict)
    trash: dict[str, Gone] = field(default_factory=dict)

    def push(self, digest: str, named: Iterable[str], now: float) -> str:
        if CHILDREN[digest] - self.live:
            return "ManifestBlobUnknown"
        family = self.family(digest) if digest in self.trash else set()
        left = any("fixed" in gone.tags for other, gone in self.trash.items() if other not in family)
        tags = self.tags | self._comes_back(digest, named, family, left=left)
        if "fixed" in named and (tags.get("fixed", (digest,))[0] != digest or ("fixed" not in tags and left)):
            return "Denied"
        for one in family:
            del self.trash[one]
        self.live |= family | {digest}
        self.tags = tags | dict.fromkeys(named, (digest, now))
        return ""

    def _comes_back(
        self, digest: str, named: Iterable[str], family: set[str], *, left: bool
    ) -> dict[str, tuple[str, float]]:
        """The immutable tag that the push of one in the trash brings back, unless it sets that itself."""
        had = [(self.trash[one].tags["fixed"], one) for one in family if "fixed" in self.trash[one].tags]
        if not had or "fixed" in self.tags or left:
            return {}
        at, holder = max(had)
        return {} if holder == digest and "fixed" in named else {"fixed": (holder, at)}

    def delete(self, digests: set[str], root: str, now: float) -> str:
        if digests - self.live:
            return "ManifestUnknown"
        if any(CHILDREN[one] & digests for one in self.live - digests):
            return "InUse"
        for one in digests:
            self.trash[one] = Gone(root, {name: at for name, (digest, at) in self.tags.items() if digest == one}, now)
        self.live -= digests
        self.tags = {name: pointed for name, pointed in self.tags.items() if pointed[0] not in digests}
        return ""

    def restore(self, digest: str) -> str:
        if digest not in self.trash:
            return "ManifestUnknown"
        back = {one: self.trash.pop(one) for one in self.family(digest)}
        self.live |= back.keys()
        had = sorted(((-at, name, one) for one, gone in back.items() for name, at in gone.tags.items()))
        for at, name, one in had:
            taken = name == "fixed" and any(name in gone.tags for gone in self.trash.values())
            if name not in self.tags and not taken:
                self.tags[name] = (one, -at)
        return ""

    def family(self, digest: str) -> set[str]:
        found = {digest} | {one for one, gone in self.trash.items() if gone.root == digest}
        while True:
            more = {child for one in found for child in CHILDREN[one] if child in self.trash}
            for one, subject in SUBJECT.items():
                if one in self.trash and subject in found and subject in self.trash:
                    more |= {one} if self.trash[one].root == self.trash[subject].root else set()
            if more <= found:
                return found
            found |= more


def wipe(tx: Connection) -> None:
    """Begin anew; blobs may stay."""
    tables = (tags, manifest_blobs, manifest_children, manifests, trash_tags, trash_blobs, trash_children, trash)
    for table in tables:
        tx.execute(delete(table))


class Trashing(RuleBasedStateMachine):
    """One repository, a few images that need each other, and three tags of which one is immutable."""

    shop: Shop
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.wait(self.shop.db.write(wipe))

    def wait(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(60)

    def outcome(self, doing: Coroutine[Any, Any, Any]) -> str:
        """Empty, or what it was refused with."""
        self.shop.clock.advance(1)
        try:
            self.wait(doing)
        except Refusal as refusal:
            return type(refusal).__name__
        return ""

    @rule(one=images, named=names)
    def push(self, one: Image, named: list[str]) -> None:
        assert self.outcome(self.shop.put(one, *named)) == self.model.push(one.digest, named, self.shop.clock())

    def one_of(self, data: st.DataObject, some: Iterable[str]) -> Image:
        """Mostly one that is there."""
        return data.draw(st.sampled_from([one for one in IMAGES if one.digest in set(some)] or IMAGES))

    @initialize(some=st.lists(images, unique_by=id))
    def begin_with(self, some: list[Image]) -> None:
        for one in some:
            self.push(one, [])

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        one = self.one_of(data, self.model.live)
        assert self.outcome(self.shop.delete(one)) == self.model.delete({one.digest}, one.digest, self.shop.clock())

    @rule(data=st.data(), more=st.sets(st.integers(0, len(IMAGES) - 1), max_size=4))
    def delete_together(self, data: st.DataObject, more: set[int]) -> None:
        one = self.one_of(data, self.model.live)
        going = [IMAGES[number] for number in more if IMAGES[number].digest in self.model.live] + [one]
        digests: set[str] = {each.digest for each in going}
        assert self.outcome(self.shop.delete(*going, root=one)) == self.model.delete(
            digests, one.digest, self.shop.clock()
        )

    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        one = self.one_of(data, self.model.trash)
        assert self.outcome(self.shop.restore(one)) == self.model.restore(one.digest)

    @rule(data=st.data())
    def empty(self, data: st.DataObject) -> None:
        one = self.one_of(data, self.model.trash)
        gone = self.wait(self.shop.empty(one))
        assert gone == ([one.digest] if self.model.trash.pop(one.digest, None) else [])

    @rule(days=st.integers(1, 4))
    def let_time_pass(self, days: int) -> None:
        self.shop.clock.advance(days=days)
        while self.wait(self.shop.trash.sweep()):
            pass
        ends = self.shop.clock() - self.shop.trash.keep.trash
        self.model.trash = {one: gone for one, gone in self.model.trash.items() if gone.at > ends}

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        rows = self.wait(self.shop.rows(manifests, tags, trash, trash_tags, manifest_children))
        assert {row["digest"] for row in rows["manifests"]} == self.model.live
        assert {row["name"]: (row["digest"], row["moved_at"]) for row in rows["tags"]} == self.model.tags
        assert {row["digest"]: row["root"] for row in rows["trash"]} == {
            one: gone.root for one, gone in self.model.trash.items()
        }
        assert {(row["manifest"], row["name"]) for row in rows["trash_tags"]} == {
            (one, name) for one, gone in self.model.trash.items() for name in gone.tags
        }
        for row in rows["manifest_children"]:
            assert (row["present"] is not None) == (row["digest"] in self.model.live)


async def test_whatever_is_done_the_trash_is_as_the_model_says(db: Database) -> None:
    shop = Shop(db, Clock())
    for one in IMAGES:
        await shop.push(one)
    await shop.rules(IMMUTABLE)
    Trashing.shop, Trashing.loop = shop, asyncio.get_running_loop()
    few = settings(max_examples=times(12), stateful_step_count=30, deadline=None)
    await asyncio.to_thread(run_state_machine_as_test, Trashing, settings=few)
    assert isinstance(await _a_round(shop), Returned)


async def _a_round(shop: Shop) -> Returned:
    """The words of this test do what they should."""
    await shop.db.write(wipe)
    await shop.put(APP)
    await shop.delete(APP)
    return await shop.restore(APP)
