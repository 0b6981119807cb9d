"""Tag rules from plain data, one key at a time. Whatever is wrong is refused with its path."""

from collections.abc import Callable, Mapping
from typing import Any

from wharfinger.access.accounts import account_name
from wharfinger.access.grants import GROUP
from wharfinger.access.groups import group_name
from wharfinger.access.moments import moment_or_seconds
from wharfinger.errors import Refusal, RequestInvalid
from wharfinger.select import Selector, parse
from wharfinger.spec.names import is_tag
from wharfinger.tagging import examples
from wharfinger.tagging.rules import Rule

NAME_AT_MOST = 100
MOVERS_AT_MOST = 100

WORDS: Mapping[str, object] = {
    "semver": {"semver": "*", "prereleases": True},
    "git-sha": {"git_sha": True},
    "floating": {"regex": r"v?(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))?"},
}
"""Words that stand for a selector where tags are meant; a tag of such a name is ``{glob: semver}``."""

EFFECTS = ("immutable", "undeletable", "form", "moved_by", "forward_only")
"""The keys of which a rule must have one, or it would say nothing."""


def rule(fields: Mapping[str, object]) -> Rule:
    """The rule that these fields are. Raises RequestInvalid."""
    read: dict[str, Any] = {}
    for key, value in fields.items():
        if key not in FIELDS:
            raise _wrong(key, f"unknown key {key[:60]!r}")
        read |= FIELDS[key](value, key)
    said = whole(fields)
    if said is not None:
        raise _wrong(*said)
    example = read.pop("example", None) or examples.of(read.get("form"), _expanded(fields.get("form")))
    return Rule(**read, example=example or "")


def whole(fields: Mapping[str, object]) -> tuple[str, str] | None:
    """(path, what is wrong) of a rule whose single fields are right."""
    for key in ("name", "repositories"):
        if key not in fields:
            return "", f"{key} is missing"
    if not any(fields.get(key) not in (None, False) for key in EFFECTS):
        return "", f"it forbids nothing: want one of {', '.join(EFFECTS)}"
    form, example = fields.get("form"), fields.get("example")
    if form is None:
        return ("example", "there is no form that it could be an example of") if example is not None else None
    wanted = tags_of(form, "form")
    if example is not None and not wanted.matches(str(example)):
        return "example", f"{str(example)[:80]!r} is not of the form that is wanted"
    if example is None and examples.of(wanted, _expanded(form)) is None:
        return "form", "say under 'example' a tag that is of this form"
    return None


def tags_of(value: object, path: str) -> Selector:
    """A selector of tags, in which some words stand for one."""
    return parse(_expanded(value), path, of="tag")


def _expanded(value: object) -> object:
    if isinstance(value, str):
        return WORDS.get(value, value)
    if isinstance(value, list):
        return [_expanded(each) for each in value]
    return value


def words(value: object) -> str:
    """A selector as people say it."""
    if isinstance(value, list):
        return " or ".join(words(each) for each in value)
    return value if isinstance(value, str) else str(parse(value))


def _name(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, str) or not 0 < len(value) <= NAME_AT_MOST or not value.isprintable():
        raise _wrong(path, f"want a name of at most {NAME_AT_MOST} characters")
    return {"name": value}


def _repositories(value: object, path: str) -> dict[str, Any]:
    return {"repositories": parse(value, path, of="repository")}


def _tags(value: object, path: str) -> dict[str, Any]:
    return {"tags": tags_of(value, path)}


def _except(value: object, path: str) -> dict[str, Any]:
    return {"exceptions": tags_of(value, path)}


def _form(value: object, path: str) -> dict[str, Any]:
    return {"form": tags_of(value, path), "form_words": words(value)}


def _example(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, str) or not is_tag(value):
        raise _wrong(path, "want a tag")
    return {"example": value}


def _flag(key: str) -> Callable[[object, str], dict[str, Any]]:
    def read(value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, bool):
            raise _wrong(path, "want true or false")
        return {key: value}

    return read


def _undeletable(value: object, path: str) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"undeletable": value}
    if not isinstance(value, Mapping) or list(value) != ["until"] or not isinstance(value["until"], str):
        raise _wrong(path, "want true, or {until: 2027-01-31}")
    return {"undeletable": True, "until": _at(f"{path}.until", moment_or_seconds, value["until"])}


def _moved_by(value: object, path: str) -> dict[str, Any]:
    names = value if isinstance(value, list) else [value]
    if not 0 < len(names) <= MOVERS_AT_MOST:
        raise _wrong(path, f"want at least one name and at most {MOVERS_AT_MOST}")
    return {"moved_by": frozenset(_at(path, _principal, name) for name in names)}


def _principal(value: object) -> str:
    text = value if isinstance(value, str) else ""
    if text.startswith(GROUP):
        return f"{GROUP}{group_name(text.removeprefix(GROUP))}"
    return account_name(text)


def _at(path: str, read: Callable[[Any], Any], value: object) -> Any:
    try:
        return read(value)
    except Refusal as refused:
        raise _wrong(path, refused.message) from refused


def _wrong(path: str, problem: str) -> RequestInvalid:
    return RequestInvalid(f"{path}: {problem}" if path else problem, path=path, problem=problem)


FIELDS: Mapping[str, Callable[[object, str], dict[str, Any]]] = {
    "name": _name,
    "repositories": _repositories,
    "tags": _tags,
    "except": _except,
    "immutable": _flag("immutable"),
    "undeletable": _undeletable,
    "form": _form,
    "example": _example,
    "moved_by": _moved_by,
    "forward_only": _flag("forward_only"),
}
