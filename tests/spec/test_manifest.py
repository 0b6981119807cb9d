"""What is a manifest, and what it needs, is about, and is called."""

import base64
import json
from typing import Any

import pytest

from tests.kit.images import OCI_CONFIG, OCI_LAYER, Image, descriptor, image, index, made
from wharfinger.errors import DigestInvalid, ManifestInvalid
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

FOREIGN = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
]
CONFIG = descriptor(b"{}", OCI_CONFIG)


def parsed(pushed: Image) -> Manifest:
    return manifests.parse(pushed.raw, pushed.media_type)


def oci(**fields: Any) -> Image:
    """An OCI image with these fields, None for no such field."""
    all_fields = {"config": CONFIG, "layers": [], **fields}
    return made(OCI_MANIFEST, {name: value for name, value in all_fields.items() if value is not None})


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
def test_an_image_needs_its_config_and_its_layers(docker: bool) -> None:
    pushed = image(layers=2, docker=docker)
    manifest = parsed(pushed)
    assert [part.digest for part in manifest.blobs] == list(pushed.blobs)
    assert [part.size for part in manifest.blobs] == [len(content) for content in pushed.blobs.values()]
    assert manifest.children == ()
    assert manifest.media_type == pushed.media_type


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
def test_an_index_needs_its_children(docker: bool) -> None:
    images = [image(seed=1, docker=docker), image(seed=2, docker=docker)]
    manifest = parsed(index(images, docker=docker))
    assert [child.digest for child in manifest.children] == [child.digest for child in images]
    assert manifest.blobs == ()


def test_an_entry_of_an_index_that_is_no_manifest_by_its_type_is_a_blob() -> None:
    # BuildKit's cache: an index of layers and a config.
    layer = descriptor(b"layer")
    manifest = parsed(made(OCI_INDEX, {"manifests": [layer, image().descriptor]}))
    assert [part.digest for part in manifest.blobs] == [layer["digest"]]
    assert [child.digest for child in manifest.children] == [image().digest]


def test_the_bytes_are_kept_as_they_came() -> None:
    raw = b"\n\t " + image().raw.replace(b": ", b" :\r\n") + b"  \n"
    manifest = manifests.parse(raw, OCI_MANIFEST)
    assert manifest.raw == raw
    assert manifest.digest == digests.of(raw)


@pytest.mark.parametrize("name", ["sha256", "sha512"])
def test_a_manifest_goes_by_the_algorithm_it_is_pushed_under(name: str) -> None:
    raw = image().raw
    assert manifests.parse(raw, OCI_MANIFEST, digests.of(raw, name)).digest == digests.of(raw, name)


def test_a_manifest_with_another_digest_is_refused() -> None:
    with pytest.raises(DigestInvalid):
        manifests.parse(image().raw, OCI_MANIFEST, image(seed=1).digest)


# What it is about, and what it is called ----------------------------------------------------------------------------


def test_the_subject_is_the_digest_it_names() -> None:
    base = image()
    assert parsed(image(subject=base, artifact_type="a/b")).subject == base.digest
    assert parsed(index([], subject=base)).subject == base.digest
    assert parsed(base).subject is None


def test_the_artifact_type_of_an_image_is_its_own_or_that_of_its_config() -> None:
    assert parsed(image(artifact_type="a/b")).artifact_type == "a/b"
    assert parsed(image()).artifact_type == OCI_CONFIG
    assert parsed(oci(artifactType="")).artifact_type == OCI_CONFIG


def test_the_artifact_type_of_an_index_is_its_own_or_none() -> None:
    assert parsed(index(artifact_type="a/b")).artifact_type == "a/b"
    assert parsed(index()).artifact_type is None
    assert parsed(made(OCI_INDEX, {"manifests": [], "artifactType": ""})).artifact_type is None


def test_annotations_are_read_whatever_they_say() -> None:
    said = {"org.example": "x", "Layers": "", "größe": "ſ\U0001f40b", "": '\\"[{'}
    assert parsed(image(annotations=said)).annotations == said
    assert parsed(index(annotations=said)).annotations == said
    assert parsed(image()).annotations == {}


@pytest.mark.parametrize("media_type", FOREIGN)
def test_foreign_layers_may_be_absent(media_type: str) -> None:
    manifest = parsed(oci(layers=[descriptor(b"windows", media_type), descriptor(b"ours")]))
    assert [part.may_be_absent for part in manifest.blobs] == [False, True, False]


@pytest.mark.parametrize("absent", [None, []], ids=["null", "empty"])
def test_no_layers_are_layers_enough(absent: list[Any] | None) -> None:
    # "the list of blobs MAY be empty"; Go programs write an empty list as null.
    raw = json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": absent, "annotations": None}).encode()
    assert len(manifests.parse(raw, OCI_MANIFEST).blobs) == 1


# Media types --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        *(OCI_MANIFEST, f"{OCI_MANIFEST};charset=utf-8", f" {OCI_MANIFEST} ; q=1", OCI_MANIFEST.upper()),
        *("", "application/json", "application/octet-stream"),
    ],
)
def test_parameters_are_ignored_and_an_unspecific_type_leaves_it_to_the_field(content_type: str) -> None:
    assert manifests.parse(image().raw, content_type).media_type == OCI_MANIFEST


def test_without_the_field_the_content_type_decides() -> None:
    raw = json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": []}).encode()
    assert manifests.parse(raw, OCI_MANIFEST).media_type == OCI_MANIFEST
    assert manifests.parse(raw, DOCKER_MANIFEST).media_type == DOCKER_MANIFEST
    with pytest.raises(ManifestInvalid):
        manifests.parse(raw, "application/json")


@pytest.mark.parametrize(
    "content_type", [DOCKER_MANIFEST, OCI_INDEX, "text/plain", "*/*", f"{OCI_MANIFEST}, {OCI_MANIFEST}", "\0", "é"]
)
def test_a_content_type_that_is_not_the_field_is_refused(content_type: str) -> None:
    with pytest.raises(ManifestInvalid):
        manifests.parse(image().raw, content_type)


@pytest.mark.parametrize("media_type", ["application/vnd.example+json", OCI_MANIFEST + "x", OCI_LAYER])
def test_a_type_that_is_no_manifest_is_refused(media_type: str) -> None:
    with pytest.raises(ManifestInvalid):
        parsed(made(media_type, {"config": CONFIG, "layers": []}))


@pytest.mark.parametrize("kind", ["v1+json", "v1+prettyjws"])
def test_schema_1_is_refused_by_its_type_and_by_its_version(kind: str) -> None:
    raw = json.dumps({"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": []}).encode()
    for content_type in (f"application/vnd.docker.distribution.manifest.{kind}", "application/json", OCI_MANIFEST):
        with pytest.raises(ManifestInvalid, match="schema 1"):
            manifests.parse(raw, content_type)


# Embedded content ---------------------------------------------------------------------------------------------------


def test_embedded_content_must_be_what_its_descriptor_says() -> None:
    config = descriptor(b"{}", "a/b") | {"data": base64.b64encode(b"{}").decode()}
    assert parsed(oci(config=config)).blobs[0].size == 2


@pytest.mark.parametrize("data", ["", "e30", "e30=\n", "e30==", "e 30=", "W10=", "e3_=", "é", "\ud83d\ude00"])
def test_other_embedded_content_is_refused(data: str) -> None:
    with pytest.raises(ManifestInvalid, match="data"):
        parsed(oci(config=descriptor(b"{}", "a/b") | {"data": data}))


# Fields that are missing or wrong -----------------------------------------------------------------------------------

WITHOUT = {name: {key: value for key, value in CONFIG.items() if key != name} for name in CONFIG}
WRONG: dict[str, dict[str, Any]] = {
    "no config": {"config": None},
    "config is a list": {"config": [CONFIG]},
    "config is text": {"config": "sha256"},
    "config without media type": {"config": WITHOUT["mediaType"]},
    "config without digest": {"config": WITHOUT["digest"]},
    "config without size": {"config": WITHOUT["size"]},
    "layers is an object": {"layers": {"0": CONFIG}},
    "layers hold null": {"layers": [None]},
    "layers hold lists": {"layers": [[CONFIG]]},
    "schemaVersion is text": {"schemaVersion": "2"},
    "schemaVersion is 3": {"schemaVersion": 3},
    "schemaVersion is -2": {"schemaVersion": -2},
    "schemaVersion is broken": {"schemaVersion": 2.5},
    "schemaVersion is true": {"schemaVersion": True},
    "mediaType is a number": {"mediaType": 2},
    "mediaType is a list": {"mediaType": [OCI_MANIFEST]},
    "mediaType is false": {"mediaType": False},
    "artifactType is a list": {"artifactType": ["a/b"]},
    "artifactType has NUL": {"artifactType": "a/b\0"},
    "artifactType has a newline": {"artifactType": "a/b\n"},
    "artifactType is Cyrillic": {"artifactType": "а/b"},
    "artifactType is over-long": {"artifactType": "a/" + "b" * 300},
    "annotation is a number": {"annotations": {"a": 1}},
    "annotation is null": {"annotations": {"a": None}},
    "annotation is an object": {"annotations": {"a": {}}},
    "annotation has NUL": {"annotations": {"a": "x\0"}},
    "key of an annotation has NUL": {"annotations": {"\0": "x"}},
    "annotations are a list": {"annotations": ["a"]},
    "subject is a digest": {"subject": CONFIG["digest"]},
    "subject without digest": {"subject": WITHOUT["digest"]},
    "size is text": {"config": CONFIG | {"size": "2"}},
    "size is negative": {"config": CONFIG | {"size": -1}},
    "size is broken": {"config": CONFIG | {"size": 2.5}},
    "size is true": {"config": CONFIG | {"size": True}},
    "size is 2 to the 63": {"config": CONFIG | {"size": 2**63}},
    "size has 100 digits": {"config": CONFIG | {"size": 10**100}},
    "digest is a path": {"config": CONFIG | {"digest": "../../etc/passwd"}},
    "digest is upper case": {"config": CONFIG | {"digest": CONFIG["digest"].upper()}},
    "digest has a newline": {"config": CONFIG | {"digest": CONFIG["digest"] + "\n"}},
    "digest of the subject is bad": {"subject": CONFIG | {"digest": "sha256:0"}},
    "media type of a layer has NUL": {"layers": [CONFIG | {"mediaType": "\0"}]},
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG)
def test_a_missing_or_wrong_field_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ManifestInvalid):
        parsed(oci(**fields))


def test_the_refusal_says_which_descriptor_is_wrong() -> None:
    with pytest.raises(ManifestInvalid, match=r"layers\[1\]"):
        parsed(oci(layers=[CONFIG, CONFIG | {"size": -1}]))
    with pytest.raises(ManifestInvalid, match=r"manifests\[0\]"):
        parsed(made(OCI_INDEX, {"manifests": [image().descriptor | {"digest": "x"}]}))


# Two readings -------------------------------------------------------------------------------------------------------


def test_an_image_that_is_also_an_index_is_refused() -> None:
    # Clients that look at the fields and not at the type would run something else: CVE-2021-41190.
    both = {"config": CONFIG, "layers": [CONFIG], "manifests": [image().descriptor]}
    for media_type in (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST):
        with pytest.raises(ManifestInvalid, match="does not belong"):
            parsed(made(media_type, both))


@pytest.mark.parametrize("key", ["Layers", "LAYERS", "layerſ"])
def test_a_field_in_another_case_is_refused_because_go_reads_it_all_the_same(key: str) -> None:
    for fields in ({key: [CONFIG]}, {"layers": None, key: [CONFIG]}):
        with pytest.raises(ManifestInvalid, match="must be written 'layers'"):
            parsed(oci(**fields))


@pytest.mark.parametrize("field", ["config", "subject", "layers", "manifests"])
def test_a_descriptor_with_a_field_in_another_case_is_refused(field: str) -> None:
    odd = image().descriptor | {"Digest": descriptor(b"other")["digest"]}
    media_type = OCI_INDEX if field == "manifests" else OCI_MANIFEST
    fields = {} if field == "manifests" else {"config": CONFIG}
    with pytest.raises(ManifestInvalid, match="must be written 'digest'"):
        parsed(made(media_type, {**fields, field: [odd] if field.endswith("s") else odd}))
