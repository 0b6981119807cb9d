"""What the routes of policies take and give."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from wharfinger.access.planning import Change, Plan
from wharfinger.access.policy_things import detail


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PolicyText(_Request):
    """``policy`` is the text of a policy.yaml. With ``prune`` what it leaves out of its sections is removed."""

    policy: str
    prune: bool = False


class PolicyApply(PolicyText):
    """``hash`` is that of the plan that was looked at; without it, whatever the file says is done."""

    hash: str | None = None


class ChangeView(BaseModel):
    """``kind`` is add, change or remove; ``effect`` says who gains or loses what, where."""

    kind: str
    noun: str
    id: int | None
    text: str
    effect: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @classmethod
    def of(cls, change: Change) -> "ChangeView":
        """What may be told of a change."""
        before, after = (None if thing is None else detail(thing) for thing in (change.before, change.after))
        return cls(
            kind=change.kind,
            noun=change.noun,
            id=change.id or None,
            text=change.text,
            effect=change.effect,
            before=before,
            after=after,
        )


class PlanView(BaseModel):
    """``kept`` are removals that are left undone without ``prune``; with ``problems`` nothing can be applied."""

    revision: int
    hash: str
    prune: bool
    changes: list[ChangeView]
    kept: list[ChangeView]
    problems: list[str]

    @classmethod
    def of(cls, plan: Plan) -> "PlanView":
        """What may be told of a plan: all of it."""
        return cls(
            revision=plan.revision,
            hash=plan.hash,
            prune=plan.prune,
            changes=[ChangeView.of(change) for change in plan.changes],
            kept=[ChangeView.of(change) for change in plan.kept],
            problems=[str(problem) for problem in plan.problems],
        )


class PolicyView(BaseModel):
    """The present state as a policy.yaml, and the revision that it is of."""

    policy: str
    revision: int
