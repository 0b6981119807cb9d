"""Bills of materials of images that were scanned, from what is kept of their layers: no layer is read again for one."""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.errors import RequestInvalid, ScanUnknown, TooLarge
from wharfinger.meta import verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.verdicts import Verdict
from wharfinger.registry.pulls import Pulls
from wharfinger.scanning import pushed
from wharfinger.scanning.cataloguing import CATALOGUER, LayerCatalogue, squash
from wharfinger.scanning.packages import Catalogue, Problem
from wharfinger.scanning.pushed import Scanned
from wharfinger.scanning.sbom.formats import FORMATS, Name
from wharfinger.scanning.sbom.subject import EPOCH, Subject
from wharfinger.scanning.targets.images import CONFIG_AT_MOST, Image, configured
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill of materials as it is given out; the same image is the same bytes, and so the same ``digest``."""

    text: bytes
    media_type: str
    digest: Digest


class Bills:
    """Writes bills from the kept catalogues of layers."""

    def __init__(self, db: Database, pulls: Pulls) -> None:
        self._db = db
        self._pulls = pulls

    async def bill(self, repository: RepoName, reference: Reference, format: Name, platform: str | None) -> Bill:
        """The bill of an image, or of the one for the platform in an index. Raises ScanUnknown where none was read."""
        verdict, kept = await self._db.read(_kept, repository, reference, platform)
        created = await self._created(repository, verdict.config)
        return await asyncio.to_thread(_bill, repository, verdict, kept, created, format)

    async def _created(self, repository: RepoName, config: Digest) -> str:
        """When the image says that it was made."""
        blob = await self._pulls.blob(repository, config)
        if blob.size > CONFIG_AT_MOST:
            raise TooLarge(f"the configuration {config} has more than {CONFIG_AT_MOST} bytes")
        raw = b"".join([chunk async for chunk in self._pulls.read(blob, 0, blob.size)])
        return configured(Image(config, ""), raw).created or EPOCH


def _kept(
    tx: Connection, repository: RepoName, reference: Reference, platform: str | None
) -> tuple[Verdict, Mapping[Digest, bytes]]:
    """The verdict on the image that is meant, and what is kept of its layers."""
    found = [each for each in pushed.of(tx, repository, reference) if each.state != "nothing-to-scan"]
    verdict = _meant([_verdict(each) for each in found], f"{repository} {reference}", platform)
    kept = verdicts.catalogues(tx, verdict.layers, CATALOGUER)
    if verdict.status != "partial" and not kept.keys() >= set(verdict.layers):
        raise ScanUnknown(f"{verdict.digest} is being read again, and its packages are not at hand: ask again later")
    return verdict, kept


def _verdict(scanned: Scanned) -> Verdict:
    if scanned.verdict is None:
        what = "waits to be scanned" if scanned.state == "waiting" else "was never scanned"
        raise ScanUnknown(f"{scanned.digest} {what}, so that nothing is known of its packages")
    return scanned.verdict


def _meant(verdicts: Sequence[Verdict], what: str, platform: str | None) -> Verdict:
    if not verdicts:
        raise ScanUnknown(f"{what} has no file system, so there is nothing to make a bill of")
    found = [each for each in verdicts if platform in {None, each.platform}]
    if len(found) == 1:
        return found[0]
    known = ", ".join(each.platform or "none" for each in verdicts)
    raise RequestInvalid(f"a bill of materials is of one image: {what} has images for {known}; say which platform")


def _bill(repository: RepoName, verdict: Verdict, kept: Mapping[Digest, bytes], created: str, format: Name) -> Bill:
    layers = [_layer(each, kept.get(each)) for each in verdict.layers]
    catalogue = squash(layers) if layers else Catalogue((), cataloguer=CATALOGUER)
    made = FORMATS[format]
    subject = Subject(repository, verdict.digest, verdict.platform, catalogue, created)
    text = made.text(subject).encode()
    return Bill(text, made.media_type, digests.of(text))


def _layer(layer: Digest, body: bytes | None) -> LayerCatalogue:
    if body is not None:
        return LayerCatalogue.from_json(zlib.decompress(body))
    return LayerCatalogue(layer, problems=(Problem(layer, "", "it could not be read as a whole"),))
