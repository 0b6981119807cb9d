"""Files attached to an image with oras, and found again through it."""

import json
from pathlib import Path

import pytest

from tests.kit.rootfs import bill_of_materials, sha256, single_image
from tests.system.clients import oras
from tests.system.clients.home import Home
from tests.system.registry import Registry

pytestmark = pytest.mark.system

SPDX = "application/spdx+json"


def test_a_bill_of_materials_is_attached_found_and_pulled(registry: Registry, tmp_path: Path) -> None:
    home, image = Home.new(tmp_path, registry), registry.reference("artifacts/app")
    subject = sha256(single_image().manifest())
    oras.push(home, single_image(), image)
    file = bill_of_materials(tmp_path)
    # Since the registry must have the referrers API, oras shall not fall back to a tag.
    api = ("--plain-http", "--distribution-spec", "v1.1-referrers-api")
    attach = ("--artifact-type", SPDX, "--disable-path-validation", image, f"{file}:{SPDX}")
    home.run("oras", "attach", *api, *attach)

    found = json.loads(home.run("oras", "discover", *api, "--format", "json", image))["referrers"]
    assert [entry["artifactType"] for entry in found] == [SPDX]
    listed = registry.get_json(f"/v2/artifacts/app/referrers/{subject}")["manifests"]
    assert [entry["digest"] for entry in listed] == [found[0]["digest"]]
    assert registry.tags("artifacts/app") == ["v1"]

    (manifest,) = (json.loads(registry.manifest("artifacts/app", entry["digest"])) for entry in listed)
    assert manifest["subject"]["digest"] == subject
    assert registry.blob("artifacts/app", manifest["layers"][0]["digest"]) == file.read_bytes()


def test_an_image_is_copied_with_all_that_is_attached(registry: Registry, tmp_path: Path) -> None:
    home, image, copy = Home.new(tmp_path, registry), registry.reference("artifacts/from"), "artifacts/copy"
    oras.push(home, single_image(), image)
    file = bill_of_materials(tmp_path)
    attach = ("--artifact-type", SPDX, "--disable-path-validation", image, f"{file}:{SPDX}")
    home.run("oras", "attach", "--plain-http", *attach)
    home.run("oras", "cp", "--recursive", "--from-plain-http", "--to-plain-http", image, registry.reference(copy))
    subject = sha256(single_image().manifest())
    (entry,) = registry.get_json(f"/v2/{copy}/referrers/{subject}")["manifests"]
    assert entry["artifactType"] == SPDX
