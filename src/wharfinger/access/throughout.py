"""Whether somebody may do something in every repository that a selector can ever match.

A selector may be anything, so it is widened to patterns of grants, of which one can be seen to lie within another; what
lets somebody do it is one grant that contains the pattern, and no deny that overlaps it.
"""

from collections.abc import Iterator

from wharfinger.access import patterns
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.grants import ANONYMOUS, Grant
from wharfinger.access.patterns import EVERYTHING, Pattern, Reach
from wharfinger.errors import Denied
from wharfinger.select.selectors import AllOf, AnyOf, Glob, Selector


def require_throughout(by: Caller, action: Action, selector: Selector) -> None:
    """Raise Denied unless the caller may do it in all that the selector can match; else note the grant."""
    for pattern in covering(selector):
        grant = _granted(by, action, pattern)
        if grant is None:
            raise Denied(f"{by.name} may not {action} everywhere in {pattern}", action=str(action), account=by.name)
        by.rule = str(grant)


def may_throughout(by: Caller, action: Action, selector: Selector) -> bool:
    """Whether the caller may do it in all that the selector can match."""
    return all(_granted(by, action, pattern) is not None for pattern in covering(selector))


def covering(selector: Selector) -> Iterator[Pattern]:
    """Patterns that together hold every repository that the selector matches, and maybe more. Raises RequestInvalid."""
    match selector:
        case AnyOf():
            for part in selector.parts:
                yield from covering(part)
        case AllOf():
            yield from covering(max(selector.parts, key=lambda part: (part.is_exact, len(part.literal_prefix))))
        case _ if selector.is_exact:
            yield patterns.parse(selector.literal_prefix)
        case _:
            yield _around(selector)


def _around(selector: Selector) -> Pattern:
    folder, slash, _ = selector.literal_prefix.rpartition("/")
    if not slash or not folder:
        return EVERYTHING
    is_flat = isinstance(selector, Glob) and selector.starts is not None
    return Pattern(folder, Reach.CHILDREN if is_flat else Reach.BELOW)


def _granted(by: Caller, action: Action, pattern: Pattern) -> Grant | None:
    limits = by.identity.limits
    if limits is not None and not limits.contain(action, pattern):
        return None
    own = [g for g in by.snapshot.policy.grants if action in g.actions and _counts(g, by)]
    for principals in (by.identity.principals, (ANONYMOUS,)):
        theirs = [grant for grant in own if grant.principal in principals]
        if any(grant.deny and grant.pattern.overlaps(pattern) for grant in theirs):
            return None
        for grant in theirs:
            if not grant.deny and not grant.tags and grant.pattern.contains(pattern):
                return grant
    return None


def _counts(grant: Grant, by: Caller) -> bool:
    return grant.is_in_force(by.now) and grant.covers_address(by.origin.address)
