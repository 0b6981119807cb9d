"""How images stand is the same whether they are weighed together or each with all its findings by itself."""

import json
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from wharfinger.meta import advisory_sets, exceptions, judgements, package_versions, repos, verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.exceptions import Wanted
from wharfinger.meta.gates import Holder
from wharfinger.meta.judged import FindingRow, Outcome
from wharfinger.meta.schema import manifest_children, manifests
from wharfinger.scanning.admission import counting
from wharfinger.scanning.admission.book import compiled
from wharfinger.scanning.admission.standing import standing
from wharfinger.scanning.books import Books
from wharfinger.scanning.outcomes import versions_of
from wharfinger.scanning.packages import Catalogue, Distribution, Package, Source
from wharfinger.scanning.targets.images import Image
from wharfinger.scanning.verdicts import scanned
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

NOW = 1_000.0
NAMES = [RepoName("shop/web"), RepoName("shop/api"), RepoName("lab/web")]
BINARIES = [("openssl", "openssl?arch=amd64"), ("openssl", "openssl?arch=arm64"), ("zlib", "zlib1g"), ("curl", "curl")]
IMAGES = [digests.of(b"image %d" % number) for number in range(12)]
INDEX = digests.of(b"index")
RULES: list[dict[str, Any]] = [
    {"name": "worst", "repositories": "**", "block": {"severity": "critical"}, "warn": {"severity": "low"}},
    {"name": "shop", "repositories": "shop/**", "block": {"severity": "high", "fixable": True}, "grace": "14d"},
]


def _body(id: str, package: str, severity: str, **others: Any) -> FindingRow:
    told: dict[str, Any] = {"id": id, "aliases": [], "advisories": [], "package": package, "version": "1", "fixed": "2"}
    told |= {"state": "fixed", "severity": severity, "ratings": [], "kev": False, "suppressed": None} | others
    return FindingRow(id, severity, "2", "fixed", None, None, frozenset({id}), json.dumps(told))


FOUND = {
    "openssl": (_body("CVE-2026-1", "openssl", "critical"), _body("CVE-2026-2", "openssl", "low", aliases=["GHSA-2"])),
    "zlib": (_body("CVE-2026-3", "zlib", "high", published="1970-01-01"),),
    "curl": (_body("CVE-2026-2", "curl", "high"), _body("CVE-2026-4", "curl", "unknown", fixed=None)),
}


def _purl(binary: str) -> str:
    name, mark, machine = binary.partition("?")
    return f"pkg:deb/debian/{name}@1{mark}{machine}"


def _fill(tx: Connection, chance: Random) -> None:
    """Images of one or two repositories, some in an index, that share packages."""
    advisory_sets.finish(tx, advisory_sets.begin(tx, "", {}, 0.0).id, 0.0)
    packages = [Package("deb", name, "1", _purl(name), Source(source, "1")) for source, name in BINARIES]
    every = versions_of(Catalogue(tuple(packages), Distribution("debian", "12")))
    numbers = package_versions.add(tx, every)
    said = judgements.add(tx, [Outcome(source, "Debian:12", None, found) for source, found in FOUND.items()])
    held = {numbers[each.key]: [said[source]] for each, (source, _) in zip(every, BINARIES, strict=True)}
    judgements.change(tx, 1, held, 0.0)
    keys = [repos.ensure(tx, name, 0.0) for name in NAMES]
    row = {"media_type": media_types.OCI_INDEX, "size": 2, "annotations": "{}", "pushed_at": 0.0, "raw": b"{}"}
    tx.execute(insert(manifests).values(row | {"repository_id": keys[0], "digest": INDEX}))
    for place, digest in enumerate(IMAGES):
        kept = scanned(Image(digest, "linux/amd64"), NAMES[0], digest, Catalogue(()), 0.0)
        image = verdicts.put_image(tx, kept)
        package_versions.put(tx, image, chance.sample(list(numbers.values()), chance.randrange(1, 5)))
        verdicts.put(tx, image, 1, None, 0.0)
        if place % 3 == 0:
            edge = {"repository_id": keys[0], "manifest": INDEX, "digest": digest, "position": place}
            tx.execute(insert(manifest_children).values({k: v for k, v in edge.items() if k in manifest_children.c}))


def _except(tx: Connection, chance: Random) -> None:
    for _ in range(chance.randrange(1, 15)):
        wanted = Wanted(
            vulnerability=chance.choice([*(f"CVE-2026-{n}" for n in (1, 2, 3, 4, 9)), "GHSA-2"]),
            package=chance.choice(["*", "openssl", "curl@<2", "curl@>=2", _purl("openssl?arch=arm64"), "zlib"]),
            repositories=chance.choice(["shop/**", "shop/web"]),
            digest=chance.choice([None, None, INDEX, *IMAGES[:4]]),
            reason="tested",
            owner="",
            ticket="",
            expires_at=NOW + chance.choice([-1.0, 5.0, 50.0, 5e8]),
        )
        _approved(tx, wanted)
    _approved(tx, Wanted("CVE-2026-1", _purl("openssl?arch=arm64"), "lab/web", None, "t", "", "", NOW + 5))


def _approved(tx: Connection, wanted: Wanted) -> None:
    made = exceptions.add(tx, wanted, "a", 0.0)
    assert exceptions.decide(tx, made.id, "approved", "b", "yes", 1.0) is not None


def _compare(tx: Connection) -> int:
    """Every image in every repository, both ways; how many findings are counted only later, or not at all."""
    gates, book, known = compiled("", RULES), Books().load(tx, NOW), verdicts.find(tx, IMAGES)
    together, excused = counting.Counts(tx, book, known, NOW), 0
    for name, key in repos.keys(tx, NAMES).items():
        rules = gates.within(name)
        assert rules is not None
        for digest, verdict in known.items():
            holder = Holder(key, name, Digest(digest), 0.0)
            alone = counting.counted_in(tx, book, holder, verdict, (), NOW)
            assert together.standing(rules, holder, verdict) == standing(rules, verdict.status, alone)
            excused += sum(verdict.counts.values()) - len([each for each in alone if not each.counts_from])
    return excused


@pytest.mark.parametrize("seed", range(8))
async def test_excepted_or_not_images_stand_together_as_each_by_itself(db: Database, seed: int) -> None:
    chance = Random(seed)
    await db.write(_fill, chance)
    await db.write(_except, chance)
    await db.read(_compare)


async def test_an_exception_is_no_reason_to_look_at_each_image_by_itself(db: Database) -> None:
    await db.write(_fill, Random(1))
    await db.write(_approved, Wanted("CVE-2026-1", "openssl", "**", None, "t", "", "", NOW + 5))
    assert await db.read(_compare) > 0
    assert await db.read(_asked) == 0


def _asked(tx: Connection) -> int:
    """How many statements it takes to weigh all images once what they share has been read."""
    rules, known, asked = compiled("", RULES).within(NAMES[0]), verdicts.find(tx, IMAGES), 0
    together = counting.Counts(tx, Books().load(tx, NOW), known, NOW)

    def ask(*_about: object) -> None:
        nonlocal asked
        asked += 1

    event.listen(tx, "before_cursor_execute", ask)
    assert rules is not None
    for digest, verdict in known.items():
        together.standing(rules, Holder(1, NAMES[0], digest, 0.0), verdict)
    event.remove(tx, "before_cursor_execute", ask)
    return asked
