"""Policies as code. Planning changes nothing: who may read everything may plan. Applying is for administrators."""

from wharfinger.access.actions import Action
from wharfinger.access.policies import Policies
from wharfinger.api.policy_models import PlanView, PolicyApply, PolicyText, PolicyView
from wharfinger.api.routes import By, Route

MAX_POLICY_BODY = 2 * 1024 * 1024
"""A policy of the greatest length, quoted as JSON."""


class PolicyHandlers:
    """A policy file: what it would change, and changing it."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/policy", self.export, Action.AUDIT),
            Route("POST", "/policy/plan", self.plan, Action.AUDIT, body=MAX_POLICY_BODY),
            Route("POST", "/policy/apply", self.apply, Action.ADMIN, body=MAX_POLICY_BODY),
        ]

    async def export(self) -> PolicyView:
        """Who may do what now, as a policy file. Planning it changes nothing."""
        exported = await self._policies.export()
        return PolicyView(policy=exported.text, revision=exported.revision)

    async def plan(self, asked: PolicyText) -> PlanView:
        """What applying the file would change, who gains or loses what by it, and what stands against it."""
        return PlanView.of(await self._policies.plan(asked.policy, prune=asked.prune))

    async def apply(self, by: By, asked: PolicyApply) -> PlanView:
        """Make the changes, all or none; the answer has those that were made."""
        return PlanView.of(await self._policies.apply(by, asked.policy, prune=asked.prune, hash=asked.hash))
