"""Bills of materials that the formats' own validators take, the same bytes for the same image."""

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests.scanning.made import DEBIAN, LAYER, LODASH, PACKAGES
from wharfinger.scanning.packages import Catalogue, Package, Problem
from wharfinger.scanning.sbom import cyclonedx, spdx
from wharfinger.scanning.sbom.subject import Subject
from wharfinger.spec import digest as digests

STRANGE = Package(
    "maven",
    'org.example:x \x07"<é>',
    "1.0",
    "pkg:maven/org.example/x%20%07%22%3C%C3%A9%3E@1.0",
    None,
    LAYER,
    ("app/a.jar!lib/b.jar", "app/c.jar"),
    "pkg:deb/debian/libx-java@1.0",
)
TWICE = Package("npm", "lodash", "4.17.15", LODASH.purl, None, digests.of(b"other"), ("other/package.json",))
EVERYTHING = Catalogue((*PACKAGES, STRANGE, TWICE), DEBIAN, (Problem(LAYER, "app/z", "nested too deeply"),))
CREATED = "2026-01-31T12:00:00Z"


def subject(catalogue: Catalogue = EVERYTHING, algorithm: str = "sha256") -> Subject:
    return Subject("oci:web", digests.of(b"manifest", algorithm), "linux/arm64/v8", catalogue, CREATED)


@pytest.mark.parametrize("catalogue", [EVERYTHING, Catalogue(())], ids=["everything", "nothing"])
def test_cyclonedx_is_valid(catalogue: Catalogue) -> None:
    text = cyclonedx.text(subject(catalogue))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert cyclonedx.text(subject(catalogue)) == text
    refs = [each["bom-ref"] for each in json.loads(text)["components"]]
    assert len(refs) == len(set(refs))


def test_cyclonedx_says_what_was_found_where() -> None:
    fields = cyclonedx.document(subject())
    found = {each["name"]: each for each in fields["components"]}
    assert found["django"]["purl"] == "pkg:pypi/django@3.2"
    assert found["django"]["evidence"] == {"occurrences": [{"location": "app/django-3.2.dist-info/METADATA"}]}
    assert {"name": "wharfinger:source", "value": "openssl@3.0.11-1~deb12u1"} in found["libssl3"]["properties"]
    assert fields["compositions"][0]["aggregate"] == "incomplete"
    assert fields["metadata"]["timestamp"] == CREATED


@pytest.mark.parametrize("catalogue", [EVERYTHING, Catalogue(())], ids=["everything", "nothing"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_spdx_is_valid(catalogue: Catalogue, algorithm: str) -> None:
    text = spdx.text(subject(catalogue, algorithm))
    parser: Any = JsonLikeDictParser  # without types
    document = parser().parse(json.loads(text))
    assert validate_full_spdx_document(document) == []
    assert spdx.text(subject(catalogue, algorithm)) == text


def test_spdx_contains_every_package() -> None:
    fields: dict[str, Any] = spdx.document(subject())
    contained = [each for each in fields["relationships"] if each["relationshipType"] == "CONTAINS"]
    assert len(contained) == len(EVERYTHING.packages) + 1, "and the distribution"
    purls = {each["externalRefs"][0]["referenceLocator"] for each in fields["packages"] if "externalRefs" in each}
    assert purls == {each.purl for each in EVERYTHING.packages}


def test_each_image_has_a_document_of_its_own() -> None:
    other = Subject("oci:web", digests.of(b"manifest"), "linux/amd64", EVERYTHING, CREATED)
    assert cyclonedx.document(other)["serialNumber"] != cyclonedx.document(subject())["serialNumber"]
    assert spdx.document(other)["documentNamespace"] != spdx.document(subject())["documentNamespace"]
