"""Parts of blobs (RFC 9110, section 14): what resumes a broken download, and what does not."""

import pytest
from httpx2 import Response

from tests.kit.client import Registry, code_of, require
from tests.kit.images import blob
from wharfinger.spec import digest as digests

REPO = "team/app"
SIZES = [100, (2 << 20) + 5]
"""One that is sent in one piece, and one that is streamed."""


async def part(registry: Registry, size: int, range: str, **headers: str) -> tuple[bytes, Response]:
    """The blob, and the answer to a GET with this Range."""
    content = blob(size)
    require(await registry.client.push_blob(REPO, content), 201)
    sent = {"Range": range} | {name.replace("_", "-"): value for name, value in headers.items()}
    return content, await registry.client.get_blob(REPO, digests.of(content), headers=sent)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("range", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=10-59", 10, 60),
        ("bytes=40-", 40, None),
        ("bytes=-7", -7, None),
        ("bytes=0-", 0, None),
        ("bytes=-999999999", 0, None),
        ("bytes=90-999999999999", 90, None),
    ],
)
async def test_a_range_comes_as_asked(registry: Registry, size: int, range: str, start: int, stop: int | None) -> None:
    content, answer = await part(registry, size, range)
    wanted = content[start:stop]
    first = content.index(wanted)
    assert require(answer, 206).content == wanted
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(wanted) - 1}/{size}"
    assert answer.headers["Content-Length"] == str(len(wanted))
    assert answer.headers["Docker-Content-Digest"] == digests.of(content)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("range", ["bytes=500-0", "bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"])
async def test_a_range_with_nothing_inside_is_refused_and_told_the_size(
    registry: Registry, size: int, range: str
) -> None:
    _, answer = await part(registry, size, range)
    code_of(require(answer, 416))
    assert answer.headers["Content-Range"] == f"bytes */{size}"


async def test_the_byte_after_the_last_is_outside(registry: Registry) -> None:
    _, answer = await part(registry, 100, "bytes=100-")
    assert require(answer, 416).headers["Content-Range"] == "bytes */100"


async def test_a_blob_of_no_bytes_has_no_parts(registry: Registry) -> None:
    _, answer = await part(registry, 0, "bytes=0-")
    assert require(answer, 416).headers["Content-Range"] == "bytes */0"


@pytest.mark.parametrize(
    "range", ["bytes=0-1,5-9", "bytes=0-1,", "items=0-9", "bytes", "bytes=", "bytes=-", "bytes=a-b", "0-9", "", "\t"]
)
async def test_several_ranges_other_units_and_nonsense_get_the_whole(registry: Registry, range: str) -> None:
    content, answer = await part(registry, 100, range)
    assert require(answer, 200).content == content
    assert "Content-Range" not in answer.headers


async def test_a_part_of_what_the_client_has_is_sent_and_of_anything_else_the_whole(registry: Registry) -> None:
    digest = digests.of(blob(100))
    _, answer = await part(registry, 100, "bytes=50-", If_Range=f'"{digest}"')
    assert require(answer, 206).content == blob(100)[50:]
    _, answer = await part(registry, 100, "bytes=50-", If_Range='"something else"')
    assert require(answer, 200).content == blob(100)


async def test_a_client_that_has_the_blob_is_told_so_before_any_range(registry: Registry) -> None:
    digest = digests.of(blob(100))
    _, answer = await part(registry, 100, "bytes=500-", If_None_Match=f'"{digest}"')
    require(answer, 304)


async def test_an_interrupted_download_is_resumed_to_the_same_content(registry: Registry) -> None:
    content, first = await part(registry, SIZES[1], "bytes=0-1048575")
    _, rest = await part(registry, SIZES[1], "bytes=1048576-")
    assert first.content + rest.content == content
