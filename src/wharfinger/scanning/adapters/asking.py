"""Other scanners are asked about every image that is pushed, in steps that survive whatever dies between two of them.

push, or `every` so long ─ job ─▶ POST /scan ─ its id is kept, the job waits ─▶ GET report ─▶ kept, in place of the last

A step is one request. An adapter that does not answer is asked nothing for a while, each time longer, and its last
reports stay. The adapter pulls the image with a token for this repository alone, to pull and for half an hour.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from wharfinger.access.authenticate import Authenticator
from wharfinger.access.caller import Caller
from wharfinger.access.exchange import allowed
from wharfinger.access.fetch import Fetch
from wharfinger.access.scopes import Scopes
from wharfinger.access.signing import SCAN_LIFETIME, SCANNER
from wharfinger.access.vault import Vault
from wharfinger.errors import RequestInvalid, Unreachable
from wharfinger.jobs.housekeeper import Sweep
from wharfinger.jobs.queue import Later
from wharfinger.meta import manifests, scanners
from wharfinger.meta.db import Database
from wharfinger.meta.jobs import Job
from wharfinger.meta.manifests import Stored
from wharfinger.meta.scanners import ReportRow, ScannerRow
from wharfinger.scanning.adapters import credentials, packing, protocol
from wharfinger.scanning.adapters.client import SECONDS, AdapterClient, NotReady, NotScanned
from wharfinger.scanning.adapters.protocol import Metadata, Wanted
from wharfinger.scanning.exceptions import Concerned
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

METADATA_SECONDS = 3600.0
WAIT_AT_MOST = 1800.0
"""Seconds after which a scan that was accepted is given up."""
TRIES_AT_MOST = 5
FIRST_DELAY, LAST_DELAY = 15.0, 3600.0
AGAIN_AT_ONCE = 200


class Asking:
    """Does the jobs of ``scanners.KIND``. ``changed`` is told of images that may be judged otherwise now."""

    def __init__(
        self,
        db: Database,
        authenticator: Authenticator,
        now: Callable[[], float],
        vault: Vault,
        fetch: Fetch | None = None,
        changed: Concerned = lambda _tx, _digests: None,
    ) -> None:
        self._db = db
        self._authenticator = authenticator
        self._now = now
        self._fetch = fetch or Fetch(seconds=SECONDS)
        self._changed = changed
        self._vault = vault

    async def step(self, job: Job) -> None:
        """Take one image one step further at one scanner. Raises Later where it is not the last one."""
        digest, _, name = job.key.partition(" ")
        repository = RepoName(str(job.payload["repository"]))
        scanner = await self._db.read(scanners.find, name)
        image = await self._db.read(manifests.find, repository, Digest(digest))
        if scanner is None or image is None:
            return
        if scanner.down_until > self._now():
            raise Later(scanner.down_until - self._now())
        try:
            asked = credentials.opened(self._vault, scanner)
        except RequestInvalid as refusal:
            # Another node may have the key, and is not kept from asking.
            await self._db.write(scanners.failed, name, refusal.message, self._now())
            raise Later(_delay(scanner.failures)) from refusal
        try:
            await self._step(asked, repository, image)
        except (Unreachable, RequestInvalid) as refusal:
            delay = _delay(scanner.failures)
            await self._db.write(scanners.failed, name, refusal.message, self._now() + delay)
            raise Later(delay) from refusal

    def sweeps(self) -> dict[str, Sweep]:
        """What is done every minute."""
        return {"images to ask other scanners about": self.again, "reports on images that are gone": self.sweep}

    async def again(self) -> int:
        """Let scanners be asked about what they never or not lately were asked about; about how many images."""
        return await self._db.write(scanners.ask_again, self._now(), AGAIN_AT_ONCE)

    async def sweep(self) -> int:
        """Forget reports on images that are gone; how many."""
        return await self._db.write(scanners.forget_gone)

    async def _step(self, scanner: ScannerRow, repository: RepoName, image: Stored) -> None:
        client = AdapterClient(self._fetch, scanner)
        about = await self._metadata(scanner, client)
        report = await self._report(scanner, image)
        wanted = protocol.choose(about, image.media_type, sbom=scanner.sbom)
        if wanted is None:
            await self._unscanned(report, f"it makes no report of {image.media_type} that is read here")
            return
        try:
            if report.request:
                await self._collect(client, scanner, report, wanted)
            else:
                await self._ask(client, scanner, about, report, wanted, repository, image)
        except NotReady as pending:
            if self._now() - report.requested_at > WAIT_AT_MOST:
                await self._failed(report, f"no report came within {WAIT_AT_MOST / 60:.0f} minutes")
                return
            raise Later(pending.seconds) from pending
        except NotScanned as failure:
            if failure.for_good:
                await self._unscanned(report, failure.why)
            else:
                await self._failed(report, failure.why)

    async def _metadata(self, scanner: ScannerRow, client: AdapterClient) -> Metadata:
        """What the scanner says of itself, asked once an hour, and first when it did not answer."""
        if not scanner.failures and self._now() - scanner.metadata_at < METADATA_SECONDS:
            return protocol.metadata(scanner.metadata.encode())
        about = await client.metadata()
        await self._db.write(scanners.describe, scanner.name, text_of(about), self._now())
        return about

    async def _report(self, scanner: ScannerRow, image: Stored) -> ReportRow:
        config = Digest(json.loads(image.raw)["config"]["digest"])
        found = await self._db.read(scanners.report, scanner.name, image.digest)
        return found or ReportRow(image.digest, scanner.name, config, self._now())

    async def _ask(
        self,
        client: AdapterClient,
        scanner: ScannerRow,
        about: Metadata,
        report: ReportRow,
        wanted: Wanted,
        repository: RepoName,
        image: Stored,
    ) -> None:
        authorization = await self._authorization(scanner, repository, bearer=about.wants_bearer)
        artifact = {"repository": repository, "digest": image.digest, "mime_type": image.media_type}
        id = await client.scan(about, wanted, authorization, artifact)
        now = self._now()
        await self._db.write(scanners.keep, replace(report, asked_at=now, request=id, requested_at=now))
        raise Later(protocol.SECONDS_BETWEEN)

    async def _collect(self, client: AdapterClient, scanner: ScannerRow, report: ReportRow, wanted: Wanted) -> None:
        found = await client.report(report.request, wanted)
        body = await asyncio.to_thread(packing.packed, protocol.to_json(found))
        bill = None
        if wanted.sbom is not None:
            bill = await asyncio.to_thread(packing.packed, await client.sbom(report.request, wanted.sbom))
        kept = replace(report, request="", tries=0, problem="", reported_at=self._now(), report=body, sbom=bill)
        await self._db.write(self._reported, kept)
        await self._db.write(scanners.answered, scanner.name)

    def _reported(self, tx: Connection, row: ReportRow) -> None:
        scanners.keep(tx, row)
        self._changed(tx, [row.digest])

    async def _authorization(self, scanner: ScannerRow, repository: RepoName, *, bearer: bool) -> str:
        """What the adapter pulls the image with. Raises NotScanned where its account may not."""
        now, snapshot = self._now(), await self._authenticator.directory.current()
        identity = snapshot.identity(scanner.account, f"{SCANNER}{scanner.name}", now)
        if identity is None:
            raise NotScanned(f"the account {scanner.account} is disabled or gone")
        wanted = Scopes({repository: frozenset({"pull"})})
        granted = allowed(Caller(identity, snapshot, now), wanted)
        if not granted.allow("pull", repository):
            raise NotScanned(f"the account {scanner.account} may not pull from {repository}")
        token = self._authenticator.access_tokens.issue(snapshot, identity, granted, now, SCAN_LIFETIME)
        if bearer:
            return f"Bearer {token}"
        return f"Basic {base64.b64encode(f'{scanner.account}:{token}'.encode()).decode()}"

    async def _unscanned(self, report: ReportRow, why: str) -> None:
        """It is not asked again before its time; the last report stays."""
        kept = replace(report, asked_at=self._now(), request="", tries=0, problem=why[: scanners.PROBLEM_AT_MOST])
        await self._db.write(scanners.keep, kept)

    async def _failed(self, report: ReportRow, why: str) -> None:
        """It is asked anew, each time later, and after some tries not before its time. The last report stays."""
        tries = report.tries + 1
        if tries >= TRIES_AT_MOST:
            await self._unscanned(report, why)
            return
        kept = replace(report, asked_at=self._now(), request="", tries=tries, problem=why[: scanners.PROBLEM_AT_MOST])
        await self._db.write(scanners.keep, kept)
        raise Later(_delay(tries))


def text_of(about: Metadata) -> str:
    """What a scanner says of itself, as it is kept: what :func:`protocol.metadata` reads again."""
    able = [
        {
            **({"type": each.type} if each.type else {}),
            "consumes_mime_types": list(each.consumes),
            "produces_mime_types": list(each.produces),
            "additional_attributes": {"sbom_media_types": list(each.formats)},
        }
        for each in about.capabilities
    ]
    scanner = {"name": about.name, "vendor": about.vendor, "version": about.version}
    return json.dumps({"scanner": scanner, "capabilities": able, "properties": dict(about.properties)})


def _delay(times: int) -> float:
    return float(min(FIRST_DELAY * 2 ** min(times, 20), LAST_DELAY))
