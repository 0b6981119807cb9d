"""Policies as code: what is, as a file; what a file would change; and changing it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from wharfinger.access import changes, foreseeing, planning, policy_file, policy_reading, policy_sections, policy_text
from wharfinger.access.actions import Action
from wharfinger.access.applying import Apply
from wharfinger.access.caller import Caller
from wharfinger.access.grants import decide
from wharfinger.access.planning import Plan
from wharfinger.access.policy_file import Policy
from wharfinger.access.policy_sections import Bodies, Section
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import Denied, PreconditionFailed
from wharfinger.meta import policies
from wharfinger.meta import policy_sections as section_rows
from wharfinger.meta.db import Database
from wharfinger.meta.policies import Stored


@dataclass(frozen=True, slots=True)
class Exported:
    """The present state as a file, and the revision that it is of."""

    text: str
    revision: int


class Policies:
    """Plans, applies and exports policy files; ``changed`` is told of every change that was made."""

    def __init__(
        self, db: Database, now: Callable[[], float], changed: Callable[[], None], sections: Sequence[Section] = ()
    ) -> None:
        self._db = db
        self._now = now
        self._changed = changed
        self._sections = sections
        self._readers = policy_sections.readers(sections)

    async def export(self) -> Exported:
        """A file that says all that is. Planning it changes nothing."""
        stored, bodies = await self._db.read(_stored)
        beside = policy_sections.present(self._sections, bodies)
        text = await asyncio.to_thread(lambda: policy_text.render(planning.present(stored), beside))
        return Exported(text, stored.everything.revision)

    async def plan(self, text: str, *, prune: bool) -> Plan:
        """What applying the file would change. Changes nothing. Raises RequestInvalid for what is no policy.

        That it would leave no administrator is among the problems; applying looks for itself.
        """
        policy = await asyncio.to_thread(policy_file.parse, text, self._readers)
        stored, bodies = await self._db.read(_stored)
        now = self._now()
        found = await asyncio.to_thread(lambda: self._planned(policy, stored, bodies, prune=prune, now=now))
        wrong = await asyncio.to_thread(foreseeing.problems, stored, found.changes, now)
        found = replace(found, problems=(*found.problems, *wrong))
        return await self._db.read(policy_sections.with_effects, found, self._sections)

    def _planned(self, policy: Policy, stored: Stored, bodies: Bodies, *, prune: bool, now: float) -> Plan:
        found = planning.plan(policy.access, stored, prune=prune, now=now)
        return policy_sections.joined(found, policy, self._sections, bodies, stored)

    async def apply(self, by: Caller, text: str, *, prune: bool, hash: str | None = None) -> Plan:
        """Make the changes, all or none; what was made.

        With ``hash``, only if they are those of the plan that has it. Raises RequestInvalid for what is no policy or
        cannot be, PreconditionFailed when access has changed since the plan, Denied for what the caller may not give,
        and InUse when no administrator would be left.
        """
        seen = await self.plan(text, prune=prune)
        if not seen.changes and not seen.problems:
            return seen  # no process needs to look again for it
        policy = await asyncio.to_thread(policy_file.parse, text, self._readers)
        made = await self._db.write(self._apply, by, policy, prune, hash)
        if made.changes:
            self._changed()
        # What the changes do was found out before, and not while everybody waited.
        return seen if made.hash == seen.hash else made

    def _apply(self, tx: Connection, by: Caller, policy: Policy, prune: bool, hash: str | None) -> Plan:
        generation, before = changes.begin(tx, by)
        now = self._now()
        _require_administrator(by, before, now)
        stored, bodies = _stored(tx)
        plan = self._planned(policy, stored, bodies, prune=prune, now=now)
        if plan.problems:
            raise policy_reading.refusal(list(plan.problems))
        if not plan.changes:
            return plan
        if hash is not None and hash != plan.hash:
            raise PreconditionFailed("access has changed since the plan was made: plan again, and look at what it says")
        with changes.keeping_an_administrator(tx, before, now):
            Apply(tx, by, before, stored, generation, now).all(plan)
        for section in self._sections:
            if section.word in plan.sections:
                section.written(tx, now)
        return plan


def _stored(tx: Connection) -> tuple[Stored, Bodies]:
    return policies.stored(tx), section_rows.every(tx)


def _require_administrator(by: Caller, before: Snapshot, now: float) -> None:
    """On what is true in this transaction, not on what was when the request began."""
    identity = before.identity(by.name, by.identity.credential, now, by.identity.generation)
    if identity is None:
        raise Denied(f"{by.name} has changed meanwhile: log in again")
    decision = decide(before.policy, identity, Action.ADMIN, now=now, address=by.origin.address)
    if not decision.allowed:
        raise Denied(decision.reason)
