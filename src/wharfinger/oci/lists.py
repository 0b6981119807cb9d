"""Lists: tags, repositories, referrers (spec.md, "Content Discovery"), each page by one indexed read."""

import json
from functools import partial
from typing import Any

from wharfinger.access.actions import Action
from wharfinger.errors import PaginationInvalid, RequestInvalid
from wharfinger.meta.manifests import Referrer
from wharfinger.oci.headers import list_reply, one, page_size
from wharfinger.registry.pulls import Page, Pulls
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types, names
from wharfinger.web.http import Headers, Reply, Request, bytes_reply

JSON = "application/json"
REFERRERS_BYTES = 4 * 1024 * 1024
"""A page of referrers is no larger than a manifest may be, for clients read it as one."""


class ListHandlers:
    """What there is."""

    def __init__(self, pulls: Pulls) -> None:
        self._pulls = pulls

    async def ping(self, _request: Request) -> Reply:
        return bytes_reply(200, JSON, b"{}")

    async def tags(self, request: Request) -> Reply:
        parameters = request.parameters()
        limit, last = page_size(parameters), one(parameters, "last") or ""
        if last and not names.is_tag(last):
            raise PaginationInvalid(f"invalid last {last[:80]!r}: want a tag")
        page = await self._pulls.tags(request.repository, last=last, limit=limit)
        return _page_reply(request, {"name": request.repository, "tags": page.entries}, page)

    async def catalog(self, request: Request) -> Reply:
        parameters = request.parameters()
        limit, last = page_size(parameters), one(parameters, "last") or ""
        if last and not names.is_repository(last):
            raise PaginationInvalid(f"invalid last {last[:80]!r}: want a repository name")
        caller = request.caller
        page = await self._pulls.catalog(
            last=last, limit=limit, prefixes=caller.prefixes(Action.PULL), may_pull=partial(caller.may, Action.PULL)
        )
        return _page_reply(request, {"repositories": page.entries}, page)

    async def referrers(self, request: Request) -> Reply:
        subject = digests.parse(request.rest)
        parameters = request.parameters()
        wanted, last = one(parameters, "artifactType") or None, one(parameters, "last") or ""
        if last and not digests.is_digest(last):
            raise PaginationInvalid(f"invalid last {last[:80]!r}: want a digest")
        if wanted and "\0" in wanted:
            raise RequestInvalid("artifactType has a NUL, which no media type has and PostgreSQL could not compare")
        limit = page_size(parameters)
        found = await self._pulls.referrers(
            request.repository, subject, artifact_type=wanted, last=last, limit=limit + 1
        )
        shown = _fitting(found[:limit])
        more = limit > 0 and len(shown) < len(found)
        body = b'{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' % (
            media_types.OCI_INDEX.encode("ascii"),
            b",".join(shown),
        )
        applied: Headers = [(b"oci-filters-applied", b"artifactType")] if wanted else []
        last_shown = found[len(shown) - 1].digest if more else None
        return list_reply(request, media_types.OCI_INDEX, body, last=last_shown, headers=applied)


def _page_reply(request: Request, fields: dict[str, Any], page: Page) -> Reply:
    # n=0 asks for nothing, so there is no last entry for a Link to go on from.
    last = page.entries[-1] if page.more and page.entries else None
    return list_reply(request, JSON, json.dumps(fields).encode("ascii"), last=last, headers=[])


def _fitting(found: list[Referrer]) -> list[bytes]:
    """The descriptors, as many as fit, and one at least."""
    shown: list[bytes] = []
    size = 0
    for referrer in found:
        descriptor = _descriptor(referrer)
        size += len(descriptor) + 1
        if shown and size > REFERRERS_BYTES:
            break
        shown.append(descriptor)
    return shown


def _descriptor(referrer: Referrer) -> bytes:
    fields: dict[str, Any] = {
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    }
    if referrer.artifact_type is not None:
        fields["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        fields["annotations"] = referrer.annotations
    return json.dumps(fields).encode("ascii")
