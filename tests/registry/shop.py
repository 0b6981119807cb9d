"""One repository with rules and a trash, over a real database."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Table, select

from tests.kit.clock import Clock
from tests.kit.images import Image
from tests.kit.memory_store import MemoryStore
from wharfinger.access.caller import Caller
from wharfinger.access.changes import EVERYTHING
from wharfinger.access.grants import Identity, Policy
from wharfinger.access.snapshot import Snapshot
from wharfinger.meta import audit, blobs, policy_sections, repos
from wharfinger.meta.audit import Filter, Record
from wharfinger.meta.blobs import Blob
from wharfinger.meta.db import Database
from wharfinger.meta.history import How
from wharfinger.meta.schema import blob_links, manifest_blobs, manifest_children, manifests, tags
from wharfinger.meta.schema_trash import trash, trash_blobs, trash_children, trash_tags
from wharfinger.registry.deletes import Deletes
from wharfinger.registry.facts import ImageFacts
from wharfinger.registry.holds import Holds
from wharfinger.registry.in_use import InUse
from wharfinger.registry.manifests import Manifests, Sparse
from wharfinger.registry.purges import Purges
from wharfinger.registry.tag_changes import Precondition, TagChanges, Where
from wharfinger.registry.trash import Returned, Trash
from wharfinger.spec import manifest as parsed
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.tagging.guard import RuleBook, TagGuard
from wharfinger.tagging.tagging import Tagging, Wanted

REPO = names.repository("shop/web")
ANN = Policy((replace(EVERYTHING, principal="ann"),))
"""Who may do everything, as far as permissions go."""
LIVE = (manifests, manifest_blobs, manifest_children, tags, blob_links)
TRASH = (trash, trash_blobs, trash_children, trash_tags)


class Shop:
    """What a test does to the repository, in few words."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock
        self.silent: list[int] = []
        self.guard = guard = TagGuard(RuleBook())
        self.changes = changes = TagChanges(guard)
        self.trash = Trash(db, clock, changes)
        self.store = MemoryStore()
        self.facts = facts = ImageFacts(db, self.store)
        self._strict = Manifests(db, clock, sparse=Sparse.REFUSE, trash=self.trash, facts=facts, tags=changes)
        self._sparse = Manifests(db, clock, sparse=Sparse.ALLOW, trash=self.trash, facts=facts, tags=changes)
        self.deletes = Deletes(db, self.trash, changes)
        self.holds = Holds(db, clock)
        self.in_use = InUse(db, clock, self.silent.append)
        self.purges = Purges(db, self.trash)
        self.tagging = Tagging(db, clock, guard, changes)

    def by(self, name: str = "ann") -> Caller:
        """Somebody at this moment; only ann may do anything."""
        return Caller(Identity(name, (name,)), Snapshot(policy=ANN), self.clock())

    async def rules(self, *rules: dict[str, object]) -> None:
        await self.db.write(policy_sections.write, "tags", json.dumps(rules), 0.0)

    # --- pushing

    async def push(self, what: Image, *named: str) -> None:
        """All of it, the children first."""
        for child in what.children:
            await self.push(child)
        await self.db.write(self._blobs, what)
        await self.put(what, *named)

    def _blobs(self, tx: Connection, what: Image) -> None:
        for digest, content in what.blobs.items():
            self.store.objects[Location(f"blobs/{digest}")] = content
            blobs.add(tx, Blob(digest, len(content), Location(f"blobs/{digest}")), self.clock())
            blobs.link(tx, REPO, digest, self.clock(), self.clock() + 86400)

    async def put(
        self, what: Image, *named: str, sparse: bool = False, by: str = "ann", condition: Precondition | None = None
    ) -> None:
        """The manifest alone."""
        manifest = parsed.parse(what.raw, what.media_type)
        service, wanted = self._sparse if sparse else self._strict, [names.tag(name) for name in named]
        await service.put(self.by(by), REPO, manifest, wanted, condition or Precondition(), lambda _tag: None)

    async def tag(self, what: Image, *named: str) -> None:
        await self.tagging.tag(self.by(), REPO, what.digest, Wanted(names=[names.tag(name) for name in named]))

    async def untag(self, name: str) -> None:
        await self.deletes.tag(self.by(), REPO, names.tag(name))

    # --- the trash

    async def delete(self, *going: Image, root: Image | None = None) -> None:
        """Each by itself, or all in one deletion that is about ``root``."""
        if root is not None:
            await self.db.write(self._delete, going, root)
        else:
            for one in going:
                await self.deletes.manifest(self.by(), REPO, one.digest)

    def _delete(self, tx: Connection, going: Sequence[Image], root: Image) -> None:
        where, digests = Where(REPO, repos.require(tx, REPO)), [one.digest for one in going]
        self.trash.put(tx, self.by(), where, digests, root=root.digest, why="old", how=How.LIFECYCLE)

    async def restore(self, what: Image, by: str = "ann") -> Returned:
        return await self.trash.restore(self.by(by), REPO, what.digest)

    async def empty(self, *gone: Image) -> list[Digest]:
        return await self.trash.empty(self.by(), REPO, [one.digest for one in gone])

    # --- looking

    async def rows(self, *tables: Table) -> dict[str, list[dict[str, Any]]]:
        """What stands in them, in an order that does not matter."""
        return await self.db.read(_rows, tables)

    async def live(self) -> set[str]:
        """The manifests that are there."""
        return {row["digest"] for row in (await self.rows(manifests))["manifests"]}

    async def trashed(self) -> set[str]:
        """The manifests in the trash."""
        return {row["digest"] for row in (await self.rows(trash))["trash"]}

    async def tags(self) -> dict[str, str]:
        """Where every tag is."""
        return {row["name"]: row["digest"] for row in (await self.rows(tags))["tags"]}

    async def told(self, action: str) -> list[Record]:
        """What the audit trail has of this."""
        return await self.db.read(audit.page, Filter(action=action), None, 100)


def _rows(tx: Connection, tables: Sequence[Table]) -> dict[str, list[dict[str, Any]]]:
    return {table.name: sorted((dict(row._mapping) for row in tx.execute(select(table))), key=repr) for table in tables}
