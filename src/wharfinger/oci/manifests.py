"""GET, HEAD, PUT and DELETE of manifests and tags (spec.md, "Pulling manifests", "Pushing Manifests")."""

import asyncio
from functools import partial

from wharfinger.access.actions import Action
from wharfinger.errors import RequestInvalid
from wharfinger.meta.manifests import Stored
from wharfinger.oci.headers import content_headers, entity_tags, etag, matches, not_modified
from wharfinger.registry.deletes import Deletes
from wharfinger.registry.keeping import Keeping
from wharfinger.registry.manifests import Manifests
from wharfinger.registry.pulls import Pulls
from wharfinger.registry.tag_changes import Precondition
from wharfinger.scanning.admission.admitting import Admission
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as spec
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import Reference, Tag
from wharfinger.web.http import Headers, Reply, Request, empty_reply

INLINE_BYTES = 64 * 1024
"""A larger manifest is read in a thread, so that other requests need not wait for it."""


class ManifestHandlers:
    """What a tag or a digest names. ``Accept`` never converts and never refuses: the bytes are what was pushed."""

    def __init__(
        self, pulls: Pulls, admission: Admission, keeping: Keeping, manifests: Manifests, deletes: Deletes
    ) -> None:
        self._pulls = pulls
        self._admission = admission
        self._last_pulls = keeping.last_pulls
        self._brownouts = keeping.brownouts
        self._manifests = manifests
        self._deletes = deletes

    async def head(self, request: Request) -> Reply:
        # Before a push, clients ask whether the manifest is there already, so gates have nothing to say to it.
        reply = await self._answer(request, await self._found(request))
        reply.body, reply.pulled = b"", None
        return reply

    async def get(self, request: Request) -> Reply:
        stored = await self._found(request)
        warning = await self._admission.admit(request.caller, request.repository, stored)
        reply = await self._answer(request, stored)
        if warning is not None:
            reply.headers.append((b"warning", warning))
        return reply

    async def _found(self, request: Request) -> Stored:
        return await self._pulls.manifest(request.repository, names.reference(request.rest))

    async def _answer(self, request: Request, stored: Stored) -> Reply:
        # HEAD as well: with it alone, containerd looks whether a tag that it has is still the same image.
        self._last_pulls.note(request.caller, request.repository, stored.digest)
        is_known = matches(request.header(b"if-none-match"), stored.digest)
        reply = not_modified(stored.digest) if is_known else _content(stored)
        if stored.brownout is not None:
            reply.headers += await self._warned(request, stored)
        return reply

    async def _warned(self, request: Request, stored: Stored) -> Headers:
        reference = names.reference(request.rest)
        warning = await self._brownouts.pulled(request.caller, request.repository, reference, stored.digest)
        if warning is not None:
            return [(b"warning", warning)]
        await self._pulls.manifest(request.repository, stored.digest)  # not if it has gone just now
        return []

    async def put(self, request: Request) -> Reply:
        reference = names.reference(request.rest)
        tags = _tags(request, reference)
        for tag in tags:
            request.caller.require(Action.PUSH, request.repository, tag=tag)
        raw = await request.body.limited_to(spec.MAX_BYTES).read()
        manifest = await _parse(raw, request.header(b"content-type") or "", reference)
        condition, may_move = _precondition(request, reference), partial(_require_move, request)
        await self._manifests.put(request.caller, request.repository, manifest, tags, condition, may_move)
        return _created(request, manifest, [] if tags == [reference] else tags)

    async def delete_tag(self, request: Request) -> Reply:
        await self._deletes.tag(request.caller, request.repository, names.tag(request.rest))
        return empty_reply(202)

    async def delete(self, request: Request) -> Reply:
        await self._deletes.manifest(request.caller, request.repository, digests.parse(request.rest))
        return empty_reply(202)


def _require_move(request: Request, tag: Tag) -> None:
    """A token has no word of its own for this: it must be for pushing, which it was seen to be."""
    request.caller.require(Action.TAG, request.repository, tag=tag)


def _content(stored: Stored) -> Reply:
    headers = content_headers(stored.digest, stored.media_type)
    headers.append((b"content-length", b"%d" % len(stored.raw)))
    return Reply(200, headers, stored.raw, pulled=stored.digest)


async def _parse(raw: bytes, content_type: str, reference: Reference) -> Manifest:
    digest = Digest(reference) if names.is_digest(reference) else None
    if len(raw) <= INLINE_BYTES:
        return spec.parse(raw, content_type, digest)
    return await asyncio.to_thread(spec.parse, raw, content_type, digest)


def _tags(request: Request, reference: Reference) -> list[Tag]:
    """The tags to move: the one in the path, or those in ``?tag=`` beside a digest."""
    more = [names.tag(tag) for tag in dict.fromkeys(request.parameters().get("tag", []))]
    if names.is_digest(reference):
        return more
    if more:
        raise RequestInvalid("?tag= goes with a push by digest; here the path has the tag already")
    return [Tag(reference)]


def _precondition(request: Request, reference: Reference) -> Precondition:
    """If-Match and If-None-Match speak of a tag: content under its digest never changes."""
    if names.is_digest(reference):
        return Precondition()
    match, none_match = request.header(b"if-match"), request.header(b"if-none-match")
    if none_match is not None and none_match.strip() != "*":
        raise RequestInvalid("If-None-Match on a PUT is understood as * only: push unless the tag exists")
    return Precondition(entity_tags(match) if match is not None else None, absent=none_match is not None)


def _created(request: Request, manifest: Manifest, tags: list[Tag]) -> Reply:
    digest = manifest.digest.encode("ascii")
    headers: Headers = [
        (b"location", f"/v2/{request.repository}/manifests/{manifest.digest}".encode("ascii")),
        (b"docker-content-digest", digest),
        (b"etag", etag(manifest.digest)),
    ]
    if manifest.subject is not None:
        # Tells the client that referrers need no fallback tag: spec.md, "Pushing Manifests with Subject".
        headers.append((b"oci-subject", manifest.subject.encode("ascii")))
    headers += [(b"oci-tag", tag.encode("ascii")) for tag in tags]
    return empty_reply(201, headers)
