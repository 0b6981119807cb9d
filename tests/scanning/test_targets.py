"""Whatever a target is, the same images come out of it, and what is not what it says it is does not."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.anywhere import changed
from tests.kit.images import OCI_CONFIG, Image, descriptor, index, made
from tests.kit.images import image as plain_image
from tests.remote.registries import Asked, Registry, Reply, running
from tests.scanning import trees
from wharfinger.errors import DigestInvalid, ManifestUnknown, Refusal, RequestInvalid
from wharfinger.remote.asking import Asker
from wharfinger.remote.authorizing import Authorizer
from wharfinger.remote.repositories import Repositories
from wharfinger.scanning import running as scanning
from wharfinger.scanning.packages import Catalogue
from wharfinger.scanning.targets import naming
from wharfinger.scanning.targets.naming import ArchiveName, DockerArchiveName, LayoutName
from wharfinger.scanning.targets.opening import Opened, Remote, opened
from wharfinger.spec import media_types

TREES = [
    {"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(openssl="3.0.17-1~deb12u2")},
    {"var/lib/dpkg/status.d/zlib1g": trees.dpkg(zlib1g="zlib 1:1.2.13.dfsg-1")},
]
AMD64, ARM64 = trees.image(TREES), trees.image(TREES[:1], architecture="arm64", variant="v8")
BOTH = index([AMD64, ARM64])


def nowhere() -> AbstractContextManager[Repositories]:
    pytest.fail("a local target has nothing to ask a registry")


def at(text: str, remote: Remote = nowhere) -> AbstractContextManager[Opened]:
    return opened(naming.parse(text), remote)


def catalogues(text: str) -> list[tuple[str, Catalogue]]:
    with at(text) as target:
        found = scanning.catalogues(target, target.images)
        return [(image.platform, catalogue) for image, catalogue in zip(target.images, found, strict=True)]


def names(catalogue: Catalogue) -> list[str]:
    assert not catalogue.problems
    return [package.name for package in catalogue.packages]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return trees.layout(tmp_path / "layout", BOTH, AMD64, tags=["both", "one"])


@pytest.fixture
def registry() -> Iterator[Registry]:
    with running() as started:
        yield started


def serving(*images: Image) -> dict[str, tuple[str, bytes]]:
    known: dict[str, tuple[str, bytes]] = {}
    for image in images:
        known |= serving(*image.children) | {image.digest: (image.media_type, image.raw)}
        known |= {digest: ("application/octet-stream", content) for digest, content in image.blobs.items()}
    return known


def test_every_platform_of_an_index_is_an_image(folder: Path) -> None:
    with at(str(folder)) as target:
        assert [(each.platform, each.digest) for each in target.images] == [
            ("linux/amd64", AMD64.digest),
            ("linux/arm64/v8", ARM64.digest),
        ]
        assert {each.created for each in target.images} == {"2026-01-31T12:00:00Z"}
    (_, amd64), (_, arm64) = catalogues(f"oci:{folder}:both")
    assert names(amd64) == ["openssl", "zlib1g"]
    assert names(arm64) == ["openssl"]


def test_a_layer_that_two_images_share_is_read_once(folder: Path) -> None:
    seen = []
    with at(f"oci:{folder}") as target:
        scanning.catalogues(target, target.images, lambda layer: seen.append(layer.digest) or layer)  # type: ignore[func-returns-value]
    assert len(seen) == len(set(seen)) == 2


def test_a_tag_chooses_among_those_of_a_layout(folder: Path) -> None:
    assert [platform for platform, _ in catalogues(f"oci:{folder}:one")] == ["linux/amd64"]
    with pytest.raises(ManifestUnknown, match="tag two"), at(f"oci:{folder}:two"):
        pass


@pytest.mark.parametrize("compressed", [False, True])
def test_archives_hold_the_same(tmp_path: Path, compressed: bool) -> None:
    file = trees.archive(tmp_path / "image.tar", BOTH, tags=["both"])
    if compressed:
        file.write_bytes(gzip.compress(file.read_bytes()))
    assert [names(each) for _, each in catalogues(f"oci-archive:{file}:both")] == [["openssl", "zlib1g"], ["openssl"]]


@pytest.mark.parametrize("compressed", [False, True])
def test_what_docker_save_writes_is_known_by_its_configuration(tmp_path: Path, compressed: bool) -> None:
    file = trees.docker_archive(tmp_path / "image.tar", TREES, compressed=compressed)
    with at(f"docker-archive:{file}:shop/web:1") as target:
        (image,) = target.images
        assert image.digest == trees.sha256(next(iter(AMD64.blobs.values())))
        assert image.layers is not None
        assert [each.digest for each in image.layers] == [
            trees.sha256(trees.layer(tree, plain=not compressed)) for tree in TREES
        ]
        assert names(scanning.catalogues(target, [image])[0]) == ["openssl", "zlib1g"]
    with pytest.raises(ManifestUnknown, match="shop/web:2"), at(f"docker-archive:{file}:shop/web:2"):
        pass


@pytest.mark.parametrize(
    ("written", "asked", "same"),
    [
        ("docker.io/library/debian:12", "debian:12", True),
        ("docker.io/shop/web:1", "shop/web:1", True),
        ("localhost/shop/web:latest", "localhost/shop/web", True),
        ("shop/web:1", "1", True),
        ("shop/web:1", "other/web:1", False),
        ("quay.io/shop/web:1", "shop/web:1", False),
        ("shop/web:11", "shop/web:1", False),
    ],
)
def test_a_name_in_what_docker_save_writes_may_be_short_or_long(
    tmp_path: Path, written: str, asked: str, same: bool
) -> None:
    file = trees.docker_archive(tmp_path / "image.tar", TREES[:1], tag=written)
    try:
        with at(f"docker-archive:{file}:{asked}") as target:
            assert len(target.images) == 1
    except ManifestUnknown:
        assert not same
    else:
        assert same


def test_a_layer_that_docker_save_did_not_mean_is_told_of(tmp_path: Path) -> None:
    file = trees.docker_archive(tmp_path / "image.tar", TREES)
    file.write_bytes(file.read_bytes().replace(b"Version: 3.0.17", b"Version: 9.0.17"))
    ((_, catalogue),) = catalogues(f"docker-archive:{file}")
    assert catalogue.packages == ()
    assert "not the one that the configuration names" in catalogue.problems[0].reason


def test_a_layer_with_other_bytes_is_a_problem_of_its_image(folder: Path) -> None:
    digest = trees.sha256(trees.layer(TREES[1]))
    (folder / "blobs" / digest.replace(":", "/")).write_bytes(trees.layer(TREES[0] | {"etc/more": b""}))
    (_, amd64), (_, arm64) = catalogues(str(folder))
    assert [(each.layer, "digest" in each.reason) for each in amd64.problems] == [(digest, True)]
    assert not arm64.problems


@pytest.mark.parametrize("change", [lambda raw: raw.replace(b"amd64", b"arm64"), lambda raw: raw[:-1]])
def test_a_configuration_with_other_bytes_is_a_problem_too(folder: Path, change: Callable[[bytes], bytes]) -> None:
    digest, raw = next(iter(AMD64.blobs.items()))
    (folder / "blobs" / digest.replace(":", "/")).write_bytes(change(raw))
    with at(f"oci:{folder}:one") as target:
        (image,) = target.images
    assert "another digest or size" in image.trouble


def test_an_image_that_is_not_there_is_a_problem_of_its_own(folder: Path) -> None:
    (folder / "blobs" / ARM64.digest.replace(":", "/")).unlink()
    found = catalogues(str(folder))
    assert [names(each) for platform, each in found if platform == "linux/amd64"] == [["openssl", "zlib1g"]]
    ((_, missing),) = [each for each in found if each[0] != "linux/amd64"]
    assert missing.problems[0].layer == ARM64.digest


def test_charts_and_other_artifacts_have_nothing_to_scan(tmp_path: Path) -> None:
    chart = made(
        media_types.OCI_MANIFEST,
        {"config": descriptor(b"{}", "application/vnd.cncf.helm.config.v1+json"), "layers": [descriptor(b"chart")]},
        blobs=[b"{}", b"chart"],
    )
    artifact = plain_image(artifact_type="application/vnd.example.sbom")
    found = catalogues(str(trees.layout(tmp_path / "layout", chart, artifact)))
    assert [each.nothing_to_scan for _, each in found] == [True, True]


def test_attestations_have_nothing_to_scan_but_what_is_only_called_one_has(tmp_path: Path) -> None:
    dsse = "application/vnd.dsse.envelope.v1+json"
    config = b'{"architecture": "", "os": "", "rootfs": {"type": "layers", "diff_ids": []}}'

    def of(layer: bytes) -> Image:
        fields = {"config": descriptor(config, OCI_CONFIG), "layers": [descriptor(layer, dsse)]}
        return made(media_types.OCI_MANIFEST, fields, blobs=[config, layer])

    plain = trees.layer({"{": b"", "etc/os-release": trees.DEBIAN}, plain=True)
    layers = (b' {"payload": ""}', plain, gzip.compress(plain), b"")
    found = [catalogues(str(trees.layout(tmp_path / str(n), of(each)))) for n, each in enumerate(layers)]
    assert [each.nothing_to_scan for ((_, each),) in found] == [True, False, False, False]
    assert [each.distribution is not None for ((_, each),) in found] == [False, True, True, False]


def test_what_buildkit_says_about_an_image_is_none(tmp_path: Path) -> None:
    said = plain_image(seed=5)
    entry = said.descriptor | {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    hidden = AMD64.descriptor | {
        "platform": {"os": "linux", "architecture": "amd64"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    both = made(media_types.OCI_INDEX, {"manifests": [entry, hidden]}, children=[said, AMD64])
    found = catalogues(str(trees.layout(tmp_path / "layout", both)))
    assert [platform for platform, _ in found] == ["linux/amd64"]


def test_a_registry_is_read_by_digest(registry: Registry) -> None:
    known = serving(BOTH)
    known["1"] = known[BOTH.digest]

    def answer(asked: Asked) -> Reply:
        kind, content = known.get(asked.path.rpartition("/")[2], ("", b""))
        return (200, {"Content-Type": kind}, content) if kind else (404, {}, b"")

    registry.answer = answer
    asker = Asker()

    @contextmanager
    def remote() -> Iterator[Repositories]:
        yield Repositories(asker, Authorizer(asker, lambda _: None))

    with at(f"{registry.host}/shop/web:1", remote) as target:
        assert (target.repository, target.roots) == ("shop/web", (BOTH.digest,))
        found = scanning.catalogues(target, target.images)
    asker.close()
    assert [names(each) for each in found] == [["openssl", "zlib1g"], ["openssl"]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("oci:a/b", LayoutName(Path("a/b"))),
        ("oci:a/b:1.2", LayoutName(Path("a/b"), "1.2")),
        ("oci-archive:x.tar", ArchiveName(Path("x.tar"))),
        ("docker-archive:x.tar:shop/web:1", DockerArchiveName(Path("x.tar"), "shop/web:1")),
    ],
)
def test_a_target_is_what_it_begins_with(text: str, name: naming.Name) -> None:
    assert naming.parse(text) == name


def test_a_file_wants_to_be_told_what_it_is(tmp_path: Path) -> None:
    file = trees.archive(tmp_path / "image.tar", AMD64)
    with pytest.raises(RequestInvalid, match="say oci-archive:"):
        naming.parse(str(file))
    with pytest.raises(RequestInvalid, match="want a folder"):
        naming.parse("Not An Image")


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "index.json"), (b"not a tar" * 200, "no tar archive"), (b"\x1f\x8b\x08nonsense", "gzip")],
)
def test_an_archive_that_is_none_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "image.tar").write_bytes(content)
    with pytest.raises(Refusal, match=why), at(f"oci-archive:{tmp_path}/image.tar"):
        pass


@pytest.mark.parametrize(
    "index",
    [b"{", b"[]", b'{"manifests": [{}]}', b'{"manifests": [{"digest": "sha256:../../x", "mediaType": "a/b"}]}'],
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, index: bytes) -> None:
    (tmp_path / "index.json").write_bytes(index)
    with pytest.raises(Refusal, match=r"index\.json"), at(str(tmp_path)):
        pass


def test_a_configuration_under_another_name_is_refused(tmp_path: Path) -> None:
    file = trees.docker_archive(tmp_path / "image.tar", TREES)
    config = json.dumps({"rootfs": {"diff_ids": []}}).encode()
    name = f"{'0' * 64}.json"
    manifest = json.dumps([{"Config": name, "Layers": []}]).encode()
    file.write_bytes(trees.layer({"manifest.json": manifest, name: config}, plain=True))
    ((_, catalogue),) = catalogues(f"docker-archive:{file}")
    assert "another digest" in catalogue.problems[0].reason
    assert issubclass(DigestInvalid, Refusal)


_BASES = (
    (trees.files(BOTH, AMD64, tags=["both"]), "oci-archive"),
    (
        {
            "manifest.json": json.dumps([{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l.tar"]}]).encode(),
            "c.json": json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["x"]}}).encode(),
            "l.tar": trees.layer(TREES[0], plain=True),
        },
        "docker-archive",
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(base=st.sampled_from(_BASES), data=st.data())
def test_an_archive_with_anything_anywhere_is_read_or_refused(
    tmp_path: Path, base: tuple[dict[str, bytes], str], data: st.DataObject
) -> None:
    files, scheme = dict(base[0]), base[1]
    name = data.draw(st.sampled_from(sorted(name for name in files if files[name][:1] in (b"{", b"["))))
    files[name] = json.dumps(changed(json.loads(files[name]), data)).encode()
    file = tmp_path / "image.tar"
    file.write_bytes(trees.layer(files, plain=True))
    try:
        with at(f"{scheme}:{file}") as target:
            assert target.images or scheme == "oci-archive"
    except Refusal:
        pass
