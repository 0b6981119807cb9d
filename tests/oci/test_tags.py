"""Lists of tags and of repositories: their order, and their pages."""

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx2 import Response

from tests.kit.client import Client, Registry, code_of, next_of, require
from tests.kit.images import Image, image

REPO = "team/app"
TAGS = ["0", "1.0", "1.0-rc", "A", "B", "_", "a", "a-b", "a.b", "a_b", "ab", "latest", "v1", "v10", "v2"]
"""In byte order."""
REPOSITORIES = ["a", "a-b", "a.b", "a/b", "a/b/c", "a0", "aa", "b"]


async def push_tags(client: Client, tags: Sequence[str], pushed: Image | None = None) -> None:
    """Let all of them point at one image, with few requests."""
    pushed = pushed or image()
    require(await client.push(REPO, pushed), 201)
    for start in range(0, len(tags), 90):
        some = tags[start : start + 90]
        require(await client.put_manifest(REPO, pushed.digest, pushed.raw, pushed.media_type, tags=some), 201)


def tags_of(pages: Sequence[Response]) -> list[str]:
    """The tags of all pages."""
    return [tag for page in pages for tag in page.json()["tags"]]


async def test_tags_come_in_byte_order(registry: Registry) -> None:
    await push_tags(registry.client, TAGS[::-1])
    answer = require(await registry.client.tags(REPO), 200)
    assert answer.json() == {"name": REPO, "tags": TAGS}
    assert answer.headers["Content-Type"] == "application/json"
    assert next_of(answer) is None


async def test_a_repository_without_tags_has_an_empty_list(registry: Registry) -> None:
    require(await registry.client.push_blob(REPO, b"x"), 201)
    assert require(await registry.client.tags(REPO), 200).json() == {"name": REPO, "tags": []}


async def test_a_repository_that_nothing_was_pushed_to_is_unknown(registry: Registry) -> None:
    assert code_of(require(await registry.client.tags("never/pushed"), 404)) == "NAME_UNKNOWN"


@pytest.mark.parametrize("n", [1, 4, 14, 15, 16, 1000])
async def test_pages_of_n_lead_through_the_whole_list(registry: Registry, n: int) -> None:
    await push_tags(registry.client, TAGS)
    pages = await registry.client.pages(await registry.client.tags(REPO, n=n))
    assert tags_of(pages) == TAGS
    assert all(len(page.json()["tags"]) == n for page in pages[:-1])
    assert len(pages[-1].json()["tags"]) > 0


async def test_the_link_is_relative_and_keeps_the_parameters(registry: Registry) -> None:
    await push_tags(registry.client, TAGS)
    answer = await registry.client.request("GET", f"/v2/{REPO}/tags/list", params={"n": 4, "ns": "a&b /ü"})
    link = next_of(answer)
    assert link is not None
    target = urlsplit(link)
    assert (target.scheme, target.netloc, target.path) == ("", "", f"/v2/{REPO}/tags/list")
    assert parse_qs(target.query) == {"n": ["4"], "last": [TAGS[3]], "ns": ["a&b /ü"]}


@pytest.mark.parametrize("last", ["0", "1.0", "Z", "a-c", "v2", "zzz", "_"])
async def test_a_list_goes_on_after_last_whether_or_not_that_tag_exists(registry: Registry, last: str) -> None:
    await push_tags(registry.client, TAGS)
    after = [tag for tag in TAGS if tag > last]
    assert require(await registry.client.tags(REPO, last=last), 200).json()["tags"] == after
    assert require(await registry.client.tags(REPO, n=2, last=last), 200).json()["tags"] == after[:2]


async def test_none_asked_for_is_an_empty_list_without_a_link(registry: Registry) -> None:
    await push_tags(registry.client, TAGS)
    for last in (None, "a"):
        answer = require(await registry.client.tags(REPO, n=0, last=last), 200)
        assert answer.json()["tags"] == []
        assert next_of(answer) is None


@pytest.mark.parametrize("n", ["-1", "x", "1.5", "1e3", "0x10", "", " 1", "+1", "１", "٣", "1\0", "9" * 5000])
async def test_an_n_that_is_no_number_is_refused(registry: Registry, n: str) -> None:
    await push_tags(registry.client, TAGS[:1])
    code_of(require(await registry.client.tags(REPO, n=n), 400))
    code_of(require(await registry.client.catalog(n=n), 400))


@pytest.mark.parametrize("last", ["\0", "а", "a/../b", "x" * 5000, "%", "'; DROP TABLE tags; --"])
async def test_a_last_that_cannot_be_a_tag_is_refused_or_a_place_in_the_order(registry: Registry, last: str) -> None:
    await push_tags(registry.client, TAGS[:1])
    for answer in (await registry.client.tags(REPO, last=last), await registry.client.catalog(last=last)):
        assert answer.status_code in {200, 400}
        if answer.status_code == 400:
            code_of(answer)


async def test_a_long_list_comes_a_thousand_at_a_time_however_much_is_asked_for(registry: Registry) -> None:
    tags = sorted(f"v{i}" for i in range(2001))
    await push_tags(registry.client, tags)
    pages = await registry.client.pages(await registry.client.tags(REPO))
    assert [len(page.json()["tags"]) for page in pages] == [1000, 1000, 1]
    assert tags_of(pages) == tags
    for n in (1500, 10**6, 10**17):
        assert tags_of(await registry.client.pages(await registry.client.tags(REPO, n=n))) == tags


async def test_a_moved_tag_is_listed_once_and_a_deleted_one_not_at_all(registry: Registry) -> None:
    await push_tags(registry.client, ["a", "b"])
    await push_tags(registry.client, ["b", "c"], image(seed=1))
    assert (await registry.client.tags(REPO)).json()["tags"] == ["a", "b", "c"]
    require(await registry.client.delete_manifest(REPO, "b"), 202)
    assert (await registry.client.tags(REPO)).json()["tags"] == ["a", "c"]


# The catalogue ------------------------------------------------------------------------------------------------------


async def test_repositories_come_in_byte_order_page_by_page(registry: Registry) -> None:
    for name in REPOSITORIES[::-1]:
        await registry.client.push_image(name, image(), "latest")
    whole = require(await registry.client.catalog(), 200)
    assert whole.json() == {"repositories": REPOSITORIES}
    assert next_of(whole) is None
    pages = await registry.client.pages(await registry.client.catalog(n=3))
    assert [page.json()["repositories"] for page in pages] == [REPOSITORIES[:3], REPOSITORIES[3:6], REPOSITORIES[6:]]
    after = require(await registry.client.catalog(n=2, last="a/b"), 200)
    assert after.json()["repositories"] == ["a/b/c", "a0"]


async def test_the_catalogue_of_an_empty_registry_is_empty(registry: Registry) -> None:
    for n in (None, 0, 10):
        answer = require(await registry.client.catalog(n=n), 200)
        assert answer.json() == {"repositories": []}
        assert next_of(answer) is None
