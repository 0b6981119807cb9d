"""Headers and parameters that several handlers of the data plane share."""

from urllib.parse import urlencode

from wharfinger.errors import PaginationInvalid
from wharfinger.spec.digest import Digest
from wharfinger.web.http import Headers, Reply, Request, bytes_reply, empty_reply

PAGE = 1000
"""Entries of a list that are sent at once, and the most that ``n`` is heeded for."""


def etag(digest: Digest) -> bytes:
    """The entity tag of content: its digest, quoted (RFC 9110, section 8.8.3)."""
    return b'"%s"' % digest.encode("ascii")


def content_headers(digest: Digest, media_type: str) -> Headers:
    """What every answer about content says of it."""
    return [
        (b"content-type", media_type.encode("latin-1")),
        (b"docker-content-digest", digest.encode("ascii")),
        (b"etag", etag(digest)),
        # A digest's content never changes, but who may read it may.
        (b"cache-control", b"private, max-age=0, must-revalidate"),
        # Whatever was pushed, it is not for a browser to guess at and run.
        (b"x-content-type-options", b"nosniff"),
    ]


def matches(header: str | None, digest: Digest) -> bool:
    """Whether an If-None-Match names the digest (or anything, by ``*``)."""
    return header is not None and ("*" in header.split(",") or digest in entity_tags(header))


def entity_tags(header: str) -> frozenset[str]:
    """The entity tags in a list, without quotes and weakness: a digest is as strong as can be."""
    return frozenset(part.strip().removeprefix("W/").strip('"') for part in header.split(","))


def not_modified(digest: Digest) -> Reply:
    """The client has it already."""
    return empty_reply(304, [(b"docker-content-digest", digest.encode("ascii")), (b"etag", etag(digest))])


def one(parameters: dict[str, list[str]], name: str) -> str | None:
    """The first value of a parameter."""
    values = parameters.get(name)
    return values[0] if values else None


def page_size(parameters: dict[str, list[str]]) -> int:
    """How many entries to send. Raises PaginationInvalid."""
    n = one(parameters, "n")
    if n is None:
        return PAGE
    if not n.isascii() or not n.isdigit() or len(n) > 18:
        raise PaginationInvalid(f"invalid n {n[:40]!r}: want a number of entries")
    return min(int(n), PAGE)


def list_reply(request: Request, content_type: str, body: bytes, *, last: str | None, headers: Headers) -> Reply:
    """A page of a list; with ``last``, the last entry in it, a Link to the next one with the same parameters."""
    link: Headers = []
    if last is not None:
        kept = [(name, value) for name, values in request.parameters().items() for value in values if name != "last"]
        query = urlencode([*kept, ("last", last)])
        link = [(b"link", f'<{request.path}?{query}>; rel="next"'.encode("ascii"))]
    return bytes_reply(200, content_type, body, headers + link)
