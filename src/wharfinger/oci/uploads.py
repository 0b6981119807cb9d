"""Pushing blobs over HTTP (spec.md, "Pushing blobs"): headers in, one call, headers out."""

import re
from functools import partial

from wharfinger.access.actions import Action
from wharfinger.blobs.store import Bytes
from wharfinger.errors import DigestInvalid, SizeInvalid
from wharfinger.meta.blobs import Blob
from wharfinger.meta.uploads import Upload, unknown
from wharfinger.oci.headers import one
from wharfinger.registry.uploads import Uploads
from wharfinger.spec import digest as digests
from wharfinger.spec import names, ranges
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName
from wharfinger.spec.ranges import Span
from wharfinger.web.http import Body, Headers, Reply, Request, empty_reply

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class UploadHandlers:
    """Upload sessions."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    async def start(self, request: Request) -> Reply:
        """POST: a session; or at once the blob, when it is mounted or its bytes are in the body."""
        parameters = request.parameters()
        mounted = await self._mount(request, parameters)
        if mounted is not None:
            return _created(request.repository, mounted)
        wanted = one(parameters, "digest")
        algorithm = digests.parse_algorithm(one(parameters, "digest-algorithm") or digests.CANONICAL)
        if wanted is None or "mount" in parameters:
            return _session(202, await self._uploads.start(request.caller, request.repository, algorithm))
        return _created(request.repository, await self._at_once(request, wanted))

    async def _at_once(self, request: Request, wanted: str) -> Blob:
        digest = digests.parse(wanted)
        upload = await self._uploads.start(request.caller, request.repository, digests.algorithm(digest))
        body = request.body if request.body.exists else None
        return await self._uploads.finish(request.caller, request.repository, upload.id, body, digest, start=0)

    async def _mount(self, request: Request, parameters: dict[str, list[str]]) -> Blob | None:
        mount, source = one(parameters, "mount"), one(parameters, "from")
        digest = digests.parse(mount) if mount and digests.is_digest(mount) else None
        if digest is None or (source is not None and not names.is_repository(source)):
            return None
        # By what the account may do: clients send a token for the target alone.
        may_pull = partial(request.caller.may, Action.PULL)
        holder = names.repository(source) if source else None
        return await self._uploads.mount(request.caller, request.repository, digest, holder, may_pull)

    async def status(self, request: Request) -> Reply:
        """GET: how far it is."""
        return _session(204, await self._uploads.status(request.repository, _id(request)))

    async def append(self, request: Request) -> Reply:
        """PATCH: more bytes, at the offset of Content-Range or wherever the session ends."""
        span = _chunk(request)
        body = _exactly(request.body, span) if span else request.body.keep_what_arrives()
        start = span.start if span else None
        return _session(202, await self._uploads.append(request.repository, _id(request), body, start=start))

    async def finish(self, request: Request) -> Reply:
        """PUT: the last bytes, if any are left, and the digest of the whole."""
        digest = _wanted(request)
        span = _chunk(request)
        body: Bytes | None = None
        if request.body.exists:
            body = _exactly(request.body, span) if span else request.body
        start = span.start if span else None
        finish = self._uploads.finish
        blob = await finish(request.caller, request.repository, _id(request), body, digest, start=start)
        return _created(request.repository, blob)

    async def cancel(self, request: Request) -> Reply:
        """DELETE: the client gives up."""
        await self._uploads.cancel(request.repository, _id(request))
        return empty_reply(204)


def _id(request: Request) -> str:
    if not _ID.fullmatch(request.rest):
        raise unknown(request.rest[:36])
    return request.rest


def _wanted(request: Request) -> Digest:
    wanted = one(request.parameters(), "digest")
    if wanted is None:
        raise DigestInvalid("the closing PUT needs ?digest=<digest of the whole blob>")
    return digests.parse(wanted)


def _chunk(request: Request) -> Span | None:
    """What Content-Range says of the body. Raises SizeInvalid when Content-Length says something else."""
    header = request.header(b"content-range")
    if header is None:
        return None
    span = ranges.chunk(header)
    length = request.body.length
    if length is not None and length != span.size:
        raise SizeInvalid(f"Content-Range has {span.size} bytes, but Content-Length is {length}")
    return span


async def _exactly(body: Body, span: Span) -> Bytes:
    """The body, which must be as long as its Content-Range says."""
    async for chunk in body:
        yield chunk
    if body.received != span.size:
        raise SizeInvalid(f"Content-Range has {span.size} bytes, but {body.received} came")


def _session(status: int, upload: Upload) -> Reply:
    headers: Headers = [
        (b"location", f"/v2/{upload.repository}/blobs/uploads/{upload.id}".encode("ascii")),
        (b"docker-upload-uuid", upload.id.encode("ascii")),
        # "0-0" of an empty session cannot be told from one byte: the field's clients expect it all the same.
        (b"range", b"0-%d" % max(0, upload.size - 1)),
    ]
    return empty_reply(status, headers)


def _created(repository: RepoName, blob: Blob) -> Reply:
    location = f"/v2/{repository}/blobs/{blob.digest}".encode("ascii")
    return empty_reply(201, [(b"location", location), (b"docker-content-digest", blob.digest.encode("ascii"))])
