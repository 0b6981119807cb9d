"""Values that sections of ``policy.yaml`` have in common, out of plain data. What is wrong is refused with its path."""

from collections.abc import Callable
from typing import Any

from wharfinger.access.account_names import account_name
from wharfinger.access.grants import GROUP
from wharfinger.access.groups import group_name
from wharfinger.errors import Refusal, RequestInvalid
from wharfinger.select import parse

NAME_AT_MOST = 100
PRINCIPALS_AT_MOST = 100


def name(value: object, path: str) -> str:
    """What a thing is called."""
    if not isinstance(value, str) or not 0 < len(value) <= NAME_AT_MOST or not value.isprintable():
        raise wrong(path, f"want a name of at most {NAME_AT_MOST} characters")
    return value


def flag(value: object, path: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(path, "want true or false")
    return value


def principals(value: object, path: str) -> frozenset[str]:
    """One account or ``group:NAME``, or a list of them."""
    names = value if isinstance(value, list) else [value]
    if not 0 < len(names) <= PRINCIPALS_AT_MOST:
        raise wrong(path, f"want at least one name and at most {PRINCIPALS_AT_MOST}")
    return frozenset(principal(each, path) for each in names)


def principal(value: object, path: str) -> str:
    """An account, or ``group:NAME``."""
    text = value if isinstance(value, str) else ""
    if text.startswith(GROUP):
        return f"{GROUP}{at(path, group_name, text.removeprefix(GROUP))}"
    return str(at(path, account_name, text))


def listed(value: object) -> list[str]:
    """What may be one value or a list of them, as a list."""
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def selector_words(value: object) -> str:
    """A selector as people say it."""
    if isinstance(value, list):
        return " or ".join(selector_words(each) for each in value)
    return value if isinstance(value, str) else str(parse(value))


def at(path: str, read: Callable[[Any], Any], value: object) -> Any:
    """What ``read`` makes of the value; what it refuses, is refused with the path."""
    try:
        return read(value)
    except Refusal as refused:
        raise wrong(path, refused.message) from refused


def wrong(path: str, problem: str) -> RequestInvalid:
    """The refusal of what is at this path."""
    return RequestInvalid(f"{path}: {problem}" if path else problem, path=path, problem=problem)
