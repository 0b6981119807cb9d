"""Judging every package version once says of each image, byte for byte, what judging the image by itself says."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.kit.advisories import excerpt, osv, up_to, write_zip
from tests.kit.clock import Clock
from wharfinger.errors import Refusal
from wharfinger.meta import verdicts
from wharfinger.meta.db import Database, open_database
from wharfinger.scanning import report, reports
from wharfinger.scanning.advisories.changes import between
from wharfinger.scanning.advisories.holding import Held
from wharfinger.scanning.advisories.opening import open_advisories as advisories_in
from wharfinger.scanning.advisories.opening import open_database as open_advisories
from wharfinger.scanning.judging import Judging
from wharfinger.scanning.layers import Evidence, Found, LayerCatalogue
from wharfinger.scanning.matching import match
from wharfinger.scanning.outcomes import versions_of
from wharfinger.scanning.packages import Catalogue, Distribution, Package, Problem, Source
from wharfinger.scanning.scans import ImageScan
from wharfinger.scanning.squashing import squash
from wharfinger.scanning.targets.images import Image
from wharfinger.scanning.verdicts import Verdicts, scanned
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

SHOP = RepoName("shop/web")
CONFIG = digests.of(b"{}")
PLATFORM = "linux/amd64"
DEBIAN = Distribution("debian", "12", "bookworm")
CVSS = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
NEWS = [
    osv("DSA-9", "Debian:12", "openssl", *up_to("99"), upstream=["CVE-2026-9009", "CVE-2026-9010"]),
    osv("PYSEC-9", "PyPI", "django", *up_to("99"), aliases=["CVE-2026-9009"], severity=[CVSS]),
    osv("GHSA-9", "Maven", "org.example:thing", *up_to("99")),
    osv("GHSA-8", "Maven", "com.example:thing", *up_to("2")),
]  # fmt: skip

OLD = [
    osv("DSA-9", "Debian:12", "openssl", *up_to("0.9"), upstream=["CVE-2026-9009"]),
    osv("GHSA-7", "Maven", "net.example:thing", *up_to("99")),
    osv("OTHER-1", "PyPI", "elsewhere", *up_to("1"), aliases=["CVE-2025-59375"], severity=[CVSS]),
]


def _packages() -> list[Package]:
    debian, go = excerpt("debian-12.json")["packages"], excerpt("go-syft.json")
    platform = {"goos": "linux", "goarch": "amd64"}
    python, others = excerpt("python-legacy.json")["packages"], excerpt("npm-maven.json")["packages"]
    return [
        *(Package("deb", n, v, f"pkg:deb/debian/{n}@{v}", Source(s, sv)) for n, v, s, sv in debian),
        *(Package("golang", n, v, f"pkg:golang/{n}@{v}", detail=platform) for n, v in go["modules"]),
        *(Package("golang", "stdlib", "go1.23.4", "pkg:golang/stdlib@go1.23.4", detail={"goos": system})
          for system in ("linux", "windows", "darwin")),
        Package("golang", "example.org/x", "(devel)", "pkg:golang/example.org/x", detail={"main": "true"}),
        *(Package("pypi", n.lower(), v, f"pkg:pypi/{n.lower()}@{v}") for n, v in python),
        Package("pypi", "Django", "3.2", "pkg:pypi/Django@3.2"),
        *(Package("npm", n, v, f"pkg:npm/{n}@{v}") for n, v in others),
        Package("maven", "thing", "1", "pkg:maven/thing@1", detail={"confidence": "low"}),
        Package("maven", "log4j:log4j", "1.2.17", "pkg:maven/log4j/log4j@1.2.17"),
        Package("npm", "lodash", "no version", "pkg:npm/lodash@no%20version"),
        Package("conda", "thing", "1", "pkg:conda/thing@1"),
        Package("rpm", "openssl", "1-1", "pkg:rpm/openssl@1-1", detail={"vendor": "Somebody"}),
        Package("apk", "musl", "1.2.3-r0", "pkg:apk/alpine/musl@1.2.3-r0"),
    ]  # fmt: skip


PACKAGES = _packages()
DISTRIBUTIONS = [
    DEBIAN, None, Distribution("debian", "10"), Distribution("debian", ""), Distribution("alpine", "3.20.1"),
    Distribution("rocky", "9.1"), Distribution("rhel", "9.1"), Distribution("unknown", "1"),
]  # fmt: skip

some_packages = st.lists(st.sampled_from(PACKAGES), max_size=60)
catalogues = st.builds(
    lambda packages, covered, again, distribution, problems: Catalogue(
        (*packages, *again, *(_covered(each) for each in covered)),
        distribution,
        problems,
    ),
    some_packages,
    st.lists(st.sampled_from(PACKAGES), max_size=5),
    st.lists(st.sampled_from(PACKAGES), max_size=5),
    st.sampled_from(DISTRIBUTIONS),
    st.sampled_from([(), (), (Problem("sha256:1", "a", "b"),)]),
)


def _covered(package: Package) -> Package:
    return Package(
        package.type, package.name, package.version, package.purl, package.source, covered_by="pkg:deb/debian/x@1"
    )


class Killed(Exception):
    """The process ends here."""


@dataclass
class Judged:
    """A database with verdicts, and the catalogues that they are on."""

    db: Database
    folder: Path
    clock: Clock
    catalogues: dict[Digest, Catalogue] = field(default_factory=dict)
    told: list[Digest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.place = self.folder / "advisories.db"
        self.verdicts = Verdicts(self.db, None, self.place, self.clock, self._tell)  # type: ignore[arg-type]

    def _tell(self, tx: Connection, changed: Sequence[Digest]) -> None:
        assert tx.in_transaction()
        self.told += changed

    def advise(self, path: Path) -> None:
        """By these advisories from now on; the last set stays beside them."""
        if self.place.exists():
            os.replace(self.place, self.folder / "advisories.db.old")  # noqa: PTH105  the atomic one is meant
        shutil.copyfile(path, self.folder / "new")
        os.replace(self.folder / "new", self.place)  # noqa: PTH105  the atomic one is meant

    async def put(self, catalogue: Catalogue) -> Digest:
        digest = digests.of(f"image {len(self.catalogues)}".encode())
        self.catalogues[digest] = catalogue
        kept = scanned(Image(digest, PLATFORM), SHOP, CONFIG, catalogue, self.clock())
        await self.verdicts.keep(kept, versions_of(catalogue))
        return digest

    def alone(self, digest: Digest, place: Path | None = None) -> dict[str, Any]:
        """What judging the image by itself says."""
        known = open_advisories(place or self.place)
        today = datetime.fromtimestamp(self.clock(), UTC).date()
        catalogue = self.catalogues[digest]
        found = report.image(ImageScan(digest, PLATFORM, catalogue, match(catalogue, known, today=today)))
        known.close()
        return found

    async def of(self, digest: Digest) -> tuple[verdicts.Verdict, dict[str, Any]]:
        def read(tx: Connection) -> tuple[verdicts.Verdict, dict[str, Any]]:
            verdict = verdicts.find(tx, [digest])[digest]
            return verdict, reports.report(tx, verdict)

        return await self.db.read(read)

    async def check(self, digest: Digest, place: Path | None = None) -> None:
        """The report and the counts are those of the image by itself, to the byte."""
        verdict, found = await self.of(digest)
        alone = self.alone(digest, place)
        assert json.dumps(found) == json.dumps(alone)
        for severity, count in verdict.counts.items():
            mine = [each for each in alone["findings"] if each["severity"] == severity]
            assert count == len(mine)
            assert verdict.fixable[severity] == len([each for each in mine if each["fixed"] is not None])
        assert verdict.status == alone["status"]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three sets of advisories: between the first two there is little news, the third lacks a whole ecosystem."""
    every = [r for n in ("debian-12", "go-syft", "npm-maven", "python-legacy") for r in excerpt(f"{n}.json")["records"]]
    every = list({record["id"]: record for record in every}.values())
    first = [each for n, each in enumerate(every) if n % 13] + OLD
    second = [each for n, each in enumerate(every) if n % 17] + NEWS
    third = [each for each in second if "npm" not in json.dumps(each["affected"])[:200]]
    exploited = dict.fromkeys(("CVE-2026-9009", "CVE-2020-8203", "CVE-2024-28757"), "2026-01-01")
    rated = {"CVE-2024-28757": "critical", "CVE-2020-28500": "low"}
    return [
        _set(tmp_path_factory.mktemp("set"), first),
        _set(tmp_path_factory.mktemp("set"), second, kev={"cves": exploited}, words=rated),
        _set(tmp_path_factory.mktemp("set"), third, kev={"cves": exploited}),
    ]


def _set(folder: Path, records: Sequence[dict[str, Any]], **beside: Any) -> Path:
    place = folder / "records"
    place.mkdir()
    write_zip(place / "every.zip", records)
    for name, found in beside.items():
        (place / f"{name}.json").write_text(json.dumps(found))
    known = advisories_in(place, cache=folder / "cache")
    known.close()
    return known.path


@pytest.fixture
async def judged(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Judged]:
    db = open_database(database_url)
    made = Judged(db, tmp_path, clock)
    yield made
    made.verdicts.close()
    await db.close()


async def test_an_image_of_everything_is_judged_as_by_itself_and_so_by_the_next_sets(
    judged: Judged, sets: list[Path]
) -> None:
    judged.advise(sets[0])
    found = [await judged.put(Catalogue(tuple(PACKAGES), distribution)) for distribution in DISTRIBUTIONS]
    for path in (*sets, sets[0]):
        judged.advise(path)
        await judged.verdicts.judge_again()
        for digest in found:
            await judged.check(digest)


async def test_who_is_killed_half_way_leaves_whole_verdicts_and_another_goes_on(
    judged: Judged, sets: list[Path]
) -> None:
    judged.advise(sets[0])
    other = Catalogue((Package("npm", "elsewhere", "1", "pkg:npm/elsewhere@1"),))
    found = [await judged.put(Catalogue(tuple(PACKAGES), DEBIAN)) for _ in range(4)] + [await judged.put(other)]
    by_hash = {(await judged.of(found[0]))[0].advisories: sets[0]}
    judged.advise(sets[1])

    def die(_tx: Connection, digests: Sequence[Digest]) -> None:
        judged.told += digests
        if len(judged.told) > 2:
            raise Killed

    judged.told.clear()
    judged.clock.advance(minutes=10)
    dying = Judging(judged.db, Held(judged.place), judged.clock, die, at_once=2)
    with pytest.raises(Killed):
        await dying.run()
    with closing(open_advisories(sets[1])) as known:
        by_hash[known.sha256] = sets[1]
    seen = [(await judged.of(digest))[0].advisories for digest in found]
    assert sorted({*seen}) == sorted(by_hash)  # half of them went over
    for digest, sha256 in zip(found, seen, strict=True):
        await judged.check(digest, by_hash[sha256])
    assert await judged.verdicts.judge_again() == 0  # another node may still be at it
    judged.clock.advance(minutes=10)
    judged.told.clear()
    assert await judged.verdicts.judge_again() == 3
    assert sorted(judged.told) == sorted(found[2:4])  # of the last one nothing else is said
    for digest in found:
        await judged.check(digest)


async def test_what_is_damaged_or_gone_takes_no_verdict_away(judged: Judged, sets: list[Path]) -> None:
    judged.advise(sets[0])
    digest = await judged.put(Catalogue(tuple(PACKAGES), DEBIAN))
    whole = sets[1].read_bytes()
    middle = len(whole) // 2
    for broken in (whole[:middle], whole[:4096] + b"\xff" * (len(whole) - 4096), b"", b"nothing of ours", None):
        judged.place.unlink(missing_ok=True)
        if broken is not None:
            judged.place.write_bytes(broken)
        with pytest.raises(Refusal, match="advisories"):
            await judged.verdicts.judge_again()
        assert not await judged.verdicts.held.is_readable()
        await judged.check(digest, sets[0])
    judged.advise(sets[1])
    assert await judged.verdicts.judge_again() == 1
    assert await judged.verdicts.held.is_readable()
    await judged.check(digest)


async def test_when_support_of_a_release_ends_its_images_are_not_assessed_from_that_day(
    judged: Judged, sets: list[Path]
) -> None:
    judged.advise(sets[0])
    digest = await judged.put(Catalogue(tuple(PACKAGES[:5]), DEBIAN))
    assert (await judged.of(digest))[0].status == "complete"
    assert await judged.verdicts.judge_again() == 0
    judged.clock.advance(days=600)
    assert await judged.verdicts.judge_again() == 1
    assert (await judged.of(digest))[0].status == "not-assessed"
    await judged.check(digest)


async def test_no_name_in_an_image_is_too_long_or_too_strange_to_be_kept(judged: Judged, sets: list[Path]) -> None:
    strange = Found("npm", "a\0b" * 3000, "1\0" * 3000, Source("c\0" * 5000, "1"), detail={"goos": "\0"})
    said = Distribution("d\0" * 5000, "1" * 5000)
    layer = LayerCatalogue(
        "sha256:1",
        evidence=(
            Evidence("app/x", "node", (strange,)),
            Evidence("etc/os-release", "os-release", distribution=said),
            Evidence("var/lib/dpkg/status", "dpkg", (Found("deb", "x" * 9000, "1"),)),
        ),
    )
    judged.advise(sets[0])
    digest = await judged.put(squash([layer]))
    await judged.check(digest)


def test_little_news_is_about_few_packages(sets: list[Path]) -> None:
    with closing(open_advisories(sets[0])) as known:
        before = known.sha256
    found = between(sets[0], before, sets[1])
    assert found is not None
    assert {"django", "openssl", "org.example:thing", "net.example:thing", "elsewhere"} <= found.packages
    assert {
        "CVE-2026-9009",
        "CVE-2026-9010",
        "CVE-2020-8203",
        "CVE-2024-28757",
        "CVE-2025-59375",
    } <= found.vulnerabilities
    assert "sqlparse" not in found.packages
    assert between(sets[0], "another", sets[1]) is None
    assert between(sets[0], before, sets[2]) is None


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(images=st.lists(catalogues, min_size=1, max_size=4), order=st.permutations([0, 1, 2]))
def test_whatever_images_there_are_each_is_judged_as_by_itself(
    migrated_file: Path, tmp_path: Path, sets: list[Path], images: list[Catalogue], order: list[int]
) -> None:
    async def judge_all() -> None:
        with TemporaryDirectory(dir=tmp_path) as folder:
            shutil.copy(migrated_file, Path(folder, "wharf.db"))
            judged = Judged(open_database(f"sqlite:///{folder}/wharf.db"), Path(folder), Clock())
            for number in order:
                judged.advise(sets[number])
                await judged.verdicts.judge_again()
                for catalogue in images:
                    await judged.put(catalogue)
                for digest in judged.catalogues:
                    await judged.check(digest)
            judged.verdicts.close()
            await judged.db.close()

    asyncio.run(judge_all())
