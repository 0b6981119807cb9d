"""What runs somewhere, reported by whoever runs it; nobody deletes it by a rule."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.errors import Denied, GrantUnknown, RequestInvalid
from wharfinger.meta import audit, in_use, repos
from wharfinger.meta.db import Database
from wharfinger.meta.in_use import Reporter, Use
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName

PLACES_AT_MOST = 20
SHORTEST, LONGEST = 60, 30 * 86400
"""Seconds between two reports."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_log = structlog.get_logger("wharfinger.in_use")


@dataclass(frozen=True, slots=True)
class Running:
    """An image as a report has it: by tag, or by the digest of its manifest, its index or its config."""

    repository: RepoName
    reference: Reference
    places: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Reported:
    """How many manifests are in use by this report, and what of it is not here, or not the reporter's to see."""

    images: int
    unknown: Sequence[Running]


Resolved = tuple[list[Use], list[Running]]
"""The manifests that a report is about, and what of it is not here."""


class InUse:
    """Reports, each of which replaces the same reporter's previous one."""

    def __init__(
        self, db: Database, now: Callable[[], float], silent: Callable[[int], object] = lambda _count: None
    ) -> None:
        self._db = db
        self._now = now
        self._tell_silent = silent
        self._known_silent: frozenset[str] = frozenset()

    async def report(self, by: Caller, name: str, interval: int, running: Sequence[Running]) -> Reported:
        """Take a report; tags mean the images that they are at now. Only what the caller may pull is protected by it.

        Raises RequestInvalid for an impossible name or interval, and Denied when another account reports as ``name``.
        """
        if not _NAME.fullmatch(name):
            raise RequestInvalid(f"{name[:80]!r} is no reporter's name: want lower-case letters, digits and . _ -")
        if not SHORTEST <= interval <= LONGEST:
            raise RequestInvalid(f"the interval must be between {SHORTEST} seconds and {LONGEST // 86400} days")
        may_pull = {name for name in {one.repository for one in running} if by.may(Action.PULL, name)}
        seen = [one for one in running if one.repository in may_pull]
        found = await self._db.read(_resolve, seen)
        uses, missing = await self._db.write(self._replace, by, name, interval, seen, found)
        hidden = [one for one in running if one.repository not in may_pull]
        strays = {one.reference for one in missing}
        return Reported(sum(use.digest not in strays for use in uses), [*missing, *hidden])

    def _replace(
        self, tx: Connection, by: Caller, name: str, interval: int, seen: Sequence[Running], found: Resolved
    ) -> Resolved:
        in_use.begin_report(tx)
        if _has_gone(tx, found):  # a rule was quicker
            found = _resolve(tx, seen)
        uses, _ = found
        known = in_use.hold_reporter(tx, name)
        if known is not None and known.account != by.name:
            raise Denied(f"another account reports as {name}: take another name, or have an administrator retire it")
        in_use.replace(tx, name, by.name, interval, uses, by.now)
        detail = {"reporter": name, "interval": interval, "images": len(uses)}
        audit.add(tx, by.entry("inuse.report", detail=detail))
        return found

    async def reporters(self, by: Caller) -> list[Reporter]:
        """Every reporter for those who may read the audit trail; for others their own."""
        return await self._db.read(in_use.every, None if by.may(Action.AUDIT) else by.name)

    async def retire(self, by: Caller, name: str) -> None:
        """Forget the reporter and let go of what it protects. Raises GrantUnknown; Denied if it is another's."""
        await self._db.write(self._retire, by, name)

    def _retire(self, tx: Connection, by: Caller, name: str) -> None:
        known = in_use.hold_reporter(tx, name)
        if known is None or (known.account != by.name and not by.may(Action.AUDIT)):
            raise GrantUnknown(f"there is no reporter {name[:80]}")
        by.require(Action.ADMIN)
        in_use.retire(tx, name)
        audit.add(tx, by.entry("inuse.retire", detail={"reporter": name, "account": known.account}))

    async def watch(self) -> int:
        """Raise the alarm for reporters that have fallen silent. Nothing that they protect is let go; always 0."""
        now = self._now()
        silent = {each.name: each for each in await self._db.read(in_use.every) if each.is_silent(now)}
        for name in sorted(silent.keys() - self._known_silent):
            each = silent[name]
            _log.warning("reporter is silent", reporter=name, images=each.images, reported_at=each.reported_at)
        self._known_silent = frozenset(silent)
        self._tell_silent(len(silent))
        return 0


def _has_gone(tx: Connection, found: Resolved) -> bool:
    uses, missing = found
    strays, there = {one.reference for one in missing}, dict[int, set[Digest]]()
    for use in uses:
        if use.digest not in strays:
            there.setdefault(use.repository_id, set()).add(use.digest)
    return any(in_use.present(tx, key, sorted(digests)) != digests for key, digests in there.items())


def _resolve(tx: Connection, running: Sequence[Running]) -> Resolved:
    """The manifests that are meant, and those of ``running`` of which there is none now.

    What is named by a digest that nothing has is protected as well: it may come back from the trash, or be pushed.
    """
    by_repository: dict[RepoName, list[Running]] = {}
    for one in running:
        by_repository.setdefault(one.repository, []).append(one)
    keys = repos.keys(tx, sorted(by_repository))
    places: dict[tuple[int, Digest], dict[str, None]] = {}
    missing: list[Running] = []
    for repository, theirs in sorted(by_repository.items()):
        key = keys.get(repository)
        if key is None:
            missing += theirs
            continue
        meant = _meant(tx, key, {one.reference for one in theirs})
        missing += (one for one in theirs if one.reference not in meant)
        for one in theirs:
            own = [Digest(one.reference)] if names.is_digest(one.reference) else []
            for digest in meant.get(one.reference, own):
                places.setdefault((key, digest), {}).update(dict.fromkeys(one.places))
    return [Use(key, digest, list(where)[:PLACES_AT_MOST]) for (key, digest), where in places.items()], missing


def _meant(tx: Connection, repository_id: int, references: Collection[Reference]) -> dict[Reference, list[Digest]]:
    named = sorted(str(one) for one in references if not names.is_digest(one))
    digests = sorted(Digest(one) for one in references if names.is_digest(one))
    there = in_use.present(tx, repository_id, digests)
    configs = in_use.having_config(tx, repository_id, [one for one in digests if one not in there])
    tagged = in_use.tagged(tx, repository_id, named)
    found: dict[Reference, list[Digest]] = {names.tag(name): [digest] for name, digest in tagged.items()}
    found |= {digest: [digest] for digest in there}
    return found | dict(configs.items())
