"""Tag rules from plain data, one key at a time. Whatever is wrong is refused with its path."""

from collections.abc import Callable, Mapping
from typing import Any

from wharfinger.access import plain_values
from wharfinger.access.moments import moment_or_seconds
from wharfinger.access.plain_values import at, selector_words, wrong
from wharfinger.select import Selector, parse
from wharfinger.spec.names import is_tag
from wharfinger.tagging import examples
from wharfinger.tagging.rules import Rule

EFFECTS = ("immutable", "undeletable", "form", "moved_by", "forward_only")
"""The keys of which a rule must have one, or it would say nothing."""


def rule(fields: Mapping[str, object]) -> Rule:
    """The rule that these fields are. Raises RequestInvalid."""
    read: dict[str, Any] = {}
    for key, value in fields.items():
        if key not in FIELDS:
            raise wrong(key, f"unknown key {key[:60]!r}")
        read |= FIELDS[key](value, key)
    said = whole(fields)
    if said is not None:
        raise wrong(*said)
    example = read.pop("example", None) or examples.of(read.get("form"), fields.get("form"))
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
    if example is None and examples.of(wanted, form) is None:
        return "form", "say under 'example' a tag that is of this form"
    return None


def tags_of(value: object, path: str) -> Selector:
    """A selector of tags, in which some words stand for one."""
    return parse(value, path, of="tag")


def _name(value: object, path: str) -> dict[str, Any]:
    return {"name": plain_values.name(value, path)}


def _repositories(value: object, path: str) -> dict[str, Any]:
    return {"repositories": parse(value, path, of="repository")}


def _tags(value: object, path: str) -> dict[str, Any]:
    return {"tags": tags_of(value, path)}


def _except(value: object, path: str) -> dict[str, Any]:
    return {"exceptions": tags_of(value, path)}


def _form(value: object, path: str) -> dict[str, Any]:
    return {"form": tags_of(value, path), "form_words": selector_words(value)}


def _example(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, str) or not is_tag(value):
        raise wrong(path, "want a tag")
    return {"example": value}


def _flag(key: str) -> Callable[[object, str], dict[str, Any]]:
    return lambda value, path: {key: plain_values.flag(value, path)}


def _undeletable(value: object, path: str) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"undeletable": value}
    if not isinstance(value, Mapping) or list(value) != ["until"] or not isinstance(value["until"], str):
        raise wrong(path, "want true, or {until: 2027-01-31}")
    return {"undeletable": True, "until": at(f"{path}.until", moment_or_seconds, value["until"])}


def _moved_by(value: object, path: str) -> dict[str, Any]:
    return {"moved_by": plain_values.principals(value, path)}


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
