"""Pushing blobs: every way of the specification, and what happens when a client strays from it."""

from collections.abc import AsyncIterator

import pytest
from httpx2 import Response

from tests.kit.client import Client, Registry, code_of, location_of, require
from tests.kit.images import blob
from wharfinger.spec import digest as digests

REPO = "team/app"
DATA = blob(100)
DIGEST = digests.of(DATA)
MISSING = "00000000-0000-4000-8000-000000000000"


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body that does not say its length."""
    for piece in pieces:
        yield piece


async def started(client: Client, *chunks: bytes) -> str:
    """The location of a session that holds these chunks."""
    location = location_of(await client.start_upload(REPO))
    for chunk in chunks:
        location = location_of(await client.patch(location, chunk))
    return location


async def require_at(client: Client, location: str, size: int) -> None:
    """The session is open and holds so many bytes."""
    status = require(await client.upload_status(location), 204)
    assert status.headers["Range"] == f"0-{max(0, size - 1)}"


async def require_pushed(client: Client, answer: Response, content: bytes, algorithm: str = "sha256") -> None:
    """The answer says that the blob is there, and so it is."""
    require(answer, 201)
    digest = digests.of(content, algorithm)
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Location"] == f"/v2/{REPO}/blobs/{digest}"
    assert (await client.get_blob(REPO, digest)).content == content


# Every way to push --------------------------------------------------------------------------------------------------


async def test_a_blob_is_pushed_by_post_and_put(registry: Registry) -> None:
    location = await started(registry.client)
    await require_pushed(registry.client, await registry.client.put_upload(location, DIGEST, DATA), DATA)


async def test_a_blob_is_pushed_by_a_single_post(registry: Registry) -> None:
    answer = await registry.client.start_upload(REPO, digest=DIGEST, content=DATA)
    await require_pushed(registry.client, answer, DATA)


async def test_a_blob_is_streamed_by_patch_and_closed_by_put(registry: Registry) -> None:
    location = await started(registry.client)
    location = location_of(await registry.client.patch(location, stream(DATA[:30], DATA[30:])))
    await require_pushed(registry.client, await registry.client.put_upload(location, DIGEST), DATA)


async def test_a_blob_is_pushed_in_chunks(registry: Registry) -> None:
    location = await started(registry.client)
    for start in range(0, 100, 20):
        answer = await registry.client.patch(location, DATA[start : start + 20], range=f"{start}-{start + 19}")
        location = location_of(answer)
        assert answer.headers["Range"] == f"0-{start + 19}"
    await require_pushed(registry.client, await registry.client.put_upload(location, DIGEST), DATA)


async def test_the_last_chunk_may_come_with_the_closing_put(registry: Registry) -> None:
    location = await started(registry.client, DATA[:40], DATA[40:60])
    answer = await registry.client.put_upload(location, DIGEST, DATA[60:], range="60-99")
    await require_pushed(registry.client, answer, DATA)


async def test_the_closing_put_may_stream_what_is_left(registry: Registry) -> None:
    location = await started(registry.client, DATA[:40])
    answer = await registry.client.put_upload(location, DIGEST, stream(DATA[40:50], DATA[50:]))
    await require_pushed(registry.client, answer, DATA)


@pytest.mark.parametrize("way", ["post", "put", "patch", "chunks"])
async def test_a_blob_goes_by_sha512_when_the_client_says_so(registry: Registry, way: str) -> None:
    client, digest = registry.client, digests.of(DATA, "sha512")
    if way == "post":
        answer = await client.start_upload(REPO, digest=digest, content=DATA)
    else:
        location = location_of(await client.start_upload(REPO, algorithm="sha512"))
        pieces = {"put": [], "patch": [DATA], "chunks": [DATA[:50], DATA[50:]]}[way]
        for piece in pieces:
            location = location_of(await client.patch(location, piece))
        answer = await client.put_upload(location, digest, b"" if pieces else DATA)
    await require_pushed(client, answer, DATA, "sha512")


async def test_a_blob_may_be_closed_under_another_algorithm_than_was_announced(registry: Registry) -> None:
    location = await started(registry.client, DATA)
    answer = await registry.client.put_upload(location, digests.of(DATA, "sha512"))
    await require_pushed(registry.client, answer, DATA, "sha512")


@pytest.mark.parametrize("way", ["post", "put", "patch", "nothing"])
async def test_a_blob_may_be_of_no_bytes(registry: Registry, way: str) -> None:
    client, digest = registry.client, digests.of(b"")
    if way == "post":
        answer = await client.start_upload(REPO, digest=digest, content=b"")
    else:
        location = await started(client, *([b""] if way == "patch" else []))
        answer = await client.put_upload(location, digest, stream() if way == "nothing" else b"")
    await require_pushed(client, answer, b"")


async def test_a_blob_that_is_there_already_may_be_pushed_again(registry: Registry) -> None:
    for _ in range(2):
        await require_pushed(registry.client, await registry.client.push_blob(REPO, DATA), DATA)


async def test_a_blob_of_several_megabytes_arrives_whole(registry: Registry) -> None:
    content = blob(5 * 1024 * 1024)
    location = location_of(await registry.client.patch(await started(registry.client), content[: 3 << 20]))
    answer = await registry.client.put_upload(location, digests.of(content), content[3 << 20 :])
    await require_pushed(registry.client, answer, content)


# The session --------------------------------------------------------------------------------------------------------


async def test_a_session_has_a_relative_location_of_its_own(registry: Registry) -> None:
    answers = [await registry.client.start_upload(REPO) for _ in range(2)]
    first, second = (require(answer, 202).headers["Location"] for answer in answers)
    assert first.startswith(f"/v2/{REPO}/blobs/uploads/")
    assert first != second


async def test_the_status_of_a_session_is_the_last_byte_it_holds(registry: Registry) -> None:
    location = await started(registry.client)
    await require_at(registry.client, location, 0)
    for chunk, size in ((b"a", 1), (b"bcd", 4)):
        location = location_of(await registry.client.patch(location, chunk))
        await require_at(registry.client, location, size)
    assert (await registry.client.upload_status(location)).headers["Location"] == location


async def test_a_cancelled_session_is_unknown(registry: Registry) -> None:
    client = registry.client
    location = await started(client, DATA)
    require(await client.cancel(location), 204)
    answers = [
        await client.upload_status(location),
        await client.patch(location, b"more"),
        await client.put_upload(location, DIGEST),
        await client.cancel(location),
    ]
    for answer in answers:
        assert code_of(require(answer, 404)) == "BLOB_UPLOAD_UNKNOWN"
    require(await client.get_blob(REPO, DIGEST), 404)


async def test_a_finished_session_takes_nothing_more(registry: Registry) -> None:
    location = await started(registry.client, DATA)
    require(await registry.client.put_upload(location, DIGEST), 201)
    for answer in (
        await registry.client.upload_status(location),
        await registry.client.patch(location, b"more"),
        await registry.client.cancel(location),
    ):
        assert code_of(require(answer, 404)) == "BLOB_UPLOAD_UNKNOWN"
    assert (await registry.client.get_blob(REPO, DIGEST)).content == DATA


@pytest.mark.parametrize("id", [MISSING, "x", "..%2f..", "%00", MISSING.upper().replace("0", "A"), "а" * 36, "9" * 900])
async def test_a_session_that_never_was_is_unknown(registry: Registry, id: str) -> None:
    location = f"/v2/{REPO}/blobs/uploads/{id}"
    for answer in (
        await registry.client.patch(location, b"x"),
        await registry.client.put_upload(location, DIGEST, DATA),
        await registry.client.cancel(location),
    ):
        assert answer.status_code in {400, 404}
        code_of(answer)
    if id == MISSING:
        assert code_of(require(await registry.client.upload_status(location), 404)) == "BLOB_UPLOAD_UNKNOWN"


async def test_a_session_is_only_reached_under_the_repository_it_was_started_in(registry: Registry) -> None:
    client = registry.client
    location = await started(client, DATA)
    await client.push_blob("team/other", b"so that it exists")
    elsewhere = location.replace(REPO, "team/other")
    for answer in (
        await client.upload_status(elsewhere),
        await client.patch(elsewhere, b"x"),
        await client.put_upload(elsewhere, DIGEST),
        await client.cancel(elsewhere),
    ):
        assert code_of(require(answer, 404)) == "BLOB_UPLOAD_UNKNOWN"
    require(await client.put_upload(location, DIGEST), 201)


# Straying -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 9, 11, 50, 10**18])
@pytest.mark.parametrize("closing", [False, True], ids=["PATCH", "PUT"])
async def test_bytes_at_another_offset_than_the_next_are_refused_and_the_session_lives_on(
    registry: Registry, first: int, closing: bool
) -> None:
    client = registry.client
    location = await started(client, DATA[:10])
    span = f"{first}-{first + 89}"
    if closing:
        answer = await client.put_upload(location, DIGEST, DATA[10:], range=span)
    else:
        answer = await client.patch(location, DATA[10:], range=span)
    code_of(require(answer, 416))
    await require_at(client, location, 10)
    require(await client.put_upload(location, DIGEST, DATA[10:], range="10-99"), 201)


async def test_the_first_chunk_must_begin_at_nought(registry: Registry) -> None:
    location = await started(registry.client)
    require(await registry.client.patch(location, DATA, range="1-100"), 416)
    await require_at(registry.client, location, 0)


@pytest.mark.parametrize("span", ["10-20", "10-98", "10-100", "10-10"])
@pytest.mark.parametrize("closing", [False, True], ids=["PATCH", "PUT"])
async def test_a_content_range_that_is_not_as_long_as_the_body_is_refused(
    registry: Registry, span: str, closing: bool
) -> None:
    client = registry.client
    location = await started(client, DATA[:10])
    if closing:
        answer = await client.put_upload(location, DIGEST, DATA[10:], range=span)
    else:
        answer = await client.patch(location, DATA[10:], range=span)
    assert code_of(require(answer, 400)) == "SIZE_INVALID"
    await require_at(client, location, 10)


@pytest.mark.parametrize("span", ["10-98", "10-100"])
async def test_so_is_one_that_is_not_as_long_as_what_is_streamed(registry: Registry, span: str) -> None:
    location = await started(registry.client, DATA[:10])
    answer = await registry.client.patch(location, stream(DATA[10:50], DATA[50:]), range=span)
    assert code_of(require(answer, 400)) == "SIZE_INVALID"
    await require_at(registry.client, location, 10)


@pytest.mark.parametrize("span", ["", "10", "99-10", "a-b", "items 10-99", "-", "10-", f"10-{'9' * 5000}"])
async def test_a_content_range_that_is_none_is_refused(registry: Registry, span: str) -> None:
    location = await started(registry.client, DATA[:10])
    code_of(require(await registry.client.patch(location, DATA[10:], range=span), 400))
    await require_at(registry.client, location, 10)


@pytest.mark.parametrize("held", [0, 40, 100])
async def test_after_a_wrong_digest_nothing_is_visible_and_the_right_one_still_finishes(
    registry: Registry, held: int
) -> None:
    client, wrong = registry.client, digests.of(b"something else")
    location = await started(client, *([DATA[:held]] if held else []))
    answer = await client.put_upload(location, wrong, DATA[held:])
    assert code_of(require(answer, 400)) == "DIGEST_INVALID"
    for digest in (wrong, DIGEST):
        require(await client.get_blob(REPO, digest), 404)
    await require_at(client, location, held)
    await require_pushed(client, await client.put_upload(location, DIGEST, DATA[held:]), DATA)


async def test_a_single_post_with_a_wrong_digest_leaves_nothing(registry: Registry) -> None:
    answer = await registry.client.start_upload(REPO, digest=DIGEST, content=DATA[1:])
    assert code_of(require(answer, 400)) == "DIGEST_INVALID"
    require(await registry.client.get_blob(REPO, DIGEST), 404)
    require(await registry.client.get_blob(REPO, digests.of(DATA[1:])), 404)


@pytest.mark.parametrize("digest", [None, "", "sha256:", "sha256:0", "md5:" + "0" * 32, DIGEST.upper(), f"{DIGEST}\0"])
async def test_closing_without_a_proper_digest_is_refused_and_the_session_lives_on(
    registry: Registry, digest: str | None
) -> None:
    location = await started(registry.client, DATA)
    answer = await registry.client.put_upload(location, digest)
    assert code_of(require(answer, 400)) == "DIGEST_INVALID"
    require(await registry.client.put_upload(location, DIGEST), 201)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "SHA256", "", "%00"])
async def test_an_algorithm_that_is_not_supported_is_refused(registry: Registry, algorithm: str) -> None:
    answer = await registry.client.request("POST", f"/v2/{REPO}/blobs/uploads/?digest-algorithm={algorithm}")
    if algorithm:
        code_of(require(answer, 400))
    else:
        assert answer.status_code in {202, 400}


# An answer that was lost --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", DATA], ids=["after PATCH", "with the body"])
async def test_a_closing_put_whose_answer_was_lost_may_be_repeated(registry: Registry, body: bytes) -> None:
    location = await started(registry.client, *([] if body else [DATA]))
    for seconds in (0, 10, 580):
        registry.clock.advance(seconds)
        await require_pushed(registry.client, await registry.client.put_upload(location, DIGEST, body), DATA)


async def test_repeating_it_with_another_digest_is_refused(registry: Registry) -> None:
    location = await started(registry.client, DATA)
    require(await registry.client.put_upload(location, DIGEST), 201)
    answer = await registry.client.put_upload(location, digests.of(DATA, "sha512"))
    assert answer.status_code in {400, 404}
    code_of(answer)
