"""Images that are pushed are scanned, known by what the advisories say today, and never without their last verdict."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.api.caller import Caller, ask
from tests.conftest import Registry
from tests.kit import images as kit
from tests.kit.advisories import osv, up_to, write_zip
from tests.kit.images import Image
from tests.scanning import trees
from wharfinger.blobs.store import BlobStore, Bytes
from wharfinger.jobs.queue import Queue
from wharfinger.meta import jobs, unscanned
from wharfinger.scanning.advisories.opening import open_advisories
from wharfinger.scanning.backfill import Backfill
from wharfinger.scanning.metrics import ScanMetrics, Telling
from wharfinger.scanning.pushed import KIND
from wharfinger.scanning.targets.images import CONFIGS
from wharfinger.scanning.verdicts import Verdicts
from wharfinger.spec.locations import Location

BASE = {"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(openssl="3.0.1-1")}
WEB = trees.image([BASE, trees.python("flask", "0.12")])
OPENSSL = osv("DSA-1", "Debian:12", "openssl", *up_to("3.0.2-1"), aliases=["CVE-2022-1"])
FLASK = osv("PYSEC-1", "PyPI", "flask", *up_to("1.0"), aliases=["CVE-2019-1"])


class Counting:
    """A store that counts what is read of it."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read(self, location: Location, start: int, stop: int) -> Bytes:
        self.reads += 1
        return self._store.read(location, start, stop)


@dataclass
class Scanner:
    """The part of a server that scans, and the advisories that it goes by."""

    registry: Registry
    folder: Path
    store: Counting = field(init=False)
    verdicts: Verdicts = field(init=False)

    def __post_init__(self) -> None:
        services = self.registry.services
        self.store = Counting(services.store)
        self.verdicts = Verdicts(services.db, self.store, self.folder / "advisories.db", self.registry.clock)

    async def work(self) -> int:
        """Do all the jobs there are; how many."""
        queue, count = Queue(self.registry.services.db, {KIND: self.verdicts.judge}, self.registry.clock), 0
        while await queue.once():
            count += 1
        return count

    def advise(self, *records: dict[str, Any]) -> None:
        """These advisories, and no others, from now on."""
        place = self.folder / f"records-{len(list(self.folder.glob('records-*')))}"
        place.mkdir()
        write_zip(place / "all.zip", records)
        with_these = open_advisories(place, cache=place)
        with_these.close()
        os.replace(with_these.path, self.folder / "advisories.db")  # noqa: PTH105  the atomic one is meant

    async def of(self, reference: str = "1") -> list[dict[str, Any]]:
        """What the registry tells."""
        api = Caller(self.registry.client)
        found: list[dict[str, Any]] = (await api("GET", f"/verdicts/shop/web/{reference}"))["images"]
        return found

    async def ids(self, reference: str = "1") -> list[str]:
        """The vulnerabilities of the one image that it is."""
        (image,) = await self.of(reference)
        return sorted(finding["id"] for finding in image["verdict"]["report"]["findings"])


@pytest.fixture
def scanner(registry: Registry, tmp_path: Path) -> Iterator[Scanner]:
    made = Scanner(registry, tmp_path)
    yield made
    made.verdicts.close()


async def push(scanner: Scanner, image: Image = WEB, tag: str | None = "1") -> None:
    await scanner.registry.client.push_image("shop/web", image, tag)


async def test_an_image_waits_is_scanned_and_judged(scanner: Scanner) -> None:
    scanner.advise(OPENSSL, FLASK)
    await push(scanner)
    nothing: dict[str, Any] = {"verdict": None, "scanners": [], "gate": None}
    assert await scanner.of() == [{"digest": WEB.digest, "state": "waiting", **nothing}]
    assert await scanner.work() == 1
    (found,) = await scanner.of()
    verdict = found["verdict"]
    assert found["state"] == "judged"
    assert verdict["status"] == "complete"
    assert verdict["counts"]["unknown"] == 2
    assert verdict["judged_at"] == scanner.registry.clock()
    assert verdict["isolation"] != "none"
    assert [each["fixed"] for each in verdict["report"]["findings"]] == ["1.0", "3.0.2-1"]
    assert await scanner.ids() == ["CVE-2019-1", "CVE-2022-1"]


async def test_without_advisories_nothing_is_assessed_which_is_not_clean(scanner: Scanner) -> None:
    await push(scanner)
    await scanner.work()
    (found,) = await scanner.of()
    assert found["verdict"]["status"] == "not-assessed"
    assert sum(each["packages"] for each in found["verdict"]["report"]["not_assessed"]) == 2


async def test_a_layer_is_read_once_whatever_images_it_is_in(scanner: Scanner) -> None:
    scanner.advise(OPENSSL, FLASK)
    await push(scanner)
    await scanner.work()
    before = scanner.store.reads
    await push(scanner, trees.image([BASE, trees.python("django", "3.2")]), "2")
    await scanner.work()
    assert scanner.store.reads - before == 2  # its configuration, and the one layer that is new
    assert await scanner.ids("2") == ["CVE-2022-1"]


async def test_other_advisories_judge_again_and_read_nothing(scanner: Scanner) -> None:
    scanner.advise(OPENSSL)
    await push(scanner)
    await scanner.work()
    assert await scanner.verdicts.judge_again() == 0
    reads = scanner.store.reads
    scanner.advise(OPENSSL, FLASK)
    scanner.registry.clock.advance(days=1)
    assert await scanner.ids() == ["CVE-2022-1"]
    assert await scanner.verdicts.judge_again() == 1
    assert await scanner.ids() == ["CVE-2019-1", "CVE-2022-1"]
    assert (await scanner.of())[0]["verdict"]["judged_at"] == scanner.registry.clock()
    assert scanner.store.reads == reads
    assert await scanner.verdicts.judge_again() == 0


async def test_a_scan_that_is_asked_for_leaves_the_last_verdict_until_there_is_another(scanner: Scanner) -> None:
    scanner.advise(OPENSSL)
    await push(scanner)
    await scanner.work()
    api = Caller(scanner.registry.client)
    assert await api("POST", "/verdicts/shop/web/1", {}, status=202) == {"images": 1}
    (found,) = await scanner.of()
    assert found["state"] == "waiting"
    assert await scanner.ids() == ["CVE-2022-1"]
    assert await scanner.work() == 1
    assert (await scanner.of())[0]["state"] == "judged"


async def test_an_index_is_known_by_its_images(scanner: Scanner) -> None:
    scanner.advise(OPENSSL)
    arm = trees.image([BASE], architecture="arm64")
    await push(scanner, kit.index([WEB, arm]), "all")
    assert await scanner.work() == 2
    assert [each["verdict"]["report"]["platform"] for each in await scanner.of("all")] == ["linux/amd64", "linux/arm64"]


async def test_a_chart_has_nothing_to_scan(scanner: Scanner) -> None:
    chart = kit.image(config=b"{}", artifact_type="application/vnd.example.chart")
    await push(scanner, chart, "chart")
    assert await scanner.work() == 0
    (found,) = await scanner.of("chart")
    nothing: dict[str, Any] = {"verdict": None, "scanners": [], "gate": None}
    assert found == {"digest": chart.digest, "state": "nothing-to-scan", **nothing}


async def test_what_is_no_archive_is_partial_and_read_again_the_next_time(scanner: Scanner) -> None:
    broken = kit.image(layers=[b"this is no layer"], config=b'{"os": "linux", "architecture": "amd64"}')
    await push(scanner, broken)
    await scanner.work()
    (found,) = await scanner.of()
    assert found["verdict"]["status"] == "partial"
    assert found["verdict"]["report"]["problems"][0]["reason"]
    scanner.advise(OPENSSL)
    assert await scanner.verdicts.judge_again() == 1
    assert await scanner.work() == 1  # and not once more by every sweep
    assert await scanner.verdicts.judge_again() == 0
    assert await scanner.work() == 0


async def test_an_image_that_is_gone_is_no_trouble_and_is_forgotten_with_its_bytes(scanner: Scanner) -> None:
    await push(scanner)
    api = Caller(scanner.registry.client)
    await api("DELETE", f"/manifests/shop/web/{WEB.digest}", status=204)
    assert await scanner.work() == 1
    assert await scanner.registry.services.db.read(jobs.waiting) == []
    await push(scanner)
    await scanner.work()
    assert await scanner.verdicts.sweep() == 0
    await api("POST", "/purge", {"digest": WEB.digest, "because": "a test"})
    assert await scanner.verdicts.sweep() == 5  # the verdict, two layers, and two packages


async def test_who_may_not_pull_learns_nothing_and_who_may_not_scan_asks_for_nothing(scanner: Scanner) -> None:
    await push(scanner)
    reader = scanner.registry.as_("reader")
    assert (await ask(reader, "GET", "/verdicts/shop/web/1")).status_code == 200
    assert (await ask(reader, "POST", "/verdicts/shop/web/1", {})).status_code == 403
    assert (await ask(reader, "GET", "/verdicts/shop/web/2")).status_code == 404


async def test_what_was_pushed_before_is_scanned_when_nothing_else_waits(scanner: Scanner) -> None:
    scanner.advise(OPENSSL)
    db, clock = scanner.registry.services.db, scanner.registry.clock
    await push(scanner)
    await push(scanner, kit.image(config=b"{}", artifact_type="application/vnd.example.chart"), "chart")
    job = await db.write(jobs.claim, (KIND,), "nobody", clock(), clock() + 1)
    assert job is not None
    await db.write(jobs.finish, job, "nobody")
    assert (await scanner.of())[0]["state"] == "unscanned"
    assert await db.read(unscanned.count, CONFIGS) == 1
    backfill = Backfill(db, clock)
    assert await backfill.step()
    assert await backfill.step()  # it waits
    assert await db.read(jobs.waiting_for, KIND, [WEB.digest]) == {WEB.digest}
    assert await scanner.work() == 1
    assert not await backfill.step()
    assert await scanner.ids() == ["CVE-2022-1"]
    assert await db.read(unscanned.count, CONFIGS) == 0


async def test_how_it_is_can_be_read_as_metrics(scanner: Scanner) -> None:
    scanner.advise(OPENSSL, FLASK)
    metrics = CollectorRegistry()
    counted = ScanMetrics(metrics)
    telling = Telling(scanner.registry.services.db, counted, scanner.verdicts.held, scanner.registry.clock)
    await push(scanner)
    await telling.sweep()
    assert metrics.get_sample_value("wharf_scan_waiting") == 1
    assert metrics.get_sample_value("wharf_scan_unscanned_images") == 1
    await scanner.work()
    scanner.registry.clock.advance(minutes=11)
    await telling.sweep()
    assert metrics.get_sample_value("wharf_scan_waiting") == 0
    assert metrics.get_sample_value("wharf_scan_unscanned_images") == 0
    assert metrics.get_sample_value("wharf_scan_verdicts", {"status": "complete"}) == 1
    assert metrics.get_sample_value("wharf_scan_advisories_readable") == 1
    (scanner.folder / "advisories.db").write_bytes(b"garbage")
    await telling.sweep()
    assert metrics.get_sample_value("wharf_scan_advisories_readable") == 0
