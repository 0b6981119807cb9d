"""Bills of materials of images that were scanned."""

from typing import Annotated

from fastapi import Header, Query, Response

from wharfinger.access.actions import Action
from wharfinger.api.routes import Route
from wharfinger.scanning.bills import Bills
from wharfinger.scanning.sbom.formats import Name
from wharfinger.spec import names

TAGS_AT_MOST = 1000

Format = Annotated[Name, Query(description="CycloneDX 1.6 or SPDX 2.3, both as JSON")]
Platform = Annotated[str | None, Query(max_length=200, description="which image of an index, like linux/arm64")]
Seen = Annotated[str | None, Header(alias="If-None-Match", max_length=TAGS_AT_MOST)]


class BillHandlers:
    """A bill is made when it is asked for, of what was read when the image was scanned."""

    def __init__(self, bills: Bills) -> None:
        self._bills = bills

    def routes(self) -> list[Route]:
        return [Route("GET", "/sboms/{repository:path}/{reference}", self.bill, Action.PULL)]

    async def bill(
        self,
        repository: str,
        reference: str,
        format: Format = "cyclonedx",
        platform: Platform = None,
        seen: Seen = None,
    ) -> Response:
        """The bill of materials of an image: the same image, the same bytes. Its ETag is that of the content."""
        found = await self._bills.bill(names.repository(repository), names.reference(reference), format, platform)
        headers = {"etag": f'"{found.digest}"', "cache-control": "private, no-cache"}
        if seen is not None and _is_among(f'"{found.digest}"', seen):
            return Response(status_code=304, headers=headers)
        return Response(found.text, media_type=found.media_type, headers=headers)


def _is_among(etag: str, seen: str) -> bool:
    """Whether an If-None-Match names it (RFC 9110, section 13.1.2)."""
    return seen.strip() == "*" or etag in {each.strip().removeprefix("W/") for each in seen.split(",")}
