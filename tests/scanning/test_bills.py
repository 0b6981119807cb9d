"""Bills of materials by the API: of what was scanned, without a layer being read, the same bytes for the same image."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests.api.caller import Caller, ask
from tests.api.test_policies import somebody
from tests.conftest import Registry
from tests.kit import images as kit
from tests.scanning import trees
from tests.scanning.test_on_push import BASE, WEB, Scanner, push
from wharfinger.spec import digest as digests

ARM = trees.image([BASE], architecture="arm64")


@pytest.fixture
def scanner(registry: Registry, tmp_path: Path) -> Iterator[Scanner]:
    made = Scanner(registry, tmp_path)
    yield made
    made.verdicts.close()


async def scanned(scanner: Scanner) -> Caller:
    await push(scanner)
    await push(scanner, kit.index([WEB, ARM]), "all")
    await scanner.work()
    return Caller(scanner.registry.client)


async def test_both_formats_are_valid_and_no_layer_is_read_for_them(scanner: Scanner) -> None:
    await scanned(scanner)
    layers = [content for content in WEB.blobs.values() if content.startswith(b"\x1f\x8b")]
    lost = [path for path in scanner.folder.rglob("*") if path.is_file() and path.read_bytes() in layers]
    assert len(lost) == len(layers) == 2
    for path in lost:
        path.unlink()
    client = scanner.registry.client
    answer = await ask(client, "GET", "/sboms/shop/web/1")
    assert answer.headers["content-type"] == "application/vnd.cyclonedx+json"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(answer.text) is None
    fields = answer.json()
    assert {each["name"] for each in fields["components"]} == {"debian", "openssl", "flask"}
    assert fields["metadata"]["timestamp"] == "2026-01-31T12:00:00Z"
    assert fields["compositions"][0]["aggregate"] == "complete"
    answer = await ask(client, "GET", "/sboms/shop/web/1?format=spdx")
    assert answer.headers["content-type"] == "application/spdx+json"
    parser: Any = JsonLikeDictParser  # without types
    assert validate_full_spdx_document(parser().parse(json.loads(answer.text))) == []


async def test_what_was_seen_already_is_not_sent_again(scanner: Scanner) -> None:
    await scanned(scanner)
    client = scanner.registry.client
    first, second = [await ask(client, "GET", f"/sboms/shop/web/{each}") for each in ("1", WEB.digest)]
    assert first.content == second.content
    assert first.headers["etag"] == f'"{digests.of(first.content)}"'
    assert first.headers["cache-control"] == "private, no-cache"
    for seen in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
        again = await ask(client, "GET", "/sboms/shop/web/1", headers={"If-None-Match": seen})
        assert (again.status_code, again.content) == (304, b""), seen
        assert again.headers["etag"] == first.headers["etag"]
    other = await ask(client, "GET", "/sboms/shop/web/1?format=spdx", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


async def test_of_an_index_one_platform_is_meant(scanner: Scanner) -> None:
    api = await scanned(scanner)
    assert "linux/amd64, linux/arm64" in await api.refusal("GET", "/sboms/shop/web/all", status=400)
    fields = await api("GET", "/sboms/shop/web/all?platform=linux/arm64")
    assert fields["metadata"]["component"]["version"] == ARM.digest
    await api.refusal("GET", "/sboms/shop/web/all?platform=linux/s390x", status=400)
    await api.refusal("GET", "/sboms/shop/web/1?format=csv", status=400)


async def test_of_what_nobody_has_read_there_is_none(scanner: Scanner) -> None:
    await push(scanner)
    api = Caller(scanner.registry.client)
    assert "waits to be scanned" in await api.refusal("GET", "/sboms/shop/web/1", status=404)
    chart = kit.image(config=b"{}", artifact_type="application/vnd.example.chart")
    await push(scanner, chart, "chart")
    assert "no file system" in await api.refusal("GET", "/sboms/shop/web/chart", status=404)
    await api.refusal("GET", "/sboms/shop/web/gone", status=404)


async def test_of_what_could_not_be_read_it_says_that_it_is_not_all(scanner: Scanner) -> None:
    status = trees.layer(BASE)
    broken = kit.image(layers=[status, b"this is no layer"], config=b'{"os": "linux", "architecture": "amd64"}')
    await push(scanner, broken)
    await scanner.work()
    fields = await Caller(scanner.registry.client)("GET", "/sboms/shop/web/1")
    assert "openssl" in {each["name"] for each in fields["components"]}
    assert fields["compositions"][0]["aggregate"] == "incomplete"


async def test_who_may_not_pull_is_told_nothing(scanner: Scanner) -> None:
    await scanned(scanner)
    assert (await ask(scanner.registry.as_("reader"), "GET", "/sboms/shop/web/1")).status_code == 200
    stranger = (await somebody(scanner.registry, "a-stranger", "reader", "other/**")).client
    refused = [(await ask(stranger, "GET", f"/sboms/shop/web/{each}")).status_code for each in ("1", "gone")]
    assert refused[0] == refused[1] in {403, 404}
