"""VEX documents: what others say of vulnerabilities, brought here, and what there are."""

from wharfinger.api.exceptions import Last
from wharfinger.api.exceptions_models import DocumentPage, DocumentView, DocumentWanted
from wharfinger.api.repositories import PAGE, Limit
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.scanning.documents import BYTES_AT_MOST, Brought, Documents

BODY = 2 * BYTES_AT_MOST
"""A document is sent as a text in JSON, where a quote takes two characters."""


class VexHandlers:
    """Where one may bring or remove a document follows from the repositories that it counts in."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/vex", self.page, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/vex", self.add, Anyone.WITH_AN_ACCOUNT, 201, body=BODY),
            Route("DELETE", "/vex/{number}", self.remove, Anyone.WITH_AN_ACCOUNT, 204),
        ]

    async def page(self, by: By, last: Last = 0, n: Limit = PAGE) -> DocumentPage:
        """By number, those that count only where the caller may pull."""
        found = await self._documents.page(by, last, n + 1)
        more = found[n - 1].id if len(found) > n else None
        return DocumentPage(documents=[DocumentView.of(each) for each in found[:n]], next=more)

    async def add(self, by: By, wanted: DocumentWanted) -> DocumentView:
        """Let a document count; needs `approve` in all the repositories that it is to count in."""
        brought = Brought(wanted.name, wanted.document.encode(), wanted.repositories)
        return DocumentView.of(await self._documents.add(by, brought))

    async def remove(self, by: By, number: int) -> None:
        """Let a document count no more; needs the same."""
        await self._documents.remove(by, number)
