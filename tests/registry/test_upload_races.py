"""One upload, several requests at once, on several nodes: one order of events explains what everybody was told."""

from tests.kit.effort import times
from tests.kit.images import blob
from tests.registry.nodes import BY, EXPIRY, Fleet, body, repeat
from wharfinger.errors import DigestInvalid, RangeInvalid, Refusal, UploadUnknown
from wharfinger.meta.blobs import Blob
from wharfinger.meta.uploads import Upload
from wharfinger.spec import digest as digests
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

REPO = names.repository("team/app")
TIMES = times(20)


async def started(fleet: Fleet, content: bytes = b"") -> str:
    """A session that holds ``content``."""
    upload = await fleet.any().uploads.start(BY, REPO)
    if content:
        await fleet.any().uploads.append(REPO, upload.id, body(content), start=0)
    return upload.id


async def stored(fleet: Fleet, digest: Digest, repository: RepoName = REPO) -> bytes:
    """The bytes of the blob, as they are pulled."""
    pulls = fleet.any().pulls
    found = await pulls.blob(repository, digest)
    return b"".join([chunk async for chunk in pulls.read(found, 0, found.size)])


async def test_of_chunks_at_one_offset_one_is_kept_and_never_mixed(fleet: Fleet) -> None:
    async def once(number: int) -> None:
        start, chunks = blob(10, number), [blob(50 + i, number) for i in range(3)]
        id = await started(fleet, start)
        outcomes = await fleet.race(
            *(
                lambda node, chunk=chunk: node.uploads.append(REPO, id, body(chunk[:20], chunk[20:]), start=10)
                for chunk in chunks
            )
        )
        (kept,) = [chunk for chunk, outcome in zip(chunks, outcomes, strict=True) if isinstance(outcome, Upload)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, RangeInvalid)]
        assert [refusal.size for refusal in refused] == [10 + len(kept)] * 2
        whole = start + kept
        await fleet.any().uploads.finish(BY, REPO, id, None, digests.of(whole), start=None)
        assert await stored(fleet, digests.of(whole)) == whole

    await repeat(TIMES, once)


async def test_chunks_without_an_offset_end_up_whole_and_in_the_order_of_their_answers(fleet: Fleet) -> None:
    async def once(number: int) -> None:
        chunks = [blob(50 + i, number) for i in range(4)]
        id = await started(fleet)
        outcomes = await fleet.race(
            *(lambda node, chunk=chunk: node.uploads.append(REPO, id, body(chunk), start=None) for chunk in chunks)
        )
        ends = {out.size: chunk for chunk, out in zip(chunks, outcomes, strict=True) if isinstance(out, Upload)}
        whole = b"".join(ends[end] for end in sorted(ends))
        assert len(whole) == max(ends)
        await fleet.any().uploads.finish(BY, REPO, id, None, digests.of(whole), start=None)
        assert await stored(fleet, digests.of(whole)) == whole

    await repeat(TIMES, once)


async def test_closing_twice_at_once_answers_both_with_the_blob(fleet: Fleet) -> None:
    async def once(number: int) -> None:
        first, last = blob(40, number), blob(30, number)
        digest, id = digests.of(first + last), await started(fleet, first)
        outcomes = await fleet.race(
            *[lambda node: node.uploads.finish(BY, REPO, id, body(last), digest, start=40)] * 3,
        )
        assert all(isinstance(outcome, Blob) and outcome.digest == digest for outcome in outcomes), outcomes
        assert await stored(fleet, digest) == first + last

    await repeat(TIMES, once)


async def test_closing_one_segment_twice_at_once_answers_both_with_the_blob(fleet: Fleet) -> None:
    async def once(number: int) -> None:
        content = blob(40, number)
        digest, id = digests.of(content), await started(fleet, content)
        outcomes = await fleet.race(*[lambda node: node.uploads.finish(BY, REPO, id, None, digest, start=None)] * 3)
        assert all(isinstance(outcome, Blob) and outcome.digest == digest for outcome in outcomes), outcomes
        assert await stored(fleet, digest) == content

    await repeat(TIMES, once)


async def test_a_chunk_that_meets_the_closing_comes_before_or_after_it(fleet: Fleet) -> None:
    async def once(number: int) -> None:
        first, more = blob(40, number), blob(30, number)
        digest, id = digests.of(first), await started(fleet, first)
        closed, added = await fleet.race(
            lambda node: node.uploads.finish(BY, REPO, id, None, digest, start=None),
            lambda node: node.uploads.append(REPO, id, body(more), start=40),
        )
        if isinstance(closed, Blob):
            assert isinstance(added, UploadUnknown)
            assert await stored(fleet, digest) == first
        else:
            assert isinstance(closed, RangeInvalid | DigestInvalid)
            assert isinstance(added, Upload)
            await fleet.any().uploads.finish(BY, REPO, id, None, digests.of(first + more), start=None)
            assert await stored(fleet, digests.of(first + more)) == first + more

    await repeat(TIMES, once)


async def test_an_upload_that_is_cancelled_while_it_is_closed_is_one_or_the_other(fleet: Fleet) -> None:
    async def once(number: int) -> None:
        content = blob(40, number)
        digest, id = digests.of(content), await started(fleet, content)
        closed, cancelled = await fleet.race(
            lambda node: node.uploads.finish(BY, REPO, id, None, digest, start=None),
            lambda node: node.uploads.cancel(REPO, id),
        )
        assert isinstance(closed, Blob) == isinstance(cancelled, UploadUnknown), (closed, cancelled)
        if isinstance(closed, Blob):
            assert await stored(fleet, digest) == content

    await repeat(TIMES, once)


async def test_an_upload_that_is_swept_while_it_goes_on_is_one_or_the_other(fleet: Fleet) -> None:
    async def once(number: int) -> None:
        first, last = blob(40, number), blob(30, number)
        digest, id = digests.of(first + last), await started(fleet, first)
        fleet.clock.advance(EXPIRY + 1)
        closed, *_ = await fleet.race(
            lambda node: node.uploads.finish(BY, REPO, id, body(last), digest, start=40),
            *[lambda node: node.uploads.sweep()] * 2,
        )
        if isinstance(closed, Blob):
            assert await stored(fleet, digest) == first + last
        else:
            assert isinstance(closed, Refusal)

    await repeat(TIMES, once, at_once=1)


async def test_the_same_content_pushed_by_many_at_once_is_stored_once(fleet: Fleet) -> None:
    async def once(number: int) -> None:
        content, repositories = blob(40, number), [names.repository(f"team/app-{i}") for i in range(4)]
        digest = digests.of(content)

        async def push(repository: RepoName) -> Blob:
            uploads = fleet.any().uploads
            upload = await uploads.start(BY, repository)
            return await uploads.finish(BY, repository, upload.id, body(content), digest, start=0)

        outcomes = await fleet.race(*(lambda _, repository=each: push(repository) for each in repositories))
        locations = {outcome.location for outcome in outcomes if isinstance(outcome, Blob)}
        assert len(locations) == 1, outcomes
        for repository in repositories:
            assert await stored(fleet, digest, repository) == content

    await repeat(TIMES, once)
