"""What is known of images: the last verdict on each, and asking for another."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.api.routes import By, Route
from wharfinger.api.scanning_models import AskedView, BillView, VerdictsView
from wharfinger.meta.db import Database
from wharfinger.scanning import pushed, seeing
from wharfinger.scanning.adapters import reports
from wharfinger.scanning.admission.outlook import Outlook
from wharfinger.scanning.admission.service import GateService
from wharfinger.scanning.books import Books
from wharfinger.scanning.seeing import Seen
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName


class ScanningHandlers:
    """Verdicts are read as they are; scanning is for the jobs."""

    def __init__(self, db: Database, books: Books, gates: GateService) -> None:
        self._db = db
        self._books = books
        self._gates = gates

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/verdicts/{repository:path}/{reference}", self.verdicts, Action.PULL),
            Route("GET", "/scanner-boms/{repository:path}/{reference}", self.bill, Action.PULL),
            Route("POST", "/verdicts/{repository:path}/{reference}", self.ask, Action.SCAN, 202),
        ]

    async def verdicts(self, by: By, repository: str, reference: str) -> VerdictsView:
        """What is known of an image, or of every image of an index, by us and by others; what of it is excused now.

        Beside it is what the gates would answer to a pull now.
        """
        name, at = names.repository(repository), names.reference(reference)
        return VerdictsView.of(*await self._db.read(self._seen, name, at, by.now))

    def _seen(
        self, tx: Connection, repository: RepoName, reference: Reference, now: float
    ) -> tuple[Sequence[Seen], Mapping[Digest, Outlook]]:
        """Both in one transaction, so that the verdict is the one that the gates' answer goes by."""
        seen = seeing.of(tx, self._books, repository, reference, now)
        return seen, self._gates.outlook(tx, repository, [each.scanned for each in seen], now)

    async def bill(self, repository: str, reference: str, scanner: str) -> BillView:
        """The bill of materials that a scanner has made of an image, or those of all images of an index."""
        found = await self._db.read(pushed.of, names.repository(repository), names.reference(reference))
        return BillView.of(await self._db.read(reports.bills, [each.digest for each in found], scanner))

    async def ask(self, by: By, repository: str, reference: str) -> AskedView:
        """Let an image, or all of an index, be scanned again; the last verdict stays until there is another."""
        name, at = names.repository(repository), names.reference(reference)
        return AskedView(images=await self._db.write(pushed.ask, name, at, by.now))
