"""Who and what a question about access is about, from how it is written. Pure."""

from ipaddress import ip_address
from shlex import quote

from wharfinger.access import actions, patterns
from wharfinger.access.account_names import account_name
from wharfinger.access.actions import Action
from wharfinger.access.explaining import Question, Subject, World
from wharfinger.access.grants import ANONYMOUS, GROUP, Identity
from wharfinger.access.groups import group_name
from wharfinger.access.matrix import Where
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import RequestInvalid
from wharfinger.meta.accounts import PERSON
from wharfinger.spec import digest as digests
from wharfinger.spec import names

EVERYTHING = "**"
"""Written instead of a repository: the registry as a whole."""


def action(text: str) -> Action:
    """The action that ``text`` names. Raises RequestInvalid."""
    (found,) = actions.parse_actions([text])
    return found


def question(action_: str, where: str, address: str = "", now: float = 0.0) -> Question:
    """May it be done: ``where`` is a repository, alone or with a tag (``shop/web:1.4``) or a digest, or ``**``.

    A digest names no tag. Raises RequestInvalid, NameInvalid, TagInvalid or DigestInvalid.
    """
    _require_address(address)
    if where == EVERYTHING:
        return Question(action(action_), None, None, address, now)
    name, at, digest = where.partition("@")
    if at:
        digests.parse(digest)
        return Question(action(action_), names.repository(name), None, address, now)
    name, colon, tag = where.partition(":")
    return Question(action(action_), names.repository(name), names.tag(tag) if colon else None, address, now)


def _require_address(text: str) -> None:
    try:
        ip_address(text or "::")
    except ValueError as error:
        raise RequestInvalid(f"{text[:60]!r} is no address: want one like 10.0.0.7") from error


def where(text: str | None) -> Where:
    """The pattern that a matrix is narrowed to. Raises RequestInvalid."""
    return Where(None if text is None else patterns.parse(text))


def subject(snapshot: Snapshot, name: str) -> Subject:
    """The account, ``anonymous``, or ``group:<name>``: somebody who is in it, no more. Raises RequestInvalid."""
    if name == ANONYMOUS:
        return Subject.anonymous()
    if name.startswith(GROUP):
        group_name(name.removeprefix(GROUP))
        return Subject(name, Identity(name, (name,)))
    known = snapshot.accounts.get(account_name(name))
    if known is None:
        return Subject(name, Identity(name, (name,)), barred=f"there is no account {name}")
    if known.account.disabled:
        noun = "users" if known.account.kind == PERSON else "sa"
        barred = f"the account {name} is disabled"
        return Subject(name, known.identity, barred, enable=f"wharf {noun} enable {quote(name)}")
    return Subject(name, known.identity)


def world(snapshot: Snapshot, groups: tuple[str, ...]) -> World:
    """What is asked of."""
    return World(snapshot.policy, snapshot.roles, groups)


def parsed_days(days: int) -> int:
    """A period of a review. Raises RequestInvalid."""
    if 1 <= days <= 3650:
        return days
    raise RequestInvalid("a review is of 1 to 3650 days")
