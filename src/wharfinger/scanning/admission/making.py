"""Makes the rows that pulls read: in the transaction that changes what is known of an image, or where the image is."""

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.meta import gates as rows
from wharfinger.meta import jobs, repos, scanners, verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.gates import Holder
from wharfinger.meta.jobs import Job
from wharfinger.registry.tag_changes import Where
from wharfinger.scanning.adapters import severities
from wharfinger.scanning.admission.book import GateBook, Gates
from wharfinger.scanning.admission.counting import Counts
from wharfinger.scanning.admission.deciding import row_of
from wharfinger.scanning.admission.rules import Outcome
from wharfinger.scanning.books import Book, Books
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import RepoName

KIND = "gates"
ALL = "all"
REPORTED = "reported"
"""Images on which scanners of others have reported: asked for when a database comes from a version that let them be."""
IN_A_JOB = 50
AT_ONCE = 500
"""Images in one transaction, whatever repositories they are in: what they share is read and weighed once."""
REPOSITORIES, LISTED = 500, 10_000


class Making:
    """Rows for whoever has an image. Where there are no rules, there are no rows."""

    def __init__(self, db: Database, book: GateBook, books: Books, now: Callable[[], float]) -> None:
        self._db = db
        self._books = books
        self._book = book
        self._now = now

    def changed(self, tx: Connection, digests: Collection[Digest]) -> None:
        """What is known of these images has changed, in this transaction: their rows change in it, too.

        So does how severe is what others have found of them.
        """
        gates, others = self._book.held(tx), scanners.every(tx)
        if gates or others:
            rows.hold(tx, digests)
        if others:
            severities.renew(tx, sorted(digests))
        if gates:
            self._make(tx, gates, rows.holders(tx, digests))

    def on_push(self, tx: Connection, _by: Caller, where: Where, manifest: Manifest, now: float) -> None:
        """An image has come into a repository: if it is known already, so is how it stands there."""
        gates = self._book.held(tx)
        if gates.within(where.name) is not None:
            rows.hold(tx, [manifest.digest])
            self._make(tx, gates, [Holder(where.id, where.name, manifest.digest, now)])

    def ask(self, tx: Connection, now: float) -> None:
        """The rules have changed: let all rows be made again."""
        jobs.enqueue(tx, KIND, ALL, {}, now)

    def ask_about(self, tx: Connection, digests: Sequence[Digest], now: float) -> None:
        """What is known of so many images has changed that their rows are not made in this transaction."""
        for start in range(0, len(digests), IN_A_JOB):
            some = digests[start : start + IN_A_JOB]
            jobs.enqueue(tx, KIND, f"{len(some)} from {some[0]}", {"images": some}, now)

    async def make_again(self, job: Job) -> None:
        """Make the rows of the images that are named, or those that are by other rules. Safe to repeat."""
        if job.key == ALL:
            await self._make_outdated()
        elif job.key == REPORTED:
            await self._db.write(self._ask_about_reported)
        else:
            await self._db.write(self.changed, [Digest(each) for each in job.payload["images"]])

    def _ask_about_reported(self, tx: Connection) -> None:
        self.ask_about(tx, scanners.reported(tx), self._now())

    async def _make_outdated(self) -> None:
        last = ""
        while page := await self._db.read(repos.page, last, REPOSITORIES):
            await self._db.write(self._begin, page)
            while images := await self._db.read(self._outdated, page):
                for start in range(0, len(images), AT_ONCE):
                    await self._db.write(self._make_some, images[start : start + AT_ONCE])
            last = page[-1]

    def _begin(self, tx: Connection, page: Sequence[RepoName]) -> None:
        gates = self._book.held(tx)
        rules = {key: gates.within(name) for name, key in repos.keys(tx, page).items()}
        rows.uncover(tx, [key for key, each in rules.items() if each is None])
        strict = [key for key, each in rules.items() if each and each.placed("unscanned").outcome is Outcome.BLOCK]
        rows.grandfather_unjudged(tx, strict, self._now())

    def _outdated(self, tx: Connection, page: Sequence[RepoName]) -> list[Holder]:
        gates = self._book.read(tx)
        rules = {key: gates.within(name) for name, key in repos.keys(tx, page).items()}
        return rows.outdated(tx, {key: each.id for key, each in rules.items() if each}, LISTED)

    def _make_some(self, tx: Connection, images: Sequence[Holder]) -> None:
        gates = self._book.held(tx)
        rows.hold(tx, [each.digest for each in images])  # what is known of them is read after this
        self._make(tx, gates, images)

    def _make(self, tx: Connection, gates: Gates, images: Sequence[Holder]) -> None:
        known = verdicts.find(tx, sorted({each.digest for each in images}))
        now = self._now()
        book = self._books.load(tx, now) if known else Book((), {})
        counts = Counts(tx, book, known, now)
        stand, unknown = [], []
        for image in images:
            rules, verdict = gates.within(image.repository), known.get(image.digest)
            if rules is None or verdict is None:
                unknown.append(image)
            else:
                stand.append((image, row_of(rules, counts.standing(rules, image, verdict))))
        rows.forget(tx, unknown)
        rows.put(tx, stand, now)
