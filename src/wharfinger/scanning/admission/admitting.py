"""At the pull of an image: one row is read, and the image is handed out, handed out with a warning, or refused."""

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.access.signing import SCANNED, SCANNER
from wharfinger.errors import Denied
from wharfinger.meta import gates as rows
from wharfinger.meta import glass, repos
from wharfinger.meta.db import Database
from wharfinger.meta.gates import Row
from wharfinger.meta.glass import Glass
from wharfinger.meta.manifests import Stored
from wharfinger.scanning import pushed
from wharfinger.scanning.admission import telling
from wharfinger.scanning.admission.deciding import decide
from wharfinger.scanning.admission.live import LiveGates
from wharfinger.scanning.admission.metrics import GateMetrics
from wharfinger.scanning.admission.rules import Outcome
from wharfinger.scanning.admission.standing import Why
from wharfinger.spec import manifest as spec
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class _Ways:
    """Why an image that is refused may be pulled all the same."""

    grandfathered: bool
    glass: Glass | None


class Admission:
    """Decides about pulls. Where there is no rule it asks nobody anything."""

    def __init__(self, db: Database, live: LiveGates, metrics: GateMetrics) -> None:
        self._db = db
        self._live = live
        self._metrics = metrics
        self._row = db.prepare(rows.ROW)

    async def admit(self, by: Caller, repository: RepoName, stored: Stored) -> bytes | None:
        """The warning that goes with the image, if any does. Raises Denied, which names the finding and the ways out.

        An index is always handed out: each of its images is decided about when it is asked for. A scanner's own token
        is for looking at images, whatever is known of them.
        """
        gates = await self._live.current()
        if (
            not gates
            or stored.media_type in media_types.INDEXES
            or by.identity.credential.startswith((SCANNER, SCANNED))
        ):
            return None
        rules = gates.within(repository)
        if rules is None:
            return None
        found = await self._row.first(repository=repository, digest=stored.digest)
        age = await self._live.age(by.now) if rules.minds_age else 0.0
        is_image = partial(_is_image, stored)
        answer = decide(rules, Row(*found) if found else None, by.now, age, is_image)
        if answer.outcome is Outcome.ALLOW or answer.why is None:
            return None
        if answer.outcome is Outcome.BLOCK:
            return await self._refuse(by, repository, stored.digest, answer.why)
        self._metrics.count("warned", answer.why)
        return telling.warning(answer.outcome, answer.why)

    async def _refuse(self, by: Caller, repository: RepoName, digest: Digest, why: Why) -> bytes:
        """What is told of an image that may be pulled although a rule refuses it; else it is refused."""
        ways = await self._db.read(_ways, repository, digest, by.now)
        if ways.grandfathered:
            self._metrics.count("grandfathered", why)
            by.rule = f"grandfathered, though refused by {telling.reason(why)}"
            return telling.warning(Outcome.BLOCK, why, "pulled because it was in use already; otherwise ")
        if ways.glass is not None:
            self._metrics.count("break-glass", why)
            by.rule = f"break-glass {ways.glass.id}, though refused by {telling.reason(why)}"
            return telling.warning(Outcome.BLOCK, why, f"pulled by break-glass {ways.glass.id}; otherwise ")
        self._metrics.count("refused", why)
        by.rule = telling.reason(why)  # for the record of the denial
        detail = {
            "rule": why.rule,
            "reason": why.kind,
            "finding": why.id,
            "package": why.package,
            "fixed": why.fixed,
            "by": why.by,
        }
        raise Denied(telling.refusal(why, repository, digest), **detail)


def _ways(tx: Connection, repository: RepoName, digest: Digest, now: float) -> _Ways:
    repository_id = repos.require(tx, repository)
    return _Ways(rows.is_grandfathered(tx, repository_id, digest, now), glass.of_one(tx, repository_id, digest, now))


def _is_image(stored: Stored) -> bool:
    return pushed.is_image(spec.parse(stored.raw, stored.media_type, stored.digest))
