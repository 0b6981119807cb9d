"""What a push asks for, and what is known of what was pushed. Nothing here reads a layer: see ``verdicts.py``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.errors import ManifestUnknown
from wharfinger.meta import jobs, manifests, repos, scanners, verdicts
from wharfinger.meta.manifests import Stored
from wharfinger.meta.verdicts import Verdict
from wharfinger.registry.tag_changes import Where
from wharfinger.scanning import reports
from wharfinger.scanning.targets.images import CONFIGS
from wharfinger.spec import manifest as spec
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import Reference, RepoName, Tag, is_digest

KIND = "scan"
DEPTH_AT_MOST = 8

State = Literal["judged", "waiting", "unscanned", "nothing-to-scan"]


@dataclass(frozen=True, slots=True)
class Scanned:
    """A manifest that is no index, and what is known of it; of one that waits, the last verdict where there is one.

    ``report`` is what ``docs/scan.schema.json`` calls an image; empty without a verdict.
    """

    digest: Digest
    state: State
    verdict: Verdict | None = None
    report: Mapping[str, Any] = field(default_factory=dict)


def on_push(tx: Connection, _by: Caller, where: Where, manifest: Manifest, now: float) -> None:
    """Let an image be scanned; an index is known by its images, and charts and signatures have no file system."""
    _ask(tx, where.name, manifest, now)


def _ask(tx: Connection, repository: RepoName, manifest: Manifest, now: float) -> None:
    if is_image(manifest):
        jobs.enqueue(tx, KIND, manifest.digest, {"repository": repository}, now)
        scanners.ask_all(tx, repository, manifest.digest, now)


def ask(tx: Connection, repository: RepoName, reference: Reference, now: float) -> int:
    """Let an image, or all of an index, be scanned again; how many. Raises NameUnknown or ManifestUnknown."""
    wanted = [each for each in _below(tx, repository, _find(tx, repository, reference)) if is_image(each)]
    for manifest in wanted:
        _ask(tx, repository, manifest, now)
    return len(wanted)


def of(tx: Connection, repository: RepoName, reference: Reference) -> list[Scanned]:
    """What is known of an image, or of every image of an index. Raises NameUnknown or ManifestUnknown."""
    found = list(_below(tx, repository, _find(tx, repository, reference)))
    digests = [each.digest for each in found]
    known, waiting = verdicts.find(tx, digests), jobs.waiting_for(tx, KIND, digests)
    return [_scanned(tx, each, known.get(each.digest), waits=each.digest in waiting) for each in found]


def _scanned(tx: Connection, manifest: Manifest, verdict: Verdict | None, *, waits: bool) -> Scanned:
    if not is_image(manifest):
        return Scanned(manifest.digest, "nothing-to-scan")
    report = {} if verdict is None else reports.report(tx, verdict)
    return Scanned(manifest.digest, "waiting" if waits else "judged" if verdict else "unscanned", verdict, report)


def is_image(manifest: Manifest) -> bool:
    """Whether it is what is scanned: an index is known by its images, and charts have no file system."""
    return not manifest.children and bool(manifest.blobs) and manifest.blobs[0].media_type in CONFIGS


def _find(tx: Connection, repository: RepoName, reference: Reference) -> Stored:
    if is_digest(reference):
        found = manifests.find(tx, repository, Digest(reference))
    else:
        found = manifests.find_tagged(tx, repository, Tag(reference))
    if found is None:
        repos.require(tx, repository)
        raise ManifestUnknown(f"{reference} is not known in {repository}", reference=reference)
    return found


def _below(tx: Connection, repository: RepoName, stored: Stored, depth: int = 0) -> Iterator[Manifest]:
    """The manifest, or those of an index that the repository holds, however far below."""
    manifest = spec.parse(stored.raw, stored.media_type, stored.digest)
    if not manifest.children:
        yield manifest
        return
    for digest in dict.fromkeys(child.digest for child in manifest.children) if depth < DEPTH_AT_MOST else ():
        child = manifests.find(tx, repository, digest)
        if child is not None:
            yield from _below(tx, repository, child, depth + 1)
