"""GET, HEAD and DELETE of blobs (spec.md, "Pulling blobs", "Deleting Blobs")."""

from wharfinger.oci.headers import content_headers, etag, matches, not_modified
from wharfinger.registry.deletes import Deletes
from wharfinger.registry.pulls import Pulls
from wharfinger.spec import digest as digests
from wharfinger.spec import ranges
from wharfinger.spec.ranges import Span
from wharfinger.web.http import Headers, Reply, Request, empty_reply

OCTETS = "application/octet-stream"
AT_ONCE = 64 * 1024
"""Up to this size a blob is sent in one piece."""


class BlobHandlers:
    """Headers in, headers out."""

    def __init__(self, pulls: Pulls, deletes: Deletes) -> None:
        self._pulls = pulls
        self._deletes = deletes

    async def head(self, request: Request) -> Reply:
        digest = digests.parse(request.rest)
        blob = await self._pulls.promised(request.repository, digest)
        if matches(request.header(b"if-none-match"), digest):
            return not_modified(digest)
        length: Headers = [(b"content-length", b"%d" % blob.size), (b"accept-ranges", b"bytes")]
        return Reply(200, content_headers(digest, OCTETS) + length)

    async def get(self, request: Request) -> Reply:
        digest = digests.parse(request.rest)
        blob = await self._pulls.blob(request.repository, digest)
        if matches(request.header(b"if-none-match"), digest):
            return not_modified(digest)
        url = await self._pulls.url(blob)
        if url is not None:
            there = [(b"location", url.encode("ascii")), (b"docker-content-digest", digest.encode())]
            return empty_reply(307, there).handing_out(digest)
        asked = None if _is_stale(request, etag(digest)) else ranges.requested(request.header(b"range"), blob.size)
        span = asked or Span(0, blob.size)
        headers = content_headers(digest, OCTETS)
        headers += [(b"content-length", b"%d" % span.size), (b"accept-ranges", b"bytes")]
        if asked:
            headers.append((b"content-range", b"bytes %d-%d/%d" % (span.start, span.stop - 1, blob.size)))
        body = self._pulls.read(blob, span.start, span.stop)
        whole = b"".join([chunk async for chunk in body]) if span.size <= AT_ONCE else None
        return Reply(206 if asked else 200, headers, body if whole is None else whole, pulled=digest)

    async def delete(self, request: Request) -> Reply:
        await self._deletes.blob(request.caller, request.repository, digests.parse(request.rest))
        return empty_reply(202)


def _is_stale(request: Request, tag: bytes) -> bool:
    """Whether the client's part is of something else, so that it needs the whole (RFC 9110, section 13.1.5)."""
    return request.headers.get(b"if-range", tag) != tag
