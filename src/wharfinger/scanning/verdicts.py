"""Scanning on push: every image that is pushed is catalogued and judged, and judged again when advisories change.

push ─ job, in its transaction ─▶ layers, each read once ─▶ catalogue ─▶ advisories ─▶ verdict, in place of the last
"""

import asyncio
import json
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from wharfinger.blobs.store import BlobStore
from wharfinger.meta import jobs, manifests, verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.jobs import Job
from wharfinger.meta.verdicts import Verdict
from wharfinger.scanning import matching, report
from wharfinger.scanning.advisories.known import NOTHING, Known
from wharfinger.scanning.advisories.opening import open_database
from wharfinger.scanning.cataloguing import CATALOGUER, LayerCatalogue, LayerSource, catalogue_layers, squash
from wharfinger.scanning.findings import Severity
from wharfinger.scanning.packages import Catalogue, Problem
from wharfinger.scanning.pushed import KIND
from wharfinger.scanning.scans import ImageScan
from wharfinger.scanning.targets.images import Image, images
from wharfinger.scanning.targets.opening import Opened
from wharfinger.scanning.targets.place import Root
from wharfinger.scanning.targets.stored import Stored
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

AT_ONCE = 50

Changed = Callable[[Connection, Collection[Digest]], None]
"""Told in the transaction that changes what is known of these images: what follows from it holds with it."""


def nobody(_tx: Connection, _digests: Collection[Digest]) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class _About:
    """The image that a verdict is on."""

    digest: Digest
    repository: RepoName
    config: Digest
    platform: str
    layers: tuple[Digest, ...]


class Verdicts:
    """Makes verdicts, by the advisories in a file; where there is none, nothing is assessed, which is not clean."""

    def __init__(
        self,
        db: Database,
        store: BlobStore,
        advisories: Path,
        now: Callable[[], float],
        changed: Changed = nobody,
    ) -> None:
        self._db = db
        self._store = store
        self._advisories = advisories
        self._now = now
        self._changed = changed

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
        layers = tuple(Digest(each.digest) for each in image.layers or ())
        about = _About(digest, repository, config, image.platform, layers)
        with self._open() as advisories:
            await self._judged(about, catalogue, advisories)

    async def _catalogue(self, opened: Opened, image: Image) -> Catalogue:
        if image.layers is None:
            return Catalogue((), nothing_to_scan=True)
        if image.trouble:
            return Catalogue((), problems=(Problem(image.digest, "", image.trouble),))
        layers = opened.layers(image)
        known = await self._known([Digest(layer.digest) for layer in layers])
        unread = {layer.digest: layer for layer in layers if layer.digest not in known}
        read = await asyncio.to_thread(_read, unread.values())
        for each in read:
            if not each.problems:  # what could not be read this time may be another
                body = zlib.compress(each.to_json(), 1)
                await self._db.write(verdicts.keep_catalogue, Digest(each.layer), CATALOGUER, body, self._now())
        whole = known | {Digest(each.layer): each for each in read}
        return squash(tuple(whole[Digest(layer.digest)] for layer in layers))

    async def _known(self, layers: Sequence[Digest]) -> dict[Digest, LayerCatalogue]:
        kept = await self._db.read(verdicts.catalogues, layers, CATALOGUER)
        return {digest: LayerCatalogue.from_json(zlib.decompress(body)) for digest, body in kept.items()}

    async def judge_again(self) -> int:
        """Judge by the present advisories whatever was judged by others; how many. Nothing is read again for it.

        What an older cataloguer read is put into the queue, and keeps its verdict until it has been read.
        """
        with self._open() as advisories:
            count, after = 0, ""
            while old := await self._db.read(verdicts.outdated, advisories.sha256, CATALOGUER, after, AT_ONCE):
                count += [await self._again(verdict, advisories) for verdict in old].count(True)
                after = old[-1].digest
            return count

    async def _again(self, verdict: Verdict, advisories: Known) -> bool:
        known = await self._known(verdict.layers)
        if not known or not known.keys() >= set(verdict.layers):
            await self._db.write(jobs.enqueue, KIND, verdict.digest, {"repository": verdict.repository}, self._now())
            return False
        catalogue = squash(tuple(known[layer] for layer in verdict.layers))
        about = _About(verdict.digest, verdict.repository, verdict.config, verdict.platform, verdict.layers)
        await self._judged(about, catalogue, advisories)
        return True

    async def sweep(self) -> int:
        """Forget what is known of images that are gone; how many."""
        return await self._db.write(verdicts.forget_gone)

    async def _judged(self, about: "_About", catalogue: Catalogue, advisories: Known) -> None:
        now = self._now()
        today = datetime.fromtimestamp(now, UTC).date()
        matched = await asyncio.to_thread(matching.match, catalogue, advisories, today=today)
        scan = ImageScan(about.digest, about.platform, catalogue, matched)
        counts = Counter(finding.severity for finding in matched.findings)
        verdict = Verdict(
            digest=about.digest,
            repository=about.repository,
            config=about.config,
            platform=about.platform,
            layers=about.layers,
            status=scan.status,
            counts={each.value: counts[each] for each in Severity},
            advisories=advisories.sha256,
            sources=dict(advisories.sources),
            cataloguer=CATALOGUER,
            isolation=catalogue.isolation,
            judged_at=now,
            report=zlib.compress(json.dumps(report.image(scan)).encode()),
        )
        await self._db.write(self._put, verdict)

    def _put(self, tx: Connection, verdict: Verdict) -> None:
        verdicts.put(tx, verdict)
        self._changed(tx, [verdict.digest])

    @contextmanager
    def _open(self) -> Iterator[Known]:
        """The advisories as they are now: another set is another file, moved over the last one."""
        if not self._advisories.is_file():
            yield NOTHING
            return
        known = open_database(self._advisories)
        try:
            yield known
        finally:
            known.close()


def _read(layers: Iterable[LayerSource]) -> list[LayerCatalogue]:
    return list(catalogue_layers(list(layers)))
