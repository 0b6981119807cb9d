"""What deleting frees, compared with what edges and blobs say of random repositories, on both databases."""

import json
import random

import pytest
from sqlalchemy import Connection, select, update

from tests.lifecycle.kit import policy
from wharfinger.lifecycle import reading, surveying
from wharfinger.lifecycle.plan_file import going
from wharfinger.lifecycle.surveying import Survey
from wharfinger.meta import blobs, lifecycle_blobs, lifecycle_facts, manifests, packing, repos, tags, trash
from wharfinger.meta.blobs import Blob
from wharfinger.meta.db import Database
from wharfinger.meta.schema import blobs as blob_rows
from wharfinger.meta.schema import manifest_blobs
from wharfinger.meta.schema import manifests as rows
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest, needs
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.spec.names import RepoName, Tag
from wharfinger.spec.needs import Key, key

REPOSITORIES, IMAGES, BLOBS, SEEDS = 4, 12, 25, 3
OCI = "application/vnd.oci.image"
LAYERS = ("layer.v1.tar+gzip", "layer.nondistributable.v1.tar")
LATER = 10.0


class _Stock:
    """Repositories of images that share blobs; of some blobs, what manifests say was never compared with them."""

    def __init__(self, tx: Connection, seed: int) -> None:
        self._tx, self._chance, self._seed = tx, random.Random(seed), seed
        self.names = [RepoName(f"seed{seed}/r{n}") for n in range(REPOSITORIES)]
        self._sizes = {self._digest("blob", n): self._chance.randrange(1, 10**6) for n in range(BLOBS)}
        self._late = set(self._chance.sample(sorted(self._sizes), 4))
        self._never = set(self._chance.sample(sorted(self._sizes), 2)) - self._late
        for name in self.names:
            self._fill(name)

    def _digest(self, *words: object) -> Digest:
        return digests.of(repr((self._seed, *words)).encode(), digests.CANONICAL)

    def _fill(self, name: RepoName) -> None:
        for digest in sorted(set(self._sizes) - self._late - self._never):
            self._link(name, digest)
        id = repos.ensure(self._tx, name, 0.0)
        made: list[tuple[Digest, int]] = []
        for n in range(IMAGES):
            is_index = len(made) > 1 and self._chance.random() < 0.2
            raw = self._index(made) if is_index else self._image(n)
            parsed = manifest.parse(raw, f"{OCI}.{'index' if is_index else 'manifest'}.v1+json")
            held = blobs.sizes_in(self._tx, id, {each.digest for each in parsed.blobs})
            manifests.add(self._tx, id, parsed, {*held, *(child.digest for child in parsed.children)}, 1.0 + n)
            kind = self._chance.choice(("keep", "dev", "dev"))
            tags.point(self._tx, id, Tag(f"{kind}-{n}"), parsed.digest, 1.0 + n)
            made.append((parsed.digest, len(raw)))
        for digest in sorted(self._late):
            self._link(name, digest)

    def _link(self, name: RepoName, digest: Digest) -> None:
        blobs.add(self._tx, Blob(digest, self._sizes[digest], Location(f"{digest}/x")), 0.0)
        blobs.link(self._tx, name, digest, LATER if digest in self._late else 0.0, LATER)

    def _image(self, n: int) -> bytes:
        config, *layers = self._chance.choices(sorted(self._sizes), k=self._chance.randrange(1, 7))
        return self._written(
            mediaType=f"{OCI}.manifest.v1+json",
            config=self._described(config, "config.v1+json"),
            layers=[self._described(layer, self._chance.choice(LAYERS)) for layer in layers],
            annotations={"n": f"{self._seed} {n}"},
        )

    def _index(self, made: list[tuple[Digest, int]]) -> bytes:
        children = [(*one, f"{OCI}.manifest.v1+json") for one in self._chance.sample(made, 2)]
        cache = self._chance.sample(sorted(set(self._sizes) - self._late - self._never), 2)
        entries = [*children, *((one, self._sizes[one], f"{OCI}.{LAYERS[0]}") for one in cache)]
        listed = [{"mediaType": kind, "digest": one, "size": size} for one, size, kind in entries]
        return self._written(mediaType=f"{OCI}.index.v1+json", manifests=listed)

    def _described(self, digest: Digest, kind: str) -> dict[str, object]:
        is_wrong = digest in self._late or digest in self._never
        return {"mediaType": f"{OCI}.{kind}", "digest": digest, "size": self._sizes[digest] + 2**62 * is_wrong}

    @staticmethod
    def _written(**fields: object) -> bytes:
        return json.dumps({"schemaVersion": 2, **fields}).encode()


def _edges(tx: Connection, id: int) -> dict[str, dict[Key, int]]:
    """By manifest, the blobs that its edges say are there, and how big they are stored."""
    found: dict[str, dict[Key, int]] = {}
    edges, size = manifest_blobs.c, select(blob_rows.c.digest, blob_rows.c.size)
    sizes = dict(map(tuple, tx.execute(size)))
    for row in tx.execute(select(edges.manifest, edges.present).where(edges.repository_id == id)):
        found.setdefault(row.manifest, {}).update({key(row.present): sizes[row.present]} if row.present else {})
    return found


def _holders(tx: Connection) -> dict[Key, int]:
    return {blob: count for blob, (count, _) in lifecycle_blobs.shared(tx).items()}


def _compare(tx: Connection, names: list[RepoName], survey: Survey) -> int:
    """That the plan counts what edges and stored sizes say; how many images go."""
    whole = [each for name in names if (each := lifecycle_facts.find(tx, name))]
    holders, seen = _holders(tx), 0
    for each, part in zip(whole, surveying.parts(tx, whole, survey), strict=True):
        gone = {image.digest: image.frees for image in going(part.plan.delete)}
        needed = _edges(tx, each.id)
        kept = {blob for image, those in needed.items() if image not in gone for blob in those}
        alone = {blob: size for one in gone for blob, size in needed.get(one, {}).items() if blob not in kept}
        own = {blob: size for blob, size in alone.items() if blob not in holders}
        assert gone == {one: sum(own[blob] for blob in needed.get(one, ()) if blob in own) for one in gone}
        assert part.plan.frees == sum(own.values())
        assert part.waiting == {blob for blob in alone if blob in holders}
        seen += len(gone)
    return seen


def _survey(tx: Connection) -> Survey:
    policies = reading.parse(policy('keep: {tags: "keep-*"}', "delete: {}"))
    return Survey(policies, lambda *_: lambda _: None, 2**60, 0.0, lifecycle_blobs.shared(tx))


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_it_counts_what_edges_and_stored_sizes_say(db: Database, seed: int) -> None:
    names = (await db.write(_Stock, seed)).names
    survey = await db.read(_survey)
    assert await db.read(_compare, names, survey)
    only = await db.read(lambda tx: lifecycle_facts.find(tx, names[0]))
    assert only is not None
    unmeasured, packed = await db.read(_unmeasured, only.id), await db.read(_packed, only.id)
    assert unmeasured
    assert packed == set(await db.read(_digests, only.id)) - unmeasured, "of all others, what they need is packed"
    await db.write(_out_and_in, only.id)
    assert (await db.read(_unmeasured, only.id), await db.read(_packed, only.id)) == (unmeasured, packed)
    await db.read(_compare, names, await db.read(_survey))
    await db.write(_forget, only.id)  # as in a database from before anything was packed
    await db.read(_compare, names, await db.read(_survey))
    place: packing.Place | None = ()
    while place is not None:
        place = await db.write(packing.pack_some, place, 3)
    assert await db.read(_packed, only.id) == packed
    await db.read(_compare, names, await db.read(_survey))


def _digests(tx: Connection, id: int) -> list[str]:
    return list(tx.execute(select(rows.c.digest).where(rows.c.repository_id == id)).scalars())


def _unmeasured(tx: Connection, id: int) -> set[str]:
    return set(tx.execute(select(rows.c.digest).where(rows.c.repository_id == id, rows.c.unmeasured)).scalars())


def _packed(tx: Connection, id: int) -> set[str]:
    query = select(rows.c.digest).where(rows.c.repository_id == id, rows.c.needs.is_not(None))
    return set(tx.execute(query).scalars())


def _forget(tx: Connection, id: int) -> None:
    tx.execute(update(rows).where(rows.c.repository_id == id).values(needs=None))


def _out_and_in(tx: Connection, id: int) -> None:
    """Everything goes to the trash and comes back."""
    whole = [Digest(each) for each in sorted(_digests(tx, id))]
    when = {"now": LATER, "empties_at": 2 * LATER, "due_at": 2 * LATER}
    trash.put(tx, id, whole, root=whole[0], who="", why="", run_id=None, **when)
    for each in whole:
        if each not in _digests(tx, id):
            trash.restore(tx, id, each, LATER)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"layers": [{"digest": 1}]}', b"\xff", b'{"layers": [{"digest": "a", "size": "b"}]}']
)
def test_what_is_no_manifest_says_nothing(raw: bytes) -> None:
    assert needs.blobs(raw) is None
    assert needs.packed(raw) is None


@pytest.mark.parametrize(("digest", "size"), [("sha256:xyz", 1), (f"sha256:{'a' * 64}", -1), ("sha512:00", 2**64)])
def test_what_is_no_digest_and_has_no_size_is_not_packed(digest: str, size: int) -> None:
    assert needs.packed(json.dumps({"layers": [{"digest": digest, "size": size}]}).encode()) is None


def test_what_is_packed_has_a_key_and_the_size_of_each_blob() -> None:
    those = {digests.of(f"{n}".encode(), name): 10**n for n in range(4) for name in digests.ALGORITHMS}
    layers = [{"digest": digest, "size": size} for digest, size in those.items()]
    packed = needs.packed(json.dumps({"layers": layers}).encode())
    assert packed is not None
    assert dict(needs.unpack(packed)) == {key(digest): size for digest, size in those.items()}
    assert len({key(digest) for digest in those}) == len(those)


def test_a_blob_that_stands_there_twice_is_one_and_children_are_none() -> None:
    layer = {"mediaType": "x", "digest": "sha256:a", "size": 3}
    raw = json.dumps({"config": layer | {"digest": "sha256:c"}, "layers": [layer, layer]}).encode()
    assert needs.blobs(raw) == {"sha256:a": 3, "sha256:c": 3}
    children = [layer | {"mediaType": f"{OCI}.{kind}.v1+json"} for kind in ("manifest", "index")]
    assert needs.blobs(json.dumps({"manifests": [*children, layer | {"digest": "sha256:b"}]}).encode()) == {
        "sha256:b": 3
    }
