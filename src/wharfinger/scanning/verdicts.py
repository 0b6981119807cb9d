"""Scanning on push: every image that is pushed is catalogued and judged, and judged again when advisories change.

push ─ job, in its transaction ─▶ layers, each read once ─▶ catalogue ─▶ versions of packages ─▶ advisories ─▶ verdict
"""

import asyncio
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from wharfinger.blobs.store import BlobStore
from wharfinger.meta import advisory_sets, jobs, manifests, package_versions, verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.jobs import Job
from wharfinger.meta.judged import AdvisorySet, PackageVersion, Release
from wharfinger.meta.verdicts import Scanned
from wharfinger.scanning import report
from wharfinger.scanning.advisories.holding import Held
from wharfinger.scanning.advisories.known import Known
from wharfinger.scanning.cataloguing import CATALOGUER, squash
from wharfinger.scanning.confining import Readers
from wharfinger.scanning.following import Following
from wharfinger.scanning.judging import Changed, Judged, Judging, judge, nobody, note
from wharfinger.scanning.kept_layers import KeptLayers
from wharfinger.scanning.outcomes import versions_of
from wharfinger.scanning.packages import Catalogue, Problem
from wharfinger.scanning.pushed import KIND
from wharfinger.scanning.targets.images import Image, images
from wharfinger.scanning.targets.opening import Opened
from wharfinger.scanning.targets.place import Root
from wharfinger.scanning.targets.stored import Stored
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

AT_ONCE = 50
FORGOTTEN_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class _Judged:
    """An image, its packages, and what a set of advisories says of those that were not known before."""

    scanned: Scanned
    packages: Sequence[PackageVersion]
    set: AdvisorySet
    release: Release | None
    new: Sequence[PackageVersion]
    said: Judged


class Verdicts:
    """Makes verdicts, by the advisories in a file; where there is none, nothing is assessed, which is not clean.

    ``changed`` is told of images whose verdicts say something else, in the transaction that writes them; ``took`` of
    how many seconds there were from asking for a scan to the verdict.
    """

    def __init__(
        self,
        db: Database,
        store: BlobStore,
        advisories: Path,
        now: Callable[[], float],
        changed: Changed = nobody,
        took: Callable[[float], object] = float,
        readers: Readers | None = None,
        following: Following | None = None,
    ) -> None:
        self._db = db
        self._store = store
        self.held = Held(advisories)
        self._now = now
        self._changed = changed
        self._took = took
        self._readers = readers or Readers()
        self._layers = KeptLayers(db, store, now, self._readers, following)
        self._judging = Judging(db, self.held, now, changed)

    def close(self) -> None:
        """Give the advisories back, and end the process that waits for layers."""
        self.held.close()
        self._readers.close()

    async def read_ahead(self, job: Job) -> None:
        """Read a layer that was pushed, before anybody knows of which image it is."""
        await self._layers.read_ahead(job)

    async def judge(self, job: Job) -> None:
        """Scan an image that was pushed. Done as well when its repository has it no more."""
        repository, digest = RepoName(str(job.payload["repository"])), Digest(job.key)
        found = await self._db.read(manifests.find, repository, digest)
        if found is None:
            return
        place = Stored(self._db, self._store, repository)
        (image,) = await asyncio.to_thread(images, place, [Root(digest, found.media_type)])
        catalogue = await self._catalogue(Opened([image], place.open), image)
        config = Digest(json.loads(found.raw)["config"]["digest"])
        await self.keep(scanned(image, repository, config, catalogue, self._now()), versions_of(catalogue))
        self._took(self._now() - job.enqueued_at)

    async def keep(self, scanned: Scanned, packages: Sequence[PackageVersion]) -> None:
        """Match what is new among its packages, and write all of it at once; again where others were quicker."""
        is_written = False
        while not is_written:
            async with self.held.now() as known:
                judged = await self._match(scanned, packages, known)
            is_written = await self._db.write(self._write, judged)

    async def _match(self, scanned: Scanned, packages: Sequence[PackageVersion], known: Known) -> _Judged:
        current = await self._judging.current(known)
        numbers = await self._db.read(package_versions.ids, [each.key for each in packages])
        new = [each for each in packages if each.key not in numbers]
        by = self._judging.judge(known)
        said = await asyncio.to_thread(judge, by, dict(enumerate(new)))
        release = None if scanned.distribution is None else by.release(scanned.distribution, scanned.release or "")
        return _Judged(scanned, packages, current, release, new, said)

    def _write(self, tx: Connection, judged: _Judged) -> bool:
        """Whether it was written, and need not be matched again."""
        if not advisory_sets.hold(tx, judged.set.id):
            return False
        known = package_versions.ids(tx, [each.key for each in judged.packages])
        added = [each for each in judged.new if each.key not in known]
        if len({*known, *(each.key for each in added)}) < len({each.key for each in judged.packages}):
            return False  # what was known before was forgotten meanwhile
        numbers = known | package_versions.add(tx, added)
        by_number = {numbers[each.key]: judged.said.keys[n] for n, each in enumerate(judged.new) if each in added}
        note(tx, judged.set.id, Judged(by_number, judged.said.outcomes), self._now())
        if judged.release is not None:
            advisory_sets.say(tx, judged.set.id, [judged.release])
        image = verdicts.put_image(tx, judged.scanned)
        package_versions.put(tx, image, list(numbers.values()))
        verdicts.put(tx, image, judged.set.id, judged.scanned.own_status, self._now())
        self._changed(tx, [judged.scanned.digest])
        return True

    async def _catalogue(self, opened: Opened, image: Image) -> Catalogue:
        if image.layers is None:
            return Catalogue((), nothing_to_scan=True)
        if image.trouble:
            return Catalogue((), problems=(Problem(image.digest, "", image.trouble),))
        return squash(await self._layers.catalogues(opened.layers(image)))

    async def judge_again(self) -> int:
        """Judge by the present advisories whatever was judged by others; how many. Nothing is read again for it."""
        return await self._judging.run()

    async def read_again(self) -> int:
        """Let what an older cataloguer read be scanned again; it keeps its verdict until it has been. How many."""
        count, after = 0, ""
        while some := await self._db.write(self._ask, after):
            count, after = count + some[0], some[1]
        return count

    def _ask(self, tx: Connection, after: str) -> tuple[int, str] | None:
        old = verdicts.read_by_others(tx, CATALOGUER, after, AT_ONCE)
        if not old:
            return None
        waiting = jobs.waiting_for(tx, KIND, [digest for digest, _ in old])
        missing = [each for each in old if each[0] not in waiting]
        for digest, repository in missing:
            jobs.enqueue(tx, KIND, digest, {"repository": repository}, self._now())
        return len(missing), old[-1][0]

    async def sweep(self) -> int:
        """Forget what is known of images that are gone, and of packages that no image has; how many."""
        gone = await self._db.write(verdicts.forget_gone)
        return gone + await self._db.write(package_versions.forget_unused, FORGOTTEN_AT_ONCE)


def scanned(image: Image, repository: RepoName, config: Digest, catalogue: Catalogue, now: float) -> Scanned:
    """What is kept of an image itself."""
    distribution = catalogue.distribution
    own = "nothing-to-scan" if catalogue.nothing_to_scan else "partial" if catalogue.problems else None
    return Scanned(
        digest=image.digest,
        repository=repository,
        config=config,
        platform=image.platform,
        layers=tuple(Digest(each.digest) for each in image.layers or ()),
        distribution=None if distribution is None else distribution.id,
        release=None if distribution is None else distribution.version,
        cataloguer=CATALOGUER,
        isolation=catalogue.isolation,
        scanned_at=now,
        own_status=own,
        catalogue=zlib.compress(json.dumps(report.catalogue(catalogue)).encode()),
    )
