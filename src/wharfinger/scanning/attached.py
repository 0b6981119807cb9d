"""VEX documents that are pushed beside an image: noted in the transaction that brings or takes one, read by a job.

push, or tag ─ noted, by whom ─ job ─▶ its layers are read ─▶ what they say is kept, and the image judged again
trash, restored, pushed again ─▶ the image is judged again in the same transaction

Whether what one says counts is not decided here, but whenever an image is judged: see ``trusting.py``.
"""

import asyncio
import json
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.blobs.store import BlobStore
from wharfinger.errors import BlobUnknown, RequestInvalid
from wharfinger.jobs.housekeeper import Sweep
from wharfinger.meta import blobs, jobs, manifests, repos, vex_attached
from wharfinger.meta.blobs import Blob
from wharfinger.meta.db import Database
from wharfinger.meta.jobs import Job
from wharfinger.meta.vex_attached import Attached
from wharfinger.registry.tag_changes import TagChange, Where
from wharfinger.scanning import attached_before
from wharfinger.scanning.attached_before import BEFORE
from wharfinger.scanning.exceptions import Concerned
from wharfinger.scanning.trust import Trust
from wharfinger.scanning.trusting import ALL, KIND, PAGE
from wharfinger.scanning.vex import attached, stored
from wharfinger.scanning.vex.statements import Statement
from wharfinger.spec import manifest as spec
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import RepoName

COUNT_AT_MOST = 50
"""Documents about one image that count."""
KEPT_AT_MOST = 8 * 1024 * 1024
AUTHOR_AT_MOST = 200
PROBLEM_AT_MOST = 500


Brought = tuple[str, Collection[str]]
"""Who has brought one, and the principals that they had then."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What the layers of one manifest say."""

    statements: Sequence[Statement] = ()
    author: str = ""
    problem: str = ""


class AttachedDocuments:
    """``changed`` is told of images that may be judged otherwise now, in the transaction in which that comes about."""

    def __init__(self, db: Database, store: BlobStore, now: Callable[[], float], changed: Concerned) -> None:
        self._db = db
        self._store = store
        self._now = now
        self._changed = changed

    # --- in somebody else's transaction

    def on_push(self, tx: Connection, by: Caller, where: Where, manifest: Manifest, now: float) -> None:
        """A manifest was pushed: perhaps a document, perhaps what documents are about."""
        brought = by.name, by.identity.principals
        if attached.parts(manifest):
            if manifest.subject is not None:
                self._bring(tx, where, manifest.digest, manifest.subject, brought, now)
            else:  # one that has a tag already is from now on theirs, too
                vex_attached.bring_back(tx, where.id, [manifest.digest], brought, now)
        self.went(tx, where, [manifest.digest])

    def tagged(self, tx: Connection, by: Caller, where: Where, changes: Sequence[TagChange], now: float) -> None:
        """Tags point elsewhere: perhaps those under which documents lie, which count only as long as they do."""
        for change in changes:
            subject = attached.subject_of(change.tag)
            if subject is None:
                continue
            if change.before is not None:
                self._untagged(tx, where, change.before)
            if change.after is not None:
                self._tagged(tx, where, change.after, subject, (by.name, by.identity.principals), now)

    def _tagged(
        self, tx: Connection, where: Where, digest: Digest, subject: Digest, brought: Brought, now: float
    ) -> None:
        found = manifests.find(tx, where.name, digest)
        manifest = None if found is None else spec.parse(found.raw, found.media_type, found.digest)
        if manifest is not None and manifest.subject in {None, subject} and attached.parts(manifest):
            self._bring(tx, where, digest, subject, brought, now)
            self.went(tx, where, [digest])

    def _untagged(self, tx: Connection, where: Where, digest: Digest) -> None:
        images = vex_attached.concerned(tx, where.id, [digest])
        if vex_attached.forget_tagged(tx, where.id, digest) and images:
            self._changed(tx, sorted(images))

    def _bring(
        self, tx: Connection, where: Where, digest: Digest, subject: Digest, brought: Brought, now: float
    ) -> None:
        vex_attached.bring(tx, where.id, digest, subject, brought, now)
        self._ask(tx, where.name, digest, now)

    def came(self, tx: Connection, by: Caller, where: Where, digests: Sequence[Digest]) -> None:
        """These are back out of the trash, by the hand of ``by``, whose word they are from now on."""
        brought = by.name, by.identity.principals
        for digest, subject in attached_before.among(tx, where.id, digests):
            self._bring(tx, where, digest, subject, brought, by.now)
        for unread in vex_attached.bring_back(tx, where.id, digests, brought, by.now):
            self._ask(tx, where.name, unread, by.now)
        self.went(tx, where, digests)

    def went(self, tx: Connection, where: Where, digests: Sequence[Digest]) -> None:
        """These are gone, or there again: what is said by them or about them may be otherwise now."""
        images = vex_attached.concerned(tx, where.id, digests)
        if images:
            self._changed(tx, sorted(images))

    def _ask(self, tx: Connection, repository: RepoName, digest: Digest, now: float) -> None:
        jobs.enqueue(tx, KIND, f"{digest} {repository}", {"repository": repository, "digest": digest}, now)

    # --- by itself

    async def work(self, job: Job) -> None:
        """Read a document, look for older ones, or judge again wherever one lies. Safe to repeat.

        Raises Unavailable, to be tried again.
        """
        if job.key == ALL:
            await self._judge_all()
        elif job.key == BEFORE:
            await self._db.write(self._look_back, job.payload)
        else:
            await self._read(RepoName(str(job.payload["repository"])), Digest(str(job.payload["digest"])))

    def sweeps(self) -> dict[str, Sweep]:
        """What is done every minute."""
        return {"VEX documents that are gone": self.sweep}

    async def sweep(self) -> int:
        """Forget documents that are gone for good; how many."""
        return await self._db.write(vex_attached.forget_gone)

    def _look_back(self, tx: Connection, payload: Mapping[str, Any]) -> None:
        now = self._now()
        attached_before.look(tx, payload, lambda each: self._ask(tx, each.repository, each.digest, now), now)

    async def _judge_all(self) -> None:
        last = ("", "")
        while page := await self._db.read(vex_attached.page, last, PAGE):
            for each in page:
                await self._db.write(self._judge, each)
            last = page[-1].repository, page[-1].manifest

    def _judge(self, tx: Connection, document: Attached) -> None:
        where = Where(document.repository, repos.require(tx, document.repository))
        self.went(tx, where, [document.manifest])

    async def _read(self, repository: RepoName, digest: Digest) -> None:
        found = await self._db.read(manifests.find, repository, digest)
        noted = await self._db.read(vex_attached.find, repository, digest)
        if found is None or noted is None:
            return  # it is in the trash, or has lost its tag; when it comes back, it is asked for again
        manifest = spec.parse(found.raw, found.media_type, found.digest)
        read = await self._said(repository, manifest, noted.subject)
        body = None
        if read is not None and read.statements:
            body = await asyncio.to_thread(_packed, read.statements)
            if body is None:
                read, body = _Read(problem=f"what it says takes more than {KEPT_AT_MOST} bytes"), None
        await self._db.write(self._keep, repository, manifest, read, body)

    async def _said(self, repository: RepoName, manifest: Manifest, subject: Digest) -> _Read | None:
        """What its layers say; None where none of them is a VEX document, and it never said that it was one."""
        name, found, authors = manifest.digest[:19], list[Statement](), list[str]()
        for part in attached.parts(manifest):
            try:
                raw = await self._bytes(repository, part)
                read = await asyncio.to_thread(attached.read, raw, subject, name)
            except (RequestInvalid, BlobUnknown) as refused:
                return _Read(problem=refused.message[:PROBLEM_AT_MOST])
            if read is not None:
                found += read[0]
                authors.append(read[1])
        if len(found) > attached.STATEMENTS_AT_MOST:
            return _Read(problem=f"more than {attached.STATEMENTS_AT_MOST} statements")
        if not found:
            return _Read(problem="there is no statement in it") if attached.claims(manifest) else None
        return _Read(found, _printable(next(filter(None, authors), "")))

    async def _bytes(self, repository: RepoName, part: Descriptor) -> bytes:
        if part.size > attached.BYTES_AT_MOST:
            raise RequestInvalid(f"a document beside an image has at most {attached.BYTES_AT_MOST} bytes")
        blob: Blob | None = await self._db.read(blobs.find_in, repository, part.digest)
        if blob is None:
            raise BlobUnknown("its bytes are not there", digest=part.digest)
        return b"".join([chunk async for chunk in self._store.read(blob.location, 0, blob.size)])

    def _keep(
        self, tx: Connection, repository: RepoName, manifest: Manifest, read: _Read | None, body: bytes | None
    ) -> None:
        where = Where(repository, repos.require(tx, repository))
        if read is None:
            vex_attached.forget(tx, where.id, manifest.digest)
            return
        vex_attached.read(
            tx,
            where.id,
            manifest.digest,
            self._now(),
            author=read.author,
            statements=len(read.statements),
            problem=read.problem,
            body=body,
        )
        self.went(tx, where, [manifest.digest])


@dataclass(frozen=True, slots=True)
class Beside:
    """A document about an image; the rule by which it counts, or why it does not."""

    document: Attached
    rule: str
    why_not: str


def beside(tx: Connection, trust: Trust, repository: RepoName, subjects: Sequence[Digest]) -> list[Beside]:
    """The documents about an image or the indexes that it is in, those brought last first."""
    found, counted = [], 0
    for each in vex_attached.about(tx, repository, subjects):
        rule = trust.rule(repository, each.principals)
        why_not = _why_not(each) or ("" if rule else _untrusted(each))
        if not why_not and counted >= COUNT_AT_MOST:
            why_not = f"{COUNT_AT_MOST} others that were brought later count already"
        counted += not why_not
        found.append(Beside(each, rule.name if rule and not why_not else "", why_not))
    return found


def _why_not(document: Attached) -> str:
    return document.problem or ("it was not read yet" if document.read_at is None else "")


def _untrusted(document: Attached) -> str:
    if not document.brought_by:
        return "it was pushed before that was noted, so no rule trusts who brought it: push it again"
    return f"no rule trusts {document.brought_by}, who brought it"


def statements(tx: Connection, trust: Trust, repository: RepoName, subjects: Sequence[Digest]) -> Iterator[Statement]:
    """What the documents say that count, those brought last first."""
    found = [each.document for each in beside(tx, trust, repository, subjects) if not each.why_not]
    bodies = vex_attached.bodies(tx, repository, [each.manifest for each in found])
    for each in found:
        by = f"{f' by {each.author}' if each.author else ''}, pushed by {each.brought_by or 'somebody, long ago'}"
        for fields in json.loads(zlib.decompress(bodies[each.manifest])) if each.manifest in bodies else ():
            said = stored.statement(fields)
            yield stored.placed(said, f"{said.where}, VEX document beside the image{by}")


def _packed(said: Sequence[Statement]) -> bytes | None:
    text = json.dumps([stored.plain(each) for each in said]).encode()
    return zlib.compress(text) if len(text) <= KEPT_AT_MOST else None


def _printable(author: str) -> str:
    return "".join(letter for letter in " ".join(author.split())[:AUTHOR_AT_MOST] if letter.isprintable())
