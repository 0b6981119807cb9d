"""What a request leaves in the audit trail: a pull, or a denial. Changes are recorded where they are made."""

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.trail import Trail
from wharfinger.errors import Denied
from wharfinger.meta.audit import DENIED
from wharfinger.spec import names
from wharfinger.web.gate import Outcome

PATH_AT_MOST = 200


def note(trail: Trail, outcome: Outcome) -> None:
    """Note it, if it is one of them. A HEAD is no pull, and neither is a 304: nothing was handed out."""
    caller = outcome.caller
    if caller is None:
        return
    if outcome.pulled is not None:
        match = outcome.match
        assert match is not None, "only handlers of a route hand out content"
        tag = match.rest if match.names_tag and ":" not in match.rest else None
        trail.pull(caller, match.name, tag, outcome.pulled)
    elif outcome.status == 403 or outcome.error == "insufficient_scope":
        _note_denial(trail, outcome, caller)


def _note_denial(trail: Trail, outcome: Outcome, caller: Caller) -> None:
    """Not the challenge to who came without credentials: there is no caller then."""
    match, scope = outcome.match, outcome.scope
    name = match.name if match else outcome.repository
    tag = match.rest if match and match.names_tag and ":" not in match.rest else None
    trail.refuse(
        caller.entry(
            str(match.route.needs) if match and isinstance(match.route.needs, Action) else "request",
            outcome=DENIED,
            repository=name if name and names.is_repository(name) else None,
            tag=tag if tag and names.is_tag(tag) else None,
            request=outcome.id,
            detail={
                "method": scope["method"][:16],
                "path": scope["path"][:PATH_AT_MOST],
                "refusal": outcome.error or Denied.code,
            },
        )
    )
