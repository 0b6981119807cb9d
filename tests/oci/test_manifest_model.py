"""Manifests, tags and deletes in any order: the registry and the model agree on every answer and every list."""

from httpx2 import Response
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.kit.client import Registry, code_of
from tests.kit.images import Image, blob, image, index
from tests.oci.machines import Machine, run
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest

SHARED = blob(20, seed=1)
BASE = image(layers=[SHARED, 10], seed=1)
OTHER = image(layers=[SHARED], seed=2)
LONG = image(layers=[SHARED, 10], seed=1, algorithm="sha512")
SIGNATURE = image(artifact_type="application/vnd.example", subject=BASE, seed=3)
PLATFORMS = index([BASE, OTHER])
NESTED = index([PLATFORMS, SIGNATURE], subject=BASE)
IMAGES = [BASE, OTHER, LONG, SIGNATURE, PLATFORMS, NESTED]
BLOBS = {digest: content for one in IMAGES for digest, content in one.blobs.items()}

repositories = st.integers(0, 1)
images = st.sampled_from(IMAGES)
tags = st.sampled_from(["a", "b", "latest"])
manifests = st.sampled_from([one.digest for one in IMAGES])
blobs = st.sampled_from(sorted(BLOBS))


class Manifests(Machine):
    """Two repositories, a few images that share blobs, and three tags."""

    def require(self, answer: Response, status: int) -> None:
        assert answer.status_code == status, f"{answer.request.method} {answer.request.url}: {answer.text}"
        if status >= 400:
            code_of(answer)

    @initialize(first=st.lists(images, min_size=1, max_size=2), second=st.lists(images, max_size=1))
    def begin_with(self, first: list[Image], second: list[Image]) -> None:
        for which, some in enumerate([first, second]):
            for one in some:
                self.push_what_an_image_needs(which, one)
                self.push(which, one)

    @rule(which=repositories, one=images)
    def push_what_an_image_needs(self, which: int, one: Image) -> None:
        name = self.names[which]
        for content in one.blobs.values():
            status = self.model.push_blob(name, content)
            self.require(self.wait(self.client.push_blob(name, content)), status)
        for child in one.children:
            self.push_what_an_image_needs(which, child)
            self.push(which, child)

    @rule(which=repositories, one=images)
    def push(self, which: int, one: Image) -> None:
        self.put(self.names[which], one, one.digest, [])

    @rule(which=repositories, one=images.filter(lambda one: one is not LONG), tag=tags)
    def push_by_tag(self, which: int, one: Image, tag: str) -> None:
        self.put(self.names[which], one, tag, [tag])

    @rule(which=repositories, one=images, more=st.lists(tags, unique=True))
    def push_by_digest_with_tags(self, which: int, one: Image, more: list[str]) -> None:
        name = self.names[which]
        status = self.model.put_manifest(name, one, more)
        answer = self.wait(self.client.put_manifest(name, one.digest, one.raw, one.media_type, tags=more))
        self.require(answer, status)
        if status == 201:
            assert [tag.strip() for tag in answer.headers.get("OCI-Tag", "").split(",") if tag] == more

    def put(self, name: str, one: Image, reference: str, moved: list[str]) -> None:
        status = self.model.put_manifest(name, one, moved)
        answer = self.wait(self.client.put_manifest(name, reference, one.raw, one.media_type))
        self.require(answer, status)
        if status == 201:
            assert answer.headers["Docker-Content-Digest"] == one.digest

    @rule(which=repositories, one=images.filter(lambda one: one is not LONG), tag=tags, current=manifests)
    def push_if_the_tag_is(self, which: int, one: Image, tag: str, current: Digest) -> None:
        name = self.names[which]
        status = self.model.put_manifest(name, one, [tag], current=current)
        self.require(self.conditional(name, one, tag, {"If-Match": f'"{current}"'}), status)

    @rule(which=repositories, one=images.filter(lambda one: one is not LONG), tag=tags)
    def push_unless_the_tag_exists(self, which: int, one: Image, tag: str) -> None:
        name = self.names[which]
        status = self.model.put_manifest(name, one, [tag], absent=True)
        self.require(self.conditional(name, one, tag, {"If-None-Match": "*"}), status)

    def conditional(self, name: str, one: Image, tag: str, condition: dict[str, str]) -> Response:
        return self.wait(self.client.put_manifest(name, tag, one.raw, one.media_type, headers=condition))

    @rule(which=repositories, one=images.filter(lambda one: one is not LONG))
    def create_one_tag_twice_at_once(self, which: int, one: Image) -> None:
        name, condition = self.names[which], {"If-None-Match": "*"}
        first = self.model.put_manifest(name, one, ["latest"], absent=True)
        second = 412 if first == 201 else first
        put = (self.client.put_manifest(name, "latest", one.raw, one.media_type, headers=condition) for _ in range(2))
        assert sorted(answer.status_code for answer in self.wait_all(*put)) == sorted([first, second])

    @rule(which=repositories, digest=blobs)
    def mount(self, which: int, digest: Digest) -> None:
        target, source = self.names[which], self.names[1 - which]
        status = self.model.mount(target, digest, source)
        self.require(self.wait(self.client.mount(target, digest, source)), status)

    @rule(which=repositories, tag=tags)
    def delete_a_tag(self, which: int, tag: str) -> None:
        status = self.model.delete_tag(self.names[which], tag)
        self.require(self.wait(self.client.delete_manifest(self.names[which], tag)), status)

    @rule(which=repositories, data=st.data())
    def delete_a_manifest(self, which: int, data: st.DataObject) -> None:
        held = self.model[self.names[which]]
        digest = data.draw(st.sampled_from([*held.manifests]) if held.manifests else manifests)
        users = held.parents(digest)
        status = self.model.delete_manifest(self.names[which], digest)
        answer = self.wait(self.client.delete_manifest(self.names[which], digest))
        self.require(answer, status)
        assert status != 405 or any(user in answer.text for user in users)

    @rule(which=repositories, data=st.data())
    def delete_a_blob(self, which: int, data: st.DataObject) -> None:
        held = self.model[self.names[which]]
        digest = data.draw(st.sampled_from([*held.blobs]) if held.blobs else blobs)
        users = held.users(digest)
        status = self.model.delete_blob(self.names[which], digest)
        answer = self.wait(self.client.delete_blob(self.names[which], digest))
        self.require(answer, status)
        assert status != 405 or any(user in answer.text for user in users)

    @rule(which=repositories, digest=manifests)
    def delete_a_blob_while_what_needs_it_is_pushed(self, which: int, digest: Digest) -> None:
        """Either may win, but never both: a manifest without its blob."""
        name = self.names[which]
        one = next(one for one in IMAGES if one.digest == digest)
        if not one.blobs or self.model[name].missing(one):
            return
        lost = min(one.blobs)
        put, gone = self.wait_all(
            self.client.put_manifest(name, one.digest, one.raw, one.media_type),
            self.client.delete_blob(name, lost),
        )
        if put.status_code == 201:
            self.model.put_manifest(name, one, [])
            self.require(gone, self.model.delete_blob(name, lost))
        else:
            self.require(gone, self.model.delete_blob(name, lost))
            self.require(put, self.model.put_manifest(name, one, []))

    @rule(which=repositories, digest=manifests)
    def list_referrers(self, which: int, digest: Digest) -> None:
        answer = self.wait(self.client.referrers(self.names[which], digest))
        found = [one["digest"] for one in answer.json()["manifests"]]
        assert sorted(found) == sorted(self.model[self.names[which]].referrers(digest))

    @rule(which=repositories, one=images)
    def pull(self, which: int, one: Image) -> None:
        answer = self.wait(self.client.get_manifest(self.names[which], one.digest))
        held = one.digest in self.model[self.names[which]].manifests
        self.require(answer, 200 if held else 404)
        assert not held or answer.content == one.raw

    @rule(which=repositories, digest=blobs)
    def pull_a_blob(self, which: int, digest: Digest) -> None:
        answer = self.wait(self.client.get_blob(self.names[which], digest))
        held = digest in self.model[self.names[which]].blobs
        self.require(answer, 200 if held else 404)
        assert not held or answer.content == BLOBS[digest]

    @rule(which=repositories)
    def list_tags(self, which: int) -> None:
        self.require_tags(self.names[which])

    def require_tags(self, name: str) -> None:
        answer = self.wait(self.client.tags(name))
        found = answer.json()["tags"] if answer.status_code == 200 else []
        assert found == sorted(self.model[name].tags)

    def teardown(self) -> None:
        for name in self.names:
            self.require_tags(name)
            for tag, digest in self.model[name].tags.items():
                pulled = self.wait(self.client.pull_image(name, tag))
                assert pulled.digest == digest
                assert digests.of(pulled.raw, digests.algorithm(digest)) == digest


async def test_manifests_in_any_order_do_what_the_model_does(registry: Registry) -> None:
    await run(Manifests, registry)
