"""A registry whose pulls are governed by gates, and the part of a server that scans and makes rows."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.advisories import osv, up_to, write_zip
from tests.kit.images import Image
from tests.scanning import trees
from wharfinger.jobs.queue import Queue
from wharfinger.meta import gates
from wharfinger.meta.gates import Row
from wharfinger.scanning import trusting
from wharfinger.scanning.admission import making
from wharfinger.scanning.advisories.opening import open_advisories
from wharfinger.scanning.pushed import KIND
from wharfinger.scanning.verdicts import Verdicts
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

REPOSITORY = RepoName("shop/web")
BASE = {"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(openssl="3.0.1-1")}
WEB = trees.image([BASE])
CLEAN = trees.image([{"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(openssl="3.0.2-1")}])
CVSS = {
    "critical": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "medium": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N",
}
PUBLISHED = "2025-01-01T00:00:00Z"


def openssl(severity: str = "critical", published: str = PUBLISHED, id: str = "CVE-2022-1") -> dict[str, Any]:
    """An advisory about what WEB has in it, and CLEAN has not."""
    rated = [{"type": "CVSS_V3", "score": CVSS[severity]}]
    return osv(
        f"DSA-{id[-1]}", "Debian:12", "openssl", *up_to("3.0.2-1"), aliases=[id], severity=rated, published=published
    )


@dataclass
class Guarded:
    """What a test needs of it."""

    registry: Registry
    folder: Path
    verdicts: Verdicts = field(init=False)

    def __post_init__(self) -> None:
        services = self.registry.services
        changed = services.gates.making.changed
        self.verdicts = Verdicts(services.db, services.store, self.file, self.registry.clock, changed)

    @property
    def file(self) -> Path:
        """Where the advisories are."""
        return self.folder / "advisories.db"

    async def work(self) -> int:
        """Do all the jobs there are; how many."""
        services, count = self.registry.services, 0
        duties = {KIND: self.verdicts.judge, making.KIND: services.gates.making.make_again}
        duties[trusting.KIND] = services.excusing.attached.work
        queue = Queue(services.db, duties, self.registry.clock)
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
        os.replace(with_these.path, self.file)  # noqa: PTH105  the atomic one is meant

    async def apply(self, rules: str, *, work: bool = True) -> None:
        """Let these be the gates, and no others."""
        text = f"version: 1\ngates:\n{rules}"
        await Caller(self.registry.client)("POST", "/policy/apply", {"policy": text, "prune": True})
        if work:
            await self.work()

    async def push(
        self, image: Image = WEB, tag: str = "1", repository: str = REPOSITORY, *, work: bool = True
    ) -> None:
        """Push, and let it be scanned."""
        await self.registry.client.push_image(repository, image, tag)
        if work:
            await self.work()

    async def pull(self, reference: str = "1", repository: str = REPOSITORY) -> tuple[int, str]:
        """The status, and what the client is told: of a refusal the message, else the warning, if there is one."""
        answer = await self.registry.client.get_manifest(repository, reference)
        if answer.status_code == 200:
            return 200, answer.headers.get("warning", "")
        (error,) = answer.json()["errors"]
        assert error["code"] == "DENIED", error
        return answer.status_code, error["message"]

    async def row(self, image: Image = WEB, repository: str = REPOSITORY) -> Row | None:
        """The stored row."""
        return await self.registry.services.db.read(gates.find, RepoName(repository), Digest(image.digest))

    async def use(self, *references: str, interval: int = 3600) -> None:
        """Let a reporter say that these run."""
        images = [{"repository": REPOSITORY, "reference": each} for each in references]
        await Caller(self.registry.client)("PUT", "/in-use/cluster", {"interval": interval, "images": images})

    async def sweep(self) -> int:
        """What is done each minute."""
        (sweep,) = self.registry.services.gates.sweeps(self.file).values()
        return await sweep()
